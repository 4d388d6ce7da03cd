/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop K UP DOWN COMMAND... - runs the command and holds it where its Kth system call begins (from 0), so that
 * the world can change there: "at K" goes to the fifo UP, and a line from the fifo DOWN lets it go on. Before
 * it ends, "calls N" goes to UP: how many there were. Ends as the command did.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/attack/programs/answer.h"

static int up, down;

static void tell(const char *word, long number)
{
	dprintf(up, "%s %ld\n", word, number);
}

static void wait_for_word(void)
{
	char c;

	while (read(down, &c, 1) == 1 && c != '\n')
		;
}

static pid_t start(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		cannot("fork");
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC));
	return pid;
}

/* From one stop to the next. Entries and returns alternate, and the first is a return: that of raise(). */
static int follow(pid_t pid, long k)
{
	bool entry = false, executed = false;
	long calls = 0;
	int status, deliver = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)deliver) < 0 && errno != ESRCH)
			cannot("ptrace");
		if (waitpid(pid, &status, 0) < 0)
			cannot("waitpid");
		deliver = 0;
		if (!WIFSTOPPED(status))
			break;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			executed = true; /* execve() returns next */
			entry = false;
		} else if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			deliver = WSTOPSIG(status);
		} else if (executed) {
			if (entry && calls++ == k) {
				tell("at", k);
				wait_for_word();
			}
			entry = !entry;
		}
	}
	tell("calls", calls);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	up = open(argv[2], O_RDWR | O_CLOEXEC);
	down = open(argv[3], O_RDWR | O_CLOEXEC);
	if (up < 0 || down < 0)
		cannot("fifo");
	return follow(start(argv + 4), number(argv[1]));
}
