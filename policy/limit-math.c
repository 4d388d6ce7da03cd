/* SPDX-License-Identifier: Apache-2.0 */
/* Limit math - which of two values allows more, and what both allow. See limit.h. */
#include <string.h>

#include "policy/limit.h"

#define SET_WORDS (LIMIT_SET_BITS / 64)

/* Both as quota/period; exact: 64 x 64 bits cannot overflow 128. */
static bool cpu_above(const struct limit_value *a, const struct limit_value *b)
{
	if (b->number == LIMIT_MAX)
		return false;
	if (a->number == LIMIT_MAX)
		return true;
	return (unsigned __int128)a->number * b->period > (unsigned __int128)b->number * a->period;
}

static bool set_is_empty(const uint64_t *set)
{
	for (size_t i = 0; i < SET_WORDS; i++)
		if (set[i])
			return false;
	return true;
}

/* An empty set means the parent's, and so is above any set that names something. */
static bool set_within(const uint64_t *set, const uint64_t *ceiling)
{
	if (set_is_empty(ceiling))
		return true;
	for (size_t i = 0; i < SET_WORDS; i++)
		if (set[i] & ~ceiling[i])
			return false;
	return !set_is_empty(set);
}

static const struct limit_line *find_line(const struct limit_value *value, const char *name)
{
	for (size_t i = 0; i < value->n_lines; i++)
		if (strcmp(value->lines[i].name, name) == 0)
			return &value->lines[i];
	return NULL;
}

/* What the kernel does not list is not limited. */
static uint64_t line_value(const struct limit_line *line, size_t param)
{
	return line ? line->values[param] : LIMIT_MAX;
}

static bool lines_within(const struct limit_value *value, const struct limit_value *ceiling)
{
	for (size_t i = 0; i < ceiling->n_lines; i++) {
		const struct limit_line *most = &ceiling->lines[i];
		const struct limit_line *line = find_line(value, most->name);

		for (size_t j = 0; j < LIMIT_PARAMS; j++)
			if (line_value(line, j) > most->values[j])
				return false;
	}
	return true;
}

static void lines_smaller(const struct limit_value *now, const struct limit_value *ceiling, struct limit_value *ret)
{
	*ret = *ceiling;
	for (size_t i = 0; i < ret->n_lines; i++) {
		const struct limit_line *line = find_line(now, ret->lines[i].name);

		for (size_t j = 0; j < LIMIT_PARAMS; j++)
			if (line_value(line, j) < ret->lines[i].values[j])
				ret->lines[i].values[j] = line_value(line, j);
	}
}

bool limit_add_lines(const struct limit_type *type, struct limit_value *value, const struct limit_value *more)
{
	struct limit_value sum = *value;

	for (size_t i = 0; type->kind == LIMIT_LINES && i < more->n_lines; i++) {
		if (find_line(&sum, more->lines[i].name))
			continue;
		if (sum.n_lines == LIMIT_LINES_MAX)
			return false;
		sum.lines[sum.n_lines++] = more->lines[i];
	}
	*value = sum;
	return true;
}

static void set_smaller(const struct limit_value *now, const struct limit_value *ceiling, struct limit_value *ret)
{
	*ret = *ceiling;
	for (size_t i = 0; i < SET_WORDS; i++)
		ret->set[i] &= now->set[i];
	if (set_is_empty(ret->set))
		*ret = *ceiling;
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

bool limit_smaller(const struct limit_type *type, const struct limit_value *now, const struct limit_value *ceiling,
		   struct limit_value *ret)
{
	bool differs = !limit_within(type, now, ceiling);
	struct limit_value smaller = differs ? *ceiling : *now;

	if (differs && type->kind == LIMIT_SET)
		set_smaller(now, ceiling, &smaller);
	if (type->kind == LIMIT_LINES)
		lines_smaller(now, ceiling, &smaller);
	*ret = smaller;
	return differs;
}
