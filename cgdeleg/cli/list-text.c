/* SPDX-License-Identifier: Apache-2.0 */
/* List, text - cells and the table as people read them. See list.h. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "cgdeleg/cli/list.h"

#define GAP	  2 /* blanks between columns */
#define LEAST	  8 /* what a column is cut to at most; its title's length where that is more */
#define CELL_SIZE 1024

/* Bytes with three digits and the unit: "812K", "1.2G". */
static void put_number(uint64_t number, bool bytes, char *buf, size_t size)
{
	static const char units[] = " KMGTPE";
	double scaled = (double)number;
	size_t unit = 0;

	for (; bytes && scaled >= 999.5 && unit + 2 < sizeof(units); unit++)
		scaled /= 1024;
	if (number == LIMIT_MAX)
		(void)snprintf(buf, size, "max");
	else if (unit == 0)
		(void)snprintf(buf, size, "%llu", (unsigned long long)number);
	else
		(void)snprintf(buf, size, "%.*f%c", scaled < 9.95 ? 1 : 0, scaled, units[unit]);
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
	const time_t at = (time_t)cell->number;
	char used[32], limit[32] = "max";
	struct tm tm;

	(void)snprintf(buf, size, "%s", cell->text && cell->text[0] ? cell->text : "-");
	if (!cell->known)
		return buf;
	switch (column->kind) {
	case COLUMN_TEXT:
		break;
	case COLUMN_COUNT:
	case COLUMN_BYTES:
		put_number(cell->number, column->kind == COLUMN_BYTES, used, sizeof(used));
		put_number(cell->limit, column->kind == COLUMN_BYTES, limit, sizeof(limit));
		(void)snprintf(buf, size, "%s%s%s", used, cell->limited ? "/" : "", cell->limited ? limit : "");
		break;
	case COLUMN_SECONDS:
		put_seconds(cell->real, used, sizeof(used));
		if (!isinf(cell->cores))
			(void)snprintf(limit, sizeof(limit), "%.4gc", cell->cores);
		(void)snprintf(buf, size, "%s%s%s", used, cell->limited ? "/" : "", cell->limited ? limit : "");
		break;
	case COLUMN_TIME:
		if (!gmtime_r(&at, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
			(void)snprintf(buf, size, "?");
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
	bool terminal; /* where a person compares ids with his eyes; whoever reads a pipe needs all of them */
	size_t widths[TABLE_COLUMNS_MAX];
};

static const char *shown(const struct table *table, const struct layout *layout, size_t row, size_t i, char *buf,
			 size_t size)
{
	const struct cell *cell = &table->rows[row].cells[i];

	(void)cell_format(table->columns[i], cell, buf, size);
	if (layout->terminal && cell->brief > 0)
		buf[cell->brief] = '\0';
	return buf;
}

/* The widest column that may be cut loses a character, until all fit or none can. */
static void fit(const struct table *table, struct layout *layout, size_t width)
{
	for (;;) {
		size_t total = GAP * (table->n_columns - 1), widest = table->n_columns;

		for (size_t i = 0; i < table->n_columns; i++) {
			const size_t title = strlen(table->columns[i]->title);

			total += layout->widths[i];
			if ((table->columns[i]->flags & COLUMN_SHRINKS) &&
			    layout->widths[i] > (title > LEAST ? title : LEAST) &&
			    (widest == table->n_columns || layout->widths[i] > layout->widths[widest]))
				widest = i;
		}
		if (total <= width || widest == table->n_columns)
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
			size_t len = strlen(shown(table, layout, row, i, buf, sizeof(buf)));

			if (len > layout->widths[i])
				layout->widths[i] = len;
		}
	}
}

/* Numbers stand at the right. '~' stands for what was cut: no name has one. */
static void put_cell(const struct table *table, size_t i, size_t width, const char *text, FILE *to)
{
	const bool last = i + 1 == table->n_columns;
	const size_t len = strlen(text), tail = table->columns[i]->flags & COLUMN_ENDS ? (width - 1) / 2 : 0;

	if (len > width)
		fprintf(to, "%.*s~%s", (int)(width - 1 - tail), text, text + len - tail);
	else if (table->columns[i]->kind == COLUMN_TEXT || table->columns[i]->kind == COLUMN_CEILINGS)
		fprintf(to, "%-*s", last ? 0 : (int)width, text);
	else
		fprintf(to, "%*s", (int)width, text);
	fputs(last ? "\n" : "  ", to);
}

bool list_text(const struct table *table, const struct screen *screen, FILE *to)
{
	struct layout layout = { .terminal = screen->width > 0 };
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
			put_cell(table, i, layout.widths[i], shown(table, &layout, row, i, buf, sizeof(buf)), to);
	if (rows < table->n_rows)
		fprintf(to, "... and %zu more", table->n_rows - rows);
	return fflush(to) == 0 && !ferror(to);
}
