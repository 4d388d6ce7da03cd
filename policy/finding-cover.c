/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding, cover - which rule matches all that another one does. See finding-part.h.
 *
 * Thousands of rules may be for one handler, and to compare each with each would take seconds. A pattern can only cover a
 * word that begins with what the pattern begins with, up to its first wildcard, and that ends with what the pattern ends
 * with, behind its last. So rules are looked up by these two.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/finding-part.h"

#define WILD "*?[]"

/* All of them fit into a key of the table. */
static const enum key_id selectors[] = { KEY_NAMESPACES, KEY_PODS, KEY_CONTAINERS, KEY_IMAGES };

struct cover_entry {
	uint64_t key;
	const struct section *rule; /* NULL: some rule of the handler has a pattern with such a beginning, or end */
	size_t number;
	uint64_t letters; /* that a word must have which the pattern covers: see letters_of() */
	struct cover_entry *next;
};

/* The length of the set at `pattern`: "[abc]". */
static size_t set_length(const char *pattern)
{
	const char *end = strchr(pattern + 2, ']');

	return end ? (size_t)(end - pattern) + 1 : 1;
}

/* Does one character of `pattern` stand for all that one of `other` stands for? How long both are, then. */
static bool covers_one(const char *pattern, const char *other, size_t *ret, size_t *ret_other)
{
	*ret = *pattern == '[' ? set_length(pattern) : 1;
	*ret_other = *other == '[' ? set_length(other) : 1;
	if (!*pattern || !*other || *other == '*')
		return false;
	if (*pattern == '?')
		return true;
	if (*pattern != '[')
		return *pattern == *other;
	return *other == '[' && *ret == *ret_other && memcmp(pattern, other, *ret) == 0;
}

/* Does `pattern` match all that `other` does? Where sets differ it is not worked out, and the answer is no. As every
 * matching of '*', with the last one stretched when the rest does not fit. */
static bool covers(const char *pattern, const char *other)
{
	const char *star = NULL, *stretched = NULL;

	while (*other) {
		size_t len, other_len;

		if (*pattern == '*') {
			star = ++pattern;
			stretched = other;
		} else if (covers_one(pattern, other, &len, &other_len)) {
			pattern += len;
			other += other_len;
		} else if (star) {
			stretched += *stretched == '[' ? set_length(stretched) : 1;
			pattern = star;
			other = stretched;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* Is `word` covered by a pattern of the list? */
static bool list_covers(const char *list, const char *word)
{
	char pattern[256];

	while (text_next_word(&list, pattern, sizeof(pattern)) > 0)
		if (covers(pattern, word))
			return true;
	return false;
}

/* Does the rule match whatever `other` matches? A fact that is not known matches no pattern: where `other` does not ask
 * for it, even '*' is narrower. */
static bool rule_covers(const struct section *rule, const struct section *other)
{
	for (size_t i = 0; i < ELEMENTS(selectors); i++) {
		const struct setting *wide = section_get(rule, selectors[i]), *narrow = section_get(other, selectors[i]);
		const char *list = narrow ? narrow->value : "";
		char word[256];

		if (wide && !narrow)
			return false;
		while (wide && text_next_word(&list, word, sizeof(word)) > 0)
			if (!list_covers(wide->value, word))
				return false;
	}
	return true;
}

/* FNV-1a, byte by byte. */
static uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * UINT64_C(1099511628211);
}

enum part { PART_BEGINNING, PART_END, PART_BOTH, PART_ALL };

static uint64_t make_key(const struct index_handler *handler, size_t selector, enum part part, uint64_t a, uint64_t b)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)(uintptr_t)handler;

	hash = hash_byte(hash, (unsigned char)(selector * 4 + part));
	hash = (hash ^ a) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ (hash >> 29) ^ b) * UINT64_C(0xbf58476d1ce4e5b9);
	return hash ^ (hash >> 32);
}

int cover_make(struct cover *cover, const struct index *index, struct arena *arena)
{
	size_t n = 64;

	for (const struct section *s = index->rules->sections[SECTION_RULE]; s; s = s->next)
		n += 4;
	*cover = (struct cover) { .arena = arena, .n_buckets = 64 };
	while (cover->n_buckets < n)
		cover->n_buckets *= 2;
	cover->buckets = arena_alloc(arena, cover->n_buckets * sizeof(struct cover_entry *));
	return cover->buckets ? 0 : -ENOMEM;
}

/* The next entry of that key: the first for NULL. */
static const struct cover_entry *next_entry(const struct cover *cover, uint64_t key, const struct cover_entry *entry)
{
	entry = entry ? entry->next : cover->buckets[key & (cover->n_buckets - 1)];
	while (entry && entry->key != key)
		entry = entry->next;
	return entry;
}

static int add_entry(struct cover *cover, uint64_t key, const struct section *rule, size_t number, uint64_t letters)
{
	struct cover_entry *entry, **bucket = &cover->buckets[key & (cover->n_buckets - 1)];

	/* That there is one needs to be said once. */
	if (!rule && next_entry(cover, key, NULL))
		return 0;
	entry = arena_alloc(cover->arena, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = (struct cover_entry) { key, rule, number, letters, *bucket };
	*bucket = entry;
	return 0;
}

/* Where what the word ends with begins. */
static const char *end_of(const char *word)
{
	const char *end = word + strlen(word);

	while (end > word && !strchr(WILD, end[-1]))
		end--;
	return end;
}

/* A set of the characters that stand for themselves. What a pattern covers has each of them. */
static uint64_t letters_of(const char *pattern)
{
	uint64_t letters = 0;

	while (*pattern) {
		if (!strchr(WILD, *pattern))
			letters |= UINT64_C(1) << (*pattern & 63);
		pattern += *pattern == '[' ? set_length(pattern) : 1;
	}
	return letters;
}

static int add_pattern(struct cover *cover, const struct index_handler *handler, size_t selector, const char *pattern,
		       const struct section *rule, size_t number)
{
	const size_t len = strcspn(pattern, WILD);
	const char *from = end_of(pattern), *at = pattern + strlen(pattern);
	uint64_t beginning = 0, end = 0;
	int r;

	for (size_t i = 0; i < len; i++)
		beginning = hash_byte(beginning, (unsigned char)pattern[i]);
	while (at > from)
		end = hash_byte(end, (unsigned char)*--at);
	r = add_entry(cover, make_key(handler, selector, PART_BEGINNING, beginning, 0), NULL, 0, 0);
	if (r >= 0)
		r = add_entry(cover, make_key(handler, selector, PART_END, 0, end), NULL, 0, 0);
	return r < 0 ? r
		     : add_entry(cover, make_key(handler, selector, PART_BOTH, beginning, end), rule, number,
				 letters_of(pattern));
}

int cover_add(struct cover *cover, const struct index_handler *handler, const struct section *rule, size_t number)
{
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(selectors); i++) {
		const struct setting *setting = section_get(rule, selectors[i]);
		const char *list = setting ? setting->value : "";
		char word[256];

		if (!setting)
			continue;
		/* One selector is enough to find the rule by: what it covers has that one, too. */
		while (r >= 0 && text_next_word(&list, word, sizeof(word)) > 0)
			r = add_pattern(cover, handler, i, word, rule, number);
		return r;
	}
	return add_entry(cover, make_key(handler, 0, PART_ALL, 0, 0), rule, number, 0);
}

/* The hashes of the beginnings, or ends, of a word that some pattern has. */
struct hashes {
	size_t n;
	uint64_t all[256];
};

static void find_hashes(const struct cover *cover, const struct index_handler *handler, size_t selector, enum part part,
			const char *word, struct hashes *ret)
{
	const size_t len = strlen(word),
		     most = part == PART_END ? len - (size_t)(end_of(word) - word) : strcspn(word, WILD);
	uint64_t hash = 0;

	ret->n = 0;
	for (size_t i = 0; i <= most; i++) {
		const uint64_t key = part == PART_END ? make_key(handler, selector, part, 0, hash)
						      : make_key(handler, selector, part, hash, 0);

		if (next_entry(cover, key, NULL) && ret->n < ELEMENTS(ret->all))
			ret->all[ret->n++] = hash;
		if (i < most)
			hash = hash_byte(hash, (unsigned char)(part == PART_END ? word[len - 1 - i] : word[i]));
	}
}

/* The first of the entries of a key whose rule covers `rule`, if it comes before `best`. */
static const struct cover_entry *better(const struct cover *cover, uint64_t key, const struct section *rule,
					uint64_t letters, const struct cover_entry *best)
{
	for (const struct cover_entry *e = NULL; (e = next_entry(cover, key, e));)
		if (!(e->letters & ~letters) && (!best || e->number < best->number) && rule_covers(e->rule, rule))
			best = e;
	return best;
}

const struct section *cover_find(const struct cover *cover, const struct index_handler *handler, const struct section *rule)
{
	const struct cover_entry *best = better(cover, make_key(handler, 0, PART_ALL, 0, 0), rule, 0, NULL);
	struct hashes beginnings, ends;
	uint64_t letters;

	for (size_t i = 0; i < ELEMENTS(selectors); i++) {
		const struct setting *setting = section_get(rule, selectors[i]);
		const char *list = setting ? setting->value : "";
		char word[256];

		/* All words must be covered, so the first must be. */
		if (text_next_word(&list, word, sizeof(word)) <= 0)
			continue;
		letters = letters_of(word);
		find_hashes(cover, handler, i, PART_BEGINNING, word, &beginnings);
		find_hashes(cover, handler, i, PART_END, word, &ends);
		for (size_t b = 0; b < beginnings.n; b++)
			for (size_t e = 0; e < ends.n; e++)
				best = better(cover, make_key(handler, i, PART_BOTH, beginnings.all[b], ends.all[e]),
					      rule, letters, best);
	}
	return best ? best->rule : NULL;
}
