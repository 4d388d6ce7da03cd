/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explain - what a refusal adds to its sentence: what would have been valid, and what was compared with what. See
 * request.h.
 *
 * Whoever repairs it may have only this one line. So it names the candidates, within bounds: a policy can have hundreds.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"

struct words {
	char *buf;
	size_t size, len;
	bool full;
};

/* Whole words or none: what does not fit is "and more", and nothing follows it. */
static void add(struct words *words, const char *fmt, ...) _printf_(2, 3);
static void add(struct words *words, const char *fmt, ...)
{
	static const char more[] = " and more";
	const size_t left = words->size - words->len;
	va_list ap;
	int n;

	if (words->full)
		return;
	va_start(ap, fmt);
	n = vsnprintf(words->buf + words->len, left, fmt, ap);
	va_end(ap);
	words->full = n < 0 || (size_t)n + sizeof(more) > left;
	if (words->full)
		(void)snprintf(words->buf + words->len, left, "%s", more);
	else
		words->len += (size_t)n;
}

static struct words words_in(char *buf, size_t size)
{
	buf[0] = '\0';
	return (struct words) { .buf = buf, .size = size };
}

const char *explain_sections(const struct ruleset *rules, enum section_kind kind, char *buf, size_t size)
{
	struct words words = words_in(buf, size);

	for (const struct section *s = rules->sections[kind]; s; s = s->next)
		add(&words, "%s%s", words.len ? " " : "", s->name);
	return words.len || words.full ? buf : "none";
}

const char *explain_list(const struct setting *setting, char *buf, size_t size)
{
	struct words words = words_in(buf, size);
	const char *list = setting ? setting->value : "";
	char word[256];

	while (text_next_word(&list, word, sizeof(word)) > 0)
		add(&words, "%s%s", words.len ? " " : "", word);
	return words.len || words.full ? buf : "none";
}

const char *explain_rules(const struct request *request, const struct identity *who, char *buf, size_t size)
{
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "namespace", who->namespace },
		{ "pod", who->pod },
		{ "container", who->container },
		{ "image", who->image },
	};
	struct words words = words_in(buf, size);
	const struct setting *failed;
	char list[64], value[64];

	for (size_t i = 0; i < ELEMENTS(facts); i++)
		add(&words, "%s%s=%s", i ? " " : "", facts[i].name,
		    facts[i].value ? text_escape(facts[i].value, value, sizeof(value)) : "unknown");
	if (!identity_is_stated(request->engine))
		add(&words, "; this engine states none of them");
	for (const struct section *s = request->rules->sections[SECTION_RULE]; s; s = s->next) {
		const char *file, *slash;

		if (!section_has_word(s, KEY_HANDLER, request->handler->name) || !(failed = rule_mismatch(s, who)))
			continue;
		/* Without its directory: the refusal ends with a whole path anyway. */
		file = failed->origin.file ? failed->origin.file : "?";
		slash = strrchr(file, '/');
		add(&words, "; [rule %s] (%s:%u) wants %s = %s", s->name, slash ? slash + 1 : file, failed->origin.line,
		    failed->key->name, explain_list(failed, list, sizeof(list)));
	}
	return buf;
}

const char *explain_by_engine(const struct request *request, const struct engine_words *words)
{
	switch (request->engine) {
	case ENGINE_CONTAINERD:
	case ENGINE_CRIO:
		return words->pod;
	case ENGINE_PODMAN:
		return words->podman;
	case ENGINE_DOCKER:
		return words->docker;
	default:
		return words->any;
	}
}
