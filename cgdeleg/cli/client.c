/* SPDX-License-Identifier: Apache-2.0 */
/* Client - runs an engine's own client. See client.h. */
#include "cgdeleg/cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SAID_SIZE 16384 /* bytes at the end of what it says that are read */

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t caught;

static void remember(int number)
{
	caught = number;
}

void client_catch_signals(void)
{
	const struct sigaction action = { .sa_handler = remember }; /* without SA_RESTART: it interrupts a wait */

	for (size_t i = 0; i < ELEMENTS(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
}

int client_forget_signals(void)
{
	const int before = caught;

	for (size_t i = 0; i < ELEMENTS(signals); i++)
		(void)signal(signals[i], SIG_IGN);
	caught = 0;
	return before;
}

/* The last line that is not empty. */
static void last_line(int fd, char *ret, size_t size)
{
	char text[SAID_SIZE + 1];
	const off_t end = lseek(fd, 0, SEEK_END);
	const off_t from = end > SAID_SIZE ? end - SAID_SIZE : 0;
	ssize_t n = pread(fd, text, SAID_SIZE, from);
	const char *line;

	for (n = n < 0 ? 0 : n; n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '); n--)
		;
	text[n] = '\0';
	line = strrchr(text, '\n');
	(void)snprintf(ret, size, "%s", line ? line + 1 : text);
}

static int start(const char *const *argv, int out, int said, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return -r;
	(void)sigemptyset(&none);
	(void)sigemptyset(&usual);
	for (size_t i = 0; i < ELEMENTS(signals); i++)
		(void)sigaddset(&usual, signals[i]);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setflags(&attributes,
				       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigdefault(&attributes, &usual);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
	if (r == 0)
		r = posix_spawnp(ret, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return -r;
}

/* Whatever happens, it has ended and been reaped when this returns. */
static int wait_end(pid_t pid, int64_t deadline_ms, int *ret_status)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	int r = pidfd < 0 ? -errno : 0;

	while (r == 0 && end.revents == 0) {
		const int64_t left = deadline_ms - clock_monotonic_ms();
		const int n = caught ? -1 : poll(&end, 1, left < 0 ? 0 : (int)left);

		r = caught ? -EINTR : n == 0 ? -ETIMEDOUT : n < 0 && errno != EINTR ? -errno : 0;
	}
	if (r < 0)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r;
}

/* The client's verb, behind what concerns the client as a whole: "--option value". */
static const char *verb_of(const char *const *argv)
{
	size_t i = 1;

	while (argv[i] && strncmp(argv[i], "--", 2) == 0 && argv[i + 1])
		i += 2;
	return argv[i] ? argv[i] : "";
}

int client_run(const char *const *argv, int64_t deadline_ms, char *out, size_t size, struct err *err)
{
	_cleanup_close_ int output = memfd_create("output", MFD_CLOEXEC);
	_cleanup_close_ int said = memfd_create("said", MFD_CLOEXEC);
	char line[512];
	int status = 0, r;
	pid_t pid = -1;

	if (output < 0 || said < 0)
		return err_set_errno(err, errno, "cannot keep what '%s' says", argv[0]);
	r = start(argv, output, said, &pid);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "'%s' is not installed; verify uses it to start a container", argv[0]);
	if (r < 0)
		return err_set_errno(err, r, "cannot execute '%s'", argv[0]);
	r = wait_end(pid, deadline_ms, &status);
	last_line(output, out, size);
	last_line(said, line, sizeof(line));
	if (r < 0)
		return err_set(err, -r, "'%s %s' was ended: %s", argv[0], verb_of(argv),
			       r == -EINTR ? "interrupted" : "it took too long");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, EIO, "'%s %s' failed: %s", argv[0], verb_of(argv), line[0] ? line : out);
	return 0;
}
