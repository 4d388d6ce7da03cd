/* SPDX-License-Identifier: Apache-2.0 */
/* Owner - does only root own and write a file? See owner.h. */
#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

bool owner_is_alone(const struct stat *st, uid_t owner, mode_t others)
{
	return (st->st_uid == 0 || st->st_uid == owner) && !(st->st_mode & others);
}

int owner_check(const struct stat *st, uid_t owner, mode_t others, const char *name, struct err *err)
{
	const bool read = others == OWNER_MAY_READ;
	const char *quote = name ? "'" : "", *blank = name ? " " : "";

	if (owner_is_alone(st, owner, others))
		return 0;
	return err_set(
		err, EPERM,
		"%s%s%s%sbelongs to uid %u (mode %04o); it must belong to root and be %s by nobody else: chown root, chmod %s",
		quote, name ? name : "", quote, blank, st->st_uid, st->st_mode & 07777,
		read ? "writable" : "accessible", read ? "go-w" : "go-rwx");
}

int owner_check_fd(int fd, mode_t type, uid_t owner, const char *name, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat '%s'", name);
	if ((st.st_mode & S_IFMT) != type)
		return err_set(err, EPERM, "'%s' is not a %s", name, type == S_IFDIR ? "directory" : "regular file");
	return owner_check(&st, owner, OWNER_MAY_READ, name, err);
}

int owner_open_directory(const char *path, uid_t owner, bool make, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int fd = -EBADF;
	size_t len = strlen(path);
	char plain[PATH_MAX];
	int r;

	/* O_NOFOLLOW says nothing about a link that has a '/' after it. */
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (snprintf(plain, sizeof(plain), "%.*s", (int)len, path) >= (int)sizeof(plain))
		return err_set(err, ENAMETOOLONG, "the name of the directory is too long");
	fd = openat(AT_FDCWD, plain, flags);
	if (fd < 0 && errno == ENOENT && make && (mkdir(plain, 0700) == 0 || errno == EEXIST))
		fd = openat(AT_FDCWD, plain, flags);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open the directory '%s'", path);
	r = owner_check_fd(fd, S_IFDIR, owner, path, err);
	return r < 0 ? r : TAKE_FD(fd);
}
