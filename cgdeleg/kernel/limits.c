/* SPDX-License-Identifier: Apache-2.0 */
/* Limits - one ceiling on one limit file. See limits.h. */
#include "cgdeleg/kernel/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

/* One descriptor serves all: what is read back is the very file that was written. */
static int read_value(int fd, const char *file, const struct limit_type *type, struct limit_value *ret, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];
	ssize_t n;
	int r;

	n = file_read_record(fd, text, sizeof(text));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '%s'", file);
	r = limit_parse_kernel(type, text, ret, err);
	return r < 0 ? err_wrap(err, "cannot read '%s'", file) : 0;
}

int limit_read(int dirfd, const char *file, const struct limit_type *type, struct limit_value *ret, struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", file);
	return read_value(fd, file, type, ret, err);
}

/* An empty write never reaches a cgroup file's handler; a line's end alone does. */
static int write_line(int fd, const char *file, const char *text, struct err *err)
{
	int r = *text ? file_write_fd(fd, text, strlen(text)) : file_write_fd(fd, "\n", 1);

	return r < 0 ? err_set_errno(err, r, "cannot write '%s' to '%s'", text, file) : 0;
}

/* The kernel's answers to a device or resource that it does not know. */
static bool is_unknown(const struct limit_type *type, int r)
{
	return type->kind == LIMIT_LINES && (r == -ENODEV || r == -EINVAL);
}

/* Writes every line; those that the kernel does not know leave `value` when that is allowed, so that
 * what is left in it is what was written. */
static int write_value(int fd, const char *file, const struct limit_type *type, struct limit_value *value,
		       struct limit_before *before, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];
	size_t i = 0;

	while (i < limit_writes(type, value)) {
		int r;

		(void)limit_format_write(type, value, i, text, sizeof(text));
		r = write_line(fd, file, text, err);
		if (r < 0 && !(before->skip_unknown && is_unknown(type, r)))
			return r;
		if (r < 0) {
			before->n_skipped++;
			value->n_lines--;
			memmove(&value->lines[i], &value->lines[i + 1], (value->n_lines - i) * sizeof(value->lines[0]));
		} else {
			i++;
		}
	}
	return 0;
}

static bool has_line(const struct limit_value *value, const char *name)
{
	for (size_t i = 0; i < value->n_lines; i++)
		if (strcmp(value->lines[i].name, name) == 0)
			return true;
	return false;
}

/* For LIMIT_LINES: of what was there, the lines that `written` names, "max" where there was none. */
static void keep_lines(const struct limit_value *now, const struct limit_value *written, struct limit_value *ret)
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

/* The ceiling's lines of which `written` still has one. */
static void drop_skipped(struct limit_value *ceiling, const struct limit_value *skipped_from,
			 const struct limit_value *written)
{
	size_t kept = 0;

	for (size_t i = 0; i < ceiling->n_lines; i++)
		if (!has_line(skipped_from, ceiling->lines[i].name) || has_line(written, ceiling->lines[i].name))
			ceiling->lines[kept++] = ceiling->lines[i];
	ceiling->n_lines = kept;
}

int limit_check_common(const char *file, const struct limit_type *type, const struct limit_value *now,
		       const struct limit_value *lower, struct err *err)
{
	const struct limit_value none = { 0 };
	char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];

	if (type->kind != LIMIT_SET || memcmp(now->set, none.set, sizeof(now->set)) == 0 ||
	    limit_within(type, lower, now))
		return 0;
	return err_set(
		err, ERANGE,
		"'%s' is '%s', which has nothing in common with the ceiling '%s'; give the container a set within it, or take the ceiling out of the profile",
		file, limit_format(type, now, a, sizeof(a)), limit_format(type, lower, b, sizeof(b)));
}

int limit_check_effective(int dirfd, const char *file, const struct limit_type *type, const struct limit_value *ceiling,
			  struct err *err)
{
	char name[LIMIT_FILE_SIZE + sizeof(".effective")], text[LIMIT_TEXT_SIZE];
	struct limit_value effective;
	struct err unread = { 0 };
	int r;

	if (type->kind != LIMIT_SET)
		return 0;
	(void)snprintf(name, sizeof(name), "%s.effective", file);
	r = limit_read(dirfd, name, type, &effective, &unread);
	if (r == -ENOENT)
		return 0; /* every kernel that has cpusets has it */
	if (r < 0 && err)
		*err = unread;
	if (r < 0)
		return r;
	if (!limit_within(type, &effective, ceiling))
		return err_set(err, ERANGE, "'%s' is '%s', beyond the ceiling: the cgroup above has nothing of it",
			       name, limit_format(type, &effective, text, sizeof(text)));
	return 0;
}

int limit_lower(int dirfd, const char *file, const struct limit_type *type, const struct limit_value *ceiling,
		struct limit_before *ret, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	struct limit_value now, lower, wanted, goal = *ceiling;
	int r;

	fd = open_limit(dirfd, file, err);
	if (fd < 0)
		return fd;
	r = read_value(fd, file, type, &now, err);
	if (r < 0)
		return r;
	if (!limit_smaller(type, &now, ceiling, &lower))
		return limit_check_effective(dirfd, file, type, ceiling, err);
	r = limit_check_common(file, type, &now, &lower, err);
	if (r < 0)
		return r;
	wanted = lower;
	ret->changed = true;
	ret->value = now;
	if (type->kind == LIMIT_LINES)
		keep_lines(&now, &lower, &ret->value);
	r = write_value(fd, file, type, &lower, ret, err);
	if (r < 0)
		return r;
	if (type->kind == LIMIT_LINES) {
		drop_skipped(&goal, &wanted, &lower);
		keep_lines(&now, &lower, &ret->value);
	}
	r = read_value(fd, file, type, &now, err);
	if (r < 0)
		return r;
	if (!limit_within(type, &now, &goal))
		return err_set(err, EIO, "'%s' does not read back as written", file);
	return limit_check_effective(dirfd, file, type, ceiling, err);
}

/* Does the file hold again what it held? LIMIT_LINES: the lines that were written. */
static bool is_restored(const struct limit_type *type, const struct limit_value *now, const struct limit_value *before)
{
	struct limit_value here = *now;
	char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];

	if (type->kind == LIMIT_LINES)
		keep_lines(now, before, &here);
	return strcmp(limit_format(type, &here, a, sizeof(a)), limit_format(type, before, b, sizeof(b))) == 0;
}

/*
 * The kernel lets no cpuset that has processes go back to an empty set (validate_change() of
 * kernel/cgroup/cpuset.c: ENOSPC). Empty means what the parent may use, so that is written; what the parent
 * may use later it does not follow.
 */
static int restore_empty_set(int dirfd, int fd, const char *file, const struct limit_type *type, struct err *err)
{
	struct limit_before scratch = { 0 };
	struct limit_value all, now;
	char parents[2 * LIMIT_FILE_SIZE];
	int r;

	(void)snprintf(parents, sizeof(parents), "../%s.effective", file);
	r = limit_read(dirfd, parents, type, &all, err);
	if (r >= 0)
		r = write_value(fd, file, type, &all, &scratch, err);
	if (r >= 0)
		r = read_value(fd, file, type, &now, err);
	if (r < 0)
		return r;
	if (!limit_within(type, &all, &now))
		return err_set(err, EIO, "'%s' does not read back as what its parent may use", file);
	return 0;
}

int limit_restore(int dirfd, const char *file, const struct limit_type *type, const struct limit_before *before,
		  struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	struct limit_before scratch = { .skip_unknown = true };
	struct limit_value value = before->value, now;
	struct err refused = { 0 };
	int r;

	if (!before->changed)
		return 0;
	fd = open_limit(dirfd, file, err);
	if (fd < 0)
		return fd;
	r = write_value(fd, file, type, &value, &scratch, &refused);
	if (r == -ENOSPC && type->kind == LIMIT_SET)
		return restore_empty_set(dirfd, fd, file, type, err);
	if (r < 0 && err)
		*err = refused;
	if (r < 0)
		return r;
	r = read_value(fd, file, type, &now, err);
	if (r < 0)
		return r;
	if (!is_restored(type, &now, &value))
		return err_set(err, EIO, "'%s' does not read back as it was before", file);
	return 0;
}
