/* SPDX-License-Identifier: Apache-2.0 */
/* Visit: whose ids a container has, and the end of the child, which may be one that nobody can kill. */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cgdeleg/node/visit-child.h"
#include "tests/unit/check.h"

/* Whoever is root inside becomes whoever else the map has. */
TEST(test_map)
{
	static const char map[] = "0 100000 1000\n1000 0 1\n";

	assert_int_equal(map_root(map), 100000);
	assert_true(map_reaches(map, 0));
	assert_true(map_reaches(map, 100999));
	assert_false(map_reaches(map, 101000));
	assert_false(map_reaches(map, 1));
	assert_true(map_reaches("0 0 4294967295\n", 0));
	assert_false(map_reaches("", 0));
}

static pid_t start(int status)
{
	const pid_t pid = fork();

	if (pid == 0) {
		if (status >= 0)
			_exit(status);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	return pid;
}

static struct visit visit;

static const char *end(pid_t pid, int pidfd, bool kill_it)
{
	visit.why[0] = '\0';
	visit_end(&visit, pid, pidfd, kill_it, 500);
	(void)close(pidfd);
	return visit.why;
}

TEST(test_ends)
{
	pid_t pid = start(0);

	check_string("by itself", end(pid, (int)syscall(SYS_pidfd_open, pid, 0), false), "");
	pid = start(3);
	check_string("badly", end(pid, (int)syscall(SYS_pidfd_open, pid, 0), false),
		     "the process inside ended early, with status 3");
	pid = start(-1);
	check_string("killed", end(pid, (int)syscall(SYS_pidfd_open, pid, 0), true),
		     "the process inside ended early, with signal 9");
	pid = start(-1);
	check_string("late", end(pid, (int)syscall(SYS_pidfd_open, pid, 0), false),
		     "the process inside ended early, with signal 9");
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

/* As one that waits for a FUSE: no signal reaches it, and its end is never reported. */
TEST(test_cannot_be_killed)
{
	const int64_t before = clock_monotonic_ms();
	const pid_t pid = start(-1);
	int never[2];

	assert_int_equal(pipe(never), 0);
	assert_non_null(strstr(end(pid, never[0], true), "cannot be killed"));
	assert_true(clock_monotonic_ms() - before < 5000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	(void)close(never[1]);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}
