/* SPDX-License-Identifier: Apache-2.0 */
/* Audit - what was decided then. See audit.h. */
#include "cgdeleg/grant/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/record.h"
#include "cgdeleg/grant/run.h"

void audit_done(struct audit *audit)
{
	audit->fd = close_fd(audit->fd);
	audit->syslog_fd = close_fd(audit->syslog_fd);
}

static int connect_syslog(void)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -EBADF;
	return TAKE_FD(fd);
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

	ret->syslog_fd = connect_syslog();
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

static bool add_text(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const char *text)
{
	char shown[1024];

	/* What a container's creator wrote stays printable whatever it was. */
	return !text || yyjson_mut_obj_add_strcpy(doc, o, key, text_escape(text, shown, sizeof(shown)));
}

/*
 * gmtime_r(3) looks for /etc/localtime, and this may run inside the container's mount namespace, where
 * nothing is ever opened by name but the cgroup mount. So the calendar is counted here: days since
 * 0000-03-01, in eras of 400 years, as the proleptic Gregorian calendar of ISO 8601 has it.
 */
static void format_time(int64_t us, char *buf, size_t size)
{
	int64_t seconds = us / 1000000;
	int64_t days = seconds / 86400 + 719468;
	int64_t era = days / 146097;
	int64_t day_of_era = days % 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
	int64_t year = year_of_era + era * 400 + (month >= 10);

	seconds %= 86400;
	(void)snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)year,
		       (int)(month < 10 ? month + 3 : month - 9), (int)(day_of_year - (153 * month + 2) / 5 + 1),
		       (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(us % 1000000));
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *o, int64_t us)
{
	char text[64];

	format_time(us, text, sizeof(text));
	(void)yyjson_mut_obj_add_strcpy(doc, o, "time", text);
}

static void add_outcome(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct outcome *outcome)
{
	char line[LIMIT_TEXT_SIZE];

	(void)yyjson_mut_obj_add_str(doc, o, "outcome", outcome_name(outcome->kind));
	(void)yyjson_mut_obj_add_uint(doc, o, "steps_done", outcome->n_done);
	(void)yyjson_mut_obj_add_uint(doc, o, "steps_changed", outcome->n_changed);
	(void)yyjson_mut_obj_add_uint(doc, o, "steps_skipped", outcome->n_skipped);
	if (outcome->failed)
		(void)add_text(doc, o, "failed_step", step_describe(outcome->failed, line, sizeof(line)));
	if (outcome->kind == OUTCOME_UNDO_FAILED)
		(void)yyjson_mut_obj_add_str(doc, o, "undo_error", outcome->undo_err.text);
}

char *audit_compose(const struct trail *trail, const char *event)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *o = yyjson_mut_obj(doc);

	if (!o)
		return NULL;
	yyjson_mut_doc_set_root(doc, o);
	add_time(doc, o, trail->started_us);
	(void)yyjson_mut_obj_add_str(doc, o, "event", event);
	(void)yyjson_mut_obj_add_int(doc, o, "hook_pid", trail->pid);
	(void)yyjson_mut_obj_add_int(doc, o, "duration_us", trail->duration_us);
	record_facts(doc, o, &trail->facts);
	record_decision(doc, o, &trail->decision);
	record_plan(doc, o, &trail->plan);
	add_outcome(doc, o, &trail->outcome);
	if (trail->err.text[0])
		(void)yyjson_mut_obj_add_str(doc, o, "error", trail->err.text);
	return yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, NULL);
}

/* One write(2) a record. What a full disk left of one must not swallow the next: it gets its line's end. */
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

int audit_write(const struct audit *audit, const struct trail *trail, const char *event, bool sync, struct err *err)
{
	_cleanup_free_ char *line = NULL;
	int r;

	if (audit->fd < 0)
		return err_set(err, EBADF, "the audit file is not open");
	line = audit_compose(trail, event);
	if (!line)
		return err_set(err, ENOMEM, "cannot compose the audit record: out of memory");
	r = append(audit->fd, line, strlen(line));
	if (r < 0)
		return err_set_errno(err, r, "cannot write the audit record");
	if (sync && fdatasync(audit->fd) < 0)
		return err_set_errno(err, errno, "cannot sync the audit record to disk");
	return 0;
}

void audit_syslog(const struct audit *audit, const struct trail *trail)
{
	/* LOG_AUTHPRIV, notice or error: RFC 3164's <facility * 8 + severity>. */
	const int priority = 10 * 8 + (trail->err.text[0] ? 3 : 5);
	const struct decision *d = &trail->decision;
	char line[1024], id[128];
	int len;

	if (audit->syslog_fd < 0)
		return;
	len = snprintf(line, sizeof(line), "<%d>cgdeleg-hook[%d]: %s container %s handler %s%s%s: %s", priority,
		       trail->pid, verdict_name(d->verdict),
		       text_escape(trail->facts.id ? trail->facts.id : "?", id, sizeof(id)), trail->facts.handler,
		       d->profile ? " profile " : "", d->profile ? d->profile : "",
		       trail->err.text[0] ? trail->err.text
		       : d->n_reasons	  ? d->reasons[0].text
					  : "");
	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	/* Nobody waits for a log daemon, and a full one loses this line: the audit file has it. */
	(void)send(audit->syslog_fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
