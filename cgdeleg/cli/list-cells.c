/* SPDX-License-Identifier: Apache-2.0 */
/* Cells - how a cell is compared and shown. See list-columns.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list-columns.h"

static int compare_numbers(double a, double b)
{
	return (a > b) - (a < b);
}

static int compare_ids(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int cell_compare(const struct column *column, const struct cell *a, const struct cell *b)
{
	if (!a->known || !b->known)
		return (int)a->known - (int)b->known;
	switch (column->kind) {
	case COLUMN_TEXT:
		return strcmp(a->text, b->text);
	case COLUMN_SECONDS:
	case COLUMN_PERCENT:
		return compare_numbers(a->real, b->real);
	case COLUMN_CEILINGS:
		return compare_numbers((double)a->n_ceilings, (double)b->n_ceilings);
	default:
		return compare_ids(a->number, b->number);
	}
}

/* Three digits and the unit: "812K", "1.2G". */
static void put_scaled(double number, double base, const char *units, char *buf, size_t size)
{
	size_t unit = 0;

	while (number >= 999.5 && unit + 1 < strlen(units)) {
		number /= base;
		unit++;
	}
	(void)snprintf(buf, size, "%.*f%.*s", unit > 0 && number < 9.95 ? 1 : 0, number, unit > 0 ? 1 : 0,
		       units + unit);
}

static void put_bytes(uint64_t number, char *buf, size_t size)
{
	if (number == LIMIT_MAX)
		(void)snprintf(buf, size, "max");
	else
		put_scaled((double)number, 1024, " KMGTPE", buf, size);
}

static void put_count(uint64_t number, char *buf, size_t size)
{
	if (number == LIMIT_MAX)
		(void)snprintf(buf, size, "max");
	else
		(void)snprintf(buf, size, "%llu", (unsigned long long)number);
}

/* The two largest units: "3d4h", "5m12s", "0.25s". */
static void put_seconds(double seconds, char *buf, size_t size)
{
	const unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;

	if (s >= 86400)
		(void)snprintf(buf, size, "%llud%lluh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(buf, size, "%lluh%llum", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(buf, size, "%llum%llus", s / 60, s % 60);
	else
		(void)snprintf(buf, size, s < 10 && seconds > (double)s ? "%.1fs" : "%.0fs", seconds);
}

static void put_time(uint64_t since, char *buf, size_t size)
{
	const time_t at = (time_t)since;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(buf, size, "?");
}

static void put_cpu(const struct cell *cell, char *buf, size_t size)
{
	char used[32];

	put_seconds(cell->real, used, sizeof(used));
	if (!cell->limited)
		(void)snprintf(buf, size, "%s", used);
	else if (isinf(cell->cores))
		(void)snprintf(buf, size, "%s/max", used);
	else
		(void)snprintf(buf, size, "%s/%.4gc", used, cell->cores);
}

static void put_use(const struct cell *cell, void (*put)(uint64_t, char *, size_t), char *buf, size_t size)
{
	char used[32], limit[32];

	put(cell->number, used, sizeof(used));
	put(cell->limit, limit, sizeof(limit));
	(void)snprintf(buf, size, "%s%s%s", used, cell->limited ? "/" : "", cell->limited ? limit : "");
}

static void put_ceilings(const struct cell *cell, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < cell->n_ceilings && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s=%s", i > 0 ? "; " : "", cell->ceilings[i].file,
					 cell->ceilings[i].ceiling);
}

const char *cell_format(const struct column *column, const struct cell *cell, char *buf, size_t size)
{
	(void)snprintf(buf, size, "-");
	if (!cell->known)
		return buf;
	switch (column->kind) {
	case COLUMN_TEXT:
		(void)snprintf(buf, size, "%s", cell->text[0] ? cell->text : "-");
		break;
	case COLUMN_COUNT:
		put_use(cell, put_count, buf, size);
		break;
	case COLUMN_BYTES:
		put_use(cell, put_bytes, buf, size);
		break;
	case COLUMN_SECONDS:
		column->limit_metric ? put_cpu(cell, buf, size) : put_seconds(cell->real, buf, size);
		break;
	case COLUMN_TIME:
		put_time(cell->number, buf, size);
		break;
	case COLUMN_PERCENT:
		(void)snprintf(buf, size, "%.2f", cell->real);
		break;
	case COLUMN_BOOL:
		(void)snprintf(buf, size, "%s", cell->number ? "yes" : "no");
		break;
	case COLUMN_CEILINGS:
		put_ceilings(cell, buf, size);
		break;
	}
	return buf;
}
