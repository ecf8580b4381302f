/* SPDX-License-Identifier: MIT */
/* Files of a closure: opened by the kernel's own walk, inside the sysroot when there is one. */
#include "elfdeps_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sha256.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel_abi.h"

enum {
	FD_PATH = 32,
	READ_AHEAD =
		256
		<< 10 /* headers, symbols and their names stand first in a library; what they describe may be long */
};

static void fd_path(int fd, char text[FD_PATH])
{
	snprintf(text, FD_PATH, "/proc/self/fd/%d", fd);
}

/* openat2(2) fails with EAGAIN when a rename somewhere might have let a ".." out of the root. */
static int open_inside(int root, const char *path)
{
	struct k_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int fd = -1;

	for (int tries = 0; tries < 16; tries++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

int fs_open(struct closure *closure, const char *path, struct opened *file)
{
	const struct closure_state *state = closure->state;
	int error;

	file->fd = state->root < 0 ? open(path, O_PATH | O_CLOEXEC) : open_inside(state->root, path);
	if (file->fd < 0)
		return errno;
	if (!fstat(file->fd, &file->st))
		return 0;
	error = errno;
	close(file->fd);
	return error;
}

const char *fs_open_file(struct closure *closure, const char *path, struct opened *file)
{
	int error = fs_open(closure, path, file);

	if (error == ENOENT || error == ENOTDIR)
		return "not found";
	if (error)
		return strerror(error);
	if (S_ISREG(file->st.st_mode))
		return NULL;
	close(file->fd);
	return S_ISDIR(file->st.st_mode) ? "is a directory" : "is not a regular file";
}

int fs_readable(const struct opened *file)
{
	char path[FD_PATH];

	fd_path(file->fd, path);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

void fs_read_ahead(const struct opened *file)
{
	int fd = S_ISREG(file->st.st_mode) ? fs_readable(file) : -1;

	if (fd < 0)
		return;
	posix_fadvise(fd, 0, READ_AHEAD, POSIX_FADV_WILLNEED);
	close(fd);
}

static ssize_t show(int fd, char path[PATH_MAX])
{
	char link[FD_PATH];
	ssize_t len;

	fd_path(fd, link);
	len = readlink(link, path, PATH_MAX - 1);
	if (len == PATH_MAX - 1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (len >= 0)
		path[len] = 0;
	return len;
}

const char *fs_real(struct closure *closure, const struct opened *file)
{
	const struct closure_state *state = closure->state;
	size_t root = state->root < 0 ? 0 : strlen(state->root_path);
	char path[PATH_MAX];

	if (show(file->fd, path) < 0)
		return NULL;
	if (strncmp(path, state->root_path, root) || path[root] != '/') {
		errno = EXDEV;
		return NULL;
	}
	return arena_strdup(state->arena, path + root);
}

const unsigned char *fs_read(struct closure *closure, const struct opened *file, size_t limit, size_t *size)
{
	size_t want = (size_t)file->st.st_size, got = 0;
	unsigned char *data;
	int fd;

	if (file->st.st_size < 0 || want > limit)
		return NULL;
	fd = fs_readable(file);
	if (fd < 0)
		return NULL;
	data = arena_alloc(closure->state->arena, want + 1);
	while (got < want) {
		ssize_t n = pread(fd, data + got, want - got, (off_t)got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fd);
	*size = got;
	return got == want ? data : NULL;
}

int closure_stat(struct closure *closure, const char *path)
{
	struct opened file;
	int error = fs_open(closure, path, &file);

	if (!error)
		close(file.fd);
	return error;
}

static bool digest_all(int fd, uint8_t digest[SHA256_DIGEST_LENGTH])
{
	uint8_t buffer[65536];
	SHA2_CTX context;
	ssize_t n;

	SHA256Init(&context);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR))
		SHA256Update(&context, buffer, n > 0 ? (size_t)n : 0);
	SHA256Final(digest, &context);
	return !n;
}

bool closure_digest(struct closure *closure, const struct closure_entry *entry, char hex[CLOSURE_HEX])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct opened file;
	int error = fs_open(closure, entry->real, &file), fd = -1;

	if (!error) {
		if (file.st.st_dev != entry->dev || file.st.st_ino != entry->ino)
			error = ESTALE;
		else if ((fd = fs_readable(&file)) < 0 || !digest_all(fd, digest))
			error = errno;
		if (fd >= 0)
			close(fd);
		close(file.fd);
	}
	for (size_t i = 0; !error && i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	errno = error;
	return !error;
}

const char *fs_anchor(const struct closure *closure, const char *path)
{
	const struct closure_state *state = closure->state;

	if (*path == '/')
		return path;
	return arena_printf(state->arena, "%s%s%s", state->options.cwd,
			    state->options.cwd[strlen(state->options.cwd) - 1] == '/' ? "" : "/", path);
}

bool fs_open_root(struct closure *closure)
{
	struct closure_state *state = closure->state;
	const char *sysroot = state->options.sysroot;
	char path[PATH_MAX];
	int probe;

	state->root = -1;
	state->root_path = arena_strdup(state->arena, "");
	if (!sysroot)
		return true;
	state->root = open(sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state->root < 0 || show(state->root, path) < 0) {
		closure->error = arena_printf(state->arena, "sysroot %s: %s", sysroot, strerror(errno));
		return false;
	}
	state->root_path = arena_strdup(state->arena, strcmp(path, "/") ? path : "");
	probe = open_inside(state->root, "/");
	if (probe < 0) {
		closure->error = arena_printf(state->arena,
					      "sysroot %s: openat2(2): %s; needs Linux 5.6, and a "
					      "container that lets it through",
					      sysroot, strerror(errno));
		return false;
	}
	close(probe);
	return true;
}
