/* SPDX-License-Identifier: MIT */
/*
 * The enforcement matrix: every right of access.def, on a directory and (where it exists for files) on a file, granted
 * and not granted, on every ABI row up to the kernel's; TCP bind and connect; both scopes. Each denial stands beside
 * the same operation under a policy that differs in that one right.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "live.h"
#include "tap.h"

/*
 * What exercises a right. %t: the tree's granted directory, %o: an object in it, %n: a new name, %x: a granted sibling
 * directory, %d: a device. One row per right: the array is sized by access.def, and a missing row fails the test.
 */
struct exercise {
	const char *operation;
	char object; /* f file, x program, d directory, - none, c device, s listening socket */
	uint64_t also; /* further rights that the operation needs */
};

static const struct exercise exercises[] = {
	[FS_execute_BIT] = {"exec %o exit 0", 'x', FS_RIGHT(read_file)},
	[FS_write_file_BIT] = {"write %o", 'f', 0},
	[FS_read_file_BIT] = {"read %o", 'f', 0},
	[FS_read_dir_BIT] = {"list %o", 'd', 0},
	[FS_remove_dir_BIT] = {"rmdir %o", 'd', 0},
	[FS_remove_file_BIT] = {"unlink %o", 'f', 0},
	[FS_make_char_BIT] = {"mknod-char %n", '-', 0},
	[FS_make_dir_BIT] = {"mkdir %n", '-', 0},
	[FS_make_reg_BIT] = {"mkreg %n", '-', 0},
	[FS_make_sock_BIT] = {"mksock %n", '-', 0},
	[FS_make_fifo_BIT] = {"mkfifo %n", '-', 0},
	[FS_make_block_BIT] = {"mknod-block %n", '-', 0},
	[FS_make_sym_BIT] = {"symlink nowhere %n", '-', 0},
	[FS_refer_BIT] = {"rename %o %x", 'f', FS_RIGHT(remove_file) | FS_RIGHT(make_reg)},
	[FS_truncate_BIT] = {"truncate %o", 'f', 0},
	[FS_ioctl_dev_BIT] = {"ioctl-dev %d", 'c', FS_RIGHT(read_file) | FS_RIGHT(write_file)},
	[FS_resolve_unix_BIT] = {NULL, 's', 0}, /* ABI 9: no kernel of this project's tests has it yet */
};

static const struct {
	const char *name;
	unsigned since;
	bool on_file;
} rights[] = {
#define FILE                              true
#define DIR                               false
#define LL_FS(name, bit, abi, kind, help) [bit] = {#name, abi, kind},
#include "access.def"
#undef FILE
#undef DIR
};
#define NRIGHTS (sizeof(rights) / sizeof(rights[0]))
_Static_assert(sizeof(exercises) / sizeof(exercises[0]) == NRIGHTS, "one exercise per right");

struct cell {
	unsigned right, abi;
	bool file, granted;
};

static char tree[64], sibling[64];

static void put_access(FILE *out, const char *path, uint64_t access)
{
	const char *separator = "";

	fprintf(out, "[[fs.rule]]\npath = \"%s\"\naccess = [", path);
	for (unsigned i = 0; i < NRIGHTS; i++)
		if (access & UINT64_C(1) << i) {
			fprintf(out, "%s\"%s\"", separator, rights[i].name);
			separator = ", ";
		}
	fputs("]\n", out);
}

/* All rights of the row, or all but one: then it is this right that decides. */
static bool compile_cell(const struct cell *cell, const char *object, const char *blob)
{
	uint64_t all = abi_fs_mask(ABI_NEWEST) & ~FS_RIGHT(resolve_unix), right = UINT64_C(1) << cell->right;
	uint64_t access = cell->granted ? all : all & ~right;
	bool device = exercises[cell->right].object == 'c';
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	/* mknod(2) of devices needs a capability that policies drop unless told */
	fputs("version = 1\n[policy]\ncompat = \"best-effort\"\n[process]\ndrop_caps = []\n[fs]\nrox = [", out);
	fprintf(out, "\"%s\"]\n", live_probe);
	if (cell->file)
		put_access(out, object, access & FS_FILE_RIGHTS);
	else
		put_access(out, device ? "/dev" : tree, access);
	put_access(out, sibling, all);
	fclose(out);
	bool fine = live_compile(blob, text, size);
	free(text);
	return fine;
}

static bool make_object(char kind, const char *path)
{
	int fd = -1;

	if (kind == 'd')
		return !mkdir(path, 0755);
	if (kind == 'x')
		return live_copy(live_probe, path);
	if (kind == 'f') {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		return fd >= 0 && write(fd, "content", 7) == 7 && !close(fd);
	}
	return true;
}

static void spell(char *out, size_t size, const struct exercise *e, const char *object, const char *fresh)
{
	size_t n = 0;

	for (const char *p = e->operation; *p && n < size - 1; p++) {
		if (*p != '%') {
			out[n++] = *p;
			continue;
		}
		p++;
		if (*p == 'x')
			n += (size_t)snprintf(out + n, size - n, "%s/moved", sibling);
		else
			n += (size_t)snprintf(out + n, size - n, "%s", *p == 'o' || *p == 'd' ? object : fresh);
	}
	out[n] = 0;
}

/* What the kernel must answer; the companion filters stand in below the right's own ABI where they can. */
static const char *expected(const struct cell *cell)
{
	uint64_t right = UINT64_C(1) << cell->right;

	if (right == FS_RIGHT(refer)) /* below ABI 2 nothing can grant it */
		return cell->abi >= 2 && cell->granted ? "allowed" : "EXDEV";
	if (right == FS_RIGHT(truncate) && cell->abi < 3)
		return "EACCES";
	return cell->granted || cell->abi < rights[cell->right].since ? "allowed" : "EACCES";
}

static void clean(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s' '%s' && mkdir '%s' '%s'", tree, sibling, tree, sibling);
	if (system(command))
		exit(1);
}

static bool try_cell(const struct cell *cell)
{
	const struct exercise *e = &exercises[cell->right];
	char object[96], fresh[96], blob[64], text[400], answer[LIVE_ANSWER] = "no answer";
	const char *operations[] = {text};

	clean();
	snprintf(object, sizeof(object), e->object == 'c' ? "/dev/zero" : "%s/object", tree);
	snprintf(fresh, sizeof(fresh), "%s/fresh", tree);
	snprintf(blob, sizeof(blob), "%s/matrix.llb", live_root);
	spell(text, sizeof(text), e, object, fresh);
	if (!make_object(e->object, object) || !compile_cell(cell, object, blob))
		return false;
	FILE *output = live_batch(blob, cell->abi, operations, 1);
	if (output) {
		live_answer(output, answer);
		fclose(output);
	}
	if (!strcmp(answer, expected(cell)))
		return true;
	tap_note("%s %s on a %s, ABI %u: expected %s, got %s", rights[cell->right].name,
		 cell->granted ? "granted" : "not granted", cell->file ? "file" : "directory", cell->abi,
		 expected(cell), answer);
	return false;
}

/* One line per right and kind of object: all rows, with and without. */
static void try_right(unsigned right, bool file, unsigned host)
{
	unsigned good = 0, cells = 0;

	for (unsigned abi = 1; abi <= host; abi++)
		for (int granted = 0; granted < 2; granted++, cells++)
			good += try_cell(&(struct cell){right, abi, file, granted});
	tap_ok(good == cells, "%s on a %s: granted and not, ABI 1 to %u", rights[right].name,
	       file ? "file" : "directory", host);
}

/* ---- network and scopes: one row each, because below it strict policies refuse ---- */

static bool compile_text(const char *text, const char *blob)
{
	char *whole = NULL;
	size_t size;
	FILE *out = open_memstream(&whole, &size);

	fprintf(out, "version = 1\n%s", text);
	fclose(out);
	bool fine = live_compile(blob, whole, size);
	free(whole);
	return fine;
}

/* not among those that the kernel gives to whoever asks for any port */
#define SERVED "18117"
#define OTHER  "18118"
static const struct {
	const char *name, *policy;
	unsigned since;
	int status; /* of the probe: 0 success, 10 EACCES, 11 EPERM, 14 any other */
	const char *words[8];
} cases[] = {
	{"connect_tcp: listed port", "[net]\nconnect_tcp = [" SERVED "]\n", 4, 0, {"connect-tcp", SERVED}},
	{"connect_tcp: other port", "[net]\nconnect_tcp = [" OTHER "]\n", 4, 10, {"connect-tcp", SERVED}},
	{"bind_tcp: listed port", "[net]\nbind_tcp = [" OTHER "]\n", 4, 0, {"bind-tcp", OTHER}},
	{"bind_tcp: other port", "[net]\nbind_tcp = [" SERVED "]\n", 4, 10, {"bind-tcp", OTHER}},
	{"bind_tcp alone refuses to connect", "[net]\nbind_tcp = [" SERVED "]\n", 4, 10, {"connect-tcp", SERVED}},
	{"landlockd's form: only what is handled",
	 "[net]\nhandled_access_net = [\"bind_tcp\"]\n",
	 4,
	 0,
	 {"connect-tcp", SERVED}},
	{"landlockd's form: handled and not granted",
	 "[net]\nhandled_access_net = [\"connect_tcp\"]\n",
	 4,
	 10,
	 {"connect-tcp", SERVED}},
	{"udp denied beside a TCP list", "[net]\nconnect_tcp = [" SERVED "]\n", 4, 10, {"socket", "inet", "dgram"}},
	{"udp = allow", "[net]\nudp = \"allow\"\nconnect_tcp = [" SERVED "]\n", 4, 0, {"socket", "inet", "dgram"}},
	{"no raw sockets", "[net]\nudp = \"allow\"\n", 1, 10, {"socket", "inet", "raw", "1"}},
	{"no MPTCP", "[net]\nconnect_tcp = [" SERVED "]\n", 4, 10, {"socket", "inet", "stream", "262"}},
	{"no vsock", "[net]\nconnect_tcp = []\n", 1, 10, {"socket", "40", "stream"}},
	{"no fast open past the port list", "[net]\nconnect_tcp = [" OTHER "]\n", 4, 10, {"fastopen-tcp", SERVED}},
	{"no TCP socket becomes another", "[net]\nconnect_tcp = [" OTHER "]\n", 4, 10, {"ulp-tcp", "none"}},
	{"nor where only ports to bind are listed", "[net]\nbind_tcp = [0]\n", 4, 10, {"ulp-tcp", "none"}},
	{"landlockd's form leaves that open",
	 "[net]\nhandled_access_net = [\"connect_tcp\"]\n",
	 4,
	 14,
	 {"ulp-tcp", "none"}},
	{"no listen on an unbound socket", "[net]\nconnect_tcp = [" OTHER "]\n", 4, 10, {"listen-tcp"}},
	{"bind_tcp = [0] allows it", "[net]\nbind_tcp = [0]\n", 4, 0, {"listen-tcp"}},
	{"unix sockets stay with [net] alone", "[net]\nconnect_tcp = []\n", 1, 0, {"socket", "unix", "stream"}},
	{"BTRFS_IOC_SUBVOL_CREATE", "[fs]\nrox = [\"/\"]\nunix = []\n[net]\n", 1, 10, {"ioctl", "0x5000940e"}},
	{"BTRFS_IOC_SNAP_DESTROY_V2", "[fs]\nrox = [\"/\"]\n[net]\n", 1, 10, {"ioctl", "0x5000943f"}},
	{"another ioctl stays", "[fs]\nrox = [\"/\"]\n[net]\n", 1, 14, {"ioctl", "0x50009430"}},
	{"scope: signal to an outer process", "[scope]\nabstract_unix_socket = false\n", 6, 11, {"signal", "parent"}},
	{"scope: signal to itself", "[scope]\nabstract_unix_socket = false\n", 6, 0, {"signal", "self"}},
	{"no scope: signal to an outer process", "[scope]\nsignal = false\n", 6, 0, {"signal", "parent"}},
	{"scope: abstract socket of an outer process",
	 "[scope]\nsignal = false\n",
	 6,
	 11,
	 {"connect-abstract", "@matrix"}},
	{"no scope: abstract socket of an outer process",
	 "[scope]\nabstract_unix_socket = false\n",
	 6,
	 0,
	 {"connect-abstract", "@matrix"}},
};

static void try_case(size_t i, unsigned host)
{
	char blob[64], row[16];
	const char *argv[24] = {"{probe}", "with-unix", "@matrix", "{probe}", "with-tcp", SERVED,
				"{llrun}", "--as-abi",  row,       blob,      "--",       "{probe}"};
	unsigned good = 0, rows = 0;
	size_t n = 12;

	argv[3] = live_probe;
	argv[6] = "{llrun}";
	for (size_t j = 0; cases[i].words[j]; j++)
		argv[n++] = cases[i].words[j];
	snprintf(blob, sizeof(blob), "%s/case.llb", live_root);
	if (!compile_text(cases[i].policy, blob)) {
		tap_ok(false, "%s: compiles", cases[i].name);
		return;
	}
	for (unsigned abi = cases[i].since; abi <= host; abi++, rows++) {
		snprintf(row, sizeof(row), "%u", abi);
		int status = live_run(argv);
		good += status == cases[i].status;
		if (status != cases[i].status)
			tap_note("ABI %u: exit %d, expected %d", abi, status, cases[i].status);
	}
	if (rows)
		tap_ok(good == rows, "%s, ABI %u to %u", cases[i].name, cases[i].since, host);
	else
		tap_skip(cases[i].name, "needs a newer kernel");
}

int main(void)
{
	long abi = live_abi();
	unsigned host = abi < 1 ? 0 : abi > ABI_NEWEST ? ABI_NEWEST : (unsigned)abi;

	if (!host) {
		tap_skip("the enforcement matrix", "no Landlock here");
		return tap_done();
	}
	live_begin();
	live_network();
	snprintf(tree, sizeof(tree), "%s/tree", live_root);
	snprintf(sibling, sizeof(sibling), "%s/sibling", live_root);
	for (unsigned right = 0; right < NRIGHTS; right++) {
		if (!exercises[right].operation)
			continue;
		if (geteuid() && (right == FS_make_block_BIT || right == FS_make_char_BIT)) {
			tap_skip(rights[right].name, "making devices needs root");
			continue;
		}
		try_right(right, false, host);
		if (rights[right].on_file)
			try_right(right, true, host);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		try_case(i, host);
	live_end();
	return tap_done();
}
