/* SPDX-License-Identifier: Apache-2.0 */
/* Limit lists - the two kinds of limit that hold more than one number. See limit-list.h. */
#include "policy/limit-list.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

int limit_set_make(const struct limit_set *set, struct arena *arena, struct limit_value *ret, struct err *err)
{
	struct limit_set *copy = arena ? arena_alloc(arena, sizeof(*copy)) : NULL;

	if (!copy)
		return err_set(err, ENOMEM, "out of memory");
	*copy = *set;
	*ret = (struct limit_value) { .set = copy };
	return 0;
}

int limit_lines_make(const struct limit_line *lines, size_t n, struct arena *arena, struct limit_value *ret,
		     struct err *err)
{
	struct limit_lines *copy = arena ? arena_alloc(arena, sizeof(*copy) + n * sizeof(copy->lines[0])) : NULL;

	if (!copy)
		return err_set(err, ENOMEM, "out of memory");
	copy->n = n;
	memcpy(copy->lines, lines, n * sizeof(copy->lines[0]));
	*ret = (struct limit_value) { .lines = copy };
	return 0;
}

static const struct limit_line *find_line(const struct limit_line *lines, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(lines[i].name, name) == 0)
			return &lines[i];
	return NULL;
}

const struct limit_line *limit_find_line(const struct limit_value *value, const char *name)
{
	return value->lines ? find_line(value->lines->lines, value->lines->n, name) : NULL;
}

/* Reads digits at *p and moves *p past them. */
static bool set_number(const char **p, unsigned long *ret)
{
	char digits[8];
	size_t len = strspn(*p, "0123456789");
	uint64_t value;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, *p, len);
	digits[len] = '\0';
	if (text_to_u64(digits, &value) < 0)
		return false;
	*p += len;
	*ret = value;
	return true;
}

int limit_set_parse(const char *text, uint64_t set[LIMIT_SET_BITS / 64], struct err *err)
{
	const char *p = text;

	memset(set, 0, LIMIT_SET_BITS / 8);
	while (*p) {
		unsigned long first, last;

		if (!set_number(&p, &first))
			break;
		last = first;
		if (*p == '-' && (p++, !set_number(&p, &last)))
			break;
		if (last < first || (*p && *p != ',') || (*p == ',' && !p[1]))
			break;
		if (last >= LIMIT_SET_BITS)
			return err_set(err, ERANGE, "'%.64s' names a CPU or node above %d, the highest that is allowed",
				       text, LIMIT_SET_BITS - 1);
		for (unsigned long bit = first; bit <= last; bit++)
			set[bit / 64] |= UINT64_C(1) << (bit % 64);
		if (!*p++)
			return 0;
	}
	if (!*text)
		return 0;
	return err_set(err, EINVAL, "'%.64s' is not a list of CPUs or nodes like 0-3,7", text);
}

/* Which devices and resources there are is the kernel's to say; here only what could never be one, or
 * would break the line apart, is refused. */
static bool name_is_good(const struct limit_type *type, const char *name)
{
	size_t major = strspn(name, "0123456789");

	if (strcmp(type->key, "io.max") == 0)
		return major > 0 && name[major] == ':' && name[major + 1] &&
		       !name[major + 1 + strspn(name + major + 1, "0123456789")];
	return !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_.:/-")];
}

/* One "rbps=100M", or the bare number of a type whose only parameter has no name. */
static int read_param(const struct limit_type *type, bool policy, const char *word, struct limit_line *line,
		      unsigned *seen, struct err *err)
{
	const struct limit_type unbounded = { .key = type->key, .most = UINT64_MAX };
	const char *value = strchr(word, '=');
	size_t i = 0;

	if (type->params[0][0]) {
		size_t len = value ? (size_t)(value++ - word) : 0;

		while (type->params[i] && (strlen(type->params[i]) != len || strncmp(type->params[i], word, len) != 0))
			i++;
	} else {
		value = word;
	}
	if (!type->params[i])
		return err_set(err, EINVAL, "'%.64s' is not a parameter of %s: %s", word, type->key, type->help);
	if (*seen & (1U << i))
		return err_set(err, EINVAL, "'%.64s' sets a parameter of '%s' in %s a second time", word, line->name,
			       type->key);
	*seen |= 1U << i;
	return limit_number(policy ? type : &unbounded, policy && type->params_in_bytes[i], value, &line->values[i], err);
}

static int read_line(const struct limit_type *type, const char *text, bool policy, struct limit_line *line, struct err *err)
{
	char word[64 + LIMIT_FILE_SIZE];
	unsigned seen = 0;
	int r = text_next_word(&text, line->name, sizeof(line->name));

	if (r <= 0 || !name_is_good(type, line->name))
		return err_set(err, EINVAL,
			       "'%.64s' is not the name of a device or resource in the form that %s needs: %s%s",
			       r > 0 ? line->name : text, type->key, type->help,
			       r > 0 && strncmp(line->name, "/dev/", 5) == 0 ? "; lsblk shows a device's numbers" : "");
	for (size_t i = 0; i < LIMIT_PARAMS; i++)
		line->values[i] = LIMIT_MAX;
	while ((r = text_next_word(&text, word, sizeof(word))) != 0) {
		r = r < 0 ? err_set(err, EINVAL, "a word of %s is too long", type->key)
			  : read_param(type, policy, word, line, &seen, err);
		if (r < 0)
			return r;
	}
	if (policy && !seen)
		return err_set(err, EINVAL, "'%s' of %s has no value: %s", line->name, type->key, type->help);
	return 0;
}

static int add_line(const struct limit_type *type, const char *text, bool policy, struct limit_line *lines, size_t *n,
		    struct err *err)
{
	struct limit_line line;
	int r = read_line(type, text, policy, &line, err);

	if (r < 0)
		return r;
	if (*n == LIMIT_LINES_MAX)
		return err_set(err, E2BIG, "%s has more than %d lines", type->key, LIMIT_LINES_MAX);
	if (find_line(lines, *n, line.name))
		return err_set(err, EINVAL, "'%s' appears twice in %s", line.name, type->key);
	lines[(*n)++] = line;
	return 0;
}

int limit_lines_parse(const struct limit_type *type, const char *text, char separator, struct arena *arena,
		      struct limit_value *ret, struct err *err)
{
	const bool policy = separator != '\n';
	struct limit_line lines[LIMIT_LINES_MAX];
	size_t n = 0;
	char line[512];

	for (;;) {
		const char *end = strchrnul(text, separator);
		size_t len = (size_t)(end - text);
		int r;

		if (len >= sizeof(line))
			return err_set(err, EINVAL, "a line of %s has more than %zu bytes", type->key, sizeof(line) - 1);
		memcpy(line, text, len);
		line[len] = '\0';
		/* The kernel ends each line; the policy only separates them. */
		if (policy || len > 0) {
			r = add_line(type, line, policy, lines, &n, err);
			if (r < 0)
				return r;
		}
		if (!*end)
			return n > 0 ? limit_lines_make(lines, n, arena, ret, err) : 0;
		text = end + 1;
	}
}
