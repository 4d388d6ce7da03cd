/* SPDX-License-Identifier: Apache-2.0 */
/* List - as JSON, numbers as the kernel has them. See list.h. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/list.h"

static yyjson_mut_val *real(yyjson_mut_doc *doc, double number)
{
	if (isnan(number))
		return yyjson_mut_null(doc);
	if (isinf(number))
		return yyjson_mut_str(doc, "max");
	return yyjson_mut_real(doc, number);
}

static yyjson_mut_val *ceilings(yyjson_mut_doc *doc, const struct cell *cell)
{
	yyjson_mut_val *array = yyjson_mut_arr(doc);

	for (size_t i = 0; i < cell->n_ceilings; i++) {
		const struct cell_ceiling *c = &cell->ceilings[i];
		yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, array);

		(void)yyjson_mut_obj_add_str(doc, o, "file", c->file);
		(void)yyjson_mut_obj_add_str(doc, o, "ceiling", c->ceiling);
		if (c->now[0])
			(void)yyjson_mut_obj_add_str(doc, o, "now", c->now);
		else
			(void)yyjson_mut_obj_add_null(doc, o, "now");
		(void)yyjson_mut_obj_add_val(doc, o, "used", real(doc, c->used));
		(void)yyjson_mut_obj_add_bool(doc, o, "above", c->above);
	}
	return array;
}

/* A number that has a limit: {"used": ..., "limit": ...}. */
static yyjson_mut_val *value(yyjson_mut_doc *doc, const struct column *column, const struct cell *cell)
{
	yyjson_mut_val *number, *limit, *o;
	char time[32];

	if (!cell->known)
		return yyjson_mut_null(doc);
	switch (column->kind) {
	case COLUMN_TEXT:
		return yyjson_mut_str(doc, cell->text);
	case COLUMN_TIME:
		return yyjson_mut_strcpy(doc, cell_format(column, cell, time, sizeof(time)));
	case COLUMN_BOOL:
		return yyjson_mut_bool(doc, cell->number != 0);
	case COLUMN_CEILINGS:
		return ceilings(doc, cell);
	case COLUMN_SECONDS:
	case COLUMN_PERCENT:
		number = real(doc, cell->real);
		limit = real(doc, cell->cores);
		break;
	default:
		number = yyjson_mut_uint(doc, cell->number);
		limit = cell->limit == LIMIT_MAX ? real(doc, INFINITY) : yyjson_mut_uint(doc, cell->limit);
	}
	if (!column->limit_file)
		return number;
	o = yyjson_mut_obj(doc);
	(void)yyjson_mut_obj_add_val(doc, o, "used", number);
	(void)yyjson_mut_obj_add_val(doc, o, "limit", cell->limited ? limit : yyjson_mut_null(doc));
	return o;
}

/* In whose cgroup the rows are. */
static void add_grant(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct attribute *attribute)
{
	const struct {
		const char *name, *text;
	} members[] = {
		{ "id", attribute->id },
		{ "namespace", attribute->namespace },
		{ "pod", attribute->pod },
		{ "container", attribute->name },
	};
	yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, root, "grant");
	char shown[1024];

	for (size_t i = 0; i < ELEMENTS(members); i++)
		(void)yyjson_mut_obj_add_strcpy(doc, o, members[i].name,
						members[i].text ? text_escape(members[i].text, shown, sizeof(shown)) : "");
}

bool list_json(const struct table *table, FILE *to)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *root = yyjson_mut_obj(doc), *array;
	char names[TABLE_COLUMNS_MAX][32];

	/* "oom_kills": with a '-' jq would subtract. */
	for (size_t i = 0; i < table->n_columns; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%s", table->columns[i]->name);
		for (char *dash = names[i]; (dash = strchr(dash, '-')) != NULL;)
			*dash = '_';
	}

	yyjson_mut_doc_set_root(doc, root);
	(void)yyjson_mut_obj_add_uint(doc, root, "version", 1);
	(void)yyjson_mut_obj_add_uint(doc, root, "cgroups_seen", table->seen.n_cgroups);
	(void)yyjson_mut_obj_add_uint(doc, root, "cgroups_passed", table->seen.n_passed);
	if (table->inside)
		add_grant(doc, root, &table->inside->attribute);
	array = yyjson_mut_obj_add_arr(doc, root, table->inside ? "cgroups" : "grants");
	for (size_t row = 0; row < table->n_rows; row++) {
		yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, array);

		for (size_t i = 0; i < table->n_columns; i++)
			(void)yyjson_mut_obj_add(o, yyjson_mut_str(doc, names[i]),
						 value(doc, table->columns[i], &table->rows[row].cells[i]));
	}
	text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
	return text && fputs(text, to) >= 0 && fflush(to) == 0;
}
