/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, print - an answer for people. See explain.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/check-print.h"
#include "cgdeleg/cli/explain.h"

static void print_question(const struct answer *answer, FILE *to)
{
	const struct question *q = answer->question;
	const char *container = q->container ? q->container : answer->trail->decision.who.container;
	char text[256];

	fputs("container:", to);
	if (container)
		fprintf(to, " %s", text_escape(container, text, sizeof(text)));
	if (q->kind)
		fprintf(to, " of %s", text_escape(q->kind, text, sizeof(text)));
	if (q->object)
		fprintf(to, " %s", text_escape(q->object, text, sizeof(text)));
	if (q->input[0])
		fprintf(to, " (%s)", text_escape(q->input, text, sizeof(text)));
	fputs(q->input[0] ? "\n" : " as described\n", to);
}

static void print_selector(const struct considered_selector *s, FILE *to)
{
	char value[256];

	fprintf(to, "       %s = %s: ", s->setting->key->name, s->setting->value);
	if (s->state == CONSIDERED_UNTOLD)
		fprintf(to, "the %s is not known; give it with --fact %s=NAME\n", s->fact, s->fact);
	else if (!s->value)
		fprintf(to, "the engine states no %s, which matches nothing\n", s->fact);
	else if (s->state == CONSIDERED_MATCHES)
		fprintf(to, "'%s' matches '%s'\n", s->pattern, text_escape(s->value, value, sizeof(value)));
	else
		fprintf(to, "none matches '%s'\n", text_escape(s->value, value, sizeof(value)));
}

/* `maybe`: whether a rule above matches is not known. */
static void print_rule(const struct considered_rule *rule, bool maybe, FILE *to)
{
	static const char *const words[CONSIDERED_MAX] = {
		[CONSIDERED_MATCHES] = "matches, and decides",
		[CONSIDERED_DIFFERS] = "does not match",
		[CONSIDERED_UNTOLD] = "may match: it depends on what is not known",
		[CONSIDERED_NOT_REACHED] = "not reached: a rule above decides",
	};
	char place[512];

	fprintf(to, "  [rule %s] (%s): %s\n", rule->rule->name, origin_format(&rule->rule->origin, place, sizeof(place)),
		rule->state == CONSIDERED_NOT_REACHED && maybe ? "perhaps not reached: a rule above may match"
							       : words[rule->state]);
	if (rule->state == CONSIDERED_NOT_REACHED)
		return;
	if (rule->n == 0)
		fputs("       it selects every container of its handler\n", to);
	for (size_t i = 0; i < rule->n; i++)
		print_selector(&rule->selectors[i], to);
}

static void print_rules(const struct asker *asker, const struct answer *answer, FILE *to)
{
	const struct trail *trail = answer->trail;
	const char *handler = trail->facts.handler;
	const struct section *at = NULL;
	struct considered_rule rule;
	bool reached = true, maybe = false, any = false;

	if (!handler || ruleset_is_broken(asker->rules) || !ruleset_find(asker->rules, SECTION_HANDLER, handler))
		return;
	while (consider_next(asker->rules, handler, &trail->decision.who, answer->question->untold, reached, &at, &rule)) {
		if (!any)
			fputs("rules:\n", to);
		any = true;
		print_rule(&rule, maybe, to);
		maybe |= rule.state == CONSIDERED_UNTOLD;
		reached &= rule.state != CONSIDERED_MATCHES && rule.state != CONSIDERED_UNTOLD;
	}
	if (!any)
		fprintf(to, "rules: none for handler %s\n", handler);
}

static void print_ways(const struct answer *answer, FILE *to)
{
	for (size_t i = 0; i < answer->n_ways; i++) {
		const struct way *way = &answer->ways[i];

		fputs(i == 0 ? "what would have to change for a grant:\n" : "or, by the policy:\n", to);
		for (size_t k = 0; k < way->n; k++)
			fprintf(to, "  %zu. %s: %s\n", k + 1, changer_name(way->changes[k].by), way->changes[k].text);
		if (way->n == 0)
			fputs("  nothing that is known here leads to a grant\n", to);
		else if (!way->granted)
			fputs("  these are not enough: after them the decision is still no grant\n", to);
	}
}

void explain_print(const struct asker *asker, const struct answer *answer, FILE *to)
{
	const struct notes *notes = &answer->question->notes;
	const struct trail *trail = answer->trail;
	char text[1024];

	print_question(answer, to);
	check_print_facts(trail);
	if (notes->n > 0)
		fputs("assumed:\n", to);
	for (size_t i = 0; i < notes->n; i++)
		fprintf(to, "  - %s\n", text_escape(notes->all[i], text, sizeof(text)));
	print_rules(asker, answer, to);
	check_print_decision(&trail->decision);
	if (!trail->facts.handler)
		fprintf(to, "  the handler is not known: %s\n",
			answer->question->handler_why ? answer->question->handler_why : "use --handler");
	else if (answer->untold)
		fputs("  a rule depends on a fact that is not known; the rules above say which, and how to give it\n", to);
	if (trail->plan.n_steps > 0)
		fputs("plan:\n", to);
	else
		fputs(trail->decision.verdict == VERDICT_UNKNOWN ? "plan: not known\n" : "plan: nothing to do\n", to);
	check_print_plan(&trail->plan);
	print_ways(answer, to);
}
