/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, ask - one question to the hook's own code. See explain.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/cli/explain.h"

enum engine explain_engine(const struct ruleset *rules, const char *handler)
{
	const struct section *section = handler ? ruleset_find(rules, SECTION_HANDLER, handler) : NULL;
	const struct setting *setting = section_get(section, KEY_ENGINE);

	return setting ? engine_find(setting->value) : ENGINE_INVALID;
}

/* This machine's, as its root cgroup offers them; false where that cannot be read. */
static bool controllers_here(char *buf, size_t size)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	ssize_t n = -1;

	if (host_open("/", &real_machine, &host, NULL) >= 0)
		n = file_read_at(host.cgroup_fd, "cgroup.controllers", buf, size);
	if (n < 0)
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

/* Whether the words are right: with blanks or commas between them. */
int controllers_check(const struct given *given, struct err *err)
{
	const char *said = given->controllers, *p = said;
	char word[32], shown[100];

	if (!said || strcmp(said, "all") == 0 || strcmp(said, "node") == 0)
		return 0;
	while (*p) {
		const size_t len = strcspn(p, " ,");

		(void)snprintf(word, sizeof(word), "%.*s", (int)len, p);
		if (len > 0 && !text_has_word(ASSUME_CONTROLLERS, word))
			return err_set(err, EINVAL,
				       "--assume-controllers %s: 'all', 'node', or some of '" ASSUME_CONTROLLERS
				       "' were expected",
				       text_escape(said, shown, sizeof(shown)));
		p += len + (p[len] != '\0');
	}
	return 0;
}

/*
 * Where nothing is said, those of this machine, if it could run containers with limits at all. Else it is no node: a
 * laptop or a CI job, whose controllers nobody asks about.
 */
int controllers_find(const struct given *given, struct asker *asker, struct err *err)
{
	const char *said = given->controllers;
	char here[512] = "", *copy;
	bool there;

	asker->controllers = ASSUME_CONTROLLERS;
	if (said && strcmp(said, "all") == 0)
		return 0;
	there = (!said || strcmp(said, "node") == 0) && controllers_here(here, sizeof(here));
	if (said && strcmp(said, "node") == 0 && !there)
		return err_set(err, ENOENT, "--assume-controllers node: this machine's cgroup2 cannot be read");
	if (!said && !(text_has_word(here, "memory") && text_has_word(here, "pids"))) {
		asker->controllers_note =
			"the node has every controller: this machine is no node with cgroup2 (--assume-controllers LIST)";
		return 0;
	}
	asker->controllers = copy = arena_strdup(&asker->lasting, there ? here : said);
	for (char *p = copy; p && *p; p++)
		if (*p == ',')
			*p = ' ';
	asker->controllers_note =
		there ? "the node has this machine's controllers (--assume-controllers all for every one)" : NULL;
	return copy ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* What is not given is "?": a fact that every container has, and that only the pattern '*' is known to match. */
int explain_described(struct asker *asker, struct question *ret, struct err *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} parts[] = { { "namespace", UNTOLD_NAMESPACE },
		      { "pod", UNTOLD_POD },
		      { "container", UNTOLD_CONTAINER },
		      { "image", UNTOLD_IMAGE } };
	const struct given *given = asker->given;
	struct pod_container c = { .file = "" };
	const char **members[] = { &c.namespace, &c.pod, &c.container, &c.image };
	const enum engine engine = explain_engine(asker->rules, given->handler);
	char *config;
	int r;

	*ret = (struct question) { .input = "", .handler = given->handler };
	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		*members[i] = facts_given(given, parts[i].name);
		if (!*members[i]) {
			*members[i] = "?";
			ret->untold |= parts[i].bit;
		}
	}
	r = pod_config(&c, engine, &asker->arena, &config, &ret->config_len, err);
	if (r >= 0)
		r = arena_adopt(&asker->arena, config) < 0 ? err_set(err, ENOMEM, "out of memory") : 0;
	ret->config = config;
	ret->notes = c.notes;
	if (r >= 0 && !facts_given(given, "userns"))
		notes_add(&ret->notes, &asker->arena, "it has a user namespace of its own (--fact userns=none)");
	return r;
}

/* Those of config.json, and what the command line adds or replaces. They belong to oci. */
static int add_annotations(const struct given *given, struct asker *asker, struct oci *oci, struct err *err)
{
	for (size_t i = 0; i < given->annotations.n; i++) {
		const char *word = given->annotations.all[i], *equals = strchr(word, '=');
		const char *key = arena_strndup(&asker->arena, word, (size_t)(equals - word));
		struct annotation *a = oci->annotations, *more;

		if (!key)
			return err_set(err, ENOMEM, "out of memory");
		while (a && a < oci->annotations + oci->n_annotations && strcmp(a->key, key) != 0)
			a++;
		if (a && a < oci->annotations + oci->n_annotations) {
			a->value = equals + 1;
			continue;
		}
		more = reallocarray(oci->annotations, oci->n_annotations + 1, sizeof(*more));
		if (!more)
			return err_set(err, ENOMEM, "out of memory");
		oci->annotations = more;
		oci->annotations[oci->n_annotations++] = (struct annotation) { key, equals + 1 };
	}
	return 0;
}

static int gather_assumed(struct asker *asker, const struct question *question, struct answer *answer, struct err *err)
{
	struct trail *trail = answer->trail;
	int r = oci_parse_config(question->config, question->config_len, &trail->oci, err);

	if (r >= 0)
		r = oci_adopt_annotations(&trail->oci, err);
	if (r >= 0)
		r = add_annotations(asker->given, asker, &trail->oci, err);
	if (r < 0)
		return r;
	answer->assumed.controllers = asker->controllers;
	trail->facts.handler = question->handler;
	r = assume_container(&trail->oci, &answer->assumed, &trail->target, &trail->facts, err);
	facts_override(asker->given, &trail->facts);
	return r;
}

/* Does a rule that would count depend on what nobody has told? */
static bool is_untold(const struct asker *asker, const struct answer *answer)
{
	const struct trail *trail = answer->trail;
	const struct section *at = NULL;
	struct considered_rule rule;

	if (!trail->facts.handler || ruleset_is_broken(asker->rules) ||
	    !identity_is_stated(explain_engine(asker->rules, trail->facts.handler)))
		return false;
	while (consider_next(asker->rules, trail->facts.handler, &trail->decision.who, answer->question->untold, true,
			     &at, &rule)) {
		if (rule.state == CONSIDERED_UNTOLD)
			return true;
		if (rule.state == CONSIDERED_MATCHES)
			return false;
	}
	return false;
}

/* A refusal that rests on nothing but what cannot be known here. */
static bool rests_on_the_unknown(const struct decision *d)
{
	bool unknown = false;

	for (size_t i = 0; i < d->n_reasons; i++) {
		if (d->reasons[i].kind == REASON_REFUSES && d->reasons[i].code != REASON_UNKNOWN)
			return false;
		unknown |= d->reasons[i].kind == REASON_REFUSES;
	}
	return unknown;
}

/* The "?" in its place was for the patterns. And a rule that may not be the one says nothing. */
static void forget_untold(struct answer *answer)
{
	struct decision *d = &answer->trail->decision;
	const char **members[] = { &d->who.namespace, &d->who.pod, &d->who.container, &d->who.image };

	for (size_t i = 0; i < ELEMENTS(members); i++)
		if (answer->question->untold >> i & 1)
			*members[i] = NULL;
	if (!answer->untold)
		return;
	d->rule = d->profile = NULL;
	d->n_reasons = 0;
}

static int decide(struct asker *asker, struct answer *answer, struct err *err)
{
	struct trail *trail = answer->trail;
	struct decision *d = &trail->decision;
	int r = 0;

	policy_decide(asker->rules, &trail->facts, d);
	trail->plan.n_steps = 0;
	answer->untold = is_untold(asker, answer);
	forget_untold(answer);
	if (answer->untold || !trail->facts.handler || rests_on_the_unknown(d))
		d->verdict = VERDICT_UNKNOWN;
	else
		r = plan_build(d, &trail->facts, &trail->target, &trail->plan, err);
	return r;
}

int explain_ask(struct asker *asker, struct question *question, struct answer *ret, struct err *err)
{
	int r;

	*ret = (struct answer) { .question = question, .trail = trail_new() };
	if (!ret->trail)
		return err_set(err, ENOMEM, "out of memory");
	if (asker->controllers_note)
		notes_add(&question->notes, &asker->arena, "%s", asker->controllers_note);
	notes_add(&question->notes, &asker->arena,
		  "the node is in good order: guards and device programs are there, and no other grant (--fact)");
	r = gather_assumed(asker, question, ret, err);
	return r < 0 ? r : decide(asker, ret, err);
}

void answer_done(struct answer *answer)
{
	trail_free(answer->trail);
	answer->trail = NULL;
}
