/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, rule - rules that no container gets to. See finding-part.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/finding-part.h"

static const enum key_id selectors[] = { KEY_NAMESPACES, KEY_PODS, KEY_CONTAINERS, KEY_IMAGES };

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

static void find_shadowed(const struct listener *to, const struct section *rule)
{
	const struct setting *handlers = section_get(rule, KEY_HANDLER);
	const struct section *above = NULL;
	const char *list = handlers ? handlers->value : "";
	char word[64]; /* a section's name */

	while (text_next_word(&list, word, sizeof(word)) > 0) {
		/* An earlier rule that matches every container of that handler that this one would. */
		above = to->rules->sections[SECTION_RULE];
		while (above != rule && !(section_has_word(above, KEY_HANDLER, word) && rule_covers(above, rule)))
			above = above->next;
		if (above == rule)
			return;
	}
	if (above)
		finding_tell(to, FINDING_RULE_SHADOWED, &rule->origin, "put the wider rule last",
			     "[rule %s] is never reached: [rule %s] (%s:%u) comes first and matches every container that the later one could",
			     rule->name, above->name, above->origin.file, above->origin.line);
}

/* Only Kubernetes' engines say what a pod and a container are called, and the kubelet lets them have no capitals. Other
 * clients of these engines do, so this is no fault. */
static void find_impossible(const struct listener *to, const struct section *rule)
{
	static const enum key_id names[] = { KEY_PODS, KEY_CONTAINERS };

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		const struct setting *setting = section_get(rule, names[i]);
		const char *list = setting ? setting->value : "";
		unsigned column;
		char word[256];
		int len;

		while ((len = text_next_word(&list, word, sizeof(word))) > 0)
			if (!strchr(word, '[') && strpbrk(word, names[i] == KEY_PODS ? "_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
										     : "._ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
				finding_tell(to, FINDING_PATTERN_IMPOSSIBLE,
					     &setting_line(setting, list - len, &column)->origin,
					     names[i] == KEY_PODS ? "write small letters, digits, '-' and '.'"
								  : "write small letters, digits and '-'",
					     "[rule %s] (%s:%u): no name that Kubernetes allows matches '%s' of '%s'",
					     rule->name, rule->origin.file, rule->origin.line, word, setting->name);
	}
}

void find_rule(const struct listener *to, const struct section *rule)
{
	find_shadowed(to, rule);
	find_impossible(to, rule);
}
