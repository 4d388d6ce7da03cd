/* SPDX-License-Identifier: Apache-2.0 */
/* List, tree - the cgroups in one container's own, as it has nested them. See list.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgdeleg/cli/list.h"

/* What a container can do about its cgroups, and what happened in them. */
#define TREE_COLUMNS "cgroup,memory,pids,cpu,oom-kills,limit-hits"

int tree_choose(struct table *table, const char *names, bool all, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !names && all && i < n_columns; i++)
		if (columns[i].flags & COLUMN_ANY)
			table->columns[table->n_columns++] = &columns[i];
	if ((!names && !all) || (names && names[0] == '+'))
		r = table_choose(table, TREE_COLUMNS, false, err);
	if (r >= 0 && names)
		r = table_choose(table, names[0] == '+' ? names + 1 : names, false, err);
	for (size_t i = 0; r >= 0 && i < table->n_columns; i++)
		if (!(table->columns[i]->flags & COLUMN_ANY))
			return err_set(err, EINVAL, "the column '%s' is of a container, and --tree shows its cgroups",
				       table->columns[i]->name);
	return r;
}

/* Each before what is below it, and names in their order: a '/' comes before any other character. */
static int compare_rows(const void *left, const void *right, void *column)
{
	const size_t i = *(const size_t *)column;
	const char *a = ((const struct row *)left)->cells[i].text, *b = ((const struct row *)right)->cells[i].text;

	if (!a || !b)
		return (a != NULL) - (b != NULL);
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b || !*a || !*b)
		return (*a != '\0') - (*b != '\0');
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

/* "/a/b" becomes "    b": two blanks a level. */
static void indent(struct cell *cell)
{
	const char *name = cell->text ? strrchr(cell->text, '/') : NULL;
	char *text;
	int depth = 0;

	if (!name || !name[1])
		return;
	for (const char *c = cell->text; *c; c++)
		depth += *c == '/';
	if (asprintf(&text, "%*s%s", 2 * depth, "", name + 1) < 0)
		return;
	free(cell->text);
	cell->text = text;
}

void tree_arrange(struct table *table, bool indented)
{
	size_t i = 0;

	while (i < table->n_columns && strcmp(table->columns[i]->name, "cgroup") != 0)
		i++;
	if (table->sort || i == table->n_columns)
		return;
	qsort_r(table->rows, table->n_rows, sizeof(*table->rows), compare_rows, &i);
	for (size_t row = 0; indented && row < table->n_rows; row++)
		indent(&table->rows[row].cells[i]);
}
