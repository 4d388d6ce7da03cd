/* SPDX-License-Identifier: Apache-2.0 */
/* Run - the pipeline. See run.h. */
#include "cgdeleg/grant/run.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/privilege.h"
#include "cgdeleg/grant/guards.h"

/*
 * What each part of the run may do. Parsing comes with nothing but the right to reach files: the
 * annotations in those documents are written by whoever may create a container. What an undo may need
 * stays permitted until the grant is whole.
 */
#define CAPS_PARSE CAP_BIT(CAP_DAC_READ_SEARCH)
#define CAPS_LOOK                                                                                                   \
	(CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_NET_ADMIN) | \
	 CAP_BIT(CAP_BPF) | CAP_BIT(CAP_DAC_OVERRIDE))
#define CAPS_GRANT                                                                                         \
	(CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_CHOWN) | \
	 CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_SYS_NICE))
#define CAPS_RESTRICT (CAPS_GRANT | CAPS_LOOK | CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID))

void trail_init(struct trail *trail)
{
	/* Not by assignment: that would touch every page of what is mostly never used. */
	trail->oci.bundle_fd = -EBADF;
	target_init(&trail->target);
	trail->host = (struct host)HOST_CLOSED;
	trail->audit = (struct audit)AUDIT_CLOSED;
	trail->budget = (struct budget)BUDGET_CLOSED;
}

struct trail *trail_new(void)
{
	struct trail *trail = calloc(1, sizeof(*trail));

	if (trail)
		trail_init(trail);
	return trail;
}

void trail_free(struct trail *trail)
{
	if (!trail)
		return;
	apply_done(&trail->outcome);
	budget_done(&trail->budget);
	target_done(&trail->target);
	host_done(&trail->host);
	audit_done(&trail->audit);
	ruleset_done(&trail->rules);
	oci_done(&trail->oci);
	free(trail);
}

static void state_facts(const struct run_args *args, struct trail *trail)
{
	trail->facts.handler = args->handler;
	trail->facts.id = trail->oci.id;
	trail->facts.annotations = trail->oci.annotations;
	trail->facts.n_annotations = trail->oci.n_annotations;
}

static int enter_phase(enum phase phase, struct err *err)
{
	return phase == PHASE_GRANT ? privilege_limit(CAPS_GRANT, CAPS_GRANT, err)
				    : privilege_limit(CAPS_RESTRICT, CAPS_RESTRICT, err);
}

/* The sentence of a refusal: its weightiest reason, and the policy line that it rests on. */
static int refuse(const struct decision *decision, struct err *err)
{
	const struct reason *reason = &decision->reasons[0];

	if (decision->n_reasons == 0)
		return err_set(err, EACCES, "refused by policy");
	if (!reason->origin.file)
		return err_set(err, EACCES, "refused: %s", reason->text);
	return err_set(err, EACCES, "refused: %s (%s:%u)", reason->text, reason->origin.file, reason->origin.line);
}

/* A name that is too long is cut between two characters: what JSON holds must stay UTF-8. */
static void copy_name(char *to, size_t size, const char *from)
{
	size_t len = from ? strnlen(from, size - 1) : 0;

	while (len > 0 && from[len] && ((unsigned char)from[len] & 0xc0) == 0x80)
		len--;
	memcpy(to, from ? from : "", len);
	to[len] = '\0';
}

static void name_attribute(const struct trail *trail, struct attribute *attribute)
{
	const struct decision *d = &trail->decision;

	copy_name(attribute->id, sizeof(attribute->id), trail->facts.id);
	copy_name(attribute->instance, sizeof(attribute->instance), trail->target.instance);
	copy_name(attribute->handler, sizeof(attribute->handler), d->handler);
	copy_name(attribute->profile, sizeof(attribute->profile), d->profile);
	copy_name(attribute->namespace, sizeof(attribute->namespace), d->who.namespace);
	copy_name(attribute->pod, sizeof(attribute->pod), d->who.pod);
	copy_name(attribute->name, sizeof(attribute->name), d->who.container);
	copy_name(attribute->leaf, sizeof(attribute->leaf), d->nest);
	if (d->origin.file)
		(void)snprintf(attribute->line, sizeof(attribute->line), "%.230s:%u", d->origin.file, d->origin.line);
}

/* What puts the guards back, should somebody take them off. */
static void note_guards(const struct trail *trail, struct attribute *attribute)
{
	const struct decision *d = &trail->decision;
	const struct device_rules *rules = &trail->target.rules;

	attribute->guarded = d->grant_guard;
	attribute->pressure = d->pressure ? TRI_YES : TRI_NO;
	attribute->device_guard = d->device_guard;
	attribute->n_rules = d->device_guard ? rules->n_rules : 0;
	memcpy(attribute->rules, rules->rules, attribute->n_rules * sizeof(rules->rules[0]));
}

static int name_ceilings(const struct decision *d, struct attribute *attribute, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < d->n_ceilings; i++)
		r = attribute_add(attribute, d->ceilings[i].file, d->ceilings[i].type, &d->ceilings[i].value, err);
	return r;
}

/* A second run leaves the first one's record as it is, but for the guards: their rules are what it has just told them. */
static int compose_attribute(struct trail *trail, char *buf, size_t size)
{
	struct attribute attribute = { .since = trail->started_us / 1000000, .scope = trail->facts.has_scope };
	int r = 0;

	if (trail->facts.granted) {
		attribute = trail->target.attribute;
	} else {
		for (size_t i = 0; i < trail->plan.n_steps; i++)
			if (trail->plan.steps[i].kind == STEP_ATTRIBUTE)
				copy_name(attribute.method, sizeof(attribute.method),
					  mount_method_name(trail->plan.steps[i].method));
		name_attribute(trail, &attribute);
		r = name_ceilings(&trail->decision, &attribute, &trail->err);
	}
	note_guards(trail, &attribute);
	return r < 0 ? r : attribute_format(&attribute, buf, size, &trail->err);
}

static void sum_usage(struct trail *trail)
{
	struct facts *facts = &trail->facts;

	budget_sum(&trail->budget, trail->target.ino, facts->handler ? facts->handler : "", &facts->node_usage,
		   &facts->handler_usage);
}

/* What is delegated already. From here until the grant is counted, or known not to be one, nobody else counts;
 * where nothing is to be done, the tree is only looked at. */
static int count_usage(const struct host *host, const struct run_args *args, struct trail *trail)
{
	struct facts *facts = &trail->facts;
	int r;

	if (args->run)
		r = budget_open(args->run, host, args->deadline_ms, &trail->budget, &trail->err);
	else
		r = budget_look(host, trail->target.ino, facts->handler ? facts->handler : "", &facts->node_usage,
				&facts->handler_usage, &trail->err);
	if (r < 0)
		return r;
	if (args->run)
		sum_usage(trail);
	facts->usage_known = TRI_YES;
	return 0;
}

static bool is_over_budget(const struct decision *decision)
{
	for (size_t i = 0; i < decision->n_reasons; i++)
		if (decision->reasons[i].code == REASON_BUDGET)
			return true;
	return false;
}

/* The table may hold grants whose cgroups are gone. Nobody is refused for those. */
static int decide(struct trail *trail)
{
	int r;

	policy_decide(&trail->rules, &trail->facts, &trail->decision);
	if (is_over_budget(&trail->decision) && trail->budget.fd >= 0) {
		r = budget_verify(&trail->budget, &trail->err);
		if (r < 0)
			return r;
		sum_usage(trail);
		policy_decide(&trail->rules, &trail->facts, &trail->decision);
	}
	if (trail->decision.verdict != VERDICT_GRANT)
		budget_done(&trail->budget);
	return 0;
}

/* `check` comes without a decision, and looks; the hook has one, made before anything was looked at. */
static bool wants_guards(const struct decision *decision)
{
	return decision->guard != GUARD_OFF || decision->device_bpf != DEVICE_BPF_RUNTIME;
}

int run_explain(const struct host *host, const struct run_args *args, struct trail *trail)
{
	const struct guard_loader loader = { .run = args->run, .deadline_ms = args->deadline_ms };
	int r;

	state_facts(args, trail);
	r = (trail->oci.pid > 0 ? gather : gather_expected)(host, &trail->oci, &trail->target, &trail->facts,
							    &trail->err);
	/* Before the budgets, whose lock nobody should wait for while the loader is at work. */
	if (r >= 0 && wants_guards(&trail->decision))
		gather_guards(host, args->load_guards ? &loader : NULL, &trail->oci, &trail->target, &trail->facts);
	if (r >= 0)
		r = count_usage(host, args, trail);
	if (r >= 0)
		r = decide(trail);
	if (r < 0)
		return r;
	if (trail->decision.nest || args->every_fact) {
		r = gather_controllers(&trail->target, &trail->facts, &trail->err);
		if (r < 0)
			return r;
	}
	return plan_build(&trail->decision, &trail->facts, &trail->plan, &trail->err);
}

struct acting {
	const struct run_args *args;
	struct trail *trail;
};

static int write_intent(void *userdata, struct err *err)
{
	const struct acting *acting = userdata;

	return audit_write(&acting->trail->audit, acting->trail, "intent", true, err);
}

/* Runs the plan, then the record; where the policy wants one and it fails, all is taken back. */
static int act(struct acting *acting)
{
	struct trail *trail = acting->trail;
	char attribute[ATTRIBUTE_SIZE];
	struct apply apply = { .host = &acting->trail->host,
			       .target = &trail->target,
			       .decision = &trail->decision,
			       .attribute = attribute,
			       .budget = trail->budget.fd >= 0 ? &trail->budget : NULL,
			       .deadline_ms = acting->args->deadline_ms,
			       .enter = enter_phase,
			       .intent = write_intent,
			       .userdata = acting };
	struct err err = { 0 };
	int r;

	r = compose_attribute(trail, attribute, sizeof(attribute));
	if (r >= 0)
		r = privilege_limit(CAPS_RESTRICT, CAPS_RESTRICT, &trail->err);
	if (r >= 0)
		r = plan_apply(&apply, &trail->plan, &trail->outcome, &trail->err);
	if (r >= 0 && trail->decision.verdict == VERDICT_REFUSE)
		r = refuse(&trail->decision, &trail->err);
	trail->duration_us = clock_realtime_us() - trail->started_us;
	if (audit_write(&acting->trail->audit, trail, "run", false, &err) < 0 && r >= 0 &&
	    trail->decision.audit_required) {
		trail->err = err;
		r = -err.code;
		(void)plan_undo(&apply, &trail->outcome);
	}
	return r;
}

/* Config, facts, decision, plan: everything that is only looked at. */
static int look(struct acting *acting)
{
	struct trail *trail = acting->trail;
	int r;

	/* There is no mount yet that could be looked at, and what was checkpointed may be a writable one. */
	if (trail->oci.restoring)
		return err_set(
			&trail->err, ENOTSUP,
			"it is being restored from a checkpoint, which cannot be granted a writable cgroup: start it anew");
	r = oci_read_config(trail->oci.bundle, acting->args->owner, &trail->oci, &trail->err);
	if (r < 0)
		return r;
	if (ruleset_is_broken(&trail->rules)) {
		policy_decide(&trail->rules, &trail->facts, &trail->decision);
		return 0;
	}
	r = privilege_limit(CAPS_LOOK, CAPS_RESTRICT, &trail->err);
	if (r < 0)
		return r;
	r = host_open("/", true, &acting->trail->host, &trail->err);
	if (r < 0)
		return r;
	if (acting->args->helpers)
		trail->host.helpers = acting->args->helpers;
	return run_explain(&acting->trail->host, acting->args, trail);
}

static int run_concerned(const struct run_args *args, struct trail *trail)
{
	struct acting acting = { .args = args, .trail = trail };
	struct err audit_err = { 0 };
	int opened, r;

	trail->acted = true;
	trail->pid = getpid();
	r = look(&acting);
	if (r >= 0 && trail->decision.verdict == VERDICT_PASS) {
		trail->acted = false;
		return 0;
	}
	/* Open before any namespace is entered, and before the grant: a record that cannot be written
	 * is to be known by then. */
	opened = audit_open(args->audit, &trail->audit, &audit_err);
	if (r >= 0 && opened < 0 && trail->decision.verdict == VERDICT_GRANT && trail->decision.audit_required) {
		trail->err = audit_err;
		r = opened;
	}
	if (r >= 0) {
		r = act(&acting);
	} else {
		/* Not decided: what stands there was said before anything was known. */
		trail->decision.verdict = VERDICT_ERROR;
		trail->decision.n_reasons = 0;
		trail->duration_us = clock_realtime_us() - trail->started_us;
		(void)audit_write(&trail->audit, trail, "run", false, NULL);
	}
	audit_syslog(&trail->audit, trail);
	return r;
}

int run_create_runtime(const struct run_args *args, int state_fd, struct trail *trail)
{
	int r;

	trail->started_us = clock_realtime_us();
	trail->facts.handler = args->handler;
	r = privilege_limit(CAPS_PARSE, CAPS_RESTRICT, &trail->err);
	if (r < 0)
		return r;
	r = oci_read_state(state_fd, args->deadline_ms, &trail->oci, &trail->err);
	if (r < 0)
		return r;
	r = ruleset_load(args->policy, args->owner, &trail->rules, &trail->err);
	if (r < 0)
		return r;
	state_facts(args, trail);
	if (!policy_concerns(&trail->rules, &trail->facts))
		return 0;
	/* No fact about the container turns a "pass" into anything else, so none is gathered for it. */
	policy_decide(&trail->rules, &trail->facts, &trail->decision);
	if (trail->decision.verdict == VERDICT_PASS)
		return 0;
	return run_concerned(args, trail);
}
