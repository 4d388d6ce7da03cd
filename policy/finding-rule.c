/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, rule - rules that no container gets to. See finding-part.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/finding-part.h"

/* Every container that the rule could match is one of an earlier rule, for each of its handlers. */
static void tell_shadowed(const struct listener *to, const struct cover *cover, const struct section *rule)
{
	const struct setting *handlers = section_get(rule, KEY_HANDLER);
	const struct section *above = NULL;
	const char *list = handlers ? handlers->value : "";
	char word[64]; /* a section's name */

	while (text_next_word(&list, word, sizeof(word)) > 0) {
		above = cover_find(cover, index_handler(to->index, word), rule);
		if (!above)
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

		while (setting && (len = text_next_word(&list, word, sizeof(word))) > 0)
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

int find_rules(const struct listener *to)
{
	struct cover cover;
	size_t number = 0;
	int r = cover_make(&cover, to->index, &to->index->arena);

	for (const struct section *rule = to->rules->sections[SECTION_RULE]; r >= 0 && rule; rule = rule->next) {
		const struct setting *handlers = section_get(rule, KEY_HANDLER);
		const char *list = handlers ? handlers->value : "";
		char word[64]; /* a section's name */

		tell_shadowed(to, &cover, rule);
		find_impossible(to, rule);
		find_budgets(to, rule);
		while (r >= 0 && text_next_word(&list, word, sizeof(word)) > 0)
			r = cover_add(&cover, index_handler(to->index, word), rule, number);
		number++;
	}
	return r;
}
