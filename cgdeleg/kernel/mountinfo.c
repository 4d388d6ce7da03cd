/* SPDX-License-Identifier: Apache-2.0 */
/* Mount - /proc/<pid>/mountinfo. See mount.h. Source of the format: proc_pid_mountinfo(5). */
#include "cgdeleg/kernel/mount.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "bpf/cgroup2.h"

enum field { FIELD_ID, FIELD_PARENT, FIELD_DEV, FIELD_ROOT, FIELD_POINT, FIELD_OPTIONS, FIELD_MAX };

/* A field as it stands in the line: not ended by a NUL, octal escapes not decoded. */
struct slice {
	const char *at;
	size_t len;
};

struct line {
	struct slice fields[FIELD_MAX];
	struct slice optional, type, super_options;
};

static struct slice next_field(const char **at, const char *end)
{
	struct slice slice = { .at = *at };

	while (*at < end && **at != ' ')
		(*at)++;
	slice.len = (size_t)(*at - slice.at);
	if (*at < end)
		(*at)++;
	return slice;
}

static bool slice_is(const struct slice *slice, const char *word)
{
	return slice->len == strlen(word) && memcmp(slice->at, word, slice->len) == 0;
}

/* Is `word` one of the comma-separated options? */
static bool slice_has(const struct slice *slice, const char *word)
{
	const char *p = slice->at;
	const char *end = slice->at + slice->len;
	size_t want = strlen(word);

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t len = comma ? (size_t)(comma - p) : (size_t)(end - p);

		if (len == want && memcmp(p, word, len) == 0)
			return true;
		p += len + 1;
	}
	return false;
}

/* The next byte of a field, \ooo decoded as seq_escape() of the kernel writes it for blank, tab, newline and backslash.
 * '\0': the field's end, or a NUL, which no path has. */
static char next_byte(const char **at, const char *end)
{
	const char *p = *at;

	if (p == end)
		return '\0';
	if (*p == '\\' && end - p >= 4 && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
	    p[3] <= '7') {
		*at += 4;
		return (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
	}
	(*at)++;
	return *p;
}

/* The comma-separated options without a value (a context= of SELinux has one, and foreign bytes), as blank-separated
 * words. False: they do not fit. */
static bool slice_words(const struct slice *slice, char buf[HOST_OPTIONS_SIZE])
{
	const char *p = slice->at;
	const char *end = slice->at + slice->len;
	size_t used = 0;

	buf[0] = '\0';
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const size_t len = comma ? (size_t)(comma - p) : (size_t)(end - p);
		size_t good = 0;

		while (good < len && (text_is_alnum(p[good]) || p[good] == '_'))
			good++;
		if (len > 0 && good == len) {
			if (used + len + 2 > HOST_OPTIONS_SIZE)
				return false;
			if (used > 0)
				buf[used++] = ' ';
			memcpy(buf + used, p, len);
			used += len;
			buf[used] = '\0';
		}
		p += len + 1;
	}
	return true;
}

/* False when it does not fit, or holds a NUL; buf then has what comes before. */
static bool decode(const struct slice *slice, char *buf, size_t size)
{
	const char *at = slice->at;
	const char *end = slice->at + slice->len;
	size_t len = 0;

	while (at < end && len + 1 < size) {
		buf[len] = next_byte(&at, end);
		if (buf[len++] == '\0')
			return false;
	}
	buf[len] = '\0';
	return at == end;
}

/* Is the path `field` the first `len` bytes of `path`, or something below? Then *ret is what comes after them. No path
 * is too long for this. */
static bool is_within(const struct slice *field, const char *path, size_t len, struct slice *ret)
{
	const char *at = field->at;
	const char *end = field->at + field->len;

	for (size_t i = 0; i < len; i++)
		if (next_byte(&at, end) != path[i])
			return false;
	*ret = (struct slice) { at, (size_t)(end - at) };
	return ret->len == 0 || next_byte(&at, end) == '/';
}

/* False when it is not a line of mountinfo. */
static bool split(const char *at, const char *end, struct line *ret)
{
	struct slice field;

	for (int i = 0; i < FIELD_MAX; i++) {
		ret->fields[i] = next_field(&at, end);
		if (ret->fields[i].len == 0)
			return false;
	}
	/* Optional fields, ended by a lone hyphen. */
	ret->optional.at = at;
	do {
		ret->optional.len = (size_t)(at - ret->optional.at);
		field = next_field(&at, end);
		if (field.len == 0)
			return false;
	} while (!slice_is(&field, "-"));
	ret->type = next_field(&at, end);
	(void)next_field(&at, end); /* source; may be empty */
	ret->super_options = next_field(&at, end);
	return ret->type.len > 0;
}

static bool take(const struct line *line, struct cgroup_mount *ret)
{
	uint64_t number;
	char id[16];

	if (!decode(&line->fields[FIELD_ID], id, sizeof(id)) ||
	    !decode(&line->fields[FIELD_ROOT], ret->root, sizeof(ret->root)) || text_to_u64(id, &number) < 0)
		return false;
	ret->id = number;
	ret->readonly = slice_has(&line->fields[FIELD_OPTIONS], "ro");
	ret->layers++;
	return slice_words(&line->super_options, ret->options);
}

/* Is it the host's own mount? Of several the last is on top. */
static bool note_host(const struct line *line, struct cgroup_mount *ret)
{
	char here[sizeof(ret->host_point)];
	bool is_host = false;

	if (!slice_is(&line->type, "cgroup2") || !decode(&line->fields[FIELD_POINT], here, sizeof(here)) ||
	    strncmp(here, "/sys/", strlen("/sys/")) != 0)
		return false;
	for (const char *const *place = cgroup2_places; *place; place++)
		is_host = is_host || strcmp(here + strlen("/sys/"), *place) == 0;
	if (!is_host || !slice_words(&line->fields[FIELD_OPTIONS], ret->host_flags))
		return false;
	memcpy(ret->host_point, here, strlen(here) + 1);
	return true;
}

static void note_bpffs(const struct line *line, struct cgroup_mount *ret)
{
	ret->bpffs = true;
	ret->bpf_token = ret->bpf_token ||
			 memmem(line->super_options.at, line->super_options.len, "delegate_", strlen("delegate_"));
}

/* `point` is what the mount's path has after the root filesystem's. */
static void note_other(const struct line *line, const struct slice *point, bool hidden, struct other_cgroup *ret)
{
	const struct slice at = point->len > 0 ? *point : (struct slice) { "/", 1 };

	if (!hidden && !slice_has(&line->fields[FIELD_OPTIONS], "ro") && ret->n_writable++ == 0 &&
	    !decode(&at, ret->writable, sizeof(ret->writable)))
		ret->writable[0] = '\0';
	if (ret->n++ > 0)
		return;
	ret->hidden = hidden;
	(void)decode(&line->type, ret->type, sizeof(ret->type));
	(void)decode(&line->fields[FIELD_ROOT], ret->root, sizeof(ret->root));
	(void)decode(&at, ret->point, sizeof(ret->point));
}

/* Every file system type that shows cgroups. "cpuset" is the one of before cgroups, which newer kernels show as
 * "cgroup". */
static bool shows_cgroups(const struct line *line)
{
	return slice_is(&line->type, "cgroup2") || slice_is(&line->type, "cgroup") || slice_is(&line->type, "cpuset");
}

static bool slice_equal(const struct slice *a, const struct slice *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* Do both mounts show the same cgroup of the same hierarchy? Some runtimes put the container's cgroup there twice, and
 * so does the hook. */
static bool shows_same(const struct line *a, const struct line *b)
{
	return slice_equal(&a->type, &b->type) && slice_equal(&a->fields[FIELD_DEV], &b->fields[FIELD_DEV]) &&
	       slice_equal(&a->fields[FIELD_ROOT], &b->fields[FIELD_ROOT]);
}

/* The next line, for which *at is moved on. 0: the end; -EBADMSG: not a line of mountinfo. */
static int next_line(const char **at, struct line *ret, struct err *err)
{
	const char *start = *at;
	const char *end = strchrnul(start, '\n');

	if (!*start)
		return 0;
	if (!split(start, end, ret))
		return err_set(err, EBADMSG, "mountinfo: cannot read the line '%.*s'",
			       (int)(end - start > 200 ? 200 : end - start), start);
	*at = *end ? end + 1 : end;
	return 1;
}

/*
 * Where `point` is the container's cgroup mount, the root filesystem is what comes before "/sys/fs/cgroup". Only what is
 * below the root filesystem counts: everything else of this mount table is gone after pivot_root.
 */
struct places {
	const char *point;
	size_t root_len;
};

enum where { ELSEWHERE, BELOW_ROOT, AT_POINT };

static enum where find_place(const struct places *places, const struct line *line, struct slice *ret_rest)
{
	const char *own = places->point + places->root_len;
	struct slice nothing;

	if (!is_within(&line->fields[FIELD_POINT], places->point, places->root_len, ret_rest))
		return ELSEWHERE;
	return is_within(ret_rest, own, strlen(own), &nothing) && nothing.len == 0 ? AT_POINT : BELOW_ROOT;
}

/* What lies under the mount `top`: an unmount would bring it to light. */
static void note_hidden(const char *mountinfo, const struct places *places, const struct line *top,
			struct cgroup_mount *ret)
{
	struct slice rest;
	struct line line;

	while (next_line(&mountinfo, &line, NULL) > 0)
		if (shows_cgroups(&line) && find_place(places, &line, &rest) == AT_POINT && !shows_same(&line, top))
			note_other(&line, &rest, true, &ret->other);
}

int mount_parse(const char *mountinfo, const char *point, struct cgroup_mount *ret, struct err *err)
{
	static const char below[] = "/sys/fs/cgroup";
	const size_t len = strlen(point);
	const bool is_cgroup = len >= strlen(below) && strcmp(point + len - strlen(below), below) == 0;
	const struct places places = { point, is_cgroup ? len - strlen(below) : 0 };
	const char *at = mountinfo;
	bool covered = false;
	struct line line, top = { 0 };
	unsigned n_here = 0;
	int r;

	ret->layers = 0;
	ret->host_point[0] = ret->host_flags[0] = '\0';
	ret->bpffs = ret->bpf_token = false;
	ret->other.n = ret->other.n_writable = 0;
	ret->other.writable[0] = '\0';
	if (len >= sizeof(ret->point))
		return err_set(err, ENAMETOOLONG, "the path of the container's cgroup mount is too long");
	/* Later lines at the same point lie on top of earlier ones: mountinfo is in mounting order. */
	while ((r = next_line(&at, &line, err)) > 0) {
		struct slice rest;
		const enum where where = find_place(&places, &line, &rest);

		(void)note_host(&line, ret);
		if (where != ELSEWHERE && slice_is(&line.type, "bpf"))
			note_bpffs(&line, ret);
		if (where == BELOW_ROOT && shows_cgroups(&line))
			note_other(&line, &rest, false, &ret->other);
		if (where != AT_POINT)
			continue;
		n_here += shows_cgroups(&line);
		covered = !slice_is(&line.type, "cgroup2");
		top = line;
		if (!covered && !take(&line, ret))
			return err_set(err, EBADMSG, "mountinfo: cannot read the mount at '%s'", point);
	}
	if (r < 0)
		return r;
	if (covered)
		return err_set(err, ENOENT, "what is mounted at '%s' is not cgroup2", point);
	if (ret->layers == 0)
		return err_set(
			err, ENOENT,
			"the container has no cgroup2 mount at '%s'; its config.json must mount type 'cgroup' at '/sys/fs/cgroup', and no part of that path may be a symbolic link",
			point);
	if (n_here > 1)
		note_hidden(mountinfo, &places, &top, ret);
	memcpy(ret->point, point, len + 1);
	return 0;
}

int mount_find_host(const char *mountinfo, struct cgroup_mount *ret, struct err *err)
{
	struct line line;
	int r;

	ret->host_point[0] = ret->host_flags[0] = '\0';
	while ((r = next_line(&mountinfo, &line, err)) > 0)
		if (note_host(&line, ret) && !slice_words(&line.super_options, ret->options))
			return err_set(err, EBADMSG, "mountinfo: cannot read the options of the host's cgroup2");
	if (r < 0)
		return r;
	return ret->host_point[0] ? 0 : err_set(err, ENOENT, "there is no cgroup2 at /sys/fs/cgroup in mountinfo");
}

/* "shared:9" or "master:9" among the optional fields. A mount that is both is of the former's group. */
static uint64_t peers_of(const struct line *line)
{
	static const char *const tags[] = { "shared:", "master:" };
	const char *end = line->optional.at + line->optional.len;

	for (size_t i = 0; i < 2; i++)
		for (const char *at = line->optional.at; at < end;) {
			const struct slice field = next_field(&at, end);
			char number[24];
			uint64_t ret;

			if (field.len <= strlen(tags[i]) || memcmp(field.at, tags[i], strlen(tags[i])) != 0 ||
			    !decode(&(struct slice) { field.at + strlen(tags[i]), field.len - strlen(tags[i]) }, number,
				    sizeof(number)))
				continue;
			if (text_to_u64(number, &ret) == 0)
				return ret;
		}
	return 0;
}

int mount_next_tree(const char **mountinfo, struct tree_mount *ret)
{
	struct line line;
	char id[24];
	int r;

	while ((r = next_line(mountinfo, &line, NULL)) > 0) {
		if (!slice_is(&line.type, "cgroup2") || !slice_is(&line.fields[FIELD_ROOT], "/"))
			continue;
		if (!decode(&line.fields[FIELD_ID], id, sizeof(id)) || text_to_u64(id, &ret->id) < 0)
			return -EBADMSG;
		(void)decode(&line.fields[FIELD_POINT], ret->point, sizeof(ret->point));
		ret->peers = peers_of(&line);
		return 1;
	}
	return r;
}

uint64_t mount_peers(const char *mountinfo, const char *point)
{
	struct tree_mount mount;
	uint64_t ret = 0;

	while (mount_next_tree(&mountinfo, &mount) > 0)
		if (strcmp(mount.point, point) == 0)
			ret = mount.peers;
	return ret;
}

bool mount_is_point(const char *mountinfo, const char *path)
{
	while (*mountinfo) {
		const char *end = strchrnul(mountinfo, '\n');
		char here[PATH_MAX];
		struct line line;

		if (split(mountinfo, end, &line) && decode(&line.fields[FIELD_POINT], here, sizeof(here)) &&
		    strcmp(here, path) == 0)
			return true;
		mountinfo = *end ? end + 1 : end;
	}
	return false;
}
