/* SPDX-License-Identifier: Apache-2.0 */
/* Limit math - which of two values allows more, and what both allow. See limit.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/limit-list.h"

/* Both as quota/period; exact: 64 x 64 bits cannot overflow 128. */
static bool cpu_above(const struct limit_value *a, const struct limit_value *b)
{
	if (b->number == LIMIT_MAX)
		return false;
	if (a->number == LIMIT_MAX)
		return true;
	return (unsigned __int128)a->number * b->period > (unsigned __int128)b->number * a->period;
}

static bool set_is_empty(const struct limit_set *set)
{
	for (size_t i = 0; set && i < ELEMENTS(set->bits); i++)
		if (set->bits[i])
			return false;
	return true;
}

/* An empty set means the parent's, and so is above any set that names something. */
static bool set_within(const struct limit_set *set, const struct limit_set *ceiling)
{
	if (set_is_empty(ceiling))
		return true;
	if (set_is_empty(set))
		return false;
	for (size_t i = 0; i < ELEMENTS(set->bits); i++)
		if (set->bits[i] & ~ceiling->bits[i])
			return false;
	return true;
}

/* What the kernel does not list is not limited. */
static uint64_t line_value(const struct limit_line *line, size_t param)
{
	return line ? line->values[param] : LIMIT_MAX;
}

static bool lines_within(const struct limit_value *value, const struct limit_value *ceiling)
{
	for (size_t i = 0; i < limit_n_lines(ceiling); i++) {
		const struct limit_line *most = &ceiling->lines->lines[i];
		const struct limit_line *line = limit_find_line(value, most->name);

		for (size_t j = 0; j < LIMIT_PARAMS; j++)
			if (line_value(line, j) > most->values[j])
				return false;
	}
	return true;
}

bool limit_within(const struct limit_type *type, const struct limit_value *value, const struct limit_value *ceiling)
{
	switch (type->kind) {
	case LIMIT_BYTES:
	case LIMIT_COUNT:
		return value->number <= ceiling->number;
	case LIMIT_CPU:
		return !cpu_above(value, ceiling);
	case LIMIT_SET:
		return set_within(value->set, ceiling->set);
	case LIMIT_LINES:
		return lines_within(value, ceiling);
	case LIMIT_KIND_MAX:
		break;
	}
	return false;
}

static int set_smaller(const struct limit_value *now, const struct limit_value *ceiling, struct arena *arena,
		       struct limit_value *ret, struct err *err)
{
	struct limit_set both = *ceiling->set;

	for (size_t i = 0; now->set && i < ELEMENTS(both.bits); i++)
		both.bits[i] &= now->set->bits[i];
	if (!now->set || set_is_empty(&both)) {
		*ret = *ceiling;
		return 0;
	}
	return limit_set_make(&both, arena, ret, err);
}

static int lines_smaller(const struct limit_value *now, const struct limit_value *ceiling, struct arena *arena,
			 struct limit_value *ret, struct err *err)
{
	const size_t n = limit_n_lines(ceiling);
	struct limit_line lines[LIMIT_LINES_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct limit_line *line = limit_find_line(now, ceiling->lines->lines[i].name);

		lines[i] = ceiling->lines->lines[i];
		for (size_t j = 0; j < LIMIT_PARAMS; j++)
			if (line_value(line, j) < lines[i].values[j])
				lines[i].values[j] = line_value(line, j);
	}
	return limit_lines_make(lines, n, arena, ret, err);
}

int limit_smaller(const struct limit_type *type, const struct limit_value *now, const struct limit_value *ceiling,
		  struct arena *arena, struct limit_value *ret, struct err *err)
{
	const bool differs = !limit_within(type, now, ceiling);
	int r = 0;

	if (type->kind == LIMIT_LINES)
		r = lines_smaller(now, ceiling, arena, ret, err);
	else if (differs && type->kind == LIMIT_SET)
		r = set_smaller(now, ceiling, arena, ret, err);
	else
		*ret = differs ? *ceiling : *now;
	return r < 0 ? r : differs;
}

int limit_add_lines(const struct limit_type *type, struct limit_value *value, const struct limit_value *more,
		    struct arena *arena, struct err *err)
{
	struct limit_line lines[LIMIT_LINES_MAX];
	size_t n;

	if (type->kind != LIMIT_LINES)
		return 0;
	n = limit_n_lines(value);
	if (n > 0)
		memcpy(lines, value->lines->lines, n * sizeof(lines[0]));
	for (size_t i = 0; i < limit_n_lines(more); i++) {
		if (limit_find_line(value, more->lines->lines[i].name))
			continue;
		if (n == LIMIT_LINES_MAX)
			return err_set(err, E2BIG, "more than %d devices have limits", LIMIT_LINES_MAX);
		lines[n++] = more->lines->lines[i];
	}
	return n == limit_n_lines(value) ? 0 : limit_lines_make(lines, n, arena, value, err);
}

int limit_pick_lines(const struct limit_type *type, const struct limit_value *from, const struct limit_value *names,
		     struct arena *arena, struct limit_value *ret, struct err *err)
{
	struct limit_line lines[LIMIT_LINES_MAX];

	if (type->kind != LIMIT_LINES) {
		*ret = *from;
		return 0;
	}
	for (size_t i = 0; i < limit_n_lines(names); i++) {
		const struct limit_line *line = limit_find_line(from, names->lines->lines[i].name);

		lines[i] = names->lines->lines[i];
		for (size_t j = 0; j < LIMIT_PARAMS; j++)
			lines[i].values[j] = line_value(line, j);
	}
	return limit_lines_make(lines, limit_n_lines(names), arena, ret, err);
}
