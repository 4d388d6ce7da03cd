/* SPDX-License-Identifier: Apache-2.0 */
/* spawn-as PID - starts a process with exactly that number, if it is free, and waits for its end: it sleeps until
 * standard input ends. Prints "ready". */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/attack/programs/answer.h"

int main(int argc, char **argv)
{
	pid_t wanted = argc == 2 ? (pid_t)number(argv[1]) : 0;
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1 };
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	char byte;

	if (pid < 0)
		cannot("clone3");
	if (pid == 0) {
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
		_exit(0);
	}
	puts("ready");
	fflush(stdout);
	return waitpid((pid_t)pid, NULL, 0) != pid;
}
