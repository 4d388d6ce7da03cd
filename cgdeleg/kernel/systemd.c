/* SPDX-License-Identifier: Apache-2.0 */
/* Systemd - units and properties as text. See systemd.h; the one call is in systemd-call.c. */
#include "cgdeleg/kernel/systemd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define PERCENT		 10000 /* one percent of a CPU, in microseconds a second */
#define USEC_PER_SEC	 1000000
#define PROPERTIES_A_ROW 4

/*
 * One row a limit file. Missing on purpose: cgroup.max.*, memory.swap.high, hugetlb, rdma, misc and dmem,
 * which systemd has no property for and never writes.
 */
static const struct unit_row {
	const char *file;
	struct unit_property properties[PROPERTIES_A_ROW]; /* LIMIT_LINES: one a parameter */
	uint64_t least;					   /* the smallest number that systemd takes */
	bool vouched;
} rows[] = {
	{ "memory.max", { { "MemoryMax", UNIT_NUMBER, false } }, 1, true },
	{ "memory.high", { { "MemoryHigh", UNIT_NUMBER, false } }, 1, true },
	{ "memory.swap.max", { { "MemorySwapMax", UNIT_NUMBER, false } }, 0, true },
	{ "memory.zswap.max", { { "MemoryZSwapMax", UNIT_NUMBER, true } }, 0, false },
	{ "pids.max", { { "TasksMax", UNIT_NUMBER, false } }, 1, true },
	{ "cpu.max", { { "CPUQuotaPerSecUSec", UNIT_NUMBER, false }, { "CPUQuotaPeriodUSec", UNIT_NUMBER, false } }, 0, true },
	{ "cpuset.cpus", { { "AllowedCPUs", UNIT_SET, false } }, 0, true },
	{ "cpuset.mems", { { "AllowedMemoryNodes", UNIT_SET, false } }, 0, true },
	{ "io.max",
	  { { "IOReadBandwidthMax", UNIT_DEVICE, false },
	    { "IOWriteBandwidthMax", UNIT_DEVICE, false },
	    { "IOReadIOPSMax", UNIT_DEVICE, false },
	    { "IOWriteIOPSMax", UNIT_DEVICE, false } },
	  0,
	  false },
};

static const struct unit_row *find_row(const struct limit_type *type)
{
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (strcmp(rows[i].file, type->key) == 0)
			return &rows[i];
	return NULL;
}

const struct limit_type *systemd_type(size_t i)
{
	return i < ELEMENTS(rows) ? limit_type_find(rows[i].file) : NULL;
}

const struct unit_property *systemd_property(const char *name, size_t len)
{
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (size_t p = 0; p < PROPERTIES_A_ROW && rows[i].properties[p].name; p++) {
			const struct unit_property *property = &rows[i].properties[p];

			if (strlen(property->name) == len && memcmp(property->name, name, len) == 0)
				return property;
		}
	return NULL;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

/* Mirrors unit_name_is_valid(UNIT_NAME_PLAIN | UNIT_NAME_INSTANCE) of systemd's src/basic/unit-name.c. */
bool systemd_unit_is_valid(const char *unit)
{
	static const char valid[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\@";
	size_t len = strnlen(unit, UNIT_NAME_SIZE), at = strcspn(unit, "@");

	if (len == UNIT_NAME_SIZE || strspn(unit, valid) != len)
		return false;
	if (!has_suffix(unit, ".scope") && !has_suffix(unit, ".service"))
		return false;
	/* A template, "name@.service", is no unit; nor is what has no name before its '@'. */
	return at == len || (at > 0 && unit + at + 1 != strrchr(unit, '.'));
}

/* One component of a path, without the '_' that keeps a unit's name apart from the kernel's file names. */
static bool take_component(const char *name, size_t len, char ret[UNIT_NAME_SIZE])
{
	if (len > 0 && name[0] == '_') {
		name++;
		len--;
	}
	if (len == 0 || len >= UNIT_NAME_SIZE)
		return false;
	memcpy(ret, name, len);
	ret[len] = '\0';
	return true;
}

const char *systemd_unit_of(const char *path, char unit[UNIT_NAME_SIZE])
{
	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		if (!take_component(path + 1, len, unit))
			return NULL;
		path += 1 + len;
		if (!has_suffix(unit, ".slice"))
			return systemd_unit_is_valid(unit) ? path : NULL;
	}
	return NULL;
}

/* Microseconds a second in whole percents; infinity for none. */
static uint64_t cpu_per_second(const struct limit_value *value)
{
	unsigned __int128 usec;

	if (value->number == LIMIT_MAX)
		return LIMIT_MAX;
	usec = (unsigned __int128)value->number * USEC_PER_SEC / value->period;
	usec -= usec % PERCENT;
	return usec < LIMIT_NUMBER_MOST ? (uint64_t)usec : LIMIT_MAX;
}

bool systemd_holds(const struct limit_type *type, const struct limit_value *value)
{
	const struct unit_row *row = find_row(type);
	const struct limit_value none = { 0 };

	if (!row)
		return false;
	/* A set or a list that limits anything does not allow what an empty one allows. */
	if (type->kind == LIMIT_SET || type->kind == LIMIT_LINES)
		return !limit_within(type, &none, value);
	/* Less than a percent would be rounded to nothing, which systemd takes for no limit. */
	return value->number != LIMIT_MAX &&
	       (type->kind == LIMIT_CPU ? cpu_per_second(value) >= PERCENT : value->number >= row->least);
}

bool systemd_vouches(const struct limit_type *type, const struct limit_value *value)
{
	return systemd_holds(type, value) && find_row(type)->vouched;
}

static int add(struct unit_words *words, struct err *err, const char *fmt, ...) _printf_(3, 4);
static int add(struct unit_words *words, struct err *err, const char *fmt, ...)
{
	char *word = words->text + words->used;
	size_t room = sizeof(words->text) - words->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(word, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || words->n == UNIT_WORDS_MAX)
		return err_set(err, E2BIG, "more limits than can be given to systemd at once");
	words->words[words->n++] = word;
	words->used += (size_t)n + 1;
	return 0;
}

static const char *number_text(uint64_t number, char buf[24])
{
	if (number == LIMIT_MAX)
		return "infinity";
	(void)snprintf(buf, 24, "%llu", (unsigned long long)number);
	return buf;
}

static int add_lines(struct unit_words *words, const struct unit_row *row, const struct limit_value *value, struct err *err)
{
	char text[24];
	int r = 0;

	/* All four of a device: systemd writes its line whole, and what it does not know as "max". */
	for (size_t i = 0; r == 0 && i < limit_n_lines(value); i++)
		for (size_t p = 0; r == 0 && p < LIMIT_PARAMS; p++)
			r = add(words, err, "%s=%s %s", row->properties[p].name, value->lines->lines[i].name,
				number_text(value->lines->lines[i].values[p], text));
	return r;
}

int systemd_add_words(struct unit_words *words, const struct limit_type *type, const struct limit_value *value,
		      struct err *err)
{
	const struct unit_row *row = find_row(type);
	char text[LIMIT_TEXT_SIZE];
	int r;

	if (!row)
		return err_set(err, EINVAL, "systemd has no property for '%s'", type->key);
	switch (type->kind) {
	case LIMIT_CPU:
		r = add(words, err, "%s=%s", row->properties[0].name, number_text(cpu_per_second(value), text));
		if (r < 0)
			return r;
		return add(words, err, "%s=%llu", row->properties[1].name, (unsigned long long)value->period);
	case LIMIT_LINES:
		return add_lines(words, row, value, err);
	case LIMIT_SET:
		return add(words, err, "%s=%s", row->properties[0].name, limit_format(type, value, text, sizeof(text)));
	default:
		return add(words, err, "%s=%s", row->properties[0].name, number_text(value->number, text));
	}
}
