/* SPDX-License-Identifier: Apache-2.0 */
/* Limits - one ceiling on one limit file. See limits.h. */
#include "cgdeleg/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* One descriptor serves all: what is read back is the very file that was written. */
static int read_value(int fd, const char *file, const struct limit_type *type,
		      struct limit_value *ret, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];
	ssize_t n;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set_errno(err, errno, "cannot read '%s'", file);
	n = file_read_fd(fd, text, sizeof(text));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '%s'", file);
	r = limit_parse_kernel(type, text, ret, err);
	return r < 0 ? err_wrap(err, "cannot read '%s'", file) : 0;
}

static int write_value(int fd, const char *file, const struct limit_type *type,
		       const struct limit_value *value, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];

	for (size_t i = 0; i < limit_writes(type, value); i++) {
		int r;

		(void)limit_format_write(type, value, i, text, sizeof(text));
		r = file_write_fd(fd, text, strlen(text));
		if (r < 0)
			return err_set_errno(err, r, "cannot write '%s' to '%s'", text, file);
	}
	return 0;
}

/* For LIMIT_LINES: of what was there, the lines that `written` names, "max" where there was none. */
static void keep_lines(const struct limit_value *now, const struct limit_value *written,
		       struct limit_value *ret)
{
	*ret = *written;
	for (size_t i = 0; i < ret->n_lines; i++) {
		for (size_t p = 0; p < LIMIT_PARAMS; p++)
			ret->lines[i].values[p] = LIMIT_MAX;
		for (size_t j = 0; j < now->n_lines; j++)
			if (strcmp(now->lines[j].name, ret->lines[i].name) == 0)
				ret->lines[i] = now->lines[j];
	}
}

static int open_limit(int dirfd, const char *file, struct err *err)
{
	int fd = openat(dirfd, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", file);
	return fd;
}

int limit_lower(int dirfd, const char *file, const struct limit_type *type,
		const struct limit_value *ceiling, struct limit_before *ret, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	struct limit_value now, lower;
	int r;

	fd = open_limit(dirfd, file, err);
	if (fd < 0)
		return fd;
	r = read_value(fd, file, type, &now, err);
	if (r < 0)
		return r;
	if (!limit_smaller(type, &now, ceiling, &lower))
		return 0;
	if (type->kind == LIMIT_LINES)
		keep_lines(&now, &lower, &ret->value);
	else
		ret->value = now;
	ret->changed = true;
	r = write_value(fd, file, type, &lower, err);
	if (r < 0)
		return r;
	r = read_value(fd, file, type, &now, err);
	if (r < 0)
		return r;
	if (!limit_within(type, &now, ceiling))
		return err_set(err, EIO, "'%s' does not read back as written", file);
	return 0;
}

int limit_restore(int dirfd, const char *file, const struct limit_type *type,
		  const struct limit_before *before, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;

	if (!before->changed)
		return 0;
	fd = open_limit(dirfd, file, err);
	if (fd < 0)
		return fd;
	return write_value(fd, file, type, &before->value, err);
}
