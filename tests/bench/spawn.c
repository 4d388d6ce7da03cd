/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn - starts programs over and over and measures each from spawn to exit.
 *
 *     spawn ROUNDS SPEC       every program once a round, so that a drift of the machine hits all alike
 *     spawn hwm SPEC          every program once; reads VmHWM in the moment of its exit
 *     spawn steps SPEC        every program once, instruction by instruction: how many of its own it executes
 *     spawn ... SPEC OUT      the same, for where standard output is another's: as a runtime's hook
 *
 * A line of SPEC is a program: standard input's file ("-": spawn's own), the path and the arguments, with
 * tabs between.
 * A line of output is a run: the program's index, nanoseconds (or KiB for hwm, instructions for steps), ru_maxrss in
 * KiB, status. After a run whose status is not 0, a line with "!", the index, the status, and what it wrote to standard
 * error.
 * Linked statically: a child's ru_maxrss begins with what the spawning process had resident.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS_MAX 16
#define WORDS_MAX    24

struct program {
	char line[4096];
	char *input;
	char *argv[WORDS_MAX + 1];
};

extern char **environ;

static struct program programs[PROGRAMS_MAX];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t read_programs(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (!f)
		die(path);
	while (n < PROGRAMS_MAX && fgets(programs[n].line, sizeof(programs[n].line), f)) {
		struct program *p = &programs[n++];
		size_t words = 0;

		p->line[strcspn(p->line, "\n")] = '\0';
		p->input = strtok(p->line, "\t");
		while (words < WORDS_MAX && (p->argv[words] = strtok(NULL, "\t")))
			words++;
	}
	(void)fclose(f);
	return n;
}

static long long now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* What the last run wrote to standard error, in one line. */
static void print_said(size_t index, int status, int said_fd)
{
	char said[1024];
	ssize_t n = pread(said_fd, said, sizeof(said) - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	for (char *p = said; *p; p++)
		if (*p < ' ')
			*p = ' ';
	(void)printf("! %zu %d %s\n", index, status, said[0] ? said : "(nothing)");
}

static void run_once(size_t index)
{
	static int said_fd = -1;

	struct program *p = &programs[index];
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	long long start;
	int status;
	pid_t pid;

	if (said_fd < 0)
		said_fd = memfd_create("said", MFD_CLOEXEC);
	if (ftruncate(said_fd, 0) < 0 || lseek(said_fd, 0, SEEK_SET) != 0)
		die("memfd");
	(void)posix_spawn_file_actions_init(&actions);
	if (strcmp(p->input, "-") != 0)
		(void)posix_spawn_file_actions_addopen(&actions, 0, p->input, O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, said_fd, 2);
	start = now_ns();
	if (posix_spawn(&pid, p->argv[0], &actions, NULL, p->argv, environ) != 0)
		die(p->argv[0]);
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait4");
	(void)printf("%zu %lld %ld ", index, now_ns() - start, usage.ru_maxrss);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	(void)printf("%d\n", status);
	if (status != 0)
		print_said(index, status, said_fd);
	(void)posix_spawn_file_actions_destroy(&actions);
}

static long read_hwm(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (f)
		(void)fclose(f);
	return kib;
}

static pid_t start_traced(const struct program *p)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	if (strcmp(p->input, "-") != 0 && dup2(open(p->input, O_RDONLY), 0) < 0)
		_exit(126);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(126);
	(void)raise(SIGSTOP); /* whoever started us may have blocked the SIGTRAP of execve */
	(void)dup2(open("/dev/null", O_WRONLY), 2);
	(void)execv(p->argv[0], p->argv);
	_exit(127);
}

static void run_traced(size_t index)
{
	pid_t pid = start_traced(&programs[index]);
	long kib = -1;
	int status;

	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACEEXIT);
	while (!WIFEXITED(status) && !WIFSIGNALED(status)) {
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			kib = read_hwm(pid);
		(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) < 0)
			die("waitpid");
	}
	(void)printf("%zu %ld 0 %d\n", index, kib, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

/* valgrind counts faster, but knows fewer system calls than the hook makes. */
static void run_stepped(size_t index)
{
	pid_t pid = start_traced(&programs[index]);
	long steps = 0;
	int status;

	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACEEXEC);
	while (WIFSTOPPED(status) && status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
		(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) < 0)
			die("waitpid");
	}
	for (; WIFSTOPPED(status); steps++) {
		(void)ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) < 0)
			die("waitpid");
	}
	(void)printf("%zu %ld 0 %d\n", index, steps, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

int main(int argc, char **argv)
{
	size_t n;

	if (argc != 3 && argc != 4) {
		(void)fputs("usage: spawn ROUNDS|hwm|steps SPEC [OUT]\n", stderr);
		return 2;
	}
	if (argc == 4 && !freopen(argv[3], "ae", stdout))
		die(argv[3]);
	n = read_programs(argv[2]);
	if (strcmp(argv[1], "hwm") == 0 || strcmp(argv[1], "steps") == 0)
		for (size_t i = 0; i < n; i++)
			(argv[1][0] == 'h' ? run_traced : run_stepped)(i);
	else
		for (long round = atol(argv[1]); round > 0; round--)
			for (size_t i = 0; i < n; i++)
				run_once(i);
	return 0;
}
