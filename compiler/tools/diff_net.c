/* SPDX-License-Identifier: MIT */
/* Ports and scopes of two policies: every port of every right, as ranges. */
#include "access.h"
#include "arena.h"
#include "diff.h"
#include "inspect.h"

#define PORTS 65536u

/* What every port is permitted on one row, into rights[PORTS]. security/landlock/net.c: layers intersect as for files. */
static void permitted(const struct blob *blob, uint32_t row, uint64_t *rights)
{
	uint32_t plan = diff_plan(blob, row);
	uint64_t known = abi_net_mask(row);

	for (uint32_t port = 0; port < PORTS; port++)
		rights[port] = known;
	for (uint32_t layer = 0; layer < blob->nlayers; layer++) {
		uint64_t handled = ruleset_of(blob, plan, layer)->handled_access_net & known;
		uint64_t kept[PORTS / 64] = {0};

		/* one right after the other: a bit per port */
		for (; handled; handled &= handled - 1) {
			uint64_t right = handled & -handled;
			for (uint32_t i = 0; i < PORTS / 64; i++)
				kept[i] = 0;
			for (uint32_t i = 0; i < blob->nports; i++) {
				uint64_t port = blob->ports[i].attr.port;
				if (blob->ports[i].layer == layer && blob->ports[i].attr.allowed_access & right)
					kept[port / 64] |= UINT64_C(1) << port % 64;
			}
			for (uint32_t port = 0; port < PORTS; port++)
				if (!(kept[port / 64] >> port % 64 & 1))
					rights[port] &= ~right;
		}
	}
}

static void place(const struct diff *diff, uint32_t first, uint32_t last, struct diff_item *item)
{
	const struct blob *blob = item->way == DIFF_WIDENED ? diff->new : diff->old;

	for (uint32_t i = 0; i < blob->nports && !item->file; i++)
		if (blob->ports[i].attr.port >= first && blob->ports[i].attr.port <= last)
			diff_place(blob, blob->npaths + i, item);
}

static void say(struct diff *diff, size_t begin, enum diff_way way, uint32_t row, uint64_t rights, uint32_t first,
		uint32_t last)
{
	struct diff_item item = {.way = way,
				 .area = "net",
				 .rows = UINT32_C(1) << row,
				 .rights = rights,
				 .first_port = first,
				 .last_port = last};
	const char *names;

	if (!rights)
		return;
	names = diff_rights(diff, rights, net_right_name);
	item.text = first == last ? arena_printf(diff->arena, "%s port %u", names, first)
				  : arena_printf(diff->arena, "%s ports %u to %u", names, first, last);
	place(diff, first, last, &item);
	diff_add(diff, begin, item);
}

static void compare_row(struct diff *diff, size_t begin, uint32_t row, uint64_t *old, uint64_t *new)
{
	permitted(diff->old, row, old);
	permitted(diff->new, row, new);
	for (uint32_t first = 0, last; first < PORTS; first = last + 1) {
		for (last = first; last + 1 < PORTS && old[last + 1] == old[first] && new[last + 1] == new[first];)
			last++;
		say(diff, begin, DIFF_WIDENED, row, new[first] & ~old[first], first, last);
		say(diff, begin, DIFF_NARROWED, row, old[first] & ~new[first], first, last);
	}
}

static uint64_t scoped(const struct blob *blob, uint32_t row)
{
	uint64_t all = 0;

	for (uint32_t layer = 0; layer < blob->nlayers; layer++)
		all |= ruleset_of(blob, diff_plan(blob, row), layer)->scoped;
	return all & abi_scope_mask(row);
}

void diff_ports(struct diff *diff)
{
	uint64_t *old = arena_alloc(diff->arena, PORTS * sizeof(*old)),
		 *new = arena_alloc(diff->arena, PORTS * sizeof(*new));
	size_t begin = diff->count;

	for (uint32_t row = 0; row < ABI_ROWS; row++) {
		uint64_t was = scoped(diff->old, row), is = scoped(diff->new, row);
		struct diff_item item = {.area = "scope", .rows = UINT32_C(1) << row};

		if (!(diff_common_rows(diff) >> row & 1))
			continue;
		compare_row(diff, begin, row, old, new);
		item.way = DIFF_WIDENED;
		item.rights = was & ~is;
		item.text =
			arena_printf(diff->arena, "%s leaves the sandbox", diff_rights(diff, was & ~is, scope_name));
		if (was & ~is)
			diff_add(diff, begin, item);
		item.way = DIFF_NARROWED;
		item.rights = is & ~was;
		item.text = arena_printf(diff->arena, "%s stays inside", diff_rights(diff, is & ~was, scope_name));
		if (is & ~was)
			diff_add(diff, begin, item);
	}
}
