/* SPDX-License-Identifier: Apache-2.0 */
/* Ruleset - sections, settings and complaints as lists, and sections by name. See ruleset.h. */
#include "policy/ruleset.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "policy/load.h"

#define BUCKETS_FIRST 32 /* a power of two */

int ruleset_init(struct ruleset *rules)
{
	*rules = (struct ruleset) { .arena = arena_new() };
	return rules->arena ? 0 : -ENOMEM;
}

void ruleset_done(struct ruleset *rules)
{
	(void)arena_free(rules->arena);
	*rules = (struct ruleset) { 0 };
}

/* FNV-1a. Names come from root's files, so nobody can aim at collisions. */
static size_t hash(enum section_kind kind, const char *name)
{
	uint64_t value = UINT64_C(14695981039346656037) ^ (uint64_t)kind;

	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return (size_t)(value ^ value >> 32);
}

/* The place in the chain where that section is, or belongs. */
static struct section **find(const struct ruleset *rules, enum section_kind kind, const char *name)
{
	struct section **s = &rules->buckets[hash(kind, name) & (rules->n_buckets - 1)];

	while (*s && ((*s)->kind != kind || strcmp((*s)->name, name) != 0))
		s = &(*s)->chain;
	return s;
}

const struct section *ruleset_find(const struct ruleset *rules, enum section_kind kind, const char *name)
{
	return rules->n_buckets > 0 ? *find(rules, kind, name) : NULL;
}

/* The old array stays in the arena: doubling wastes at most as much as is used. */
static int buckets_grow(struct ruleset *rules)
{
	const size_t n = rules->n_buckets ? rules->n_buckets * 2 : BUCKETS_FIRST;
	struct section **buckets = arena_alloc(rules->arena, n * sizeof(struct section *));

	if (!buckets)
		return -ENOMEM;
	rules->buckets = buckets;
	rules->n_buckets = n;
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (struct section *s = rules->sections[kind]; s; s = s->next) {
			struct section **bucket = &buckets[hash(s->kind, s->name) & (n - 1)];

			s->chain = *bucket;
			*bucket = s;
		}
	return 0;
}

int ruleset_open(struct ruleset *rules, enum section_kind kind, const char *name, const struct origin *origin,
		 struct section **ret)
{
	struct section **place, *section;

	if (rules->n_sections >= rules->n_buckets && buckets_grow(rules) < 0)
		return -ENOMEM;
	place = find(rules, kind, name);
	if (!*place) {
		section = arena_alloc(rules->arena, sizeof(*section));
		if (!section)
			return -ENOMEM;
		section->kind = kind;
		section->origin = *origin;
		section->name = name;
		if (rules->last[kind])
			rules->last[kind]->next = section;
		else
			rules->sections[kind] = section;
		*place = rules->last[kind] = section;
		rules->n_sections++;
	}
	*ret = *place;
	return 0;
}

const struct setting *section_get(const struct section *section, enum key_id id)
{
	if (section)
		for (const struct setting *s = section->settings; s; s = s->next)
			if (s->key->id == id)
				return s;
	return NULL;
}

int ruleset_complain_va(struct ruleset *rules, const struct origin *origin, unsigned column, const char *fmt, va_list ap)
{
	struct complaint *complaint = arena_alloc(rules->arena, sizeof(*complaint));
	struct err text;

	if (!complaint)
		return -ENOMEM;
	if (vsnprintf(text.text, sizeof(text.text), fmt, ap) < 0)
		text.text[0] = '\0';
	complaint->origin = *origin;
	complaint->column = column;
	complaint->text = arena_strdup(rules->arena, text.text);
	if (!complaint->text)
		return -ENOMEM;
	if (rules->last_complaint)
		rules->last_complaint->next = complaint;
	else
		rules->complaints = complaint;
	rules->last_complaint = complaint;
	return 0;
}

int ruleset_complain(struct ruleset *rules, const struct origin *origin, unsigned column, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = ruleset_complain_va(rules, origin, column, fmt, ap);
	va_end(ap);
	return r;
}

bool section_has_word(const struct section *section, enum key_id id, const char *word)
{
	const struct setting *setting = section_get(section, id);

	return setting && text_has_word(setting->value, word);
}

const struct setting *setting_line(const struct setting *setting, const char *word, unsigned *ret_column)
{
	const struct setting *line = setting;

	for (const struct setting *s = setting->more; s && s->value <= word; s = s->more)
		line = s;
	*ret_column = line->column + (unsigned)(word - line->value);
	return line;
}

const struct setting *section_limit(const struct section *profile, const char *file)
{
	if (profile)
		for (const struct setting *s = profile->settings; s; s = s->next)
			if (s->key->id == KEY_LIMIT && strcmp(s->name, file) == 0)
				return s;
	return NULL;
}
