/* SPDX-License-Identifier: MIT */
/* Policies compiled in process and run for real; see live.h. */
#include "live.h"

#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compile.h"
#include "source.h"
#include "tap.h"

char live_root[32], live_probe[48];
static char llrun[PATH_MAX];

long live_abi(void)
{
	return syscall(444 /* landlock_create_ruleset */, NULL, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
}

bool live_copy(const char *from, const char *to)
{
	char bytes[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			break;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return n == 0;
}

/* A copy of the probe beside the tests' trees: no rule of theirs may cover it but its own. */
void live_begin(void)
{
	const char *build = getenv("B") ? getenv("B") : "build";
	char path[PATH_MAX], template[] = "/tmp/live-test-XXXXXX";

	snprintf(path, sizeof(path), "%s/llrun", build);
	if (!realpath(path, llrun) || !mkdtemp(template) || chmod(template, 0755)) {
		perror(path);
		exit(1);
	}
	snprintf(live_root, sizeof(live_root), "%s", template);
	snprintf(path, sizeof(path), "%s/tests/probe", build);
	snprintf(live_probe, sizeof(live_probe), "%s/probe", live_root);
	if (!live_copy(path, live_probe)) {
		perror(path);
		exit(1);
	}
}

void live_network(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;

	if (geteuid() || unshare(CLONE_NEWNET))
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback)) {
		perror("lo");
		exit(1);
	}
	close(fd);
}

void live_end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf '%s'", live_root);
	if (system(command))
		exit(1);
}

bool live_compile(const char *path, const char *text, size_t size)
{
	struct compilation c;
	bool fine;

	compilation_begin(&c);
	uint32_t file = source_from_memory(c.sources, "model.toml", text, size);
	fine = compilation_run(&c, file);
	if (!fine)
		tap_note("%s", diag_text(c.diag));
	int fd = fine ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	fine = fd >= 0 && write(fd, c.blob, c.blob_size) == (ssize_t)c.blob_size;
	if (fd >= 0)
		close(fd);
	compilation_end(&c);
	return fine;
}

FILE *live_batch(const char *blob, unsigned abi, const char *const *operations, unsigned count)
{
	FILE *input = tmpfile(), *output = tmpfile();
	char row[16];
	int status = -1;

	if (!input || !output)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		fprintf(input, "%s\n", operations[i]);
	fflush(input);
	rewind(input);
	snprintf(row, sizeof(row), "%u", abi);
	pid_t pid = fork();
	if (!pid) {
		lseek(fileno(input), 0, SEEK_SET);
		dup2(fileno(input), 0);
		dup2(fileno(output), 1);
		execl(llrun, llrun, "--as-abi", row, blob, "--", live_probe, "batch", (char *)NULL);
		_exit(99);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		tap_note("llrun --as-abi %u: wait status %d", abi, status);
		return NULL;
	}
	fclose(input);
	rewind(output);
	return output;
}

/* The last line before "= STATUS" names the errno. */
bool live_answer(FILE *output, char answer[LIVE_ANSWER])
{
	char line[256];

	answer[0] = 0;
	while (fgets(line, sizeof(line), output)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "= ", 2)) {
			if (!strcmp(line, "= 0"))
				strcpy(answer, "allowed");
			return true;
		}
		snprintf(answer, LIVE_ANSWER, "%.60s", line);
	}
	return false;
}

int live_run(const char *const *argv)
{
	char *words[32] = {NULL};
	int status;

	for (size_t i = 0; argv[i] && i < 31; i++) {
		const char *word = !strcmp(argv[i], "{llrun}")   ? llrun
				   : !strcmp(argv[i], "{probe}") ? live_probe
								 : argv[i];
		words[i] = strdup(word);
		if (!words[i])
			exit(1);
	}
	pid_t pid = fork();
	if (!pid) {
		int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(quiet, 1);
		execv(words[0], words);
		_exit(99);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(1);
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
