/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decide - the policy engine. See decide.h, and request.h for its parts.
 *
 * Every decision begins with "pass". Only one place grants or bounds, settle(), and only if some line says so and no reason
 * refuses.
 */
#include "policy/decide.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"

/* What the policy says on whether this container's cgroup may be writable. */
enum writable { WRITABLE_ABSENT, WRITABLE_FALSE, WRITABLE_TRUE };

static enum writable writable_of(const struct section *section)
{
	const struct setting *setting = section_get(section, KEY_CGROUP_WRITABLE);

	if (!setting)
		return WRITABLE_ABSENT;
	return strcmp(setting->value, "true") == 0 ? WRITABLE_TRUE : WRITABLE_FALSE;
}

/* An absent selector selects everything; an unknown fact matches no pattern, not even '*'. */
static bool selects(const struct setting *setting, const char *fact)
{
	const char *list = setting ? setting->value : NULL;
	char pattern[256];

	if (!setting)
		return true;
	while (text_next_word(&list, pattern, sizeof(pattern)) > 0)
		if (text_glob(pattern, fact))
			return true;
	return false;
}

const struct setting *rule_mismatch(const struct section *rule, const struct identity *who)
{
	const struct {
		enum key_id id;
		const char *fact;
	} selectors[] = {
		{ KEY_NAMESPACES, who->namespace },
		{ KEY_PODS, who->pod },
		{ KEY_CONTAINERS, who->container },
		{ KEY_IMAGES, who->image },
	};

	for (size_t i = 0; i < ELEMENTS(selectors); i++) {
		const struct setting *setting = section_get(rule, selectors[i].id);

		if (!selects(setting, selectors[i].fact))
			return setting;
	}
	return NULL;
}

/* The first that matches; *any says whether the handler has rules at all. */
static const struct section *find_rule(const struct ruleset *rules, const char *handler, const struct identity *who,
				       bool *any)
{
	*any = false;
	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next) {
		if (!section_has_word(s, KEY_HANDLER, handler))
			continue;
		*any = true;
		if (!rule_mismatch(s, who))
			return s;
	}
	return NULL;
}

bool policy_grants_unasked(const struct ruleset *rules, const struct section *handler)
{
	if (writable_of(handler) == WRITABLE_TRUE)
		return true;
	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next)
		if (writable_of(s) == WRITABLE_TRUE && section_has_word(s, KEY_HANDLER, handler->name))
			return true;
	return false;
}

/* Finds the handler's section, and reads who the container is and what it asks for. */
static bool request_open(struct request *request, struct identity *who)
{
	const struct ruleset *rules = request->rules;
	const struct facts *facts = request->facts;
	const struct setting *engine;

	request->engine = ENGINE_INVALID;
	request->defaults = ruleset_find(rules, SECTION_DEFAULTS, "");
	request->handler = facts->handler ? ruleset_find(rules, SECTION_HANDLER, facts->handler) : NULL;
	if (!request->handler)
		return false;
	engine = section_get(request->handler, KEY_ENGINE);
	request->engine = engine ? engine_find(engine->value) : ENGINE_INVALID;
	identity_read(request->engine, facts, who);
	request->approved = section_get(request->handler, KEY_APPROVED_ANNOTATIONS);
	wish_read(request->approved ? request->approved->value : NULL, facts, who, &request->wish);
	return true;
}

/* A broken policy concerns the containers that a readable part of it names, and those that ask. */
static bool may_concern(const struct ruleset *rules, const struct facts *facts)
{
	if (facts->handler && ruleset_find(rules, SECTION_HANDLER, facts->handler))
		return true;
	for (const struct section *s = rules->sections[SECTION_RULE]; facts->handler && s; s = s->next)
		if (section_has_word(s, KEY_HANDLER, facts->handler))
			return true;
	for (size_t i = 0; i < facts->n_annotations; i++)
		if (annotation_is_ours(facts->annotations[i].key))
			return true;
	return false;
}

static void decide_broken(struct request *request)
{
	const struct complaint *first = request->rules->complaints;
	const char *file = first->origin.file ? first->origin.file : "?";
	struct setting place = { .origin = first->origin };
	char at[32] = "";
	unsigned n = 0;

	for (const struct complaint *c = first; c; c = c->next)
		n++;
	/* A file or a directory as a whole has no line. */
	if (first->origin.line > 0)
		(void)snprintf(at, sizeof(at), ":%u:%u", first->origin.line, first->column);
	request_refuse(request, REASON_POLICY_BROKEN, &place,
		       "the policy has %u %s and grants nothing; the first, %s%s: %.160s", n,
		       n == 1 ? "fault" : "faults", FOREIGN(file), at, first->text);
	/* on_refusal does not matter: a broken file may say anything. */
	request->decision->verdict = VERDICT_REFUSE;
	request->decision->origin = first->origin;
}

static void pass(struct request *request, enum reason_code code, const char *text)
{
	request_note(request, code, NULL, "%s", text);
}

/* One that says "false" asks for nothing, and is answered. */
static bool asks_in_vain(const struct annotation *annotation)
{
	return strcmp(annotation->value, "false") != 0;
}

/* cgdeleg's keys that count for nothing. Each gets a note, but they must not use up all the room for reasons. */
static void note_unapproved(struct request *request)
{
	const char *approved = request->approved ? request->approved->value : "";
	const struct annotation *a;
	char hint[100], list[160];
	size_t i = 0;

	for (int n = 0; n < 4 && (a = annotation_next_unapproved(approved, request->facts, &i)) != NULL; n++) {
		struct nearest nearest = nearest_to(a->key);

		request->decision->unanswered |= asks_in_vain(a);
		/* For a key that cgdeleg has in no form. */
		if (!annotation_has_known_form(a->key))
			annotation_nearest(&nearest);
		request_note(
			request, REASON_ANNOTATION_UNAPPROVED, request->approved,
			"annotation '%s' counts for nothing: [handler %s] does not approve it; its approved_annotations: %s%s",
			FOREIGN(a->key), request->handler->name, explain_list(request->approved, list, sizeof(list)),
			nearest_hint(&nearest, hint, sizeof(hint)));
	}
}

/* No section for the handler. If the container asks, somebody expects an answer: a wrong --handler looks like this. */
static void pass_unknown(struct request *request)
{
	const struct facts *facts = request->facts;
	const char *handler = facts->handler ? facts->handler : "";
	struct nearest nearest = nearest_to(handler);
	const struct annotation *a = NULL;
	char hint[100], list[160];
	size_t i = 0;

	while ((a = annotation_next_unapproved("", facts, &i)) != NULL && !asks_in_vain(a))
		;
	if (!a) {
		pass(request, REASON_NOT_CONCERNED, "the policy has no section for the container's handler");
		return;
	}
	request->decision->unanswered = true;
	for (const struct section *s = request->rules->sections[SECTION_HANDLER]; s; s = s->next)
		nearest_try(&nearest, s->name);
	request_note(
		request, REASON_HANDLER_UNKNOWN, NULL,
		"annotation '%s' asks, but the policy has no [handler %s]; it has: %s; add that section, or correct the hook's --handler%s",
		FOREIGN(a->key), FOREIGN(handler), explain_sections(request->rules, SECTION_HANDLER, list, sizeof(list)),
		nearest_hint(&nearest, hint, sizeof(hint)));
}

static void choose_annotated_profile(struct request *request, const char *wanted)
{
	const struct setting *allowed = request_setting(request, KEY_PROFILES);
	const struct section *profile = ruleset_find(request->rules, SECTION_PROFILE, wanted);
	struct nearest nearest = nearest_to(wanted);
	char hint[100], list[160];

	for (const struct section *s = request->rules->sections[SECTION_PROFILE]; s; s = s->next)
		if (allowed && text_has_word(allowed->value, s->name))
			nearest_try(&nearest, s->name);
	if (!profile)
		request_refuse(
			request, REASON_PROFILE_UNKNOWN, request->approved,
			"annotation '%s' asks for profile '%s', which the policy does not have; annotations may choose: %s%s",
			FOREIGN(request->wish.profile_key), FOREIGN(wanted), explain_list(allowed, list, sizeof(list)),
			nearest_hint(&nearest, hint, sizeof(hint)));
	else if (!allowed || !text_has_word(allowed->value, wanted))
		request_refuse(
			request, REASON_PROFILE_NOT_ALLOWED, allowed,
			"annotation '%s' asks for profile '%s', which is not among the profiles that annotations may choose for [handler %s]: %s; add it to 'profiles', or choose one of these",
			FOREIGN(request->wish.profile_key), FOREIGN(wanted), request->handler->name,
			explain_list(allowed, list, sizeof(list)));
	else
		request->profile = profile;
}

static void choose_profile(struct request *request)
{
	/* request->profile is not set yet, and no profile has this key: this reads the rule and the handler. */
	const struct setting *setting = request_setting(request, KEY_PROFILE);

	const struct section *own = setting ? ruleset_find(request->rules, SECTION_PROFILE, setting->value) : NULL;

	if (request->wish.profile)
		choose_annotated_profile(request, request->wish.profile);
	request->chosen = request->profile;
	request->own_profile = own;
	/* Also after a refusal: the other reasons should be those of the likeliest profile. */
	if (!request->profile)
		request->profile = own;
	if (request->profile)
		request->decision->profile = request->profile->name;
}

static const char *const writable_by_texts[WRITABLE_BY_MAX] = {
	[WRITABLE_BY_MOUNT] = "its /sys/fs/cgroup is mounted read-write",
	[WRITABLE_BY_OTHER] = "it has cgroups mounted read-write, not at /sys/fs/cgroup",
	[WRITABLE_BY_OWNER] = "its runtime has given the cgroup away",
};

/* A line grants, or bounds: fills in the whole decision, and collects every reason against it. */
static void examine(struct request *request, enum reason_code code, const struct setting *line)
{
	static const char *const texts[REASON_CODE_MAX] = {
		[REASON_RULE_GRANTS] = "the rule makes the cgroup writable",
		[REASON_HANDLER_GRANTS] = "the handler makes the cgroup writable",
		[REASON_ANNOTATION_GRANTS] = "an annotation that the handler approves asks for it",
	};
	const bool bounds = code == REASON_BOUNDED;
	struct decision *d = request->decision;
	const char *nest;

	if (bounds)
		request_reason(request, REASON_BOUNDS, code, line,
			       "the container did not ask, but %s: it is bounded and gets nothing more",
			       writable_by_texts[request->facts->writable_by]);
	else
		request_reason(request, REASON_GRANTS, code, line, "%s", texts[code]);
	request->bounding = bounds;
	d->examined = true;
	d->origin = line->origin;
	/* The profile has settings of its own. */
	choose_profile(request);
	request_note_stricter(request);
	nest = request_value(request, KEY_NEST);
	/* Its processes are where its runtime has put them, and nothing is given to it. */
	d->nest = bounds || strcmp(nest, "none") == 0 ? NULL : nest;
	d->controllers = request_value(request, KEY_ENABLE_CONTROLLERS);
	d->audit_required = request_is(request, KEY_AUDIT, "require");
	d->audit_sync = request_is(request, KEY_AUDIT_SYNC, "yes");
	if (!request_placed(request))
		return;
	request_require(request);
	request_ceilings(request);
	request_host_options(request);
	request_budgets(request);
}

static void refuse_writable(struct request *request, const struct setting *line)
{
	static const char *const remedies[WRITABLE_BY_MAX] = {
		[WRITABLE_BY_MOUNT] =
			"have its engine mount it read-only ('ro' in config.json), or set writable_mount = bound",
		[WRITABLE_BY_OTHER] = "remove the volume or mount that provides them, or make it read-only (recursively)",
		[WRITABLE_BY_OWNER] =
			"use a runtime that does not (crun gives it to every user namespace), or set writable_mount = bound",
	};
	const enum writable_by by = request->facts->writable_by;

	request_refuse(request, REASON_WRITABLE_MOUNT, line,
		       "the container did not ask for a writable cgroup, but %s, and writable_mount = refuse; %s",
		       writable_by_texts[by], remedies[by]);
}

/*
 * The policy grants nothing, and nobody asks. The engine or the runtime may have made the cgroup writable all the same:
 * containerd's cgroup_writable, CRI-O's annotation, podman --systemd, Docker with userns-remap, crun with any user
 * namespace. Ownership counts without a writable mount, because with CAP_SYS_ADMIN in a user namespace, its own or one
 * that it makes, a container can mount cgroup2 itself.
 */
static void decide_unasked(struct request *request, const char *why_not_concerned)
{
	const struct setting *line = request_setting(request, KEY_WRITABLE_MOUNT);
	const struct facts *facts = request->facts;
	const bool writable = facts->writable_by > WRITABLE_BY_NONE;

	if (request_is(request, KEY_WRITABLE_MOUNT, "pass")) {
		pass(request, REASON_NOT_CONCERNED, why_not_concerned);
		if (writable)
			request_note(request, REASON_UNBOUNDED, line,
				     "the container did not ask, but %s, and nothing bounds what it makes there; set writable_mount = bound",
				     writable_by_texts[facts->writable_by]);
		return;
	}
	request->decision->unasked = true;
	if (facts->writable_by == WRITABLE_BY_NONE)
		pass(request, REASON_NOT_CONCERNED, why_not_concerned);
	else if (!writable)
		request_refuse(
			request, REASON_UNKNOWN, line,
			"it is not known whether the container's cgroup is writable, and writable_mount = %s depends on it",
			line->value);
	else if (facts->cgroupns_private == TRI_NO)
		request_refuse(
			request, REASON_CGROUPNS_SHARED, line,
			"writable_mount = %s: the container did not ask, but %s, and it shares the host's cgroup namespace, so nothing can bound it; run it with a private one (--cgroupns=private, not privileged), or exempt it by a rule with writable_mount = pass",
			line->value, writable_by_texts[facts->writable_by]);
	else if (request_is(request, KEY_WRITABLE_MOUNT, "refuse"))
		refuse_writable(request, line);
	else
		examine(request, REASON_BOUNDED, line);
}

static void decide_writable(struct request *request, bool has_rules, bool asks)
{
	const struct section *from = writable_of(request->rule) != WRITABLE_ABSENT ? request->rule : request->handler;
	const struct setting *line = section_get(from, KEY_CGROUP_WRITABLE);
	const bool by_rule = from == request->rule;
	char compared[320];

	if (has_rules && !request->rule && asks)
		request_refuse(
			request, REASON_NO_RULE_MATCHES, request->approved,
			"an annotation asks for a writable cgroup, and none of the rules for handler '%s' matches the container: %s",
			request->handler->name,
			explain_rules(request, &request->decision->who, compared, sizeof(compared)));
	else if (has_rules && !request->rule)
		decide_unasked(request, "the container's handler has rules, and none of them matches the container");
	else if (writable_of(from) == WRITABLE_TRUE)
		examine(request, by_rule ? REASON_RULE_GRANTS : REASON_HANDLER_GRANTS, line);
	else if (!asks)
		decide_unasked(request, "nothing in the policy makes the container's cgroup writable");
	else if (writable_of(from) == WRITABLE_FALSE)
		request_refuse(
			request, by_rule ? REASON_RULE_FORBIDS : REASON_HANDLER_FORBIDS, line,
			"an annotation asks for a writable cgroup, and [%s %s] forbids it; change that line, or take the annotation out",
			section_kind_name(from->kind), from->name);
	else
		examine(request, REASON_ANNOTATION_GRANTS, request->approved);
}

/*
 * on_refusal = readonly gives the cgroup back to host root. If the container's root is host root, that changes nothing,
 * and a read-only mount alone keeps nobody out who may make his own namespaces.
 */
static enum verdict refusal_verdict(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_ON_REFUSAL);

	if (!request_is(request, KEY_ON_REFUSAL, "readonly"))
		return VERDICT_REFUSE;
	if (!facts_placed(request->facts)) {
		request_note(
			request, REASON_NOT_TAKEN_BACK, setting,
			"on_refusal = readonly has no effect on a container whose /sys/fs/cgroup is not its own cgroup: there is nothing to take back");
		return VERDICT_REFUSE;
	}
	if (request->facts->userns == USERNS_PRIVATE)
		return VERDICT_READONLY;
	request_note(
		request, REASON_NOT_TAKEN_BACK, setting,
		"on_refusal = readonly has no effect on a container without a user namespace of its own: its root is the host's root, and changing the owner stops nothing");
	return VERDICT_REFUSE;
}

/* The one place where a request becomes a verdict. */
static void settle(struct request *request)
{
	struct decision *d = request->decision;

	if (request->refused) {
		d->verdict = refusal_verdict(request);
		if (d->reasons[0].origin.file)
			d->origin = d->reasons[0].origin;
	} else if (d->n_reasons > 0 && d->reasons[0].kind == REASON_GRANTS) {
		d->verdict = VERDICT_GRANT;
	} else if (d->n_reasons > 0 && d->reasons[0].kind == REASON_BOUNDS) {
		d->verdict = VERDICT_BOUND;
	}
}

/* A container that declines and whose root is the host's root runs as its runtime made it: it can do what it could do
 * without cgdeleg, and cgdeleg claims nothing more. But it must not keep a writable mount that it, or whoever made it,
 * has asked not to have. */
static void decline(struct request *request)
{
	const struct facts *facts = request->facts;
	struct decision *d = request->decision;

	/* Nothing can be taken back, and what it could write is not known. */
	if (!request_placed(request)) {
		d->verdict = VERDICT_REFUSE;
		return;
	}
	request_note(request, REASON_ANNOTATION_DECLINES, request->approved,
		     "annotation '%s' declines a writable cgroup", FOREIGN(request->wish.writable_key));
	d->origin = request->approved->origin;
	d->verdict = VERDICT_READONLY;
	if (!request_no_volumes(request))
		d->verdict = VERDICT_REFUSE;
	if (facts->userns == USERNS_PRIVATE || facts->mount == MOUNT_READONLY || facts->mount == MOUNT_WILL_BE_RO)
		return;
	request_refuse(
		request, REASON_NOT_TAKEN_BACK, request->approved,
		"annotation '%s' declines a writable cgroup, but config.json mounts it writable for a container without a user namespace of its own; mount it 'ro'",
		FOREIGN(request->wish.writable_key));
	d->verdict = VERDICT_REFUSE;
}

static void decide_known(struct request *request)
{
	struct wish *wish = &request->wish;
	struct decision *d = request->decision;
	bool has_rules;

	request->rule = find_rule(request->rules, request->handler->name, &d->who, &has_rules);
	if (request->rule)
		d->rule = request->rule->name;
	if (wish->invalid_key) {
		request_refuse(request, REASON_ANNOTATION_INVALID, request->approved,
			       "annotation '%s' has the value '%s', but %s", FOREIGN(wish->invalid_key),
			       FOREIGN(wish->invalid_value), wish->invalid_why);
	} else if (wish->writable == TRI_NO) {
		decline(request);
		return;
	} else {
		decide_writable(request, has_rules, wish->writable == TRI_YES || wish->profile);
	}
	settle(request);
}

void policy_decide(const struct ruleset *rules, const struct facts *facts, struct decision *ret)
{
	struct request request = { .rules = rules, .facts = facts, .decision = ret };
	struct identity who;

	*ret = (struct decision) { .handler = facts->handler, .owner_uid = FACT_ID_UNKNOWN, .owner_gid = FACT_ID_UNKNOWN };
	if (ruleset_is_broken(rules)) {
		if (may_concern(rules, facts))
			decide_broken(&request);
		else
			pass(&request, REASON_NOT_CONCERNED,
			     "the policy is broken, and no part of it that can be read covers the container");
		return;
	}
	if (!request_open(&request, &who)) {
		pass_unknown(&request);
		return;
	}
	ret->who = who;
	if (who.sandbox) {
		pass(&request, REASON_SANDBOX, "the engine says that this is a sandbox (pause) container");
		return;
	}
	/* First, so that in a pass-through its note comes first: that is what somebody looks for. */
	note_unapproved(&request);
	decide_known(&request);
}
