/* SPDX-License-Identifier: Apache-2.0 */
/* Plan - what will be done to the machine, as data. See plan.h. */
#include "cgdeleg/grant/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bpf/grant_guard_abi.h"
#include "cgdeleg/kernel/systemd.h"

static const char *const kind_names[STEP_KIND_MAX] = {
	[STEP_BUDGET] = "budget",
	[STEP_UNIT] = "unit",
	[STEP_CEILING] = "ceiling",
	[STEP_DEVICE_BPF] = "device-bpf",
	[STEP_DEVICE_GUARD] = "device-guard",
	[STEP_GRANT_GUARD] = "grant-guard",
	[STEP_LEAF] = "leaf",
	[STEP_MOVE] = "move",
	[STEP_CONTROLLERS] = "controllers",
	[STEP_ATTRIBUTE] = "attribute",
	[STEP_FORGET] = "forget",
	[STEP_INTENT] = "intent",
	[STEP_OWN] = "own",
	[STEP_MOUNT] = "mount",
};

const char *step_kind_name(enum step_kind kind)
{
	return kind_names[kind];
}

/* A plan that does not fit keeps counting, so that the caller sees it. */
static void add(struct plan *plan, struct step step)
{
	if (plan->n_steps < PLAN_STEPS_MAX)
		plan->steps[plan->n_steps] = step;
	plan->n_steps++;
}

/* Where systemd manages the cgroup it is told first, of all that it can remember, in one call. */
static void add_unit(struct plan *plan, const struct decision *decision, const struct facts *facts, enum place place)
{
	for (size_t i = 0; i < decision->n_ceilings; i++) {
		const struct ceiling *c = &decision->ceilings[i];

		if (systemd_holds(c->type, &c->value))
			plan->unit.ceilings[plan->unit.n++] = c;
	}
	if (plan->unit.n > 0)
		add(plan,
		    (struct step) { .kind = STEP_UNIT, .place = place, .file = facts->unit, .unit = &plan->unit });
}

/*
 * Directly is written what systemd does not vouch for. The scope above holds the container's cgroup beside what it holds itself: one descendant and one level
 * more. The file may be missing there and present below only for controllers that the scope lacks, which
 * cannot be: cgroup v2 offers a controller below only where it is offered above.
 */
static void add_ceilings(struct plan *plan, const struct decision *decision, bool by_unit, enum place place)
{
	for (size_t i = 0; i < decision->n_ceilings; i++) {
		const struct ceiling *c = &decision->ceilings[i];
		bool counts_cgroups = strncmp(c->file, "cgroup.max.", strlen("cgroup.max.")) == 0;

		if (by_unit && systemd_vouches(c->type, &c->value))
			continue;
		add(plan, (struct step) { .kind = STEP_CEILING,
					  .place = place,
					  .file = c->file,
					  .ceiling = c,
					  .extra = place == PLACE_SCOPE && counts_cgroups });
	}
}

/* The controllers that the policy names and the cgroup offers, in the policy's order. */
static void select_controllers(const char *wanted, const char *offered, char *ret, size_t size)
{
	char word[32];
	size_t used = 0;
	int len;

	ret[0] = '\0';
	while (wanted && (len = text_next_word(&wanted, word, sizeof(word))) != 0)
		if (len > 0 && text_has_word(offered, word) && used + (size_t)len + 2 < size)
			used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? " " : "", word);
}

static void add_nesting(struct plan *plan, const struct decision *decision, const struct facts *facts)
{
	if (!decision->nest)
		return;
	/* Already below the root: a rerun, or a runtime that nests by itself. */
	if (!facts->nested) {
		add(plan, (struct step) { .kind = STEP_LEAF,
					  .file = decision->nest,
					  .uid = decision->owner_uid,
					  .gid = decision->owner_gid });
		add(plan, (struct step) { .kind = STEP_MOVE, .file = decision->nest });
	}
	select_controllers(decision->controllers, facts->controllers, plan->controllers, sizeof(plan->controllers));
	if (plan->controllers[0])
		add(plan, (struct step) { .kind = STEP_CONTROLLERS,
					  .file = plan->controllers,
					  .uid = decision->owner_uid,
					  .gid = decision->owner_gid });
}

/* The directory last: before it is owned, owning the files in it is worth nothing. */
static void add_owner(struct plan *plan, const char *const *names, uint32_t uid, uint32_t gid)
{
	for (const char *const *name = names; name && *name; name++)
		add(plan, (struct step) { .kind = STEP_OWN, .file = *name, .uid = uid, .gid = gid });
	add(plan, (struct step) { .kind = STEP_OWN, .file = ".", .uid = uid, .gid = gid });
}

static enum mount_method choose_method(enum mount_state state)
{
	switch (state) {
	case MOUNT_READONLY:
		return MOUNT_CLEAR_FLAG;
	case MOUNT_WILL_BE_RO:
		return MOUNT_CLONE_ON_TOP;
	default:
		return MOUNT_KEEP;
	}
}

/* Before the container's processes are moved: below the delegation root they are guarded all the same. */
static void add_guards(struct plan *plan, const struct decision *decision, const struct facts *facts)
{
	if (decision->device_guard)
		add(plan, (struct step) { .kind = STEP_DEVICE_GUARD, .extra = facts->n_device_rules });
	if (decision->grant_guard)
		add(plan,
		    (struct step) { .kind = STEP_GRANT_GUARD, .extra = decision->pressure ? GUARD_ALLOW_PRESSURE : 0 });
}

static void plan_grant(struct plan *plan, const struct decision *decision, const struct facts *facts)
{
	const enum place unit_place = facts->has_scope ? PLACE_SCOPE : PLACE_ROOT;

	add(plan, (struct step) { .kind = STEP_BUDGET, .extra = decision->usage.descendants });
	if (facts->unit)
		add_unit(plan, decision, facts, unit_place);
	if (facts->has_scope)
		add_ceilings(plan, decision, facts->unit, PLACE_SCOPE);
	add_ceilings(plan, decision, facts->unit && unit_place == PLACE_ROOT, PLACE_ROOT);
	add(plan, (struct step) { .kind = STEP_DEVICE_BPF, .unit = plan->unit.n > 0 ? &plan->unit : NULL });
	add_guards(plan, decision, facts);
	/* On record before anything is the container's: the leaf is, from when it is made. */
	add(plan, (struct step) { .kind = STEP_ATTRIBUTE, .method = choose_method(facts->mount) });
	if (decision->audit_sync)
		add(plan, (struct step) { .kind = STEP_INTENT });
	add_nesting(plan, decision, facts);
	add_owner(plan, facts->delegated, decision->owner_uid, decision->owner_gid);
	add(plan, (struct step) { .kind = STEP_MOUNT, .method = choose_method(facts->mount) });
}

/* Everything that a runtime may have given, known to this program or not. */
static void plan_take_back(struct plan *plan, const struct facts *facts)
{
	add_owner(plan, facts->given, 0, 0);
	if (facts->marked)
		add(plan, (struct step) { .kind = STEP_FORGET });
}

int plan_build(const struct decision *decision, const struct facts *facts, struct plan *ret, struct err *err)
{
	ret->n_steps = 0; /* the steps are written as they come */
	ret->controllers[0] = '\0';
	ret->unit.n = 0;
	if (decision->verdict == VERDICT_GRANT)
		plan_grant(ret, decision, facts);
	else if (decision->verdict == VERDICT_READONLY && facts->nested)
		/* run.oci.delegate-cgroup of crun: what lies below has been given away too. */
		return err_set(
			err, EBUSY,
			"the runtime has put the container below '%s' already, so that its cgroup cannot be taken back; create it without nesting by the runtime",
			facts->cgroup ? facts->cgroup : "?");
	else if (decision->verdict == VERDICT_READONLY)
		plan_take_back(ret, facts);
	if (ret->n_steps > PLAN_STEPS_MAX)
		return err_set(err, E2BIG, "the plan has %zu steps, %d are the most", ret->n_steps, PLAN_STEPS_MAX);
	return 0;
}

static void describe_ceiling(const struct step *step, char *buf, size_t size)
{
	struct limit_value value = step->ceiling->value;
	char text[LIMIT_TEXT_SIZE];

	if (value.number < INT32_MAX)
		value.number += step->extra;
	(void)snprintf(buf, size, "%s%s at most %s", step->place == PLACE_SCOPE ? "scope: " : "", step->file,
		       limit_format(step->ceiling->type, &value, text, sizeof(text)));
}

static void describe_unit(const struct step *step, char *buf, size_t size)
{
	struct unit_words words = { 0 };
	int len = snprintf(buf, size, "%s at most, through systemd:", step->file);

	for (size_t i = 0; i < step->unit->n; i++)
		(void)systemd_add_words(&words, step->unit->ceilings[i]->type, &step->unit->ceilings[i]->value, NULL);
	for (size_t i = 0; i < words.n && len >= 0 && (size_t)len < size; i++)
		len += snprintf(buf + len, size - (size_t)len, " %s%s", words.words[i], i + 1 < words.n ? "," : "");
}

static void describe_budget(const struct step *step, char *buf, size_t size)
{
	if (step->extra == LIMIT_MAX)
		(void)snprintf(buf, size, "count one grant, its descendants without bound");
	else
		(void)snprintf(buf, size, "count one grant of %llu descendants", (unsigned long long)step->extra);
}

const char *step_describe(const struct step *step, char *buf, size_t size)
{
	switch (step->kind) {
	case STEP_UNIT:
		describe_unit(step, buf, size);
		break;
	case STEP_BUDGET:
		describe_budget(step, buf, size);
		break;
	case STEP_CEILING:
		describe_ceiling(step, buf, size);
		break;
	case STEP_DEVICE_BPF:
		(void)snprintf(buf, size, "verify the device controller's BPF programs");
		break;
	case STEP_DEVICE_GUARD:
		(void)snprintf(buf, size, "attach the device guard with %u rules", (unsigned)step->extra);
		break;
	case STEP_GRANT_GUARD:
		(void)snprintf(buf, size, "attach the grant guard, writing to *.pressure %s",
			       step->extra & GUARD_ALLOW_PRESSURE ? "allowed" : "denied");
		break;
	case STEP_LEAF:
		(void)snprintf(buf, size, "make leaf '%s' for %u:%u", step->file, step->uid, step->gid);
		break;
	case STEP_MOVE:
		(void)snprintf(buf, size, "move the container's processes into '%s'", step->file);
		break;
	case STEP_CONTROLLERS:
		(void)snprintf(buf, size, "enable controllers %s", step->file);
		break;
	case STEP_ATTRIBUTE:
		(void)snprintf(buf, size, "record the grant on the cgroup");
		break;
	case STEP_FORGET:
		(void)snprintf(buf, size, "remove the record of an earlier grant");
		break;
	case STEP_INTENT:
		(void)snprintf(buf, size, "write and sync the audit's intent record");
		break;
	case STEP_OWN:
		(void)snprintf(buf, size, "own %s %u:%u", step->file, step->uid, step->gid);
		break;
	case STEP_MOUNT:
		(void)snprintf(buf, size, "make the mount writable: %s", mount_method_name(step->method));
		break;
	case STEP_KIND_MAX:
		break;
	}
	return buf;
}
