/* SPDX-License-Identifier: Apache-2.0 */
/* Plan - what will be done to the machine, as data. See plan.h. */
#include "cgdeleg/grant/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bpf/grant_guard_abi.h"
#include "cgdeleg/kernel/systemd.h"

/* If the plan is full it goes on counting, so that the caller notices. */
static void add(struct plan *plan, struct step step)
{
	if (plan->n_steps < PLAN_STEPS_MAX)
		plan->steps[plan->n_steps] = step;
	plan->n_steps++;
}

/* Where systemd manages the cgroup, one call first sets everything in systemd that it can remember. */
static void add_unit(struct plan *plan, const struct decision *decision, const struct facts *facts, enum place place)
{
	for (size_t i = 0; i < decision->n_ceilings; i++) {
		const struct ceiling *c = &decision->ceilings[i];

		if (systemd_holds(c->type, &c->value))
			plan->unit.ceilings[plan->unit.n++] = c;
	}
	if (plan->unit.n > 0)
		add(plan, (struct step) { .kind = STEP_UNIT,
					  .place = place,
					  .unit = { .name = facts->unit, .ceilings = &plan->unit } });
}

/*
 * Written to the file: what systemd has no property for, or may accept and not act on. A file that is missing on the
 * scope is missing below too, since cgroup v2 offers a controller only where the cgroup above offers it.
 */
static void add_ceilings(struct plan *plan, const struct decision *decision, bool by_unit, enum place place)
{
	for (size_t i = 0; i < decision->n_ceilings; i++) {
		const struct ceiling *c = &decision->ceilings[i];
		struct step step = { .kind = STEP_CEILING,
				     .place = place,
				     .ceiling = { .file = c->file,
						  .type = c->type,
						  .value = c->value,
						  .skip_unknown = decision->skip_missing } };

		if (by_unit && systemd_vouches(c->type, &c->value))
			continue;
		ceiling_at_place(place, c->file, &step.ceiling.value);
		add(plan, step);
	}
}

static void describe_grant(const struct decision *d, const struct facts *facts, const struct target *target,
			   enum mount_method method, char line[256], struct attribute *ret)
{
	*ret = (struct attribute) { .id = facts->id,
				    .instance = target->instance,
				    .handler = d->handler,
				    .profile = d->profile,
				    .rule = d->rule,
				    .namespace = d->who.namespace,
				    .pod = d->who.pod,
				    .name = d->who.container,
				    .method = mount_method_name(method),
				    .leaf = d->nest,
				    .writable_by = d->unasked ? facts->writable_by : WRITABLE_BY_UNKNOWN,
				    .since = facts->asked,
				    .scope = facts->has_scope,
				    .n_ceilings = d->n_ceilings,
				    .ceilings = d->ceilings };
	if (d->origin.file) {
		(void)snprintf(line, 256, "%.230s:%u", d->origin.file, d->origin.line);
		ret->line = line;
	}
}

/*
 * Comes before the container owns anything; it owns the leaf as soon as that is made. A second run leaves the attribute
 * of the first as it is, except for what `watch` needs to put the guards back: that is what this run writes to the
 * guards. And where an older cgdeleg was first, it adds the ids.
 */
static int add_attribute(struct plan *plan, const struct decision *decision, const struct facts *facts,
			 const struct target *target, enum mount_method method, struct err *err)
{
	char line[256], uids[ID_RANGES_TEXT_SIZE], gids[ID_RANGES_TEXT_SIZE];
	struct attribute attribute;

	if (facts->granted)
		attribute = target->attribute;
	else
		describe_grant(decision, facts, target, method, line, &attribute);
	if (!attribute.uids || !attribute.uids[0]) {
		attribute.uids = id_ranges_format(&target->uids, uids);
		attribute.gids = id_ranges_format(&target->gids, gids);
	}
	attribute.guarded = decision->grant_guard;
	attribute.pressure = decision->pressure ? TRI_YES : TRI_NO;
	attribute.device_guard = decision->device_guard;
	attribute.n_rules = decision->device_guard ? target->rules.n_rules : 0;
	attribute.rules = target->rules.rules;
	add(plan, (struct step) { .kind = STEP_ATTRIBUTE, .attribute = plan->attribute });
	return attribute_format(&attribute, plan->attribute, sizeof(plan->attribute), err);
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

static void add_nesting(struct plan *plan, const struct decision *decision, const struct facts *facts, struct ids owner)
{
	if (!decision->nest)
		return;
	/* Already below the root: a second run, or a runtime that nests by itself. */
	if (!facts->nested) {
		add(plan, (struct step) { .kind = STEP_LEAF, .leaf = { .name = decision->nest, .owner = owner } });
		add(plan, (struct step) { .kind = STEP_MOVE, .leaf = { .name = decision->nest } });
	}
	select_controllers(decision->controllers, facts->controllers, plan->controllers, sizeof(plan->controllers));
	if (plan->controllers[0])
		add(plan, (struct step) {
				  .kind = STEP_CONTROLLERS,
				  .controllers = { .list = plan->controllers, .leaf = decision->nest, .owner = owner } });
}

/* The directory comes last: until it is owned, owning the files in it is worth nothing. */
static void add_owner(struct plan *plan, const char *const *names, struct ids owner)
{
	for (const char *const *name = names; name && *name; name++)
		add(plan, (struct step) { .kind = STEP_OWN, .own = { .name = *name, .owner = owner } });
	add(plan, (struct step) { .kind = STEP_OWN, .own = { .name = ".", .owner = owner } });
}

/* All that bounds the container, up to the record of the intent. */
static int plan_restrictions(struct plan *plan, const struct decision *decision, const struct facts *facts,
			     const struct target *target, enum mount_method method, struct err *err)
{
	const enum place unit_place = facts->has_scope ? PLACE_SCOPE : PLACE_ROOT;
	int r;

	plan->entry = (struct budget_entry) { .id = target->ino,
					      .usage = decision->usage,
					      .uids = id_ranges_hull(&target->uids),
					      .gids = id_ranges_hull(&target->gids) };
	budget_entry_name(&plan->entry, decision->handler ? decision->handler : "",
			  decision->rule ? decision->rule : "", decision->who.namespace ? decision->who.namespace : "");
	add(plan, (struct step) { .kind = STEP_BUDGET, .entry = &plan->entry });
	if (facts->unit)
		add_unit(plan, decision, facts, unit_place);
	if (facts->has_scope)
		add_ceilings(plan, decision, facts->unit, PLACE_SCOPE);
	add_ceilings(plan, decision, facts->unit && unit_place == PLACE_ROOT, PLACE_ROOT);
	add(plan, (struct step) { .kind = STEP_DEVICE_BPF, .by_systemd = plan->unit.n > 0 });
	/* Before the container's processes are moved: below the delegation root they are guarded all the same. */
	if (decision->device_guard)
		add(plan, (struct step) { .kind = STEP_DEVICE_GUARD, .rules = &target->rules });
	if (decision->grant_guard)
		add(plan, (struct step) { .kind = STEP_GRANT_GUARD,
					  .allowed = decision->pressure ? GUARD_ALLOW_PRESSURE : 0 });
	r = add_attribute(plan, decision, facts, target, method, err);
	if (r < 0)
		return r;
	if (decision->audit_sync)
		add(plan, (struct step) { .kind = STEP_INTENT });
	return 0;
}

static int plan_grant(struct plan *plan, const struct decision *decision, const struct facts *facts,
		      const struct target *target, struct err *err)
{
	const enum mount_method method = facts->mount == MOUNT_READONLY	    ? MOUNT_CLEAR_FLAG
					 : facts->mount == MOUNT_WILL_BE_RO ? MOUNT_CLONE_ON_TOP
									    : MOUNT_KEEP;
	const struct ids owner = { decision->owner_uid, decision->owner_gid };
	const int r = plan_restrictions(plan, decision, facts, target, method, err);

	if (r < 0)
		return r;
	add_nesting(plan, decision, facts, owner);
	add_owner(plan, facts->delegated, owner);
	add(plan, (struct step) { .kind = STEP_MOUNT, .method = method });
	return 0;
}

/* Takes back everything that a runtime may have given, known to this program or not. */
static int plan_take_back(struct plan *plan, const struct facts *facts, struct err *err)
{
	/* crun's run.oci.delegate-cgroup: what lies below has been given away too. */
	if (facts->nested)
		return err_set(
			err, EBUSY,
			"the runtime has put the container's process into a cgroup below '%s', so that cgroup cannot be taken back; configure the runtime not to do so (crun: remove the annotation run.oci.delegate-cgroup)",
			facts->cgroup ? facts->cgroup : "?");
	add_owner(plan, facts->given, (struct ids) { 0, 0 });
	if (facts->marked)
		add(plan, (struct step) { .kind = STEP_FORGET });
	return 0;
}

int plan_build(const struct decision *decision, const struct facts *facts, const struct target *target,
	       struct plan *ret, struct err *err)
{
	int r = 0;

	/* Does not zero the whole plan: the steps are written one by one. */
	ret->n_steps = 0;
	ret->unit.n = 0;
	ret->controllers[0] = ret->attribute[0] = '\0';
	if (decision->verdict == VERDICT_GRANT)
		r = plan_grant(ret, decision, facts, target, err);
	else if (decision->verdict == VERDICT_BOUND)
		/* What the container has stays as it is, and nothing is added to it. */
		r = plan_restrictions(ret, decision, facts, target, MOUNT_KEEP, err);
	else if (decision->verdict == VERDICT_READONLY)
		r = plan_take_back(ret, facts, err);
	if (r >= 0 && ret->n_steps > PLAN_STEPS_MAX)
		r = err_set(err, E2BIG, "the plan has %zu steps, more than %d", ret->n_steps, PLAN_STEPS_MAX);
	if (r < 0)
		ret->n_steps = 0;
	return r;
}

static void describe_unit(const struct step *step, char *buf, size_t size)
{
	const struct unit_ceilings *unit = step->unit.ceilings;
	struct unit_words words = { 0 };
	int len = snprintf(buf, size, "limits of %s at most, through systemd:", step->unit.name);

	for (size_t i = 0; i < unit->n; i++)
		(void)systemd_add_words(&words, unit->ceilings[i]->type, &unit->ceilings[i]->value, NULL);
	for (size_t i = 0; i < words.n && len >= 0 && (size_t)len < size; i++)
		len += snprintf(buf + len, size - (size_t)len, " %s%s", words.words[i], i + 1 < words.n ? "," : "");
}

const char *step_describe(const struct step *step, char *buf, size_t size)
{
	char text[LIMIT_TEXT_SIZE];

	switch (step->kind) {
	case STEP_BUDGET:
		if (step->entry->usage.descendants == LIMIT_MAX)
			(void)snprintf(buf, size, "count one grant with any number of descendants");
		else
			(void)snprintf(buf, size, "count one grant with up to %llu descendants",
				       (unsigned long long)step->entry->usage.descendants);
		break;
	case STEP_UNIT:
		describe_unit(step, buf, size);
		break;
	case STEP_CEILING:
		(void)snprintf(buf, size, "%s%s at most %s", step->place == PLACE_SCOPE ? "scope: " : "",
			       step->ceiling.file,
			       limit_format(step->ceiling.type, &step->ceiling.value, text, sizeof(text)));
		break;
	case STEP_DEVICE_GUARD:
		(void)snprintf(buf, size, "attach the device guard with %u rules", step->rules->n_rules);
		break;
	case STEP_GRANT_GUARD:
		(void)snprintf(buf, size, "attach the grant guard, writing to *.pressure %s",
			       step->allowed & GUARD_ALLOW_PRESSURE ? "allowed" : "denied");
		break;
	case STEP_LEAF:
		(void)snprintf(buf, size, "make leaf '%s' for %u:%u", step->leaf.name, step->leaf.owner.uid,
			       step->leaf.owner.gid);
		break;
	case STEP_MOVE:
		(void)snprintf(buf, size, "move the container's processes into '%s'", step->leaf.name);
		break;
	case STEP_CONTROLLERS:
		(void)snprintf(buf, size, "enable controllers %s", step->controllers.list);
		break;
	case STEP_OWN:
		(void)snprintf(buf, size, "own %s %u:%u", step->own.name, step->own.owner.uid, step->own.owner.gid);
		break;
	case STEP_MOUNT:
		(void)snprintf(buf, size, "make the mount writable: %s", mount_method_name(step->method));
		break;
	case STEP_DEVICE_BPF:
		(void)snprintf(buf, size, "verify the device controller's BPF programs");
		break;
	case STEP_ATTRIBUTE:
		(void)snprintf(buf, size, "write the attribute on the cgroup");
		break;
	case STEP_FORGET:
		(void)snprintf(buf, size, "remove the attribute of an earlier grant");
		break;
	case STEP_INTENT:
		(void)snprintf(buf, size, "write and sync the audit record of the intent");
		break;
	case STEP_KIND_MAX:
		break;
	}
	return buf;
}
