/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, change - what whoever makes the container, or has the node, can change. See explain-trial.h. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/explain-trial.h"
#include "policy/nearest.h"

/* The container asks, by the first approved key that asks for true. */
static bool ask(struct attempt *a)
{
	static const char *const writable[] = { "cgdeleg.io/writable", "cgroup2-mount-hierarchy-rw.crio.io",
						"io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw",
						"writable-cgroups.noderesource.dev" };
	struct trial *t = a->trial;
	const struct setting *approved = section_get(trial_handler(t), KEY_APPROVED_ANNOTATIONS);

	for (size_t i = 0; approved && i < ELEMENTS(writable); i++)
		if (text_has_word(approved->value, writable[i]) && trial_annotate(t, writable[i], "true"))
			return attempt_say(a, "have it ask: annotation %s: \"true\"", writable[i]);
	return false;
}

/* The keys by which the engine of the handler states who a container is. */
static bool state(struct trial *t, const char *fact, const char *value)
{
	static const struct {
		enum engine engine;
		const char *fact, *key;
	} stated[] = { { ENGINE_CONTAINERD, "namespace", "io.kubernetes.cri.sandbox-namespace" },
		       { ENGINE_CONTAINERD, "pod", "io.kubernetes.cri.sandbox-name" },
		       { ENGINE_CONTAINERD, "container", "io.kubernetes.cri.container-name" },
		       { ENGINE_CONTAINERD, "image", "io.kubernetes.cri.image-name" },
		       { ENGINE_CRIO, "image", "io.kubernetes.cri-o.ImageName" } };
	const enum engine engine = explain_engine(t->asker->rules, t->facts.handler);

	for (size_t i = 0; i < ELEMENTS(stated); i++)
		if (stated[i].engine == engine && strcmp(stated[i].fact, fact) == 0)
			return trial_annotate(t, stated[i].key, value);
	return false;
}

/* The container becomes what the rule wants: a pattern matches itself, unless it has brackets. */
static bool fit_rule(struct attempt *a)
{
	char pattern[256];
	struct trial *t = a->trial;
	struct considered_rule rule = { 0 };
	const struct section *best = trial_nearest_rule(t, &rule);
	char place[160];
	size_t used = 0;

	for (size_t i = 0; best && i < rule.n; i++) {
		const struct considered_selector *s = &rule.selectors[i];
		const char *list = s->setting->value;

		if (s->state == CONSIDERED_MATCHES)
			continue;
		if (text_next_word(&list, pattern, sizeof(pattern)) <= 0 || !text_glob(pattern, pattern) ||
		    !state(t, s->fact, arena_strdup(&t->asker->arena, pattern)))
			return false;
		used += (size_t)snprintf(a->text + used, a->size - used, "%sgive it %s %s that matches '%s'",
					 used ? ", and " : "", s->fact[0] == 'i' ? "an" : "a", s->fact,
					 s->setting->value);
		if (used >= a->size)
			return false;
	}
	if (!best)
		return false;
	(void)snprintf(a->text + used, a->size - used, ", as %s wants", trial_place(best, place));
	return true;
}

/* Nothing grants, and nobody asks: or its handler has rules that do not match. */
static bool concern_container(struct attempt *a)
{
	if (trial_has_rules(a->trial) && !a->trial->decision.rule)
		return fit_rule(a);
	return ask(a);
}

/* The handler is not the policy's: another might be meant. */
static bool name_handler(struct attempt *a)
{
	struct trial *t = a->trial;
	struct nearest nearest = nearest_to(t->facts.handler ? t->facts.handler : "");
	const struct section *only = t->asker->rules->sections[SECTION_HANDLER];

	for (const struct section *s = only; s; s = s->next)
		nearest_try(&nearest, s->name);
	if (!nearest.best && only && !only->next)
		nearest.best = only->name;
	if (trial_handler(t) || !nearest.best)
		return false;
	t->facts.handler = nearest.best;
	return attempt_say(a, "run it with the handler '%s' (runtimeClassName, or --handler in the hook's args)",
			   nearest.best);
}

/* The annotation that says "false" goes. */
static bool withdraw(struct attempt *a)
{
	struct trial *t = a->trial;
	struct wish wish;
	const char *key = trial_wish(t, &wish)->writable_key;
	char shown[100];

	for (size_t i = 0; key && i < t->facts.n_annotations; i++)
		if (strcmp(t->annotations[i].key, key) == 0)
			return trial_annotate(t, key, "true") &&
			       attempt_say(a, "set annotation %s to \"true\", or take it out",
					   text_escape(key, shown, sizeof(shown)));
	return false;
}

static bool correct(struct attempt *a)
{
	struct trial *t = a->trial;
	struct wish wish;
	const char *key = trial_wish(t, &wish)->invalid_key;
	char shown[100];

	for (size_t i = 0; key && i < t->facts.n_annotations; i++) {
		if (strcmp(t->annotations[i].key, key) != 0)
			continue;
		(void)text_escape(key, shown, sizeof(shown));
		if (annotation_asks(key) && strcmp(key, ANNOTATION_PROFILE) != 0 && trial_annotate(t, key, "true"))
			return attempt_say(a, "write annotation %s: \"true\"", shown);
		trial_forget(t, i);
		return attempt_say(a, "correct annotation %s (%s), or take it out", shown, wish.invalid_why);
	}
	return false;
}

/* Another profile, of those that an annotation may choose; or none. */
static bool choose_profile(struct attempt *a)
{
	struct trial *t = a->trial;
	const struct setting *allowed = section_get(trial_rule(t), KEY_PROFILES);
	char word[64];
	struct wish wish;
	const char *key = trial_wish(t, &wish)->profile_key, *list;

	if (!allowed)
		allowed = section_get(trial_handler(t), KEY_PROFILES);
	if (!key)
		return false;
	for (list = allowed ? allowed->value : ""; text_next_word(&list, word, sizeof(word)) > 0;)
		if (trial_section(t, SECTION_PROFILE, word) &&
		    trial_annotate(t, key, arena_strdup(&t->asker->arena, word)))
			return attempt_say(a, "choose one of the profiles that annotations may choose: %s: \"%s\"", key,
					   word);
	return false;
}

/* Whatever the node lacks for its ceilings. */
static bool enable_controllers(struct attempt *a)
{
	struct trial *t = a->trial;

	t->node.controllers = ASSUME_CONTROLLERS;
	t->facts.files = NULL;
	assume_node(&t->answer->trail->oci, &t->node, &t->answer->trail->target, &t->facts);
	return attempt_say(
		a, "enable the missing controllers for the container's cgroup; explain with --assume-controllers all");
}

static bool map_users(struct attempt *a)
{
	const enum engine engine = explain_engine(a->trial->asker->rules, a->trial->facts.handler);
	struct facts *f = &a->trial->facts;

	f->userns = USERNS_PRIVATE;
	f->host_ids = NULL;
	f->root_uid = f->root_gid = f->process_uid = f->process_gid = TRIAL_ID;
	return attempt_say(a, "give it a user namespace of its own: %s",
			   engine == ENGINE_PODMAN   ? "--userns=auto"
			   : engine == ENGINE_DOCKER ? "userns-remap in Docker's daemon.json"
						     : "hostUsers: false in the pod");
}

static bool map_owner(struct attempt *a)
{
	struct facts *f = &a->trial->facts;

	f->root_uid = f->root_gid = f->process_uid = f->process_gid = TRIAL_ID;
	return attempt_say(a, "%s", a->reason);
}

/* The sentence says what is in the way: a mount, or a privileged container's cgroup namespace. */
static bool own_place(struct attempt *a)
{
	struct trail *trail = a->trial->answer->trail;

	if (!a->trial->facts.files)
		assume_node(&trail->oci, &a->trial->answer->assumed, &trail->target, &a->trial->facts);
	assume_placed(&trail->oci, &trail->target, &a->trial->facts);
	return attempt_say(a, "%s", a->reason);
}

/* Each that is too many has a reason, whose sentence begins with it. */
static bool drop_capabilities(struct attempt *a)
{
	struct trial *t = a->trial;
	size_t used = (size_t)snprintf(a->text, a->size, "drop");
	char name[32];

	for (size_t i = 0; i < t->decision.n_reasons; i++) {
		const struct reason *reason = &t->decision.reasons[i];

		if (reason->code != REASON_CAPABILITY || sscanf(reason->text, "the container has %31s", name) != 1)
			continue;
		t->facts.capabilities &= ~pod_capability(name);
		used += (size_t)snprintf(a->text + used, a->size - used, " %s", name);
	}
	return used > strlen("drop") && used < a->size;
}

static bool have_guards(struct attempt *a)
{
	a->trial->facts.grant_guard = a->trial->facts.device_guard = GUARD_FACT_THERE;
	return attempt_say(a, "%s", a->reason);
}

static bool unmount_bpffs(struct attempt *a)
{
	a->trial->facts.bpffs = a->trial->facts.bpf_token = false;
	return attempt_say(a, "%s", a->reason);
}

static bool end_others(struct attempt *a)
{
	a->trial->facts.n_grants = 0;
	a->trial->facts.grants = NULL;
	a->trial->facts.grants_known = TRI_YES;
	return a->trial->answer->of_node && attempt_say(a, "end other containers that use up the budget: 'cgdeleg list'");
}

#define VALUE(name, to) .member = offsetof(struct facts, name), .value = (to)
#define TEXT(name, to)	.member = offsetof(struct facts, name), .is_text = true, .text = (to)
#define ALL_OPTIONS \
	"nsdelegate favordynmods memory_localevents memory_recursiveprot memory_hugetlb_accounting pids_localevents"

const struct change_row container_changes[] = {
	{ REASON_NOT_CONCERNED, CHANGE_CONTAINER, .make = name_handler },
	{ REASON_NOT_CONCERNED, CHANGE_CONTAINER, .make = concern_container },
	{ REASON_HANDLER_UNKNOWN, CHANGE_CONTAINER, .make = name_handler },
	{ REASON_BOUNDED, CHANGE_CONTAINER, .make = concern_container },
	{ REASON_WRITABLE_MOUNT, CHANGE_CONTAINER, .make = concern_container },
	{ REASON_ANNOTATION_DECLINES, CHANGE_CONTAINER, .make = withdraw },
	{ REASON_ANNOTATION_INVALID, CHANGE_CONTAINER, .make = correct },
	{ REASON_ANNOTATION_UNAPPROVED, CHANGE_CONTAINER, .make = concern_container },
	{ REASON_NO_RULE_MATCHES, CHANGE_CONTAINER, .make = fit_rule },
	{ REASON_PROFILE_UNKNOWN, CHANGE_CONTAINER, .make = choose_profile },
	{ REASON_PROFILE_NOT_ALLOWED, CHANGE_CONTAINER, .make = choose_profile },
	{ REASON_LIMIT_MISSING, CHANGE_NODE, .make = enable_controllers },
	{ REASON_USERNS_MISSING, CHANGE_CONTAINER, .make = map_users },
	{ REASON_USERNS_HOST_IDS, CHANGE_CONTAINER, .make = map_users },
	{ REASON_OWNER_UNMAPPED, CHANGE_CONTAINER, .make = map_owner },
	{ REASON_CGROUPNS_SHARED, CHANGE_CONTAINER, .make = own_place },
	{ REASON_CGROUP_MOUNT, CHANGE_CONTAINER, .make = own_place },
	{ REASON_NSDELEGATE_MISSING, CHANGE_NODE, TEXT(host.options, ALL_OPTIONS) },
	{ REASON_HOST_OPTION_MISSING, CHANGE_NODE, TEXT(host.options, ALL_OPTIONS) },
	{ REASON_CAPABILITY, CHANGE_CONTAINER, .make = drop_capabilities },
	{ REASON_GUARD_MISSING, CHANGE_NODE, .make = have_guards },
	{ REASON_GUARD_BROKEN, CHANGE_NODE, .make = have_guards },
	{ REASON_COVERED, CHANGE_CONTAINER, TEXT(covered_by, NULL) },
	{ REASON_DEVICE_BPF_REPLACEABLE, CHANGE_NODE, VALUE(device_bpf, DEVICE_BPF_MULTI) },
	{ REASON_DEVICE_BPF_ABSENT, CHANGE_NODE, VALUE(device_guard, GUARD_FACT_THERE) },
	{ REASON_BPFFS, CHANGE_CONTAINER, .make = unmount_bpffs },
	{ REASON_OTHER_CGROUP_MOUNT, CHANGE_CONTAINER, TEXT(other_cgroup, NULL) },
	{ REASON_DESCRIPTOR, CHANGE_NODE, TEXT(inherited, NULL) },
	{ REASON_SHARED_IDS, CHANGE_CONTAINER, VALUE(shares_ids, TRI_NO) },
	{ REASON_BUDGET, CHANGE_NODE, .make = end_others },
	{ REASON_NOT_TAKEN_BACK, CHANGE_CONTAINER, .make = withdraw },
};

const size_t n_container_changes = ELEMENTS(container_changes);
