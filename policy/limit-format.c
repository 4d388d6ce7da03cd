/* SPDX-License-Identifier: Apache-2.0 */
/* Limit format - values as the kernel takes them. See limit.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/limit.h"

/* Text that grows in a fixed buffer; what does not fit is cut. */
struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *out, const char *fmt, ...) _printf_(2, 3);
static void put(struct out *out, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (out->len >= out->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(out->buf + out->len, out->size - out->len, fmt, ap);
	va_end(ap);
	out->len = n < 0 ? out->size : out->len + (size_t)n;
}

static void put_number(struct out *out, uint64_t number)
{
	if (number == LIMIT_MAX)
		put(out, "max");
	else
		put(out, "%llu", (unsigned long long)number);
}

static bool set_has(const uint64_t *set, size_t bit)
{
	return bit < LIMIT_SET_BITS && (set[bit / 64] >> (bit % 64) & 1);
}

static void put_set(struct out *out, const uint64_t *set)
{
	const char *comma = "";

	for (size_t bit = 0; bit < LIMIT_SET_BITS; bit++) {
		size_t first = bit;

		if (!set_has(set, bit))
			continue;
		while (set_has(set, bit + 1))
			bit++;
		put(out, bit > first ? "%s%zu-%zu" : "%s%zu", comma, first, bit);
		comma = ",";
	}
}

static void put_line(struct out *out, const struct limit_type *type, const struct limit_line *line)
{
	put(out, "%s", line->name);
	for (size_t i = 0; type->params[i]; i++) {
		put(out, type->params[i][0] ? " %s=" : " %s", type->params[i]);
		put_number(out, line->values[i]);
	}
}

size_t limit_writes(const struct limit_type *type, const struct limit_value *value)
{
	return type->kind == LIMIT_LINES ? limit_n_lines(value) : 1;
}

static void put_write(struct out *out, const struct limit_type *type, const struct limit_value *value, size_t i)
{
	switch (type->kind) {
	case LIMIT_BYTES:
	case LIMIT_COUNT:
		put_number(out, value->number);
		break;
	case LIMIT_CPU:
		put_number(out, value->number);
		put(out, " %llu", (unsigned long long)value->period);
		break;
	case LIMIT_SET:
		if (value->set)
			put_set(out, value->set->bits);
		break;
	case LIMIT_LINES:
		if (i < limit_n_lines(value))
			put_line(out, type, &value->lines->lines[i]);
		break;
	case LIMIT_KIND_MAX:
		break;
	}
}

const char *limit_format_write(const struct limit_type *type, const struct limit_value *value, size_t i, char *buf,
			       size_t size)
{
	struct out out = { .buf = buf, .size = size };

	buf[0] = '\0';
	put_write(&out, type, value, i);
	return buf;
}

const char *limit_format(const struct limit_type *type, const struct limit_value *value, char *buf, size_t size)
{
	struct out out = { .buf = buf, .size = size };
	size_t n = limit_writes(type, value);

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		put(&out, "%s", i > 0 ? ", " : "");
		put_write(&out, type, value, i);
	}
	return buf;
}
