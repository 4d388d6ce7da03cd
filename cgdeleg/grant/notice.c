/* SPDX-License-Identifier: Apache-2.0 */
/* Notice - one run as one line in the node's log. See notice.h. */
#include "cgdeleg/grant/notice.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/decision.h"

#define WORD_MAX	  256 /* bytes of a value in the line */
#define POLICY_PLACE_SIZE 512 /* bytes of "file:line" */
#define VALUE_MAX	  512 /* bytes of a value in a field */

static const char *const verbs[VERDICT_MAX] = {
	[VERDICT_PASS] = "passed",    [VERDICT_GRANT] = "granted",     [VERDICT_BOUND] = "bounded",
	[VERDICT_REFUSE] = "refused", [VERDICT_READONLY] = "readonly", [VERDICT_ERROR] = "error",
};

/* " name=value", in printable ASCII without a blank. */
static void add_word(char *buf, size_t size, const char *name, const char *value)
{
	const size_t len = strlen(buf);
	char shown[WORD_MAX];

	if (!value || !*value)
		return;
	(void)text_escape(value, shown, sizeof(shown));
	for (char *p = shown; *p; p++)
		if (*p == ' ')
			*p = '_';
	(void)snprintf(buf + len, size - len, " %s=%s", name, shown);
}

const char *notice_sentence(const struct decision *decision, char *buf, size_t size)
{
	static const struct reason none = { .code = REASON_CODE_MAX, .text = "" };
	const struct reason *first = decision->n_reasons ? &decision->reasons[0] : &none;
	char place[POLICY_PLACE_SIZE];
	size_t len;

	(void)snprintf(buf, size, "%s [%s]: %s", verbs[decision->verdict], reason_code_name(first->code), first->text);
	len = strlen(buf);
	if (first->origin.file)
		(void)snprintf(buf + len, size - len, " (%s)", origin_format(&first->origin, place, sizeof(place)));
	return buf;
}

const char *notice_compose(const struct record *record, char *buf, size_t size)
{
	const struct decision *d = record->decision;
	size_t len;

	if (record->err->text[0])
		(void)snprintf(buf, size, "%s", record->err->text);
	else
		(void)notice_sentence(d, buf, size);
	len = strlen(buf);
	(void)snprintf(buf + len, size - len, ";");
	add_word(buf, size, "handler", record->facts->handler);
	add_word(buf, size, "namespace", d->who.namespace);
	add_word(buf, size, "pod", d->who.pod);
	add_word(buf, size, "container", d->who.container);
	add_word(buf, size, "image", d->who.image);
	add_word(buf, size, "profile", d->profile);
	add_word(buf, size, "id", record->facts->id && *record->facts->id ? record->facts->id : "unknown");
	return buf;
}

void notice_send(const struct journal *journal, const struct record *record)
{
	const struct decision *d = record->decision;
	const struct origin *at = d->n_reasons && d->reasons[0].origin.file ? &d->reasons[0].origin : &d->origin;
	const struct {
		const char *name, *value;
	} from[] = {
		{ "CGDELEG_ID", record->facts->id },	   { "CGDELEG_HANDLER", record->facts->handler },
		{ "CGDELEG_NAMESPACE", d->who.namespace }, { "CGDELEG_POD", d->who.pod },
		{ "CGDELEG_CONTAINER", d->who.container }, { "CGDELEG_IMAGE", d->who.image },
		{ "CGDELEG_PROFILE", d->profile },
	};
	char message[NOTICE_SIZE], values[ELEMENTS(from)][VALUE_MAX], policy[POLICY_PLACE_SIZE];
	struct journal_field fields[ELEMENTS(from) + 3] = {
		{ "CGDELEG_REASON", record_reason(record) },
		{ "CGDELEG_VERDICT", verdict_name(d->verdict) },
		{ "CGDELEG_POLICY", policy },
	};

	if (journal->kind == JOURNAL_NONE)
		return;
	(void)origin_format(at, policy, sizeof(policy));
	for (size_t i = 0; i < ELEMENTS(from); i++)
		fields[3 + i] = (struct journal_field) {
			from[i].name, from[i].value ? text_escape(from[i].value, values[i], VALUE_MAX) : NULL
		};
	journal_send(journal, &(const struct journal_line) { .priority = record->err->text[0]	      ? 3
									 : verdict_bounds(d->verdict) ? 5
												      : 4,
							     .program = "cgdeleg-hook",
							     .pid = record->pid,
							     .message = notice_compose(record, message, sizeof(message)),
							     .fields = fields,
							     .n_fields = ELEMENTS(fields) });
}
