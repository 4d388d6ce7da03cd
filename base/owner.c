/* SPDX-License-Identifier: Apache-2.0 */
/* Owner - does only root own and write a file? See owner.h. */
#include "base/owner.h"

#include <errno.h>

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
