/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, version - what a program says of itself. See engine.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/owner.h"
#include "cgdeleg/node/engine-parts.h"

#define PATIENCE_MS  10000 /* an emulated machine that is busy needs more than two seconds */
#define SAID_SIZE    4096
#define PROGRAM_FD   3 /* of the child */
#define PROGRAM_PATH "/proc/self/fd/3"

/* A word that begins with a number, a dot and a number, after a 'v' or not. The path of a Go module does not. */
const char *engine_version_in(const char *text, size_t *ret_len)
{
	for (const char *at = text; *at;) {
		const char *number = at + (*at == 'v');
		size_t len = strspn(number, "0123456789");
		size_t word = strcspn(at, " \t\r\n,");

		if (len > 0 && number[len] == '.' && isdigit((unsigned char)number[len + 1])) {
			*ret_len = strspn(number, "0123456789.");
			*ret_len -= number[*ret_len - 1] == '.';
			return number;
		}
		at += word;
		at += strspn(at, " \t\r\n,");
	}
	return NULL;
}

bool engine_version_is_since(const char *version, unsigned major, unsigned minor, unsigned patch)
{
	const unsigned long wanted[] = { major, minor, patch };

	for (size_t i = 0; i < ELEMENTS(wanted); i++) {
		unsigned long number = 0;
		char *end;

		if (!version || !isdigit((unsigned char)*version))
			return i > 0 && wanted[i] == 0; /* "1.9" is 1.9.0 */
		number = strtoul(version, &end, 10);
		if (number != wanted[i])
			return number > wanted[i];
		version = *end == '.' ? end + 1 : NULL;
	}
	return true;
}

/*
 * Root would execute what somebody else can write; others would execute only what is theirs already. The path may lead
 * through directories of anybody, who may change where it leads at any time: so it is followed once, and what is checked is
 * what is executed.
 */
static int open_program(const char *path)
{
	_cleanup_close_ int dir = -EBADF;
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	char own[32], real[PATH_MAX];
	ssize_t n;
	int program;

	if (fd < 0 || owner_check_fd(fd, S_IFREG, geteuid(), NULL, NULL) < 0)
		return -EPERM;
	(void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	n = readlink(own, real, sizeof(real) - 1);
	if (n <= 0)
		return -EPERM;
	real[n] = '\0';
	*strrchr(real, '/') = '\0';
	dir = open(real[0] ? real : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || owner_check_fd(dir, S_IFDIR, geteuid(), NULL, NULL) < 0)
		return -EPERM;
	program = fd;
	fd = -EBADF;
	return program;
}

/* By its descriptor, which the child keeps: the interpreter of a script opens it once more. */
static int start(int program, const char *path, int out, pid_t *ret)
{
	char *const environment[] = { (char[]) { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	char *const argv[] = { (char *)(uintptr_t)path, (char[]) { "--version" }, NULL };
	posix_spawn_file_actions_t actions;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, program, PROGRAM_FD);
	if (r == 0)
		r = posix_spawn(ret, PROGRAM_PATH, &actions, NULL, argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Until it closes its standard output, or its time is over. */
static void listen_to(int in, char *buf, size_t size)
{
	const int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	struct pollfd ready = { .fd = in, .events = POLLIN };
	size_t used = 0;

	while (used + 1 < size) {
		const int64_t left = deadline - clock_monotonic_ms();
		ssize_t n;

		if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
			break;
		n = read(in, buf + used, size - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	buf[used] = '\0';
}

const char *engine_ask_version(const char *root, const char *path, struct arena *arena)
{
	_cleanup_close_ int in = -EBADF;
	_cleanup_close_ int out = -EBADF;
	_cleanup_close_ int program = -EBADF;
	char whole[PATH_MAX], said[SAID_SIZE];
	const char *found;
	size_t len;
	int pipe_fds[2];
	pid_t pid = -1;

	if (snprintf(whole, sizeof(whole), "%s%s", strcmp(root, "/") == 0 ? "" : root, path) >= (int)sizeof(whole))
		return NULL;
	program = open_program(whole);
	if (program < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return NULL;
	in = pipe_fds[0];
	out = pipe_fds[1];
	if (start(program, whole, out, &pid) < 0)
		return NULL;
	out = close_fd(out);
	listen_to(in, said, sizeof(said));
	(void)kill(pid, SIGKILL); /* it has said all that it will */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	found = engine_version_in(said, &len);
	return found ? arena_strndup(arena, found, len) : NULL;
}
