/* SPDX-License-Identifier: Apache-2.0 */
/* Spawn - one program of our own. See spawn.h. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/owner.h"
#include "base/privilege.h"

#define STATUS_NOT_EXECUTED 127 /* as shells have it */

int spawn_open(const char *path, struct err *err)
{
	_cleanup_close_ int dir = -EBADF;
	_cleanup_close_ int fd = -EBADF;
	const char *name = strrchr(path, '/') + 1;
	char parent[PATH_MAX];
	int r;

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(name - path), path);
	dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set_errno(err, errno, "cannot open '%s'", parent);
	r = owner_check_fd(dir, S_IFDIR, 0, parent, err);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", path);
	r = owner_check_fd(fd, S_IFREG, 0, path, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* The child. no_new_privs, because the kernel gives root all capabilities at an exec. When its parent is killed it is
 * killed too: nobody would read what it says. */
static _Noreturn void become(int fd, int out, pid_t parent, const char *const *argv, uint64_t capabilities)
{
	static const char sentence[] = "the program cannot be executed";
	static const struct rlimit no_core = { 0, 0 };
	char *const no_environment[] = { NULL };
	int status;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    setrlimit(RLIMIT_CORE, &no_core) == 0 && privilege_limit(capabilities, capabilities, NULL) == 0 &&
	    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0 && dup2(out, STDERR_FILENO) >= 0)
		(void)syscall(SYS_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH);
	status = err_is_passing(errno) ? SPAWN_TRY_AGAIN : STATUS_NOT_EXECUTED;
	if (write(out, sentence, sizeof(sentence) - 1) < 0)
		_exit(status);
	_exit(status);
}

/* Until it has ended, or -ETIMEDOUT. Its words wait in the pipe; one that never stops talking is told that
 * there is no room, and does not hang. */
static int wait_end(int pidfd, int64_t deadline_ms)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	int n;

	do {
		const int64_t left = deadline_ms - clock_monotonic_ms();

		n = poll(&end, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

/* Whatever happens, the child has ended and been reaped when this returns. */
static int wait_child(pid_t pid, int in, int64_t deadline_ms, struct spawn_result *ret)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r = pidfd < 0 ? -errno : wait_end(pidfd, deadline_ms);
	char text[256];
	int status = 0;
	pid_t reaped;
	ssize_t n;

	if (r < 0)
		(void)kill(pid, SIGKILL);
	do
		reaped = waitpid(pid, &status, 0);
	while (reaped < 0 && errno == EINTR);
	if (r == 0 && reaped != pid)
		r = reaped < 0 ? -errno : -ECHILD;
	/* What has no room is forgotten. */
	while ((n = read(in, text, sizeof(text))) > 0) {
		size_t used = strlen(ret->said);

		(void)snprintf(ret->said + used, sizeof(ret->said) - used, "%.*s", (int)n, text);
	}
	ret->said[strcspn(ret->said, "\n")] = '\0';
	ret->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return r;
}

int spawn_run(int fd, const char *const *argv, uint64_t capabilities, int64_t deadline_ms, struct spawn_result *ret,
	      struct err *err)
{
	_cleanup_close_ int in = -EBADF;
	_cleanup_close_ int out = -EBADF;
	const pid_t parent = getpid();
	int pipefd[2], r;
	void (*before)(int);
	pid_t pid;

	*ret = (struct spawn_result) { 0 };
	if (pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set_errno(err, errno, "cannot make a pipe to '%s'", argv[0]);
	in = pipefd[0];
	out = pipefd[1];
	/* Ignored, by us or by whoever started us, it would have the kernel reap the child before we can. */
	before = signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0)
		become(fd, out, parent, argv, capabilities);
	r = pid < 0 ? -errno : 0;
	out = close_fd(out);
	if (r == 0)
		r = wait_child(pid, in, deadline_ms, ret);
	(void)signal(SIGCHLD, before);
	if (pid < 0)
		return err_set_errno(err, r, "cannot start '%s'", argv[0]);
	if (r < 0)
		return err_set_errno(err, r, "waiting for '%s' failed", argv[0]);
	return 0;
}

int spawn_helper(const char *directory, const char *const *argv, uint64_t capabilities, int64_t deadline_ms,
		 struct spawn_result *ret, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", directory, argv[0]) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "the path of the helpers' directory is too long");
	fd = spawn_open(path, err);
	if (fd < 0)
		return err_wrap(err, "the helper '%s' of cgdeleg cannot be executed", argv[0]);
	return spawn_run(fd, argv, capabilities, deadline_ms, ret, err);
}
