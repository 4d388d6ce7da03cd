/* SPDX-License-Identifier: Apache-2.0 */
/* List, text - cells and the table as people read them. See list.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list.h"

#define GAP	  2 /* blanks between columns */
#define LEAST	  8 /* what a column is cut to at most; its title's length where that is more */
#define CELL_SIZE 1024

/* Three digits and the unit: "812K", "1.2G". */
static void put_scaled(double number, char *buf, size_t size)
{
	static const char units[] = " KMGTPE";
	size_t unit = 0;

	while (number >= 999.5 && unit + 1 < strlen(units)) {
		number /= 1024;
		unit++;
	}
	(void)snprintf(buf, size, "%.*f%.*s", unit > 0 && number < 9.95 ? 1 : 0, number, unit > 0 ? 1 : 0,
		       units + unit);
}

static void put_number(uint64_t number, bool bytes, char *buf, size_t size)
{
	if (number == LIMIT_MAX)
		(void)snprintf(buf, size, "max");
	else if (bytes)
		put_scaled((double)number, buf, size);
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

static void put_use(const struct cell *cell, bool bytes, char *buf, size_t size)
{
	char used[32], limit[32];

	put_number(cell->number, bytes, used, sizeof(used));
	put_number(cell->limit, bytes, limit, sizeof(limit));
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
	case COLUMN_BYTES:
		put_use(cell, column->kind == COLUMN_BYTES, buf, size);
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

struct layout {
	size_t widths[TABLE_COLUMNS_MAX];
};

static const char *text_of(const struct table *table, size_t row, size_t i, char *buf)
{
	return cell_format(table->columns[i], &table->rows[row].cells[i], buf, CELL_SIZE);
}

static size_t total(const struct table *table, const struct layout *layout)
{
	size_t sum = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		sum += layout->widths[i] + (i > 0 ? GAP : 0);
	return sum;
}

/* The widest column that may be cut loses a character, until all fit or none can. */
static void fit(const struct table *table, struct layout *layout, size_t width)
{
	while (total(table, layout) > width) {
		size_t widest = table->n_columns;

		for (size_t i = 0; i < table->n_columns; i++) {
			const size_t title = strlen(table->columns[i]->title);

			if (table->columns[i]->shrinks && layout->widths[i] > (title > LEAST ? title : LEAST) &&
			    (widest == table->n_columns || layout->widths[i] > layout->widths[widest]))
				widest = i;
		}
		if (widest == table->n_columns)
			return;
		layout->widths[widest]--;
	}
}

static void measure(const struct table *table, struct layout *layout)
{
	char buf[CELL_SIZE];

	for (size_t i = 0; i < table->n_columns; i++) {
		layout->widths[i] = strlen(table->columns[i]->title);
		for (size_t row = 0; row < table->n_rows; row++) {
			size_t len = strlen(text_of(table, row, i, buf));

			if (len > layout->widths[i])
				layout->widths[i] = len;
		}
	}
}

/* Numbers stand at the right. What was cut ends with '~', which no escaped text needs. */
static void put_cell(const struct table *table, size_t i, size_t width, const char *text, FILE *to)
{
	const bool last = i + 1 == table->n_columns;
	const size_t len = strlen(text);

	if (len > width)
		fprintf(to, "%.*s~", (int)width - 1, text);
	else if (table->columns[i]->kind == COLUMN_TEXT || table->columns[i]->kind == COLUMN_CEILINGS)
		fprintf(to, "%-*s", last ? 0 : (int)width, text);
	else
		fprintf(to, "%*s", (int)width, text);
	fputs(last ? "\n" : "  ", to);
}

bool list_text(const struct table *table, const struct screen *screen, FILE *to)
{
	struct layout layout;
	char buf[CELL_SIZE];
	size_t rows = table->n_rows;

	measure(table, &layout);
	if (screen->width > 0)
		fit(table, &layout, screen->width);
	for (size_t i = 0; i < table->n_columns; i++)
		put_cell(table, i, layout.widths[i], table->columns[i]->title, to);
	if (screen->height > 2 && rows > screen->height - 2)
		rows = screen->height - 2;
	for (size_t row = 0; row < rows; row++)
		for (size_t i = 0; i < table->n_columns; i++)
			put_cell(table, i, layout.widths[i], text_of(table, row, i, buf), to);
	if (rows < table->n_rows)
		fprintf(to, "... and %zu more", table->n_rows - rows);
	return fflush(to) == 0 && !ferror(to);
}
