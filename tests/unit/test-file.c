/* SPDX-License-Identifier: Apache-2.0 */
/* File and err: nothing is cut, nothing is followed, and a sentence always has an end. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

TEST(test_read)
{
	_cleanup_(tree_free) struct tree tree;
	char buf[6];

	tree_new(&tree, "four = 1234\nfive = 12345\nnone =\nlink -> four\ndir/"); /* and a newline each */
	assert_int_equal(file_read_at(tree.fd, "four", buf, sizeof(buf)), 5);
	check_string("four", buf, "1234\n");
	assert_int_equal(file_read_at(tree.fd, "five", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(file_read_at(tree.fd, "none", buf, sizeof(buf)), 0);
	check_string("none", buf, "");
	assert_int_equal(file_read_at(tree.fd, "link", buf, sizeof(buf)), -ELOOP);
	assert_int_equal(file_read_at(tree.fd, "dir", buf, sizeof(buf)), -EISDIR);
	assert_int_equal(file_read_at(tree.fd, "gone", buf, sizeof(buf)), -ENOENT);
}

TEST(test_slurp)
{
	static const struct {
		size_t len, max;
		int want;
	} cases[] = {
		{ 0, 0, 0 },
		{ 1, 0, -EFBIG },
		{ 16383, 16383, 0 },
		{ 16384, 16384, 0 },
		{ 16385, 16384, -EFBIG },
		{ 100000, 1000000, 0 },
		{ 100000, 50000, -EFBIG },
	};
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "f =");
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_close_ int fd = openat(tree.fd, "f", O_RDWR | O_CLOEXEC);
		_cleanup_free_ char *text = NULL, *regular = NULL;
		size_t len = 7, regular_len = 7;

		assert_int_equal(ftruncate(fd, (off_t)cases[i].len), 0);
		assert_int_equal(file_slurp(fd, cases[i].max, &text, &len), cases[i].want);
		assert_int_equal(text != NULL, cases[i].want == 0);
		assert_int_equal(len, cases[i].want == 0 ? cases[i].len : 7);
		if (text)
			assert_int_equal(text[len], '\0');
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(file_slurp_regular(fd, cases[i].max, &regular, &regular_len), cases[i].want);
		assert_int_equal(regular_len, len);
		assert_int_equal(regular != NULL, text != NULL);
		if (regular)
			assert_memory_equal(regular, text, len + 1);
	}
}

TEST(test_write)
{
	_cleanup_(tree_free) struct tree tree;
	int fds[2];

	tree_new(&tree, "f =\nlink -> f");
	assert_int_equal(file_write_at(tree.fd, "f", "12"), 0);
	check_string("f", tree_get(&tree, "f"), "12");
	assert_int_equal(file_write_at(tree.fd, "link", "34"), -ELOOP);
	assert_int_equal(file_write_at(tree.fd, "gone", "34"), -ENOENT);
	assert_int_equal(faccessat(tree.fd, "gone", F_OK, 0), -1);
	/* A pipe that has room for a part only takes that part: a short write is an error. */
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	_cleanup_free_ char *large = calloc(1, 1 << 20);

	assert_int_equal(file_write_fd(fds[1], large, 1 << 20), -EIO);
	assert_int_equal(file_write_fd(fds[1], large, 4096), -EAGAIN);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static bool no_openat2;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_openat2 && no_openat2) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

static void open_beneath(const struct tree *tree, const char *path, int flags, int want)
{
	_cleanup_close_ int fd = file_open_beneath(tree->fd, path, flags);

	if (want ? fd != want : fd < 0)
		fail_msg("'%s': %d, %d was expected", path, fd, want);
	if (fd >= 0)
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* As in a unit with RestrictSUIDSGID=: no link, nothing above, and never in another way than it would have been. */
TEST(test_beneath_by_steps)
{
	static const struct {
		const char *path;
		int flags, want;
	} cases[] = {
		{ "a/b", O_DIRECTORY, 0 },  { "/a//b", O_DIRECTORY, 0 },   { "a/f", 0, 0 },
		{ "", O_DIRECTORY, 0 },	    { "..", O_DIRECTORY, -EXDEV }, { "a/../a", 0, -EXDEV },
		{ "l", 0, -ELOOP },	    { "l/b", 0, -ENOTDIR },	   { "a/up", 0, -ELOOP },
		{ "abs", 0, -ELOOP },	    { "gone", 0, -ENOENT },	   { "a/f/x", 0, -ENOTDIR },
		{ "a/f", O_PATH, -ENOSYS }, { "l", O_PATH, -ENOSYS },	   { "n", O_CREAT, -ENOSYS },
	};
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "a/b/\na/f = x\nl -> a\na/up -> ../..\nabs -> /");
	no_openat2 = true;
	for (size_t i = 0; i < ELEMENTS(cases); i++)
		open_beneath(&tree, cases[i].path, cases[i].flags, cases[i].want);
	no_openat2 = false;
}

TEST(test_beneath)
{
	static const struct {
		const char *path;
		int want;
	} cases[] = {
		{ "a/b", 0 },	     { "/a/b", 0 },	    { "//a", 0 },	{ "", 0 },
		{ "/", 0 },	     { "a/../a", 0 },	    { "..", -EXDEV },	{ "a/../../x", -EXDEV },
		{ "l", -ELOOP },     { "l/b", -ELOOP },	    { "a/up", -ELOOP }, { "abs", -ELOOP },
		{ "gone", -ENOENT }, { "a/f/x", -ENOTDIR },
	};
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "a/b/\na/f = x\nl -> a\na/up -> ../..\nabs -> /");
	for (size_t i = 0; i < ELEMENTS(cases); i++)
		open_beneath(&tree, cases[i].path, O_PATH, cases[i].want);
}

TEST(test_readlink)
{
	_cleanup_(tree_free) struct tree tree;
	char buf[5];

	tree_new(&tree, "four -> 1234\nfive -> 12345\nf = x");
	assert_int_equal(file_readlink_at(tree.fd, "four", buf, sizeof(buf)), 4);
	check_string("four", buf, "1234");
	assert_int_equal(file_readlink_at(tree.fd, "five", buf, sizeof(buf)), -ENAMETOOLONG);
	assert_int_equal(file_readlink_at(tree.fd, "f", buf, sizeof(buf)), -EINVAL);
}

TEST(test_err)
{
	struct err err = { 0 };
	char large[2048];

	assert_int_equal(err_set(&err, EPERM, "a %d", 1), -EPERM);
	check_string("set", err.text, "a 1");
	assert_int_equal(err_set(&err, -EPERM, "b"), -EPERM);
	assert_int_equal(err.code, EPERM);
	assert_int_equal(err_set(&err, 0, "c"), -EINVAL);
	assert_int_equal(err_set(NULL, EIO, "d"), -EIO);
	assert_int_equal(err_set_errno(&err, -ENOENT, "e"), -ENOENT);
	check_string("errno", err.text, "e: No such file or directory");
	assert_int_equal(err_wrap(&err, "f %s", "g"), -ENOENT);
	check_string("wrap", err.text, "f g: e: No such file or directory");
	assert_int_equal(err_wrap(NULL, "h"), -EINVAL);
	assert_int_equal(err_set_errno(&err, 12345, "i"), -12345);

	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(err_set_errno(&err, EIO, "%s", large), -EIO);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(err_wrap(&err, "front"), -EIO);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "front: xxx", 10);
}
