/* SPDX-License-Identifier: Apache-2.0 */
/* Audit - what was decided. See audit.h. */
#include "cgdeleg/grant/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "policy/decision.h"

void audit_done(struct audit *audit)
{
	audit->fd = close_fd(audit->fd);
	audit->syslog_fd = close_fd(audit->syslog_fd);
}

static int open_file(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	return fd < 0 ? -errno : fd;
}

static int open_syslog(void)
{
	static const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&log, sizeof(log)) < 0)
		fd = close_fd(fd);
	return fd;
}

int audit_open(const char *directory, struct audit *ret, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	ret->syslog_fd = open_syslog();
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

void audit_syslog(const struct audit *audit, const struct record *record)
{
	/* LOG_AUTHPRIV, notice or error: RFC 3164's <facility * 8 + severity>. */
	const int priority = 10 * 8 + (record->err->text[0] ? 3 : 5);
	const struct decision *d = record->decision;
	char line[1024], id[128];
	int len;

	if (audit->syslog_fd < 0)
		return;
	len = snprintf(line, sizeof(line), "<%d>cgdeleg-hook[%d]: %s container %s handler %s%s%s: %s", priority,
		       record->pid, verdict_name(d->verdict),
		       text_escape(record->facts->id ? record->facts->id : "?", id, sizeof(id)), record->facts->handler,
		       d->profile ? " profile " : "", d->profile ? d->profile : "",
		       record->err->text[0] ? record->err->text
		       : d->n_reasons	    ? d->reasons[0].text
					    : "");
	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	/* Never waits for the log daemon. A full socket loses this line; the audit file has it. */
	(void)send(audit->syslog_fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void audit_say(const char *text)
{
	_cleanup_close_ int fd = open_syslog();
	char line[1024];
	int len = snprintf(line, sizeof(line), "<%d>cgdeleg-hook[%d]: %s", 10 * 8 + 3, getpid(), text);

	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	if (fd >= 0)
		(void)send(fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
