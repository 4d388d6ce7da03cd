/* SPDX-License-Identifier: Apache-2.0 */
/* Consider - every rule for a handler, and why it matches a container or not. See consider.h. */
#include "policy/consider.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *const names[CONSIDERED_MAX] = {
	[CONSIDERED_MATCHES] = "matches",
	[CONSIDERED_DIFFERS] = "differs",
	[CONSIDERED_UNTOLD] = "untold",
	[CONSIDERED_NOT_REACHED] = "not-reached",
};

const char *considered_name(enum considered state)
{
	return names[state];
}

/* What nobody has told matches '*' all the same: every container has it. */
static void compare(struct considered_selector *s, bool untold)
{
	const char *list = s->setting->value;

	s->state = untold ? CONSIDERED_UNTOLD : CONSIDERED_DIFFERS;
	while (text_next_word(&list, s->pattern, sizeof(s->pattern)) > 0)
		if (untold ? strcmp(s->pattern, "*") == 0 : text_glob(s->pattern, s->value)) {
			s->state = CONSIDERED_MATCHES;
			return;
		}
	s->pattern[0] = '\0';
}

static void consider(const struct section *rule, const struct identity *who, unsigned untold, struct considered_rule *ret)
{
	const struct {
		enum key_id key;
		const char *fact, *value;
		unsigned bit;
	} facts[CONSIDER_SELECTORS] = {
		{ KEY_NAMESPACES, "namespace", who->namespace, UNTOLD_NAMESPACE },
		{ KEY_PODS, "pod", who->pod, UNTOLD_POD },
		{ KEY_CONTAINERS, "container", who->container, UNTOLD_CONTAINER },
		{ KEY_IMAGES, "image", who->image, UNTOLD_IMAGE },
	};

	*ret = (struct considered_rule) { .rule = rule, .state = CONSIDERED_MATCHES };
	for (size_t i = 0; i < ELEMENTS(facts); i++) {
		struct considered_selector *s = &ret->selectors[ret->n];

		s->setting = section_get(rule, facts[i].key);
		if (!s->setting)
			continue;
		ret->n++;
		s->fact = facts[i].fact;
		s->value = facts[i].value;
		compare(s, untold & facts[i].bit);
		if (s->state == CONSIDERED_DIFFERS || ret->state == CONSIDERED_MATCHES)
			ret->state = s->state;
	}
}

bool consider_next(const struct ruleset *rules, const char *handler, const struct identity *who, unsigned untold,
		   bool reached, const struct section **at, struct considered_rule *ret)
{
	const struct section *rule = *at ? (*at)->next : rules->sections[SECTION_RULE];

	while (rule && !section_has_word(rule, KEY_HANDLER, handler))
		rule = rule->next;
	*at = rule;
	if (!rule)
		return false;
	consider(rule, who, untold, ret);
	if (!reached)
		ret->state = CONSIDERED_NOT_REACHED;
	return true;
}
