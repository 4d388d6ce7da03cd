/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: on a terminal a line that is erased again; in a pipe nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "cgdeleg/cli/progress.h"
#include "tests/unit/check.h"

struct replaced {
	int saved, reading;
};

/* Standard error is a terminal, or the end of a pipe. */
static struct replaced replace(bool terminal)
{
	struct replaced r = { .saved = dup(STDERR_FILENO), .reading = -EBADF };
	int fds[2];

	if (terminal) {
		r.reading = fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(fds[0] >= 0 && grantpt(fds[0]) == 0 && unlockpt(fds[0]) == 0);
		fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC); // NOLINT(concurrency-mt-unsafe)
	} else {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		r.reading = fds[0];
	}
	assert_true(r.saved >= 0 && fds[1] >= 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	(void)close(fds[1]);
	return r;
}

static void read_until(int fd, const char *want)
{
	char text[512] = "";
	size_t used = 0;

	while (!strstr(text, want)) {
		const ssize_t n = read(fd, text + used, sizeof(text) - 1 - used);

		assert_true(n > 0);
		used += (size_t)n;
		text[used] = '\0';
	}
}

static void restore(struct replaced *r)
{
	assert_true(dup2(r->saved, STDERR_FILENO) >= 0);
	(void)close(r->saved);
	(void)close(r->reading);
}

TEST(test_terminal)
{
	struct replaced r = replace(true);

	progress_begin_after("reading", 1);
	read_until(r.reading, "\r\033[Kcgdeleg: reading, 0 s");
	progress_end();
	read_until(r.reading, "\r\033[K");
	progress_end(); /* once more does nothing */
	restore(&r);
}

/* What ends in time has shown nothing: the end has waited for the thread. */
TEST(test_quick)
{
	struct replaced r = replace(true);
	char first = 0;

	progress_begin_after("reading", 3600000);
	progress_end();
	assert_int_equal(write(STDERR_FILENO, "x", 1), 1);
	assert_int_equal(read(r.reading, &first, 1), 1);
	assert_int_equal(first, 'x');
	restore(&r);
}

TEST(test_pipe)
{
	struct replaced r = replace(false);
	char first = 0;

	progress_begin_after("reading", 0);
	progress_end();
	assert_int_equal(write(STDERR_FILENO, "x", 1), 1);
	assert_int_equal(read(r.reading, &first, 1), 1);
	assert_int_equal(first, 'x');
	restore(&r);
}
