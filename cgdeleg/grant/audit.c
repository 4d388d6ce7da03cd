/* SPDX-License-Identifier: Apache-2.0 */
/* Audit - what was decided. See audit.h. */
#include "cgdeleg/grant/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"

void audit_done(struct audit *audit)
{
	audit->fd = close_fd(audit->fd);
	audit->dirfd = close_fd(audit->dirfd);
}

static int open_file(const char *directory, uid_t owner, struct audit *ret, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", directory, AUDIT_FILE) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "the audit directory's name is too long");
	ret->dirfd = owner_open_directory(directory, owner, true, err);
	if (ret->dirfd < 0)
		return ret->dirfd;
	ret->fd = openat(ret->dirfd, AUDIT_FILE, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
			 0600);
	if (ret->fd < 0)
		return err_set_errno(err, errno, "cannot open the audit file '%s'", path);
	return owner_check_fd(ret->fd, S_IFREG, owner, path, err);
}

int audit_open(const char *directory, uid_t owner, struct audit *ret, struct err *err)
{
	int r = open_file(directory, owner, ret, err);

	if (r >= 0)
		return 0;
	audit_done(ret);
	return err_wrap(err, "the audit record cannot be written");
}

/* One write(2) for each record. If a full disk leaves half a record, it gets a newline, so that it does not swallow the
 * next one. */
static int append(int fd, const char *line, size_t len)
{
	ssize_t n;

	do
		n = write(fd, line, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n > 0 && (size_t)n < len)
		(void)file_write_fd(fd, "\n", 1);
	return (size_t)n == len ? 0 : -EIO;
}

int audit_write(const struct audit *audit, const struct record *record, const char *event, bool sync, struct err *err)
{
	_cleanup_free_ char *line = NULL;
	int r;

	if (audit->fd < 0)
		return err_set(err, EBADF, "the audit file is not open");
	line = record_compose(record, event);
	if (!line)
		return err_set(err, ENOMEM, "cannot make the audit record: out of memory");
	r = append(audit->fd, line, strlen(line));
	if (r < 0)
		return err_set_errno(err, r, "cannot write the audit record");
	if (sync && fdatasync(audit->fd) < 0)
		return err_set_errno(err, errno, "cannot sync the audit record to disk");
	return 0;
}
