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

static const char *const info_columns[] = {
	"namespace", "pod", "name", "handler", "profile", "line", "owner", "cgroup"
};

/* Texts are printable ASCII already; what is special within quotes is escaped. */
static void put_label(const char *name, const char *value, FILE *to)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++)
		fprintf(to, *value == '\\' || *value == '"' ? "\\%c" : "%c", *value);
	fputc('"', to);
}

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

	put_label("container", id && id->known ? id->text : "", to);
	fprintf(to, ",cgroup_id=\"%llu\"", (unsigned long long)(cgroup_id && cgroup_id->known ? cgroup_id->number : 0));
}

static void put_number(double number, FILE *to)
{
	if (isinf(number))
		fputs(" +Inf\n", to);
	else
		fprintf(to, number == floor(number) && fabs(number) < 1e15 ? " %.0f\n" : " %.17g\n", number);
}

/* The unit is the family's last word where it is one. */
static void put_family(const char *metric, const char *type, const char *help, FILE *to)
{
	static const char *const units[] = { "bytes", "seconds", "ratio", "cores" };
	const char *last = strrchr(metric, '_');

	fprintf(to, "# TYPE cgdeleg_%s %s\n", metric, type);
	for (size_t i = 0; last && i < ELEMENTS(units); i++)
		if (strcmp(last + 1, units[i]) == 0)
			fprintf(to, "# UNIT cgdeleg_%s %s\n", metric, units[i]);
	fprintf(to, "# HELP cgdeleg_%s %s\n", metric, help);
}

static void put_sample(const struct table *table, size_t row, const char *metric, const char *suffix, double number,
		       FILE *to)
{
	fprintf(to, "cgdeleg_%s%s{", metric, suffix);
	put_labels(table, row, to);
	fputc('}', to);
	put_number(number, to);
}

static double number_of(const struct column *column, const struct cell *cell)
{
	if (column->kind == COLUMN_SECONDS)
		return cell->real;
	return column->kind == COLUMN_PERCENT ? cell->real / 100 : (double)cell->number;
}

static void put_column(const struct table *table, size_t i, FILE *to)
{
	const struct column *column = table->columns[i];
	char help[96];

	put_family(column->metric, (column->flags & COLUMN_COUNTER) ? "counter" : "gauge", column->help, to);
	for (size_t row = 0; row < table->n_rows; row++) {
		const struct cell *cell = &table->rows[row].cells[i];

		if (cell->known)
			put_sample(table, row, column->metric, (column->flags & COLUMN_COUNTER) ? "_total" : "",
				   number_of(column, cell), to);
	}
	if (!column->limit_metric)
		return;
	(void)snprintf(help, sizeof(help), "what %s says now", column->limit_file);
	put_family(column->limit_metric, "gauge", help, to);
	for (size_t row = 0; row < table->n_rows; row++) {
		const struct cell *cell = &table->rows[row].cells[i];

		if (cell->limited)
			put_sample(table, row, column->limit_metric, "",
				   column->kind == COLUMN_SECONDS ? cell->cores
				   : cell->limit == LIMIT_MAX	  ? INFINITY
								  : (double)cell->limit,
				   to);
	}
}

enum ceiling_number { CEILING_GRANTED, CEILING_NOW, CEILING_USED };

static double ceiling_number(const struct cell_ceiling *c, enum ceiling_number which)
{
	return which == CEILING_GRANTED ? c->ceiling_number : which == CEILING_NOW ? c->now_number : c->used;
}

/* Bytes, counts and cores, by file; sets and lists of devices are no numbers. */
static void put_ceilings(const struct table *table, size_t i, FILE *to)
{
	static const struct {
		const char *metric, *help;
	} families[] = {
		[CEILING_GRANTED] = { "ceiling", "what a limit may at most be, by its file" },
		[CEILING_NOW] = { "limit", "what the limit is now" },
		[CEILING_USED] = { "usage", "how much of it is in use" },
	};

	for (size_t f = 0; f < ELEMENTS(families); f++) {
		put_family(families[f].metric, "gauge", families[f].help, to);
		for (size_t row = 0; row < table->n_rows; row++) {
			const struct cell *cell = &table->rows[row].cells[i];

			for (size_t c = 0; c < cell->n_ceilings; c++) {
				double number = ceiling_number(&cell->ceilings[c], (enum ceiling_number)f);

				if (isnan(number))
					continue;
				fprintf(to, "cgdeleg_%s{", families[f].metric);
				put_labels(table, row, to);
				fputc(',', to);
				put_label("file", cell->ceilings[c].file, to);
				fputc('}', to);
				put_number(number, to);
			}
		}
	}
}

static void put_info(const struct table *table, FILE *to)
{
	put_family("grant", "gauge", "1 for each delegated cgroup, with what is known of it", to);
	for (size_t row = 0; row < table->n_rows; row++) {
		fputs("cgdeleg_grant{", to);
		put_labels(table, row, to);
		for (size_t i = 0; i < ELEMENTS(info_columns); i++) {
			const struct cell *cell = cell_of(table, row, info_columns[i]);

			fputc(',', to);
			put_label(info_columns[i], cell && cell->known ? cell->text : "", to);
		}
		fputs("} 1\n", to);
	}
}

bool list_metrics(const struct table *table, FILE *to)
{
	put_family("grants", "gauge", "delegated cgroups on this node", to);
	fprintf(to, "cgdeleg_grants %zu\n", table->n_rows);
	put_family("unreadable_records", "gauge", "delegated cgroups whose record cannot be read", to);
	fprintf(to, "cgdeleg_unreadable_records %zu\n", table->n_faults);
	put_info(table, to);
	for (size_t i = 0; i < table->n_columns; i++) {
		if (table->columns[i]->kind == COLUMN_CEILINGS)
			put_ceilings(table, i, to);
		else if (table->columns[i]->metric)
			put_column(table, i, to);
	}
	fputs("# EOF\n", to);
	return fflush(to) == 0 && !ferror(to);
}
