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

void audit_done(struct audit *audit)
{
	audit->fd = close_fd(audit->fd);
}

static int open_file(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	return fd < 0 ? -errno : fd;
}

int audit_open(const char *directory, struct audit *ret, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", directory, AUDIT_FILE) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "the audit directory's name is too long");
	r = open_file(path);
	if (r == -ENOENT && (mkdir(directory, 0700) == 0 || errno == EEXIST))
		r = open_file(path);
	if (r < 0)
		return err_set_errno(err, r, "cannot open the audit file '%s'", path);
	ret->fd = r;
	if (fstat(ret->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EBADMSG, "the audit file '%s/%s' is not a regular file", directory, AUDIT_FILE);
	return 0;
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
