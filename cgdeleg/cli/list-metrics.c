/* SPDX-License-Identifier: Apache-2.0 */
/* List - as metrics: what each grant uses and has, for a textfile collector. See list.h and metric.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list.h"
#include "cgdeleg/cli/metric.h"
#include "policy/limit.h"

#define NO_LIMIT METRICS

/* The columns that are numbers, and the limit beside one. */
static const struct {
	const char *column;
	enum metric_id metric, limit;
} exported[] = {
	{ "since", METRIC_GRANTED, NO_LIMIT },
	{ "shared", METRIC_SHARED_IDS, NO_LIMIT },
	{ "memory", METRIC_MEMORY_USAGE, METRIC_MEMORY_LIMIT },
	{ "swap", METRIC_SWAP_USAGE, METRIC_SWAP_LIMIT },
	{ "pids", METRIC_PIDS, METRIC_PIDS_LIMIT },
	{ "cpu", METRIC_CPU_USAGE, METRIC_CPU_LIMIT },
	{ "cgroups", METRIC_DESCENDANTS, METRIC_DESCENDANTS_LIMIT },
	{ "dying", METRIC_DYING_DESCENDANTS, NO_LIMIT },
	{ "memory-pressure", METRIC_MEMORY_PRESSURE, NO_LIMIT },
	{ "cpu-pressure", METRIC_CPU_PRESSURE, NO_LIMIT },
	{ "io-pressure", METRIC_IO_PRESSURE, NO_LIMIT },
	{ "guards", METRIC_GUARDS_MISSING, NO_LIMIT },
	{ "guarded", METRIC_GUARDED, NO_LIMIT },
	{ "refused", METRIC_DEVICE_REFUSALS, NO_LIMIT },
	{ "guard-refused", METRIC_GUARD_REFUSALS, NO_LIMIT },
	{ "drift", METRIC_DRIFT, NO_LIMIT },
};

/* Which metric has the ceilings of a file; every file of bytes has the first. */
static const struct {
	enum metric_id metric;
	enum limit_kind kind;
	const char *file; /* NULL: any of that kind */
} ceilings[] = {
	{ METRIC_CEILING_BYTES, LIMIT_BYTES, NULL },
	{ METRIC_CEILING_CORES, LIMIT_CPU, NULL },
	{ METRIC_CEILING_PIDS, LIMIT_COUNT, "pids.max" },
	{ METRIC_CEILING_DESCENDANTS, LIMIT_COUNT, "cgroup.max.descendants" },
	{ METRIC_CEILING_DEPTH, LIMIT_COUNT, "cgroup.max.depth" },
};

/* The labels of a grant, and of cgdeleg_grant_info those behind them, by the names of columns. */
static const char *const label_columns[] = { "namespace", "pod", "container", "handler", "profile", "id" };
static const char *const info_columns[] = { "cgroup", "owner", "policy" };

struct listing {
	const struct table *table;
	struct metric_grant *grants; /* of the first rows */
	size_t n;
	struct metric_writer writer;
};

static const struct cell *cell_of(const struct table *table, size_t row, const char *name)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (strcmp(table->columns[i]->name, name) == 0)
			return &table->rows[row].cells[i];
	return NULL;
}

/* "" where nobody states it. */
static const char *text_of(const struct table *table, size_t row, const char *name)
{
	const struct cell *cell = cell_of(table, row, name);

	return cell && cell->known ? cell->text : "";
}

static double number_of(const struct column *column, const struct cell *cell, bool limit)
{
	if (limit && cell->limit == LIMIT_MAX)
		return INFINITY;
	if (column->kind == COLUMN_SECONDS)
		return limit ? cell->cores : cell->real;
	return column->kind == COLUMN_PERCENT ? cell->real / 100 : (double)(limit ? cell->limit : cell->number);
}

static void put_column(struct listing *listing, const char *name, enum metric_id metric, bool limit)
{
	const struct column *column = column_find(name);

	metric_begin(&listing->writer, metric);
	for (size_t row = 0; row < listing->n; row++) {
		const struct cell *cell = cell_of(listing->table, row, name);

		if (cell && (limit ? cell->limited : cell->known))
			metric_put(&listing->writer, number_of(column, cell, limit), listing->grants[row].values);
	}
}

/* "scope:pids.max" is a ceiling of pids.max too. */
static bool is_of(const struct cell_ceiling *ceiling, size_t row)
{
	const char *colon = strrchr(ceiling->file, ':'), *file = colon ? colon + 1 : ceiling->file;
	const struct limit_type *type = limit_type_find(file);

	return type && type->kind == ceilings[row].kind && (!ceilings[row].file || strcmp(ceilings[row].file, file) == 0);
}

static void put_ceilings(struct listing *listing, size_t which)
{
	metric_begin(&listing->writer, ceilings[which].metric);
	for (size_t row = 0; row < listing->n; row++) {
		const struct cell *cell = cell_of(listing->table, row, "ceilings");
		struct metric_grant *grant = &listing->grants[row];

		for (size_t i = 0; cell && i < cell->n_ceilings; i++) {
			grant->values[METRIC_GRANT_LABELS_N] = cell->ceilings[i].file;
			if (is_of(&cell->ceilings[i], which))
				metric_put(&listing->writer, cell->ceilings[i].ceiling_number, grant->values);
		}
	}
}

static void put_info(struct listing *listing)
{
	metric_begin(&listing->writer, METRIC_GRANT_INFO);
	for (size_t row = 0; row < listing->n; row++) {
		struct metric_grant *grant = &listing->grants[row];
		const char **more = &grant->values[METRIC_GRANT_LABELS_N];
		char number[24];

		(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)grant->cgroup_id);
		more[0] = number;
		for (size_t i = 0; i < ELEMENTS(info_columns); i++)
			more[1 + i] = text_of(listing->table, row, info_columns[i]);
		metric_put(&listing->writer, 1, grant->values);
		more[0] = NULL;
	}
}

bool list_metrics(const struct table *table, enum metric_format format, FILE *to)
{
	static const char *const verb[] = { "list" };
	struct listing listing = { .table = table, .writer = { .to = to, .format = format } };
	struct metric_writer *writer = &listing.writer;
	bool written;

	listing.n = table->n_rows < METRIC_GRANTS_MAX ? table->n_rows : METRIC_GRANTS_MAX;
	listing.grants = calloc(listing.n ? listing.n : 1, sizeof(*listing.grants));
	if (!listing.grants)
		return false;
	for (size_t row = 0; row < listing.n; row++) {
		const struct cell *cgroup_id = cell_of(table, row, "cgroup-id");

		for (size_t i = 0; i < ELEMENTS(label_columns); i++)
			listing.grants[row].values[i] = text_of(table, row, label_columns[i]);
		listing.grants[row].cgroup_id = cgroup_id ? cgroup_id->number : 0;
	}
	metric_grants_tell_apart(listing.grants, listing.n);
	metric_write(writer, METRIC_GRANTS, (double)table->n_rows);
	metric_write(writer, METRIC_GRANTS_UNREADABLE, (double)table->n_faults);
	metric_begin(writer, METRIC_GRANTS_LEFT_OUT);
	metric_put(writer, (double)(table->n_rows - listing.n), verb);
	put_info(&listing);
	for (size_t i = 0; i < ELEMENTS(exported); i++) {
		put_column(&listing, exported[i].column, exported[i].metric, false);
		if (exported[i].limit != NO_LIMIT)
			put_column(&listing, exported[i].column, exported[i].limit, true);
	}
	for (size_t i = 0; i < ELEMENTS(ceilings); i++)
		put_ceilings(&listing, i);
	written = metric_end(writer, METRIC_OF_LIST);
	free(listing.grants);
	return written;
}
