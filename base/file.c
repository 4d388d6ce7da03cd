/* SPDX-License-Identifier: Apache-2.0 */
/* File - bounded reading, whole writing, and opening that follows nothing. See file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

ssize_t file_read_fd(int fd, char *buf, size_t size)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;

		/* Read on even when the buffer is full: only a read of nothing is the end. */
		if (len == size - 1) {
			char extra;

			n = read(fd, &extra, 1);
			if (n > 0)
				return -EFBIG;
		} else {
			n = read(fd, buf + len, size - 1 - len);
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : file_read_fd(fd, buf, size);
}

ssize_t file_read_lines_at(int dirfd, const char *path, char *buf, size_t size)
{
	const size_t page = 4096;
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n, rest;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buf, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	if ((size_t)n <= page - FILE_SHORT_LINE && (size_t)n < size - 1)
		return n;
	rest = file_read_fd(fd, buf + n, size - (size_t)n);
	return rest < 0 ? rest : n + rest;
}

ssize_t file_read_record(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = pread(fd, buf, size - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size - 1)
		return -EFBIG;
	buf[n] = '\0';
	return n;
}

ssize_t file_read_record_at(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : file_read_record(fd, buf, size);
}

/* Room for the first bytes, then for all that a regular file has, or twice as much as before. NULL without memory. */
static char *make_room(int fd, size_t max, bool regular, char *buf, size_t *size)
{
	struct stat st;

	if (!buf)
		*size = 16384;
	else if (regular && fstat(fd, &st) == 0 && st.st_size > 0 && (size_t)st.st_size <= max)
		*size += (size_t)st.st_size;
	else
		*size *= 2;
	return realloc(buf, *size);
}

static int slurp(int fd, size_t max, bool regular, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0;
	size_t len = 0;

	for (;;) {
		char *bigger;
		size_t room;
		ssize_t n;

		if (len + FILE_PADDING >= size) {
			bigger = make_room(fd, max, regular, buf, &size);
			if (!bigger)
				return -ENOMEM;
			buf = bigger;
		}
		room = size - FILE_PADDING - len;
		n = read(fd, buf + len, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (n == 0 || (regular && (size_t)n < room))
			break;
	}
	memset(buf + len, 0, FILE_PADDING);
	*ret = TAKE_PTR(buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int file_slurp(int fd, size_t max, char **ret, size_t *ret_len)
{
	return slurp(fd, max, false, ret, ret_len);
}

int file_slurp_regular(int fd, size_t max, char **ret, size_t *ret_len)
{
	return slurp(fd, max, true, ret, ret_len);
}

int file_write_fd(int fd, const char *text, size_t len)
{
	ssize_t n;

	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int file_write_at(int dirfd, const char *path, const char *text)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : file_write_fd(fd, text, strlen(text));
}

/*
 * For where openat2(2) is missing, as in a systemd unit with RestrictSUIDSGID=: opens one component after the other,
 * none of which may be a link or "..". Flags with which the last one would open differently than with openat2(2) are
 * refused.
 */
static int open_by_steps(int dirfd, const char *path, int flags)
{
	_cleanup_close_ int above = -EBADF;

	if ((flags & O_CREAT) || ((flags & O_PATH) && !(flags & O_NOFOLLOW)))
		return -ENOSYS;
	for (;;) {
		const size_t len = strcspn(path, "/");
		const char *rest = path + len + strspn(path + len, "/");
		const int how = *rest ? O_PATH | O_DIRECTORY : flags;
		char name[NAME_MAX + 1];
		int fd;

		if (len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		fd = openat(above >= 0 ? above : dirfd, name, how | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || !*rest)
			return fd < 0 ? -errno : fd;
		(void)close_fd(above);
		above = fd;
		path = rest;
	}
}

int file_open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	while (*path == '/')
		path++;
	/* EAGAIN: a rename happened during the walk. Try a few times, but not in a loop that others could keep
	 * going. */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, dirfd, *path ? path : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	if (fd < 0 && errno == ENOSYS)
		return open_by_steps(dirfd, *path ? path : ".", flags);
	return fd < 0 ? -errno : (int)fd;
}

ssize_t file_read_directory(int fd, void *buf, size_t size)
{
	const long n = syscall(SYS_getdents64, fd, buf, size);

	return n < 0 ? -errno : (ssize_t)n;
}

bool file_is_in(int fd, unsigned long magic)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

ssize_t file_readlink_at(int dirfd, const char *path, char *buf, size_t size)
{
	ssize_t n = readlinkat(dirfd, path, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}
