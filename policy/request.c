/* SPDX-License-Identifier: Apache-2.0 */
/* Request - settings by precedence, and reasons. See request.h. */
#include "policy/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
void request_init(struct request *request, const struct ruleset *rules, const struct facts *facts,
		  struct decision *decision)
{
	memset(request, 0, offsetof(struct request, wish) + offsetof(struct wish, limits));
	request->rules = rules;
	request->facts = facts;
	request->decision = decision;
}

const struct setting *request_setting(const struct request *request, enum key_id id)
{
	const struct section *order[] = { request->rule, request->profile, request->handler, request->defaults };

	for (size_t i = 0; i < ELEMENTS(order); i++) {
		const struct setting *setting = section_get(order[i], id);

		if (setting)
			return setting;
	}
	return NULL;
}

const char *request_value(const struct request *request, enum key_id id)
{
	const struct setting *setting = request_setting(request, id);

	return setting ? setting->value : keys[id].initial;
}

bool request_is(const struct request *request, enum key_id id, const char *value)
{
	const char *now = request_value(request, id);

	return now && strcmp(now, value) == 0;
}

/* Refusals first, then what grants, then notes; equals in the order in which they were found, which is by weight. */
static const unsigned char ranks[] = {
	[REASON_REFUSES] = 0,
	[REASON_GRANTS] = 1,
	[REASON_NOTES] = 2,
};

/* Makes room for a reason of that kind; NULL if all reasons that are there weigh as much. */
static struct reason *reason_slot(struct decision *d, enum reason_kind kind)
{
	size_t at = d->n_reasons;

	while (at > 0 && ranks[d->reasons[at - 1].kind] > ranks[kind])
		at--;
	if (at == DECISION_REASONS_MAX)
		return NULL;
	if (d->n_reasons < DECISION_REASONS_MAX)
		d->n_reasons++;
	/* If the array is full, the last note is dropped. */
	memmove(&d->reasons[at + 1], &d->reasons[at], (d->n_reasons - 1 - at) * sizeof(d->reasons[0]));
	return &d->reasons[at];
}

static void add(struct request *request, const struct reason *head, const struct setting *setting, const char *fmt,
		va_list ap) _printf_(4, 0);
static void add(struct request *request, const struct reason *head, const struct setting *setting, const char *fmt,
		va_list ap)
{
	struct reason *reason = reason_slot(request->decision, head->kind);

	if (head->kind == REASON_REFUSES)
		request->refused = true;
	if (!reason)
		return;
	reason->kind = head->kind;
	reason->code = head->code;
	reason->origin = setting ? setting->origin : head->origin;
	if (vsnprintf(reason->text, sizeof(reason->text), fmt, ap) < 0)
		reason->text[0] = '\0';
}

void request_reason(struct request *request, enum reason_kind kind, enum reason_code code,
		    const struct setting *setting, const char *fmt, ...)
{
	const struct reason head = { .kind = kind, .code = code };
	va_list ap;

	va_start(ap, fmt);
	add(request, &head, setting, fmt, ap);
	va_end(ap);
}

void request_refuse(struct request *request, enum reason_code code, const struct setting *setting, const char *fmt, ...)
{
	const struct reason head = { .kind = REASON_REFUSES, .code = code };
	va_list ap;

	va_start(ap, fmt);
	add(request, &head, setting, fmt, ap);
	va_end(ap);
}

void request_note(struct request *request, enum reason_code code, const struct setting *setting, const char *fmt, ...)
{
	const struct reason head = { .kind = REASON_NOTES, .code = code };
	va_list ap;

	va_start(ap, fmt);
	add(request, &head, setting, fmt, ap);
	va_end(ap);
}
