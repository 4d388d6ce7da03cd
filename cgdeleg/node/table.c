/* SPDX-License-Identifier: Apache-2.0 */
/* Table - a row for each delegated cgroup. See table.h. */
#include "cgdeleg/node/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "policy/nearest.h"

static int unknown_column(const char *name, struct err *err)
{
	struct nearest nearest = nearest_to(name);
	char hint[96];

	for (size_t i = 0; i < n_columns; i++)
		nearest_try(&nearest, columns[i].name);
	return err_set(err, EINVAL, "there is no column '%.64s'%s", name,
		       nearest_hint(&nearest, hint, sizeof(hint)));
}

static int add_column(struct table *table, const struct column *column, struct err *err)
{
	if (table->n_columns == TABLE_COLUMNS_MAX)
		return err_set(err, E2BIG, "more than %d columns", TABLE_COLUMNS_MAX);
	table->columns[table->n_columns++] = column;
	return 0;
}

int table_choose(struct table *table, const char *names, bool all, struct err *err)
{
	const bool adds = names && names[0] == '+';
	_cleanup_free_ char *copy = names ? strdup(names + adds) : NULL;
	char *save = NULL;
	int r = 0;

	if (names && !copy)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; (!names || adds) && i < n_columns; i++)
		if (columns[i].initial || all)
			r = add_column(table, &columns[i], err);
	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; r >= 0 && name;
	     name = strtok_r(NULL, ",", &save)) {
		const struct column *column = column_find(name);

		r = column ? add_column(table, column, err) : unknown_column(name, err);
	}
	if (r >= 0 && table->n_columns == 0)
		return err_set(err, EINVAL, "no column is named");
	return r;
}

int table_sort_by(struct table *table, const char *name, struct err *err)
{
	table->descending = name[0] == '-';
	name += name[0] == '-' || name[0] == '+';
	table->sort = column_find(name);
	return table->sort ? 0 : unknown_column(name, err);
}

static int add_row(const struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct table *table = userdata;
	struct sample sample;
	struct cell *cells;

	sample.grant = grant;
	sample.fd = fd;
	sample.now = time(NULL);
	sample.n_files = 0;
	table->n_faults += grant->fault.text[0] != '\0';
	/* The number of rows is doubled when it is a power of two. */
	if ((table->n_rows & (table->n_rows - 1)) == 0) {
		struct row *more = reallocarray(table->rows, table->n_rows ? 2 * table->n_rows : 1,
						sizeof(*more));

		if (!more)
			return err_set(err, ENOMEM, "out of memory");
		table->rows = more;
	}
	cells = calloc(table->n_columns + 1, sizeof(*cells));
	if (!cells)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < table->n_columns; i++)
		column_read(table->columns[i], &sample, &cells[i]);
	if (table->sort)
		column_read(table->sort, &sample, &cells[table->n_columns]);
	table->rows[table->n_rows++].cells = cells;
	return 0;
}

static int compare_rows(const void *a, const void *b, void *userdata)
{
	const struct table *table = userdata;
	const struct row *left = a, *right = b;
	int order = cell_compare(table->sort, &left->cells[table->n_columns],
				 &right->cells[table->n_columns]);

	return table->descending ? -order : order;
}

int table_fill(const struct host *host, struct table *table, struct err *err)
{
	int r = grants_walk(host, add_row, table, &table->seen, err);

	if (r >= 0 && table->sort && table->n_rows > 1)
		qsort_r(table->rows, table->n_rows, sizeof(*table->rows), compare_rows, table);
	return r;
}

void table_empty(struct table *table)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		for (size_t c = 0; c <= table->n_columns; c++)
			cell_done(&table->rows[i].cells[c]);
		free(table->rows[i].cells);
	}
	free(table->rows);
	table->rows = NULL;
	table->n_rows = table->n_faults = 0;
}
