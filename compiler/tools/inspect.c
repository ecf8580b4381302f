/* SPDX-License-Identifier: MIT */
/* Reading, naming and simulating parts of a blob; see inspect.h. */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "text.h"
#include "vocab.h"
#include "vocab.h"

/* ---- loading ---- */

static bool read_all(int fd, char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO;
			return false;
		}
		done += (size_t)n;
	}
	return true;
}

/* NULL: a reason is in *why. */
static void *read_blob(const char *path, size_t *size, const char **why)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO must be refused below, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *data = NULL;

	if (fd < 0 || fstat(fd, &st)) {
		*why = strerror(errno);
	} else if (!S_ISREG(st.st_mode)) {
		*why = "not a regular file";
	} else if (st.st_size > (off_t)LLPB_MAX_SIZE) {
		*why = "larger than any policy blob";
	} else {
		*size = (size_t)st.st_size;
		data = malloc(*size + 1);
		if (!data || !read_all(fd, data, *size)) {
			*why = strerror(errno);
			free(data);
			data = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return data;
}

bool blob_load(struct blob_file *file, const char *command, const char *path)
{
	size_t size = 0;
	const char *why = NULL;

	file->data = read_blob(path, &size, &why);
	if (file->data)
		why = blob_open(&file->blob, file->data, size);
	if (!why)
		return true;
	say(stderr, "llc-policy %s: %s: %s", command, path, why);
	blob_unload(file);
	return false;
}

void blob_unload(struct blob_file *file)
{
	free(file->data);
	file->data = NULL;
}

/* ---- names ---- */

static const char *const fs_names[64] = {
#define LL_FS(name, bit, abi, kind, help) [bit] = #name,
#include "access.def"
};
static const char *const net_names[64] = {
#define LL_NET(name, bit, abi, help) [bit] = #name,
#include "access.def"
};
static const char *const scope_names[64] = {
#define LL_SCOPE(name, bit, abi, help) [bit] = #name,
#include "access.def"
};
static const char *const log_names[32] = {
#define LL_LOG(name, bit, abi, help) [bit] = #name,
#include "access.def"
};
static const char *const cap_names[64] = {
#define CAP(name, number, dangerous, why) [number] = #name,
#include "caps.def"
};
static const char *const mechanisms[LLPB_MECHANISMS] = {
	[LLPB_M_NOT_COVERED] = "NOT COVERED", [LLPB_M_LANDLOCK] = "landlock", [LLPB_M_SECCOMP] = "seccomp",
	[LLPB_M_NAMESPACE] = "namespace",     [LLPB_M_BROKER] = "broker",
};

static const char *const companion_names[COMPANIONS] = {
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) #name,
#include "companions.def"
};

const char *companion_name(unsigned companion)
{
	return companion < COMPANIONS ? companion_names[companion] : "?";
}

bool companion_said(const struct blob *blob, unsigned companion, bool *value)
{
	*value = has_companion(blob, newest_plan(blob), companion);
	return blob->meta->flags & LLPB_COMPANION(companion);
}

static const struct {
	unsigned companion;
	const char *call;
	uint32_t mask, action;
} closings[] = {
#define CLOSES(id, call, argument, mask, value, error) {COMPANION_##id, #call, mask, ANSWER_##error},
#include "companions.def"
};

bool companion_answers(const struct blob *blob, const char *call, uint32_t action)
{
	for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++) {
		uint32_t plan = 0;
		if (closings[i].mask || closings[i].action != action || strcmp(closings[i].call, call))
			continue;
		while (plan < blob->nplans && has_companion(blob, plan, closings[i].companion))
			plan++;
		if (plan == blob->nplans)
			return true;
	}
	return false;
}

static const char *const attr_names[4] = {"readonly", "nosuid", "nodev", "noexec"};
static const char *const broker_kinds[LLPB_B_KINDS] = {
	[LLPB_B_READ] = "read",           [LLPB_B_WRITE] = "write",       [LLPB_B_SCRATCH] = "scratch",
	[LLPB_B_EXPORT] = "export",       [LLPB_B_TMPFS] = "mount tmpfs", [LLPB_B_BIND] = "mount bind",
	[LLPB_B_OBJECT] = "mount object",
};
/* by bit */
static const char *const broker_flags[] = {"tree",     "create",  "overwrite", "optional",  "nofollow",
					   "with uid", "no_read", "no_write",  "read_only", "no_fd"};

const char *mount_attr_name(unsigned bit)
{
	return bit < 4 ? attr_names[bit] : NULL;
}

const char *broker_kind_name(uint32_t kind)
{
	return broker_kinds[kind];
}

const char *broker_flag_name(unsigned bit)
{
	return bit < sizeof(broker_flags) / sizeof(broker_flags[0]) ? broker_flags[bit] : NULL;
}

const char *fs_right_name(unsigned bit)
{
	return bit < 64 ? fs_names[bit] : NULL;
}

const char *net_right_name(unsigned bit)
{
	return bit < 64 ? net_names[bit] : NULL;
}

const char *scope_name(unsigned bit)
{
	return bit < 64 ? scope_names[bit] : NULL;
}

const char *log_flag_name(unsigned bit)
{
	return bit < 32 ? log_names[bit] : NULL;
}

const char *cap_name(unsigned number)
{
	return number < 64 ? cap_names[number] : NULL;
}

/* The word of a vocabulary that has this value; NULL when there is none. */
static const char *word_of(enum vocab vocab, uint64_t value)
{
	const char *const *word = vocab_words(vocab);
	uint64_t found;

	while (*word && !(vocab_find(vocab, *word, &found) && found == value))
		word++;
	return *word;
}

const char *namespace_name(unsigned bit)
{
	uint64_t space = UINT64_C(1) << bit;

	return space == K_CLONE_NEWNS ? "mount" : space == K_CLONE_NEWNET ? "net" : word_of(VOCAB_NAMESPACE, space);
}

const char *mount_kind_name(uint32_t kind)
{
	static const char *const names[LLPB_MT_KINDS] = {"view", "tmpfs", "bind", "proc"};

	return names[kind];
}

const char *mechanism_name(uint8_t mechanism)
{
	return mechanism < LLPB_MECHANISMS ? mechanisms[mechanism] : "?";
}

enum arch_id arch_by_audit(uint32_t audit_arch)
{
	unsigned i = 0;

	while (i < ARCHES && arch_rows[i].audit_arch != audit_arch)
		i++;
	return (enum arch_id)i;
}

/* ---- paths ---- */

#define CUT_MARK "\xe2\x80\xa6" /* … */

/* Text grows towards its front, because a rule knows only what it is beneath of. */
struct prepend {
	char *start, *limit;
	bool cut;
};

static void prepend(struct prepend *out, const char *text, size_t len)
{
	if ((size_t)(out->start - out->limit) < len) {
		out->cut = true;
		return;
	}
	out->start -= len;
	memcpy(out->start, text, len);
}

static void prepend_path(struct prepend *out, const char *path, bool uid)
{
	for (size_t i = strlen(path); i-- > 0 && !out->cut;)
		if (uid && path[i] == '\x01')
			prepend(out, "${UID}", strlen("${UID}"));
		else
			prepend(out, path + i, 1);
}

static void prepend_slot(struct prepend *out, const char *name)
{
	prepend(out, "}", 1);
	prepend(out, name, strlen(name));
	prepend(out, "${", 2);
}

const char *path_text(const struct blob *blob, uint32_t index, char text[PATH_TEXT_MAX])
{
	struct prepend out = {.start = text + PATH_TEXT_MAX - 1, .limit = text + strlen(CUT_MARK)};

	*out.start = 0;
	for (;;) {
		const struct llpb_path *path = &blob->paths[index];
		const char *rest = blob_str(blob, path->path);
		/* beneath the root directory one slash is enough */
		if (strcmp(rest, "/") || *out.start != '/')
			prepend_path(&out, rest, path->flags & LLPB_P_UID);
		if (path->anchor == LLPB_ANCHOR_NONE || out.cut)
			break;
		if (*rest)
			prepend(&out, "/", 1);
		if (path->anchor == LLPB_ANCHOR_SLOT) {
			prepend_slot(&out, blob_str(blob, blob->slots[path->base].name));
			break;
		}
		if (path->anchor == LLPB_ANCHOR_ROOT) {
			const char *root = blob_str(blob, blob->mounts->shown_source);
			prepend(&out, root, strlen(root));
			break;
		}
		/* blob_open() saw to base < index, so this ends */
		index = path->base;
	}
	if (out.cut) {
		out.start -= strlen(CUT_MARK);
		memcpy(out.start, CUT_MARK, strlen(CUT_MARK));
	}
	return out.start;
}

bool path_text_cut(const char *text)
{
	return !strncmp(text, CUT_MARK, strlen(CUT_MARK));
}

/* ---- filters ---- */

/* What is known about the accumulator on arrival at an instruction. */
struct state {
	bool reached, known, loaded;
	uint32_t value;
	uint32_t from; /* with loaded: offset in struct seccomp_data */
};

static void merge(struct state *into, const struct state *from)
{
	if (!into->reached) {
		*into = *from;
		return;
	}
	into->known = into->known && from->known && into->value == from->value;
	into->loaded = into->loaded && from->loaded && into->from == from->from;
}

/* The word at offset of struct seccomp_data, where an argument is known. */
static bool load_argument(uint32_t offset, const struct bpf_scope *scope, const struct bpf_args *args,
			  uint32_t *value)
{
	uint32_t index = (offset - K_SECCOMP_DATA_ARGS) / 8;
	enum arch_id arch = arch_by_audit(scope->arch);

	if (!args || offset < K_SECCOMP_DATA_ARGS || index >= 6 || !(args->known >> index & 1))
		return false;
	bool high = (offset % 8 != 0) != (arch < ARCHES && arch_rows[arch].big_endian);
	*value = (uint32_t)(args->value[index] >> (high ? 32 : 0));
	return true;
}

static void load(struct state *state, uint32_t offset, const struct bpf_scope *scope, const struct bpf_args *args)
{
	state->loaded = true;
	state->from = offset;
	state->known = (offset == K_SECCOMP_DATA_NR && scope->nr_known) || offset == K_SECCOMP_DATA_ARCH;
	state->value = offset == K_SECCOMP_DATA_NR ? scope->nr : scope->arch;
	state->known |= load_argument(offset, scope, args, &state->value);
}

bool jump_holds(const struct k_sock_filter *insn, uint32_t value)
{
	switch (insn->code) {
	case K_BPF_JEQ_K:
		return value == insn->k;
	case K_BPF_JGT_K:
		return value > insn->k;
	case K_BPF_JGE_K:
		return value >= insn->k;
	default: /* K_BPF_JSET_K */
		return value & insn->k;
	}
}

static void record(struct verdicts *out, uint32_t action)
{
	size_t i = 0;

	while (i < out->count && out->action[i] != action)
		i++;
	if (i == VERDICTS_MAX)
		out->overflow = true;
	else if (i == out->count)
		out->action[out->count++] = action;
}

/*
 * One pass suffices: classic BPF jumps forward only, so every way to an instruction has been seen before it. at[] is
 * what may be known on arrival at each.
 */
static void flow(const struct bpf_program *program, const struct bpf_scope *scope, const struct bpf_args *args,
		 struct state *at, struct verdicts *out)
{
	memset(at, 0, program->count * sizeof(*at));
	at[0].reached = true;
	for (size_t i = 0; i < program->count; i++) {
		const struct k_sock_filter *insn = &program->insns[i];
		struct state next = at[i];

		if (!next.reached)
			continue;
		switch (insn->code) {
		case K_BPF_RET_K:
			record(out, insn->k);
			continue;
		case K_BPF_JA:
			merge(&at[i + 1 + insn->k], &next);
			continue;
		case K_BPF_JEQ_K:
		case K_BPF_JGT_K:
		case K_BPF_JGE_K:
		case K_BPF_JSET_K:
			if (!next.known || jump_holds(insn, next.value))
				merge(&at[i + 1 + insn->jt], &next);
			if (!next.known || !jump_holds(insn, next.value))
				merge(&at[i + 1 + insn->jf], &next);
			continue;
		case K_BPF_LD_W_ABS:
			load(&next, insn->k, scope, args);
			break;
		case K_BPF_AND_K:
			next.value &= insn->k;
			break;
		default: /* leaves something unknown in the accumulator */
			next.known = next.loaded = false;
		}
		merge(&at[i + 1], &next);
	}
}

void filter_verdicts(const struct bpf_program *program, const struct bpf_scope *scope, struct verdicts *out)
{
	filter_verdicts_of(program, scope, NULL, out);
}

void filter_verdicts_of(const struct bpf_program *program, const struct bpf_scope *scope, const struct bpf_args *args,
			struct verdicts *out)
{
	static struct state at[K_BPF_MAXINSNS];

	flow(program, scope, args, at, out);
}

void filter_operands(const struct bpf_program *program, uint32_t *offsets)
{
	static struct state at[K_BPF_MAXINSNS];
	struct verdicts ignored = {0};
	struct state loaded;

	for (size_t i = 0; i < program->count; i++)
		offsets[i] = UINT32_MAX;
	/* The architecture decides where a program goes; each of them shows other instructions. */
	for (unsigned arch = 0; arch <= ARCHES; arch++) {
		struct bpf_scope scope = {.arch = arch < ARCHES ? arch_rows[arch].audit_arch : 0};
		flow(program, &scope, NULL, at, &ignored);
		for (size_t i = 0; i < program->count; i++) {
			loaded = at[i];
			if (loaded.reached && loaded.loaded)
				offsets[i] = loaded.from;
		}
	}
}

void filter_foreign(const struct bpf_program *program, uint32_t audit_arch, struct verdicts *out)
{
	/* No architecture has the value 0: it stands for those without a row. */
	for (unsigned arch = 0; arch <= ARCHES; arch++) {
		struct bpf_scope scope = {.arch = arch < ARCHES ? arch_rows[arch].audit_arch : 0};
		if (scope.arch != audit_arch)
			filter_verdicts(program, &scope, out);
	}
}

void filter_x32(const struct bpf_program *program, uint32_t audit_arch, struct verdicts *out)
{
	for (uint32_t nr = 0; nr < SYSCALL_NUMBERS; nr++)
		filter_verdicts(program, &(struct bpf_scope){true, K_X32_SYSCALL_BIT + nr, audit_arch}, out);
}

const char *call_next(struct call_walk *walk)
{
	while (walk->next < SYSCALL_NUMBERS) {
		struct bpf_scope scope = {true, walk->next, arch_rows[walk->arch].audit_arch};
		const char *name = syscall_name(walk->arch, (int)walk->next);

		walk->nr = walk->next++;
		walk->verdicts = (struct verdicts){0};
		filter_verdicts(walk->program, &scope, name ? &walk->verdicts : &walk->unnamed);
		if (name && (walk->verdicts.count != 1 || walk->verdicts.action[0] != K_SECCOMP_RET_ALLOW))
			return name;
	}
	return NULL;
}

void filter_constant(const struct bpf_program *program, enum arch_id arch, struct constant_calls *out)
{
	*out = (struct constant_calls){0};
	for (uint32_t nr = 0; nr < SYSCALL_NUMBERS; nr++) {
		struct bpf_scope scope = {true, nr, arch_rows[arch].audit_arch};
		struct verdicts verdicts = {0};
		bool allows = false;

		if (!syscall_name(arch, (int)nr))
			continue;
		if (bpf_const_allow(program, scope.arch, nr, NULL)) {
			out->allowed++;
			out->constant++;
			continue;
		}
		filter_verdicts(program, &scope, &verdicts);
		for (size_t i = 0; i < verdicts.count; i++)
			allows |= verdicts.action[i] == K_SECCOMP_RET_ALLOW;
		out->allowed += allows;
		if (allows)
			out->others[out->nothers++] = (uint16_t)nr;
	}
}

void put_constant(FILE *out, const struct bpf_program *program, enum arch_id arch)
{
	struct constant_calls calls;
	const char *separator = "; by arguments: ";

	filter_constant(program, arch, &calls);
	fprintf(out, "constant-time: %zu of %zu allowed calls", calls.constant, calls.allowed);
	for (size_t i = 0; i < calls.nothers; i++) {
		fprintf(out, "%s%s", separator, syscall_name(arch, calls.others[i]));
		separator = ", ";
	}
	fputc('\n', out);
}

bool filter_program(const struct blob *blob, const struct llpb_filter *filter, struct bpf_program *program)
{
	/* Nothing writes through this pointer; struct bpf_program serves the assembler too. */
	*program =
		(struct bpf_program){(struct k_sock_filter *)(uintptr_t)&blob->insns[filter->first], filter->count};
	return filter->count <= K_BPF_MAXINSNS && bpf_valid(program->insns, program->count);
}

const char *action_text(uint32_t action, char buffer[32])
{
	uint32_t data = action & K_SECCOMP_RET_DATA;
	const char *name = errno_name(data);

	switch (action & K_SECCOMP_RET_ACTION_FULL) {
	case K_SECCOMP_RET_ALLOW:
		return "allow";
	case K_SECCOMP_RET_KILL_PROCESS:
		return "kill_process";
	case K_SECCOMP_RET_KILL_THREAD:
		return "kill_thread";
	case K_SECCOMP_RET_LOG:
		return "log";
	case K_SECCOMP_RET_USER_NOTIF:
		return "notify";
	case K_SECCOMP_RET_TRAP:
		if (!data)
			return "trap";
		snprintf(buffer, 32, "trap %u", data);
		return buffer;
	case K_SECCOMP_RET_TRACE:
		snprintf(buffer, 32, "trace %u", data);
		return buffer;
	case K_SECCOMP_RET_ERRNO:
		if (name)
			snprintf(buffer, 32, "errno %s", name);
		else
			snprintf(buffer, 32, "errno %u", data);
		return buffer;
	default:
		snprintf(buffer, 32, "action 0x%08x", action);
		return buffer;
	}
}
