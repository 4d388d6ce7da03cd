/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manager as Gitaly is one: it has a cgroup for itself and one a repository, puts each command that it starts
 * into its repository's, and limits each repository.
 *
 *     manager COUNT
 *
 * It runs as a user that is not root, in a container whose cgroup root is that user's and whose processes are in a
 * leaf. Prints one line and ends with 0, or says which call failed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup/gitaly"

static void put(const char *dir, const char *file, const char *text)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s <- %s", path, text);
	(void)close(fd);
}

static void make(const char *dir)
{
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		err(1, "mkdir %s", dir);
}

/* In the child: is this the cgroup that it was meant for? */
static void child(const char *repository)
{
	char text[256] = "", wanted[64];
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		_exit(2);
	(void)snprintf(wanted, sizeof(wanted), "/gitaly/%s\n", repository);
	_exit(strstr(text, wanted) ? 0 : 3);
}

static pid_t spawn_into(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	pid_t pid;

	if (fd < 0)
		err(1, "open %s", dir);
	args.cgroup = (uint64_t)fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		err(1, "clone3 into %s", dir);
	if (pid > 0)
		(void)close(fd);
	return pid;
}

static pid_t spawn_and_move(const char *dir)
{
	int go[2];
	char byte = 0, text[16];
	pid_t pid;

	if (pipe(go) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		(void)close(go[1]);
		(void)!read(go[0], &byte, 1);
		return 0;
	}
	(void)snprintf(text, sizeof(text), "%d", pid);
	put(dir, "cgroup.procs", text);
	(void)close(go[0]);
	(void)close(go[1]);
	return pid;
}

static void one(int number)
{
	char name[32], dir[128];
	int status = -1;
	pid_t pid;

	(void)snprintf(name, sizeof(name), "repos-%d", number);
	(void)snprintf(dir, sizeof(dir), ROOT "/%s", name);
	make(dir);
	put(dir, "memory.max", "16777216");
	put(dir, "cpu.weight", "50");
	pid = number % 2 ? spawn_into(dir) : spawn_and_move(dir);
	if (pid == 0)
		child(name);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "the process for %s was in another cgroup (status %d)", name, status);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10;

	make(ROOT);
	put(ROOT, "cgroup.subtree_control", "+memory +cpu");
	for (int i = 0; i < count; i++)
		one(i);
	printf("uid %u made and used %d cgroups\n", getuid(), count);
	return 0;
}
