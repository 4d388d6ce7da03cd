/* SPDX-License-Identifier: Apache-2.0 */
/* TOML - the tree, once it is there. See toml.h; toml-parse.cc makes it. */
#include "base/toml.h"

#include <string.h>

#include "base/text.h"

struct toml_node *toml_get(const struct toml_node *table, const char *key)
{
	for (struct toml_node *t = table && table->type == TOML_TABLE ? table->first : NULL; t; t = t->next)
		if (strcmp(t->key, key) == 0)
			return t;
	return NULL;
}

const char *toml_string(const struct toml_node *table, const char *key)
{
	const struct toml_node *t = toml_get(table, key);

	return t && t->type == TOML_STRING ? t->text : NULL;
}

bool toml_is_true(const struct toml_node *table, const char *key)
{
	const struct toml_node *t = toml_get(table, key);

	return t && t->type == TOML_BOOL && t->truth;
}

static void replace(struct toml_node *table, struct toml_node *old, struct toml_node *fresh)
{
	struct toml_node **at = &table->first;

	while (*at != old)
		at = &(*at)->next;
	fresh->next = old->next;
	*at = fresh;
	if (!fresh->next)
		table->last = &fresh->next;
}

/* As deep as toml_parse() lets a document be. */
// NOLINTNEXTLINE(misc-no-recursion)
void toml_merge(struct toml_node *to, struct toml_node *from, const char *whole)
{
	const bool is_whole = to->key && text_has_word(whole, to->key);

	for (struct toml_node *t = from->first, *next; t; t = next) {
		struct toml_node *old = toml_get(to, t->key);

		next = t->next;
		if (!old) {
			t->next = NULL;
			*to->last = t;
			to->last = &t->next;
		} else if (!is_whole && old->type == TOML_TABLE && t->type == TOML_TABLE) {
			toml_merge(old, t, whole);
		} else {
			replace(to, old, t);
		}
	}
}
