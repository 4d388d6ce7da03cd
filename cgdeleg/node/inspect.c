/* SPDX-License-Identifier: Apache-2.0 */
/* Inspect - one grant as it is now: its ceilings against its files, and its guards. See inspect.h. */
#include "cgdeleg/node/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "policy/limit-list.h"

int inspect_open(int sys_fd, int fd, uint64_t id, const struct attribute *attribute, struct inspect *ret, struct err *err)
{
	*ret = (struct inspect) { .attribute = attribute, .sys_fd = sys_fd, .id = id, .place_fd = { fd, -EBADF } };
	if (!attribute->scope)
		return 0;
	ret->place_fd[PLACE_SCOPE] = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->place_fd[PLACE_SCOPE] < 0 ? err_set_errno(err, errno, "cannot open the scope above the cgroup") : 0;
}

void inspect_done(struct inspect *inspect)
{
	inspect->place_fd[PLACE_SCOPE] = close_fd(inspect->place_fd[PLACE_SCOPE]);
	arena_done(&inspect->arena);
}

bool inspect_next(const struct inspect *inspect, struct limit_state *limit)
{
	const struct attribute *attribute = inspect->attribute;
	struct ceiling *ceiling = &limit->ceiling;

	if (limit->next == attribute->n_ceilings && limit->place == PLACE_ROOT && attribute->scope) {
		limit->place = PLACE_SCOPE;
		limit->next = 0;
	}
	if (limit->next == attribute->n_ceilings)
		return false;
	*ceiling = attribute->ceilings[limit->next++];
	limit->above = false;
	ceiling_at_place(limit->place, ceiling->file, &ceiling->value);
	return true;
}

/* Every such file but io.max lists all devices or resources that there are; io.max only those with a limit. */
static bool is_there(const struct inspect *inspect, const struct limit_state *limit, const char *name)
{
	char path[sizeof("dev/block/") + LIMIT_FILE_SIZE];

	if (limit_find_line(&limit->now, name))
		return true;
	if (strcmp(limit->ceiling.file, "io.max") != 0)
		return false;
	(void)snprintf(path, sizeof(path), "dev/block/%s", name);
	return faccessat(inspect->sys_fd, path, F_OK, 0) == 0 || errno != ENOENT;
}

/* The ceiling without the lines of what is not there. */
static int pick_ceiling(struct inspect *inspect, const struct limit_state *limit, struct limit_value *ret, struct err *err)
{
	const struct ceiling *c = &limit->ceiling;
	struct limit_line lines[LIMIT_LINES_MAX];
	size_t n = 0;

	*ret = c->value;
	if (c->type->kind != LIMIT_LINES)
		return 0;
	for (size_t i = 0; i < limit_n_lines(&c->value); i++)
		if (is_there(inspect, limit, c->value.lines->lines[i].name))
			lines[n++] = c->value.lines->lines[i];
	return limit_lines_make(lines, n, &inspect->arena, ret, err);
}

int inspect_compare(struct inspect *inspect, struct limit_state *limit, const char *text, struct err *err)
{
	const struct ceiling *c = &limit->ceiling;
	int r = limit_parse_kernel(c->type, text, &inspect->arena, &limit->now, err);
	struct limit_value most;

	if (r >= 0)
		r = pick_ceiling(inspect, limit, &most, err);
	if (r < 0)
		return err_wrap(err, "cannot read '%s'", c->file);
	limit->above = !limit_within(c->type, &limit->now, &most);
	return 0;
}

int inspect_read(struct inspect *inspect, struct limit_state *limit, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];
	ssize_t n = file_read_record_at(inspect->place_fd[limit->place], limit->ceiling.file, text, sizeof(text));

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '%s'", limit->ceiling.file);
	return inspect_compare(inspect, limit, text, err);
}

const char *guard_kind_name(enum guard_kind kind)
{
	return kind == DEVICE_GUARD ? "device guard" : "grant guard";
}

bool inspect_had_guard(const struct attribute *attribute, enum guard_kind kind)
{
	return kind == DEVICE_GUARD ? attribute->device_guard : attribute->guarded;
}

void inspect_device_rules(const struct attribute *attribute, struct device_rules *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ready = DEVICE_GUARD_READY;
	ret->n_rules = (uint32_t)attribute->n_rules;
	if (attribute->n_rules > 0)
		memcpy(ret->rules, attribute->rules, attribute->n_rules * sizeof(ret->rules[0]));
}

uint64_t inspect_grant_flags(const struct attribute *attribute)
{
	return attribute->pressure == TRI_YES ? GUARD_ALLOW_PRESSURE : 0;
}

int inspect_guards(struct attached_names *names, int fd, enum guard_state ret[GUARD_KINDS], struct err *err)
{
	struct attached_guards now;
	int r = guards_attached(names, fd, &now, err);

	ret[DEVICE_GUARD] = now.device ? GUARD_IN_FORCE : GUARD_GONE;
	ret[GRANT_GUARD] = now.grant ? GUARD_IN_FORCE : now.grant_part ? GUARD_IN_PART : GUARD_GONE;
	return r;
}

/* This build's device guard without its rules: whoever attached it died before it could write them. */
static int compare_device_guard(const struct inspect *inspect, const struct device_guard *guard, struct err *err)
{
	struct device_rules wanted, found;
	int r = device_guard_read(guard, inspect->id, &found, err);

	inspect_device_rules(inspect->attribute, &wanted);
	return r < 0 ? r : device_rules_equal(&found, &wanted) ? GUARD_IN_FORCE : GUARD_GONE;
}

static int compare_grant_guard(const struct inspect *inspect, const struct grant_guard *guard, struct err *err)
{
	struct guard_grant found;
	int r = grant_guard_read(guard, inspect->place_fd[PLACE_ROOT], &found, err);

	if (r < 0 || inspect->attribute->pressure == TRI_UNKNOWN)
		return r < 0 ? r : GUARD_IN_FORCE;
	return found.root == inspect->id && found.flags == inspect_grant_flags(inspect->attribute) ? GUARD_IN_FORCE
												   : GUARD_GONE;
}

int inspect_guard(const struct inspect *inspect, const struct guards *pinned, enum guard_kind kind, struct err *err)
{
	const int fd = inspect->place_fd[PLACE_ROOT];
	struct attached_names names = { 0 };
	enum guard_state states[GUARD_KINDS];
	int r = 0;

	if (kind == DEVICE_GUARD && pinned->device.program_fd >= 0)
		r = device_guard_is_attached(&pinned->device, fd, err);
	else if (kind == GRANT_GUARD && pinned->grant.grants_fd >= 0)
		r = grant_guard_is_attached(&pinned->grant, fd, err);
	if (r < 0)
		return r;
	if (r > 0)
		return kind == DEVICE_GUARD ? compare_device_guard(inspect, &pinned->device, err)
					    : compare_grant_guard(inspect, &pinned->grant, err);
	r = inspect_guards(&names, fd, states, err);
	return r < 0 ? r : (int)states[kind];
}
