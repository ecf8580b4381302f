/* SPDX-License-Identifier: MIT */
/*
 * embed POLICY.llb COMMAND ARGS...: run a command three times under a policy, prepared once. COMMAND is a path.
 *
 *	cc -o embed embed.c -lllrun
 *
 * The program reads the blob itself and vouches for it: who could have written the file is its business (llrun(1)
 * checks owner and mode).
 */
#include <llrun.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void complain(const struct llrun_error *error)
{
	fprintf(stderr, "embed: %s%s%s", error->sys ? error->sys : "", error->sys && error->text ? ": " : "",
		error->text ? error->text : "");
	if (error->err)
		fprintf(stderr, ": %s", strerror(error->err));
	if (error->object)
		fprintf(stderr, ": %s", error->object);
	if (error->file)
		fprintf(stderr, " (%s:%u)", error->file, error->line);
	fputc('\n', stderr);
}

/* The whole file, in memory that malloc() aligned to 8. */
static void *read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *blob;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	*size = (size_t)st.st_size;
	blob = malloc(*size + 1);
	if (blob && read(fd, blob, *size) != (ssize_t)*size) {
		free(blob);
		blob = NULL;
	}
	close(fd);
	return blob;
}

static int run_child(const struct llrun_policy *policy, char **argv, char **envp)
{
	struct llrun_error error = {.code = LLRUN_OK};
	volatile int failed = 0; /* volatile: the child's last store before _exit() must reach our memory */
	int status;
	pid_t child = vfork();

	if (child == 0) {
		if (llrun_enter(policy, &error) == 0) {
			execve(argv[0], argv, envp);
			failed = errno;
		}
		_exit(126);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return 125;
	/* the child of vfork() shares our memory, and with it its errors */
	if (error.code != LLRUN_OK)
		complain(&error);
	if (failed)
		fprintf(stderr, "embed: execve: %s: %s\n", strerror(failed), argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	const char *const *inherited = (const char *const *)environ;
	struct llrun_options options = {.envp = inherited};
	struct llrun_policy policy;
	struct llrun_error error;
	const char **envp;
	size_t size = 0;
	void *blob;
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: embed POLICY.llb COMMAND ARGS...\n");
		return 125;
	}
	blob = read_file(argv[1], &size);
	if (!blob) {
		perror(argv[1]);
		return 125;
	}
	if (llrun_prepare(&policy, blob, size, &options, &error) < 0) {
		complain(&error);
		return 125;
	}
	envp = calloc(llrun_env_size(&policy, inherited), sizeof(*envp));
	if (!envp)
		return 125;
	llrun_env_build(&policy, inherited, envp);
	for (int i = 0; i < 3 && status == 0; i++)
		status = run_child(&policy, argv + 2, (char **)envp);
	llrun_release(&policy);
	free(envp);
	free(blob);
	return status;
}
