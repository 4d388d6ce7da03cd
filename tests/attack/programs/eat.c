/* SPDX-License-Identifier: Apache-2.0 */
/* eat pids|memory CGROUP MOST - how many processes, or MiB, does a child cgroup without a limit of its own get?
 * Enters CGROUP first. A process that the kernel kills has got what it counted last. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/attack/programs/answer.h"

static void enter(const char *cgroup)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	if (put_at(AT_FDCWD, path, "0") < 0)
		cannot(path);
}

/* The children stop at a pipe that nobody writes to; it closes with us. */
static void pids(long most)
{
	int hold[2];
	long n = 0;
	pid_t pid = 0;
	char byte;

	if (pipe(hold) < 0)
		cannot("pipe");
	while (n < most && (pid = fork()) > 0)
		n++;
	if (n < most && pid == 0) {
		close(hold[1]);
		(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	answer("fork", pid);
	count("processes", n);
	close(hold[1]);
	while (wait(NULL) > 0)
		;
}

static void memory(long most)
{
	int got[2], status;
	char block[64] = { 0 };
	long n = 0;
	pid_t pid;

	if (pipe(got) < 0 || (pid = fork()) < 0)
		cannot("fork");
	if (pid == 0) {
		for (long i = 0; i < most; i++) {
			char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				_exit(1);
			memset(p, 1 + (int)(i & 63), 1 << 20);
			(void)!write(got[1], "x", 1);
		}
		_exit(0);
	}
	close(got[1]);
	for (ssize_t r; (r = read(got[0], block, sizeof(block))) > 0;)
		n += r;
	waitpid(pid, &status, 0);
	count("MiB", n);
	errno = ENOMEM; /* how the kernel says it: by SIGKILL */
	answer("memory", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? -1 : 0);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	enter(argv[2]);
	(strcmp(argv[1], "pids") == 0 ? pids : memory)(number(argv[3]));
	return 0;
}
