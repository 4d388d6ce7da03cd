/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, JSON - an answer for programs: share/schema/explain.json describes it. See explain.h. */
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/explain.h"
#include "cgdeleg/grant/record.h"

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const char *text)
{
	char shown[1024];

	if (text)
		(void)yyjson_mut_obj_add_strcpy(doc, o, key, text_escape(text, shown, sizeof(shown)));
}

static void add_selector(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct considered_selector *s)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);

	(void)yyjson_mut_obj_add_str(doc, o, "fact", s->fact);
	(void)yyjson_mut_obj_add_str(doc, o, "result", considered_name(s->state));
	add_text(doc, o, "patterns", s->setting->value);
	if (s->state != CONSIDERED_UNTOLD)
		add_text(doc, o, "value", s->value);
	if (s->state == CONSIDERED_MATCHES)
		add_text(doc, o, "pattern", s->pattern);
}

static void add_rules(const struct asker *asker, const struct answer *answer, yyjson_mut_doc *doc, yyjson_mut_val *o)
{
	const struct trail *trail = answer->trail;
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "rules");
	const struct section *at = NULL;
	struct considered_rule rule;
	bool reached = true;
	char place[512];

	if (!trail->facts.handler || ruleset_is_broken(asker->rules))
		return;
	while (consider_next(asker->rules, trail->facts.handler, &trail->decision.who, answer->question->untold,
			     reached, &at, &rule)) {
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list), *selectors;

		reached &= rule.state != CONSIDERED_MATCHES && rule.state != CONSIDERED_UNTOLD;
		add_text(doc, item, "name", rule.rule->name);
		add_text(doc, item, "at", origin_format(&rule.rule->origin, place, sizeof(place)));
		(void)yyjson_mut_obj_add_str(doc, item, "result", considered_name(rule.state));
		selectors = yyjson_mut_obj_add_arr(doc, item, "selectors");
		for (size_t i = 0; rule.state != CONSIDERED_NOT_REACHED && i < rule.n; i++)
			add_selector(doc, selectors, &rule.selectors[i]);
	}
}

static void add_ways(const struct answer *answer, yyjson_mut_doc *doc, yyjson_mut_val *o)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "changes");

	for (size_t i = 0; i < answer->n_ways; i++) {
		const struct way *way = &answer->ways[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list), *steps;

		(void)yyjson_mut_obj_add_bool(doc, item, "granted", way->granted);
		steps = yyjson_mut_obj_add_arr(doc, item, "steps");
		for (size_t k = 0; k < way->n; k++) {
			yyjson_mut_val *step = yyjson_mut_arr_add_obj(doc, steps);

			(void)yyjson_mut_obj_add_str(doc, step, "by", changer_name(way->changes[k].by));
			add_text(doc, step, "text", way->changes[k].text);
		}
	}
}

void explain_add(const struct asker *asker, const struct answer *answer, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
	const struct question *q = answer->question;
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list), *assumed;

	if (q->input[0])
		add_text(doc, o, "input", q->input);
	add_text(doc, o, "kind", q->kind);
	add_text(doc, o, "object", q->object);
	record_add(doc, o, &answer->trail->record);
	if (!yyjson_mut_obj_get(o, "container"))
		add_text(doc, o, "container", q->container);
	assumed = yyjson_mut_obj_add_arr(doc, o, "assumed");
	for (size_t i = 0; i < q->notes.n; i++)
		(void)yyjson_mut_arr_add_strcpy(doc, assumed, q->notes.all[i]);
	add_rules(asker, answer, doc, o);
	add_ways(answer, doc, o);
}
