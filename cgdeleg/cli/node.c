/* SPDX-License-Identifier: Apache-2.0 */
/* Node - a value of a manifest, with its place. See node.h. */
#include "cgdeleg/cli/node.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define MERGES_MAX 1000 /* mappings that one node_get() looks into */

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* The words of YAML 1.1 as Kubernetes' parser takes them; a lone y or n is a string there. */
static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const trues[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
static const char *const falses[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL };

bool node_is_null_word(const char *text)
{
	return is_one_of(text, nulls);
}

bool node_is_bool_word(const char *text, bool value)
{
	return is_one_of(text, value ? trues : falses);
}

int node_blame(const char *name, const struct node *node, struct err *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	if (!node || node->line == 0)
		return err_set(err, EINVAL, "%s: %s", name, text);
	return err_set(err, EINVAL, "%s:%u:%u: %s", name, node->line, node->column, text);
}

/* `left` bounds what merge keys of merge keys can cost. */
static const struct node *get(const struct node *map, const char *key, unsigned *left)
{
	const struct node *merged = NULL;

	if (!map || map->kind != NODE_MAP || *left == 0)
		return NULL;
	--*left;
	for (const struct node *entry = map->first; entry; entry = entry->next) {
		if (strcmp(entry->key, key) == 0)
			return entry->kind == NODE_NULL ? NULL : entry;
		if (strcmp(entry->key, "<<") == 0)
			merged = entry;
	}
	if (!merged || merged->kind == NODE_MAP)
		return get(merged, key, left);
	for (const struct node *item = merged->first; item; item = item->next) {
		const struct node *found = get(item, key, left);

		if (found)
			return found;
	}
	return NULL;
}

const struct node *node_get(const struct node *map, const char *key)
{
	unsigned left = MERGES_MAX;

	return get(map, key, &left);
}

const struct node *node_find(const struct node *map, const char *path)
{
	char key[64];

	while (map && *path) {
		const size_t len = strcspn(path, ".");

		(void)snprintf(key, sizeof(key), "%.*s", (int)len, path);
		map = node_get(map, key);
		path += len + (path[len] == '.');
	}
	return map;
}

const char *node_string(const struct node *node)
{
	return node && node->kind == NODE_STRING ? node->text : NULL;
}

bool node_is(const struct node *node, bool value)
{
	return node && node->kind == NODE_BOOL && node_is_bool_word(node->text, value);
}
