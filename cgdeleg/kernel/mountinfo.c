/* SPDX-License-Identifier: Apache-2.0 */
/* Mount - /proc/<pid>/mountinfo. See mount.h. Source of the format: proc_pid_mountinfo(5). */
#include "cgdeleg/kernel/mount.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum field { FIELD_ID, FIELD_PARENT, FIELD_DEV, FIELD_ROOT, FIELD_POINT, FIELD_OPTIONS, FIELD_MAX };

/* A field as it stands in the line: not ended by a NUL, octal escapes not decoded. */
struct slice {
	const char *at;
	size_t len;
};

struct line {
	struct slice fields[FIELD_MAX];
	struct slice type, super_options;
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

/* Decodes \ooo as seq_escape() of the kernel writes it for blank, tab, newline and backslash. */
static bool decode(const struct slice *slice, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < slice->len; i++) {
		const char *p = slice->at + i + 1;
		char c = slice->at[i];

		if (c == '\\' && slice->len - i >= 4 && p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' &&
		    p[2] >= '0' && p[2] <= '7') {
			c = (char)((p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0'));
			i += 3;
		}
		if (len + 1 >= size || c == '\0')
			return false;
		buf[len++] = c;
	}
	buf[len] = '\0';
	return true;
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
	do {
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
	ret->nsdelegate = slice_has(&line->super_options, "nsdelegate");
	ret->layers++;
	return true;
}

/* A bpffs below the root filesystem of which `point` is /sys/fs/cgroup. */
static void note_bpffs(const struct line *line, const char *point, struct cgroup_mount *ret)
{
	static const char below[] = "/sys/fs/cgroup";
	const size_t len = strlen(point) - strlen(below);
	char here[PATH_MAX];

	if (!slice_is(&line->type, "bpf") || !decode(&line->fields[FIELD_POINT], here, sizeof(here)) ||
	    strncmp(here, point, len) != 0 || here[len] != '/')
		return;
	ret->bpffs = true;
	ret->bpf_token = ret->bpf_token ||
			 memmem(line->super_options.at, line->super_options.len, "delegate_", strlen("delegate_"));
}

int mount_parse(const char *mountinfo, const char *point, struct cgroup_mount *ret, struct err *err)
{
	const char *at = mountinfo;
	char here[PATH_MAX];
	bool covered = false;

	ret->layers = 0;
	ret->bpffs = ret->bpf_token = false;
	if (strlen(point) >= sizeof(ret->point))
		return err_set(err, ENAMETOOLONG, "the path of the container's cgroup mount is too long");
	/* Later lines at the same point lie on top of earlier ones: mountinfo is in mounting order. */
	while (*at) {
		const char *end = strchrnul(at, '\n');
		struct line line;

		if (!split(at, end, &line))
			return err_set(err, EBADMSG, "mountinfo: cannot read the line '%.*s'",
				       (int)(end - at > 200 ? 200 : end - at), at);
		at = *end ? end + 1 : end;
		note_bpffs(&line, point, ret);
		if (!decode(&line.fields[FIELD_POINT], here, sizeof(here)) || strcmp(here, point) != 0)
			continue;
		covered = !slice_is(&line.type, "cgroup2");
		if (!covered && !take(&line, ret))
			return err_set(err, EBADMSG, "mountinfo: cannot read the mount at '%s'", point);
	}
	if (covered)
		return err_set(err, ENOENT, "what is mounted at '%s' is not cgroup2", point);
	if (ret->layers == 0)
		return err_set(
			err, ENOENT,
			"the container has no cgroup2 mount at '%s'; its config.json must mount type 'cgroup' at '/sys/fs/cgroup', and no part of that path may be a symbolic link",
			point);
	memcpy(ret->point, point, strlen(point) + 1);
	return 0;
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
