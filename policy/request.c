/* SPDX-License-Identifier: Apache-2.0 */
/* Request - settings by precedence, and reasons. See request.h. */
#include "policy/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static const struct setting *setting_with(const struct request *request, const struct section *profile, enum key_id id)
{
	const struct section *order[] = { request->rule, profile, request->handler, request->defaults };

	for (size_t i = 0; i < ELEMENTS(order); i++) {
		const struct setting *setting = section_get(order[i], id);

		if (setting)
			return setting;
	}
	return NULL;
}

/* How far down the key's ladder; 0 is the strictest. */
static size_t rung(const struct setting *setting, enum key_id id)
{
	const char *value = setting ? setting->value : keys[id].initial;
	size_t n = 0;

	while (keys[id].words[n] && strcmp(keys[id].words[n], value) != 0)
		n++;
	return n;
}

const struct setting *request_setting(const struct request *request, enum key_id id)
{
	const struct setting *setting = setting_with(request, request->profile, id);
	const struct setting *own;

	if (!request->chosen || keys[id].kind != KEY_LADDER)
		return setting;
	own = setting_with(request, request->own_profile, id);
	return rung(own, id) < rung(setting, id) ? own : setting;
}

void request_note_stricter(struct request *request)
{
	for (int i = 0; request->chosen && i < KEY_ID_MAX; i++) {
		const enum key_id id = (enum key_id)i;
		const struct setting *setting = setting_with(request, request->profile, id);

		if (keys[id].kind == KEY_LADDER && request_setting(request, id) != setting)
			request_note(request, REASON_STRICTER_KEPT, setting,
				     "an annotation chose profile '%s', whose %s = %s does not apply: without the annotation it would be %s, which is stricter",
				     request->profile->name, keys[id].name, setting ? setting->value : keys[id].initial,
				     request_value(request, id));
	}
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
	[REASON_BOUNDS] = 1,
	[REASON_NOTES] = 2,
};

/* The last reason, which is among the lightest, and its sentence. */
static void drop_last(struct decision *d)
{
	struct reason *last = &d->reasons[--d->n_reasons];
	const size_t size = strlen(last->text) + 1;
	char *at = d->texts + (last->text - d->texts);

	d->texts_used -= size;
	memmove(at, at + size, d->texts_used - (size_t)(at - d->texts));
	for (size_t i = 0; i < d->n_reasons; i++)
		if (d->reasons[i].text > at)
			d->reasons[i].text -= size;
}

static bool has_room(const struct decision *d, size_t size)
{
	return d->n_reasons < DECISION_REASONS_MAX && size <= sizeof(d->texts) - d->texts_used;
}

/* What weighs less gives way; where all that stands there weighs as much, the new one is left out. */
void request_reason(struct request *request, enum reason_kind kind, enum reason_code code,
		    const struct setting *setting, const char *fmt, ...)
{
	struct decision *d = request->decision;
	const char *prefix = kind == REASON_REFUSES && request->bounding ? "writable_mount = bound: " : "";
	const size_t len = strlen(prefix);
	char text[REASON_TEXT_SIZE];
	size_t size, at;
	va_list ap;

	request->refused |= kind == REASON_REFUSES;
	memcpy(text, prefix, len + 1);
	va_start(ap, fmt);
	if (vsnprintf(text + len, sizeof(text) - len, fmt, ap) < 0)
		text[len] = '\0';
	va_end(ap);
	size = strlen(text) + 1;
	while (d->n_reasons > 0 && !has_room(d, size) && ranks[d->reasons[d->n_reasons - 1].kind] > ranks[kind])
		drop_last(d);
	if (!has_room(d, size))
		return;
	for (at = d->n_reasons; at > 0 && ranks[d->reasons[at - 1].kind] > ranks[kind]; at--)
		d->reasons[at] = d->reasons[at - 1];
	d->n_reasons++;
	d->reasons[at] = (struct reason) { .kind = kind, .code = code, .text = d->texts + d->texts_used };
	if (setting)
		d->reasons[at].origin = setting->origin;
	memcpy(d->texts + d->texts_used, text, size);
	d->texts_used += size;
}
