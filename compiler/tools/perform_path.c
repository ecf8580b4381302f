/* SPDX-License-Identifier: MIT */
/*
 * Names for test --live. A policy speaks of paths as they are for its caller; in a view with a root of its own, the
 * command knows them by others.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "perform_impl.h"

/* ---- slots ---- */

static const char *slot_text(struct arena *arena, const struct blob *blob, const struct llpb_slot *slot,
			     const char *const *sets)
{
	const char *name = blob_str(blob, slot->name), *fallback = blob_str(blob, slot->fallback), *value = NULL;
	size_t len = strlen(name);
	char cwd[4096];

	if (slot->from == LLPB_SLOT_CWD)
		return getcwd(cwd, sizeof(cwd)) ? arena_strdup(arena, cwd) : NULL;
	if (slot->from == LLPB_SLOT_ENV)
		value = getenv(blob_str(blob, slot->variable));
	for (; slot->from == LLPB_SLOT_ARG && sets && *sets; sets++)
		if (!strncmp(*sets, name, len) && (*sets)[len] == '=')
			value = *sets + len + 1;
	if (!value || !*value)
		value = *fallback ? fallback : NULL;
	return value;
}

/* Slots that every policy may use, and that a blob has only when a rule does. */
static const char *builtin_value(struct arena *arena, const char *name)
{
	const char *set = getenv(name);
	char cwd[4096];

	if (!strcmp(name, "CWD"))
		return getcwd(cwd, sizeof(cwd)) ? arena_strdup(arena, cwd) : NULL;
	if (!strcmp(name, "TMPDIR"))
		return set && *set ? set : "/tmp";
	return !strcmp(name, "HOME") ? set : NULL;
}

const char *perform_path(struct arena *arena, const struct blob *blob, const char *const *sets, const char *path)
{
	const char *end = strchr(path, '}'), *name, *value;

	if (strncmp(path, "${", 2) || !end)
		return path;
	name = arena_strndup(arena, path + 2, (size_t)(end - path) - 2);
	value = builtin_value(arena, name);
	for (uint32_t i = 0; i < blob->nslots; i++)
		if (!strcmp(name, blob_str(blob, blob->slots[i].name)))
			value = slot_text(arena, blob, &blob->slots[i], sets);
	return value && *value ? arena_printf(arena, "%s%s", value, end + 1) : NULL;
}

/* ---- views ---- */

bool perform_has_view(const struct blob *blob)
{
	return blob->nmounts;
}

/* What comes behind `base` in a path at or beneath it, "" or "/…"; NULL: it is elsewhere. */
static const char *behind(const char *path, const char *base)
{
	size_t len = base ? strlen(base) : 0;

	while (len && base[len - 1] == '/')
		len--;
	if (!base || strncmp(path, base, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

static const char *shown(struct arena *arena, const struct performance *how, uint32_t text)
{
	return perform_path(arena, how->blob, how->sets, blob_str(how->blob, text));
}

/* What a mount of the policy shows at the path; the last mount counts. */
static const char *shown_by_mount(struct arena *arena, const struct performance *how, const char *path)
{
	const struct blob *blob = how->blob;

	for (uint32_t i = blob->nmounts; i-- > 1;) {
		const struct llpb_mount *mount = &blob->mounts[i];
		const char *rest = behind(path, shown(arena, how, mount->shown_target)), *source;

		if (!rest)
			continue;
		source = mount->kind == LLPB_MT_BIND ? shown(arena, how, mount->shown_source) : NULL;
		return source ? arena_printf(arena, "%s%s", source, rest) : path;
	}
	return path;
}

static struct identity identify(const char *path)
{
	struct identity id = {.known = true};
	struct stat st;
	char *copy, *slash;

	if (!stat(path, &st)) {
		id.device = st.st_dev;
		id.inode = st.st_ino;
		return id;
	}
	copy = strdup(path);
	slash = copy ? strrchr(copy, '/') : NULL;
	if (slash)
		slash[slash == copy] = 0;
	id.of_directory = true;
	id.known = slash && !stat(copy, &st);
	id.device = st.st_dev;
	id.inode = st.st_ino;
	free(copy);
	return id;
}

struct place_name place_of(struct arena *arena, const struct performance *how, const char *path)
{
	const struct blob *blob = how->blob;
	struct place_name place = {.text = path};
	const char *rest;

	if (!path || !perform_has_view(blob))
		return place;
	if (how->stage == PERFORM_OUTSIDE) {
		place.text = shown_by_mount(arena, how, path);
		return place;
	}
	if (!blob_has_root(blob))
		return place;
	rest = behind(path, shown(arena, how, blob->mounts->shown_source));
	if (rest) {
		place.text = *rest ? rest : "/";
		return place;
	}
	place.foreign = true;
	place.host = identify(path);
	return place;
}

bool place_is_same(const struct place_name *place)
{
	struct identity here;

	if (!place->text || !place->foreign)
		return true;
	here = identify(place->text);
	return place->host.known && here.known && here.of_directory == place->host.of_directory &&
	       here.device == place->host.device && here.inode == place->host.inode;
}

size_t place_devices(const struct actor *a, dev_t *devices, size_t room)
{
	const struct blob *blob = a->how->blob;
	size_t count = 0;

	for (uint32_t i = 1; i < blob->nmounts; i++) {
		const char *target = shown(a->arena, a->how, blob->mounts[i].shown_target);
		struct place_name place = {0};
		struct stat st;

		if (target)
			place = place_of(a->arena, a->how, target);
		if (blob->mounts[i].kind == LLPB_MT_TMPFS && place.text && !place.foreign && count < room &&
		    !stat(place.text, &st))
			devices[count++] = st.st_dev;
	}
	return count;
}
