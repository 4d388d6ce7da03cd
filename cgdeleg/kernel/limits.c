/* SPDX-License-Identifier: Apache-2.0 */
/* Limits - one ceiling on one limit file. See limits.h. */
#include "cgdeleg/kernel/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "policy/limit-list.h"

/* One descriptor serves all: what is read back is the very file that was written. */
static int read_value(int fd, const char *file, const struct limit_type *type, struct arena *arena,
		      struct limit_value *ret, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];
	ssize_t n;
	int r;

	n = file_read_record(fd, text, sizeof(text));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '%s'", file);
	r = limit_parse_kernel(type, text, arena, ret, err);
	return r < 0 ? err_wrap(err, "cannot read '%s'", file) : 0;
}

int limit_read(int dirfd, const char *file, const struct limit_type *type, struct arena *arena, struct limit_value *ret,
	       struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", file);
	return read_value(fd, file, type, arena, ret, err);
}

/* Writes every line but those that the kernel does not know, where that is allowed. *ret is what was written. */
static int write_value(int fd, const char *file, const struct limit_type *type, const struct limit_value *value,
		       struct limit_before *before, struct limit_value *ret, struct err *err)
{
	struct limit_line written[LIMIT_LINES_MAX];
	char text[LIMIT_TEXT_SIZE];
	size_t n = 0;

	*ret = *value;
	for (size_t i = 0; i < limit_writes(type, value); i++) {
		bool unknown;
		int r;

		(void)limit_format_write(type, value, i, text, sizeof(text));
		/* An empty write never reaches a cgroup file's handler; a line's end alone does. */
		r = *text ? file_write_fd(fd, text, strlen(text)) : file_write_fd(fd, "\n", 1);
		/* The kernel's answers to a device or resource that it does not know. */
		unknown = type->kind == LIMIT_LINES && (r == -ENODEV || r == -EINVAL);
		if (r < 0 && !(before->skip_unknown && unknown))
			return err_set_errno(err, r, "cannot write '%s' to '%s'", text, file);
		if (r < 0)
			before->n_skipped++;
		else if (type->kind == LIMIT_LINES)
			written[n++] = value->lines->lines[i];
	}
	return type->kind == LIMIT_LINES ? limit_lines_make(written, n, &before->arena, ret, err) : 0;
}

static int open_limit(int dirfd, const char *file, bool no_wait, struct err *err)
{
	int fd = openat(dirfd, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (no_wait ? O_NONBLOCK : 0));

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", file);
	return fd;
}

int limit_check_common(const char *file, const struct limit_type *type, const struct limit_value *now,
		       const struct limit_value *lower, struct err *err)
{
	const struct limit_value none = { 0 };
	char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];

	/* An empty set is within no other: of it everything has something in common. */
	if (type->kind != LIMIT_SET || limit_within(type, &none, now) || limit_within(type, lower, now))
		return 0;
	return err_set(
		err, ERANGE,
		"'%s' is '%s', which has nothing in common with the ceiling '%s'; give the container a set within it, or take the ceiling out of the profile",
		file, limit_format(type, now, a, sizeof(a)), limit_format(type, lower, b, sizeof(b)));
}

int limit_check_effective(int dirfd, const char *file, const struct limit_type *type, const struct limit_value *ceiling,
			  struct err *err)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	char name[LIMIT_FILE_SIZE + sizeof(".effective")], text[LIMIT_TEXT_SIZE];
	struct limit_value effective;
	struct err unread = { 0 };
	int r;

	if (type->kind != LIMIT_SET)
		return 0;
	(void)snprintf(name, sizeof(name), "%s.effective", file);
	r = limit_read(dirfd, name, type, &arena, &effective, &unread);
	if (r == -ENOENT)
		return 0; /* every kernel that has cpusets has it */
	if (r < 0 && err)
		*err = unread;
	if (r < 0)
		return r;
	if (!limit_within(type, &effective, ceiling))
		return err_set(
			err, ERANGE,
			"'%s' is '%s', beyond the ceiling: the cgroup above has none of the CPUs or nodes that the ceiling names",
			name, limit_format(type, &effective, text, sizeof(text)));
	return 0;
}

/* Writes `lower`, which is what `now` and the ceiling allow together, and reads it back. */
static int write_lower(int fd, const char *file, const struct limit_type *type, const struct limit_value *now,
		       const struct limit_value *lower, const struct limit_value *ceiling, struct limit_before *ret,
		       struct err *err)
{
	struct limit_value written, goal, back;
	int r = limit_pick_lines(type, now, lower, &ret->arena, &ret->value, err);

	if (r < 0)
		return r;
	ret->changed = true;
	r = write_value(fd, file, type, lower, ret, &written, err);
	/* What was skipped need neither be put back nor read back. */
	if (r >= 0)
		r = limit_pick_lines(type, now, &written, &ret->arena, &ret->value, err);
	if (r >= 0)
		r = limit_pick_lines(type, ceiling, &written, &ret->arena, &goal, err);
	if (r >= 0)
		r = read_value(fd, file, type, &ret->arena, &back, err);
	if (r < 0)
		return r;
	return limit_within(type, &back, &goal) ? 0 : err_set(err, EIO, "'%s' does not read back as written", file);
}

int limit_lower(int dirfd, const char *file, const struct limit_type *type, const struct limit_value *ceiling,
		struct limit_before *ret, struct err *err)
{
	_cleanup_close_ int fd = open_limit(dirfd, file, ret->no_wait, err);
	struct limit_value now, lower;
	int r;

	if (fd < 0)
		return fd;
	r = read_value(fd, file, type, &ret->arena, &now, err);
	if (r >= 0)
		r = limit_smaller(type, &now, ceiling, &ret->arena, &lower, err);
	if (r == 0)
		return limit_check_effective(dirfd, file, type, ceiling, err);
	if (r > 0)
		r = limit_check_common(file, type, &now, &lower, err);
	if (r >= 0)
		r = write_lower(fd, file, type, &now, &lower, ceiling, ret, err);
	return r < 0 ? r : limit_check_effective(dirfd, file, type, ceiling, err);
}

/*
 * The kernel lets no cpuset that has processes go back to an empty set (validate_change() of
 * kernel/cgroup/cpuset.c: ENOSPC). Empty means what the parent may use, so that is written; what the parent
 * may use later it does not follow.
 */
static int restore_empty_set(int dirfd, int fd, const char *file, const struct limit_type *type, struct err *err)
{
	_cleanup_(limit_before_done) struct limit_before scratch = { 0 };
	struct limit_value all, now, written;
	char parents[2 * LIMIT_FILE_SIZE];
	int r;

	(void)snprintf(parents, sizeof(parents), "../%s.effective", file);
	r = limit_read(dirfd, parents, type, &scratch.arena, &all, err);
	if (r >= 0)
		r = write_value(fd, file, type, &all, &scratch, &written, err);
	if (r >= 0)
		r = read_value(fd, file, type, &scratch.arena, &now, err);
	if (r < 0)
		return r;
	if (!limit_within(type, &all, &now))
		return err_set(err, EIO, "'%s' does not read back as the set that its parent may use", file);
	return 0;
}

/* Does the file hold again what it held? LIMIT_LINES: the lines that were written. */
static int check_restored(int fd, const char *file, const struct limit_type *type, const struct limit_value *before,
			  struct arena *arena, struct err *err)
{
	char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];
	struct limit_value now, here;
	int r = read_value(fd, file, type, arena, &now, err);

	if (r >= 0)
		r = limit_pick_lines(type, &now, before, arena, &here, err);
	if (r < 0)
		return r;
	if (strcmp(limit_format(type, &here, a, sizeof(a)), limit_format(type, before, b, sizeof(b))) != 0)
		return err_set(err, EIO, "'%s' does not read back as it was before", file);
	return 0;
}

int limit_restore(int dirfd, const char *file, const struct limit_type *type, const struct limit_before *before,
		  struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_(limit_before_done) struct limit_before scratch = { .skip_unknown = true };
	struct limit_value written;
	struct err refused = { 0 };
	int r;

	if (!before->changed)
		return 0;
	fd = open_limit(dirfd, file, false, err);
	if (fd < 0)
		return fd;
	r = write_value(fd, file, type, &before->value, &scratch, &written, &refused);
	if (r == -ENOSPC && type->kind == LIMIT_SET)
		return restore_empty_set(dirfd, fd, file, type, err);
	if (r < 0 && err)
		*err = refused;
	return r < 0 ? r : check_restored(fd, file, type, &written, &scratch.arena, err);
}
