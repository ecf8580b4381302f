/* SPDX-License-Identifier: MIT */
/*
 * Many runs through a daemon, many at once, and what they leave behind.
 *
 *   soak RUNS CLIENTS MAIN-PID CMD...
 *
 * Runs CMD that often, CLIENTS of them at any time, each must exit 0. Before and after: descriptors and memory of the
 * daemon's two processes, its children, and the mounts. A tenth of the runs warms up first. Exit 1 when anything
 * grew that is not noise: processes by more than may be parked, descriptors of the spawner by more than those have,
 * resident memory of the front by more than 256 KiB, of the spawner by more than the stacks of 64 children; descriptors
 * of the front or mounts at all.
 */
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct state {
	long descriptors[2], kib[2], processes, mounts;
};

static long count_dir(const char *path)
{
	DIR *dir = opendir(path);
	long count = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return dir ? count : -1;
}

static long field(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static long count(const char *path, int what)
{
	FILE *file = fopen(path, "re");
	long lines = 0;

	for (int c; file && (c = getc(file)) != EOF;)
		lines += c == what;
	if (file)
		fclose(file);
	return lines;
}

enum { PARKED = 32 }; /* at most: runtime/llrund/children.h */

/* Of all its threads. */
static long children_of(long pid)
{
	char path[300];
	long sum = 0;

	snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "/proc/%ld/task/%s/children", pid, entry->d_name);
			sum += count(path, ' ');
		}
	if (dir)
		closedir(dir);
	return sum;
}

static struct state look(long spawner, long front)
{
	const long pids[2] = {spawner, front};
	struct state state;
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%ld/fd", pids[i]);
		state.descriptors[i] = count_dir(path);
		snprintf(path, sizeof(path), "/proc/%ld/status", pids[i]);
		state.kib[i] = field(path, "VmRSS:");
	}
	state.processes = children_of(spawner);
	state.mounts = count("/proc/self/mountinfo", '\n');
	return state;
}

static void reap_one(long *running)
{
	int status;

	if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "soak: a run failed: %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		exit(1);
	}
	--*running;
}

static void run_all(long runs, long clients, char *const *argv)
{
	long running = 0;
	pid_t pid;

	for (long i = 0; i < runs; i++) {
		int error = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);

		if (error) {
			fprintf(stderr, "soak: %s: %s\n", argv[0], strerror(error));
			exit(1);
		}
		if (++running == clients)
			reap_one(&running);
	}
	while (running)
		reap_one(&running);
}

static int grew(const char *what, long before, long after, long allowed)
{
	printf("| %s | %ld | %ld | %s |\n", what, before, after, after - before > allowed ? "grew" : "ok");
	return after - before > allowed;
}

/* The front is the first child of the main thread. */
static long front_of(long spawner)
{
	char path[96], line[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", spawner, spawner);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	return strtol(line, NULL, 10);
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	int worse = 0;

	if (argc < 5) {
		fputs("usage: soak RUNS CLIENTS MAIN-PID CMD...\n", stderr);
		return 2;
	}
	long runs = atol(argv[1]), clients = atol(argv[2]), spawner = atol(argv[3]), front = front_of(spawner);
	run_all(runs / 10 + 1, clients, argv + 4);
	/* the front hears of the last client's end a moment later */
	sleep(2);
	struct state before = look(spawner, front);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	run_all(runs, clients, argv + 4);
	clock_gettime(CLOCK_MONOTONIC, &end);
	sleep(2);
	struct state after = look(spawner, front);
	double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;

	printf("%ld runs, %ld at once: %.0f s, %.0f runs a second\n\n| | before | after | |\n|---|---|---|---|\n",
	       runs, clients, seconds, (double)runs / seconds);
	worse |= grew("descriptors of the spawner", before.descriptors[0], after.descriptors[0], 2 * PARKED);
	worse |= grew("descriptors of the front", before.descriptors[1], after.descriptors[1], 0);
	worse |= grew("resident memory of the spawner, KiB", before.kib[0], after.kib[0], 8192);
	worse |= grew("resident memory of the front, KiB", before.kib[1], after.kib[1], 256);
	worse |= grew("processes of the daemon beside the spawner", before.processes, after.processes, PARKED);
	worse |= grew("mounts", before.mounts, after.mounts, 0);
	return worse;
}
