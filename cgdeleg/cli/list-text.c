/* SPDX-License-Identifier: Apache-2.0 */
/* List - as a table for people. See list.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list.h"

#define GAP	  2 /* blanks between columns */
#define LEAST	  8 /* what a column is cut to at most; its title's length where that is more */
#define CELL_SIZE 1024

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

static size_t least(const struct column *column)
{
	return strlen(column->title) > LEAST ? strlen(column->title) : LEAST;
}

/* The widest column that may be cut loses a character, until all fit or none can. */
static void fit(const struct table *table, struct layout *layout, size_t width)
{
	while (total(table, layout) > width) {
		size_t widest = table->n_columns;

		for (size_t i = 0; i < table->n_columns; i++)
			if (table->columns[i]->shrinks && layout->widths[i] > least(table->columns[i]) &&
			    (widest == table->n_columns || layout->widths[i] > layout->widths[widest]))
				widest = i;
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
