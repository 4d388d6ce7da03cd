/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List - as OpenMetrics text, for a textfile collector.
 *
 * Read by OpenMetrics 1.0 parsers and by those of the older Prometheus text format, so the information
 * about a grant is a gauge of value 1 and no "info". Every family is one block: TYPE, UNIT, HELP, samples.
 * See list.h.
 */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list.h"
#include "cgdeleg/cli/openmetrics.h"
#include "cgdeleg/grant/budget.h"

static const char *const info_columns[] = { "namespace", "pod",	   "container", "handler",
					    "profile",	 "policy", "owner",	"cgroup" };

static const struct cell *cell_of(const struct table *table, size_t row, const char *name)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (strcmp(table->columns[i]->name, name) == 0)
			return &table->rows[row].cells[i];
	return NULL;
}

/* The labels that every sample has. The kernel's id tells apart what a name does not. */
static void put_labels(const struct table *table, size_t row, FILE *to)
{
	const struct cell *id = cell_of(table, row, "id");
	const struct cell *cgroup_id = cell_of(table, row, "cgroup-id");

	openmetrics_label("id", id && id->known ? id->text : "", to);
	fprintf(to, ",cgroup_id=\"%llu\"", (unsigned long long)(cgroup_id && cgroup_id->known ? cgroup_id->number : 0));
}

/* `file` is one more label where it is not NULL. */
static void put_sample(const struct table *table, size_t row, const char *metric, const char *file, double number,
		       FILE *to)
{
	fprintf(to, "cgdeleg_%s{", metric);
	put_labels(table, row, to);
	if (file) {
		fputc(',', to);
		openmetrics_label("file", file, to);
	}
	if (isinf(number))
		fputs("} +Inf\n", to);
	else
		fprintf(to, number == floor(number) && fabs(number) < 1e15 ? "} %.0f\n" : "} %.17g\n", number);
}

static double number_of(const struct column *column, const struct cell *cell, bool limit)
{
	if (limit && cell->limit == LIMIT_MAX)
		return INFINITY;
	if (column->kind == COLUMN_SECONDS)
		return limit ? cell->cores : cell->real;
	return column->kind == COLUMN_PERCENT ? cell->real / 100 : (double)(limit ? cell->limit : cell->number);
}

/* The numbers of a column, then the limits where it has some. */
static void put_column(const struct table *table, size_t i, FILE *to)
{
	const struct column *column = table->columns[i];

	for (int limit = 0; limit < (column->limit_metric ? 2 : 1); limit++) {
		const bool counter = !limit && (column->flags & COLUMN_COUNTER);
		const char *metric = limit ? column->limit_metric : column->metric;
		char text[96];

		(void)snprintf(text, sizeof(text), "the limit that %s holds now", limit ? column->limit_file : "");
		openmetrics_family(metric, counter ? "counter" : "gauge", limit ? text : column->help, to);
		(void)snprintf(text, sizeof(text), "%s%s", metric, counter ? "_total" : "");
		for (size_t row = 0; row < table->n_rows; row++) {
			const struct cell *cell = &table->rows[row].cells[i];

			if (limit ? cell->limited : cell->known)
				put_sample(table, row, text, NULL, number_of(column, cell, limit), to);
		}
	}
}

/* Bytes, counts and cores, by file; sets and lists of devices are not numbers. */
static void put_ceilings(const struct table *table, size_t i, FILE *to)
{
	static const struct {
		const char *metric, *help;
		size_t offset;
	} families[] = {
		{ "ceiling", "the ceiling, by the file of the limit", offsetof(struct cell_ceiling, ceiling_number) },
		{ "limit", "the limit now, by its file", offsetof(struct cell_ceiling, now_number) },
		{ "usage", "how much of the limit is in use, by its file", offsetof(struct cell_ceiling, used) },
	};

	for (size_t f = 0; f < ELEMENTS(families); f++) {
		openmetrics_family(families[f].metric, "gauge", families[f].help, to);
		for (size_t row = 0; row < table->n_rows; row++) {
			const struct cell *cell = &table->rows[row].cells[i];

			for (size_t c = 0; c < cell->n_ceilings; c++) {
				const void *at = (const char *)&cell->ceilings[c] + families[f].offset;
				const double number = *(const double *)at;

				if (!isnan(number))
					put_sample(table, row, families[f].metric, cell->ceilings[c].file, number, to);
			}
		}
	}
}

static void put_info(const struct table *table, FILE *to)
{
	openmetrics_family("grant", "gauge", "1 for each delegated cgroup; the labels say what is known about it", to);
	for (size_t row = 0; row < table->n_rows; row++) {
		fputs("cgdeleg_grant{", to);
		put_labels(table, row, to);
		for (size_t i = 0; i < ELEMENTS(info_columns); i++) {
			const struct cell *cell = cell_of(table, row, info_columns[i]);

			fputc(',', to);
			openmetrics_label(info_columns[i], cell && cell->known ? cell->text : "", to);
		}
		fputs("} 1\n", to);
	}
}

bool list_metrics(const struct table *table, FILE *to)
{
	openmetrics_family("grants", "gauge", "delegated cgroups on this node", to);
	fprintf(to, "cgdeleg_grants %zu\n", table->n_rows);
	openmetrics_family("unreadable_records", "gauge", "delegated cgroups whose attribute cannot be read", to);
	fprintf(to, "cgdeleg_unreadable_records %zu\n", table->n_faults);
	put_info(table, to);
	for (size_t i = 0; i < table->n_columns; i++) {
		if (table->columns[i]->kind == COLUMN_CEILINGS)
			put_ceilings(table, i, to);
		else if (table->columns[i]->metric)
			put_column(table, i, to);
	}
	list_runs(BUDGET_DIRECTORY, to);
	fputs("# EOF\n", to);
	return fflush(to) == 0 && !ferror(to);
}
