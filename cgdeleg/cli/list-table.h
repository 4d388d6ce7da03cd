/* SPDX-License-Identifier: Apache-2.0 */
/* Table - a row for each delegated cgroup, with the columns that were asked for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cgdeleg/cli/list-columns.h"

#define TABLE_COLUMNS_MAX 64

struct table {
	size_t n_columns; /* shown ones; set by the caller */
	const struct column *columns[TABLE_COLUMNS_MAX];
	const struct column *sort; /* NULL: in the tree's order */
	bool descending;
	struct grants_seen seen;
	size_t n_faults; /* attributes that cannot be read */
	size_t n_rows;
	struct row {
		struct cell *cells; /* n_columns, and behind them the one to sort by */
	} * rows;
};

/* Columns from names separated by commas; a leading '+' adds them to the initial ones. Without names
 * (NULL): the initial ones, or all. The message names what is not a column. */
int table_choose(struct table *table, const char *names, bool all, struct err *err);

/* "memory", or "-memory" for the largest first. */
int table_sort_by(struct table *table, const char *name, struct err *err);

/* Looks at the node and fills the rows, sorted. table_empty() frees them. */
int table_fill(const struct host *host, struct table *table, struct err *err);
void table_empty(struct table *table);
