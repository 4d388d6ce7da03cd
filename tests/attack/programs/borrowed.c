/* SPDX-License-Identifier: Apache-2.0 */
/* borrowed SOCKET - what can be done with a descriptor of a cgroup directory outside, should one get in? */
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "tests/attack/programs/answer.h"

static long born_in(int dir)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = 17, .cgroup = (unsigned)dir };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

/* By a child, which may end up in that cgroup. */
static void move_into(int dir, const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		answer(file, put_at(dir, file, "0"));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static const char *const acts[][2] = {
		{ "cgroup.subtree_control", "+pids" },
		{ "cgroup.max.descendants", "max" },
		{ "memory.reclaim", "4096" },
		{ "memory.max", "max" },
		{ "pids.max", "max" },
		{ "memory.oom.group", "1" },
		{ "cgroup.freeze", "1" },
		{ "cgroup.kill", "1" },
	};
	int dir = argc == 2 ? borrow(argv[1]) : -1;

	if (dir < 0)
		return 2;
	move_into(dir, "cgroup.procs");
	move_into(dir, "cgroup.threads");
	answer("CLONE_INTO_CGROUP", born_in(dir));
	answer("mkdir", mkdirat(dir, "visitor", 0755));
	answer("chmod", fchmodat(dir, "cgroup.procs", 0666, 0));
	answer("chown", fchownat(dir, "cgroup.procs", geteuid(), getegid(), 0));
	answer("user.* attribute", fsetxattr(dir, "user.visitor", "1", 1, 0));
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (faccessat(dir, acts[i][0], F_OK, 0) == 0)
			answer(acts[i][0], put_at(dir, acts[i][0], acts[i][1]));
	return 0;
}
