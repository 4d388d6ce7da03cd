/* SPDX-License-Identifier: Apache-2.0 */
/* Table - a row for each delegated cgroup. See list-table.h. */
#include "cgdeleg/cli/list-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/cli/list-sampler.h"
#include "policy/nearest.h"

static int unknown_column(const char *name, struct err *err)
{
	struct nearest nearest = nearest_to(name);
	char hint[96];

	for (size_t i = 0; i < n_columns; i++)
		nearest_try(&nearest, columns[i].name);
	return err_set(err, EINVAL, "there is no column '%.64s'%s", name, nearest_hint(&nearest, hint, sizeof(hint)));
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
	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; r >= 0 && name; name = strtok_r(NULL, ",", &save)) {
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

struct filling {
	struct table *table;
	struct sampler *sampler;
	size_t n_cells;
};

/* The number of rows is doubled when it is a power of two. */
static int grow(struct table *table, struct err *err)
{
	struct row *more;

	if ((table->n_rows & (table->n_rows - 1)) != 0)
		return 0;
	more = reallocarray(table->rows, table->n_rows ? 2 * table->n_rows : 1, sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "out of memory");
	table->rows = more;
	return 0;
}

static int add_row(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct filling *filling = userdata;
	struct table *table = filling->table;
	struct cell *cells;
	int r = grow(table, err);

	if (r < 0)
		return r;
	cells = calloc(filling->n_cells, sizeof(*cells));
	if (!cells)
		return err_set(err, ENOMEM, "out of memory");
	table->n_faults += grant->fault.text[0] != '\0';
	table->rows[table->n_rows++].cells = cells;
	sampler_add(filling->sampler, grant, fd, cells);
	return 0;
}

static int compare_rows(const void *a, const void *b, void *userdata)
{
	const struct table *table = userdata;
	const struct row *left = a, *right = b;
	int order = cell_compare(table->sort, &left->cells[table->n_columns], &right->cells[table->n_columns]);

	return table->descending ? -order : order;
}

/* The columns, and behind them the one to sort by. Returns how many. */
static size_t all_columns(const struct table *table, const struct column **ret)
{
	memcpy(ret, table->columns, table->n_columns * sizeof(ret[0]));
	ret[table->n_columns] = table->sort;
	return table->n_columns + (table->sort != NULL);
}

/* Once for all rows. Where they cannot be opened, what they would tell is not known. */
static void open_guards(const struct host *host, const struct sampler_work *work, struct guards *ret)
{
	for (size_t i = 0; i < work->n_columns; i++)
		if (work->columns[i]->guards) {
			(void)guards_open(host->sys_fd, ret, NULL);
			return;
		}
}

static int fill(const struct host *host, struct table *table, const struct sampler_work *work, struct err *err)
{
	struct filling filling = { .table = table, .n_cells = table->n_columns + 1 };
	int r;

	filling.sampler = sampler_new(work);
	if (!filling.sampler)
		return err_set(err, ENOMEM, "out of memory");
	r = grants_walk(host, add_row, &filling, &table->seen, err);
	filling.sampler = sampler_free(filling.sampler);
	return r;
}

int table_fill(const struct host *host, struct table *table, struct err *err)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;
	const struct column *all[TABLE_COLUMNS_MAX + 1];
	struct sampler_work work = { .columns = all, .n_columns = all_columns(table, all) };
	char controllers[1024];
	int r;

	open_guards(host, &work, &guards);
	work.look.pinned = &guards;
	work.look.now = time(NULL);
	if (file_read_record_at(host->cgroup_fd, "cgroup.controllers", controllers, sizeof(controllers)) >= 0) {
		controllers[strcspn(controllers, "\n")] = '\0';
		work.look.controllers = controllers;
	}
	r = fill(host, table, &work, err);
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
