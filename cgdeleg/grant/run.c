/* SPDX-License-Identifier: Apache-2.0 */
/* Run - the pipeline. See run.h. */
#include "cgdeleg/grant/run.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/privilege.h"
#include "cgdeleg/grant/guards.h"
#include "cgdeleg/grant/notice.h"
#include "cgdeleg/grant/tally.h"

/*
 * What each part of the run may do. Parsing has only the right to reach files, because whoever may create a container
 * writes the annotations in those documents. What an undo may need stays permitted until the grant is complete.
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
	/* Not by assignment, which would touch every page; most of them are never used. */
	trail->oci.bundle_fd = -EBADF;
	target_init(&trail->target);
	trail->host = (struct host)HOST_CLOSED;
	trail->audit = (struct audit)AUDIT_CLOSED;
	trail->journal = (struct journal)JOURNAL_CLOSED;
	trail->budget = (struct budget)BUDGET_CLOSED;
	trail->record = (struct record) { .facts = &trail->facts,
					  .decision = &trail->decision,
					  .plan = &trail->plan,
					  .outcome = &trail->outcome,
					  .err = &trail->err };
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
	journal_done(&trail->journal);
	ruleset_done(&trail->rules);
	oci_done(&trail->oci);
	free(trail);
}

/* What is known of the container from the state alone. */
static void take_state(const struct run_args *args, struct trail *trail)
{
	struct facts *facts = &trail->facts;

	facts->handler = args->handler;
	facts->id = trail->oci.id;
	facts->annotations = trail->oci.annotations;
	facts->n_annotations = trail->oci.n_annotations;
	facts->asked = trail->record.started_us / 1000000;
}

/* The state and the policy. config.json is read only if the policy covers the container. */
static int read_request(const struct run_args *args, int state_fd, struct trail *trail)
{
	int r;

	trail->record.started_us = clock_realtime_us();
	trail->facts.handler = args->handler;
	trail->record.stage = "state";
	r = privilege_limit(CAPS_PARSE, CAPS_RESTRICT, &trail->err);
	if (r >= 0)
		r = oci_read_state(state_fd, args->deadline_ms, &trail->oci, &trail->err);
	if (r >= 0) {
		trail->record.stage = "policy";
		r = ruleset_load(args->policy, args->owner, &trail->rules, &trail->err);
	}
	if (r < 0)
		return r;
	trail->record.stage = NULL;
	take_state(args, trail);
	return 0;
}

/* The entries are the budget's, and a fact only for as long as the table is locked. `every`: also what older versions
 * wrote is compared with the kernel. */
static int decide_with(struct budget *budget, bool every, struct trail *trail)
{
	const struct target *target = &trail->target;
	struct facts *facts = &trail->facts;
	int r = budget_find_sharer(budget, target->ino, &target->uids, &target->gids, every, &trail->sharer, &trail->err);

	if (r < 0)
		return r;
	facts->shares_ids = trail->sharer.shares;
	facts->sharer = trail->sharer.id;
	facts->shared = trail->sharer.common;
	facts->shared_gids = trail->sharer.of_gids;
	facts->grants_known = TRI_YES;
	facts->grants = budget->entries;
	facts->n_grants = budget->n;
	facts->cgroup_id = trail->target.ino;
	policy_decide(&trail->rules, facts, &trail->decision);
	return 0;
}

/* Does the decision rest on entries of the table, some of which may be stale? */
static bool refuses_by_table(const struct decision *decision)
{
	for (size_t i = 0; i < decision->n_reasons; i++) {
		const struct reason *reason = &decision->reasons[i];

		if (reason->kind == REASON_REFUSES && (reason->code == REASON_BUDGET || reason->code == REASON_SHARED_IDS))
			return true;
	}
	return false;
}

/* No other hook counts until this grant is counted too, or is known to be none. The table may have entries whose
 * cgroups are gone: nobody is refused because of those. */
static int decide(const struct host *host, const struct run_args *args, struct trail *trail)
{
	int r;

	trail->record.stage = "table-of-grants";
	r = budget_open(args->run, host, args->deadline_ms, &trail->budget, &trail->err);
	if (r >= 0)
		r = decide_with(&trail->budget, false, trail);
	if (r >= 0 && refuses_by_table(&trail->decision)) {
		if (trail->budget.fd >= 0)
			r = budget_verify(&trail->budget, &trail->err);
		if (r >= 0)
			r = decide_with(&trail->budget, true, trail);
	}
	if (r < 0)
		return r;
	trail->facts.grants_known = TRI_UNKNOWN;
	trail->facts.grants = NULL;
	trail->facts.n_grants = 0;
	if (!verdict_bounds(trail->decision.verdict))
		budget_done(&trail->budget);
	return 0;
}

/* There is no cgroup to look at, and nothing that could be counted or taken back. */
static int refuse_unplaced(struct trail *trail)
{
	policy_decide(&trail->rules, &trail->facts, &trail->decision);
	return 0;
}

/*
 * Nobody asks, and writable_mount is not "pass". The answer may then be a pass, or a refusal for which no cgroup needs to
 * be found: returns 0. Else 1, and everything about the container counts.
 */
static int decide_unasked(const struct host *host, struct trail *trail)
{
	const struct decision *decision = &trail->decision;
	const int r = gather_writable(host, &trail->oci, &trail->target, &trail->facts, &trail->err);

	if (r < 0)
		return r;
	policy_decide(&trail->rules, &trail->facts, &trail->decision);
	return decision->examined || decision->verdict == VERDICT_READONLY || !decision->unasked;
}

static int look_and_decide(const struct host *host, const struct run_args *args, struct trail *trail)
{
	const struct decision *decision = &trail->decision;
	struct guard_loader loader = { .run = args->run, .deadline_ms = args->deadline_ms };
	int r = (args->look ? args->look : gather)(host, &trail->oci, &trail->target, &trail->facts, &trail->err);

	if (r >= 0 && !facts_placed(&trail->facts))
		return refuse_unplaced(trail);
	if (r >= 0)
		gather_features(host, &trail->rules, &trail->target, &trail->facts);
	if (r >= 0 && (decision->nest || args->every_fact))
		r = gather_controllers(&trail->target, &trail->facts, &trail->err);
	/* A container without a user namespace needs the grant guard whatever `guard` says. */
	if (decision->guard != GUARD_OFF || trail->facts.userns != USERNS_PRIVATE)
		loader.which |= WANT_GRANT_GUARD;
	if (decision->device_bpf != DEVICE_BPF_RUNTIME)
		loader.which |= WANT_DEVICE_GUARD;
	/* Before the budgets, whose lock nobody should wait for while guards are loaded. */
	if (r >= 0 && loader.which)
		guards_open_or_load(host, args->load_guards ? &loader : NULL, &trail->oci, &trail->target, &trail->facts);
	if (r >= 0)
		r = decide(host, args, trail);
	/* Only a container that does not ask is judged by it: `check` has looked all the same, and the hook has not. */
	if (!decision->unasked && decision->verdict != VERDICT_PASS)
		trail->facts.writable_by = WRITABLE_BY_UNKNOWN;
	return r < 0 ? r : plan_build(decision, &trail->facts, &trail->target, &trail->plan, &trail->err);
}

int run_plan(const struct host *host, const struct run_args *args, struct trail *trail)
{
	const struct decision *decision = &trail->decision;
	int r = 1;

	/* The hook has a decision by now, from the state alone; `check` has none, and takes all facts. */
	take_state(args, trail);
	trail->plan.n_steps = 0;
	if (!args->look && (decision->unasked || args->every_fact))
		r = decide_unasked(host, trail);
	if (r > 0)
		r = look_and_decide(host, args, trail);
	return r < 0 && decision->unasked ? err_wrap(&trail->err, "writable_mount") : r;
}

static int enter_phase(enum phase phase, struct err *err)
{
	return phase == PHASE_GRANT ? privilege_limit(CAPS_GRANT, CAPS_GRANT, err)
				    : privilege_limit(CAPS_RESTRICT, CAPS_RESTRICT, err);
}

static int write_intent(void *userdata, struct err *err)
{
	const struct trail *trail = userdata;

	return audit_write(&trail->audit, &trail->record, "intent", true, err);
}

static int apply(const struct run_args *args, struct trail *trail)
{
	const struct decision *decision = &trail->decision;
	char sentence[ERR_TEXT_SIZE];
	int r;

	trail->record.stage = "act";
	trail->apply = (struct apply) { .host = &trail->host,
					.target = &trail->target,
					.budget = trail->budget.fd >= 0 ? &trail->budget : NULL,
					.deadline_ms = args->deadline_ms,
					.enter = enter_phase,
					.intent = write_intent,
					.userdata = trail };
	r = plan_apply(&trail->apply, &trail->plan, &trail->outcome, &trail->err);
	if (r < 0)
		return r;
	trail->record.stage = NULL;
	if (decision->verdict != VERDICT_REFUSE)
		return 0;
	return err_set(&trail->err, EACCES, "%s", notice_sentence(decision, sentence, sizeof(sentence)));
}

/* The socket stays usable in the container's mount namespace. */
static void open_journal(struct trail *trail)
{
	trail->record.pid = gettid(); /* of the one thread: the process, and musl knows it without asking */
	journal_open(JOURNAL_SOCKET, JOURNAL_SYSLOG, &trail->journal);
}

/* Opens the audit file before the hook enters a namespace or grants: by then it must know whether it can write a
 * record. `r`: what has failed already; that is recorded too. */
static int open_record(const struct run_args *args, struct trail *trail, int r)
{
	struct err err = { 0 };
	int opened = audit_open(args->audit, args->owner, &trail->audit, &err);

	open_journal(trail);
	if (r >= 0 && opened < 0 && verdict_bounds(trail->decision.verdict) && trail->decision.audit_required) {
		trail->err = err;
		trail->record.stage = "audit";
		r = opened;
	}
	if (r < 0) {
		/* There is no decision: the one in the trail was made before anything was known. */
		trail->decision.verdict = VERDICT_ERROR;
		trail->decision.n_reasons = 0;
	}
	return r;
}

/* An error says where it stopped the run; a refusal has its reason already. */
static void name_stage(struct trail *trail, int r)
{
	if (r < 0 && trail->record.stage)
		(void)err_wrap(&trail->err, "error [%s]", trail->record.stage);
}

/* If the policy requires a record and the record fails, everything is taken back. */
static int record(const struct run_args *args, struct trail *trail, int r)
{
	struct err err = { 0 };

	name_stage(trail, r);
	trail->record.duration_us = clock_realtime_us() - trail->record.started_us;
	if (audit_write(&trail->audit, &trail->record, "run", false, &err) < 0 && r >= 0 &&
	    trail->decision.audit_required) {
		trail->err = err;
		trail->record.stage = "audit";
		r = -err.code;
		(void)plan_undo(&trail->apply, &trail->outcome);
		name_stage(trail, r);
	}
	notice_send(&trail->journal, &trail->record);
	if (args->run)
		/* Whoever has entered the container's mount namespace has had a plan, and so the table's directory. */
		tally_add(trail->budget.dirfd, args->run, args->owner, &trail->record);
	return r;
}

/* A pass-through for which somebody asked: nothing is opened but what says so. */
static int let_pass(const struct run_args *args, struct trail *trail)
{
	if (!trail->decision.unanswered)
		return 0;
	trail->record.stage = NULL;
	(void)audit_open(args->audit, args->owner, &trail->audit, NULL);
	open_journal(trail);
	(void)record(args, trail, 0);
	return 0;
}

/* With a broken policy the first decision is final, whatever the container is. */
static int plan(const struct run_args *args, struct trail *trail)
{
	int r;

	trail->record.stage = "container";
	/* Its mount is not there yet, and the one that was checkpointed may be writable. */
	if (trail->oci.restoring && trail->decision.unasked)
		return err_set(
			&trail->err, ENOTSUP,
			"the container is being restored from a checkpoint, so it cannot be told whether its cgroup is writable, and writable_mount depends on that: start it anew");
	if (trail->oci.restoring)
		return err_set(
			&trail->err, ENOTSUP,
			"the container is being restored from a checkpoint, and a restored container cannot be granted a writable cgroup: start it anew");
	trail->record.stage = "config";
	r = oci_read_config(trail->oci.bundle, args->owner, &trail->oci, &trail->err);
	if (r < 0 || ruleset_is_broken(&trail->rules))
		return r;
	trail->record.stage = "container";
	r = privilege_limit(CAPS_LOOK, CAPS_RESTRICT, &trail->err);
	if (r >= 0)
		r = host_open("/", &real_machine, &trail->host, &trail->err);
	if (r < 0)
		return r;
	if (args->helpers)
		trail->host.helpers = args->helpers;
	return run_plan(&trail->host, args, trail);
}

int run_create_runtime(const struct run_args *args, int state_fd, struct trail *trail)
{
	int r = read_request(args, state_fd, trail);

	if (r < 0) {
		name_stage(trail, r);
		trail->decision.verdict = VERDICT_ERROR;
		open_journal(trail);
		notice_send(&trail->journal, &trail->record);
		return r;
	}
	/* No fact about the container can turn this "pass" into anything else, so none is gathered. */
	policy_decide(&trail->rules, &trail->facts, &trail->decision);
	if (trail->decision.verdict == VERDICT_PASS)
		return let_pass(args, trail);
	r = plan(args, trail);
	/* Nobody has asked, and there is nothing to bound. */
	if (r >= 0 && trail->decision.verdict == VERDICT_PASS)
		return let_pass(args, trail);
	r = open_record(args, trail, r);
	if (r >= 0)
		r = apply(args, trail);
	return record(args, trail, r);
}
