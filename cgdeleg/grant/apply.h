/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply - runs a plan, and takes it back.
 *
 * In: struct host, struct target, struct plan.  Out: struct outcome.
 * Every step records what it replaced before it replaces it; when one fails, one loop replays the records
 * backwards. "Could not be undone" is an outcome of its own and not a log line.
 *
 * Parts: apply.c, step.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/grant/plan.h"
#include "cgdeleg/kernel/limits.h"

enum outcome_kind {
	OUTCOME_NOTHING,     /* no step was run */
	OUTCOME_DONE,	     /* every step */
	OUTCOME_UNDONE,	     /* one failed, all was taken back */
	OUTCOME_UNDO_FAILED, /* one failed, and something could not be taken back */
	OUTCOME_MAX
};

struct unit_change;

/* What one step replaced. */
struct undo {
	const struct step *step;
	bool changed;
	struct limit_before *limit; /* STEP_CEILING; owned */
	struct unit_change *unit;   /* STEP_UNIT; owned */
	struct ids owner;	    /* STEP_OWN */
	char *text;		    /* STEP_ATTRIBUTE, STEP_CONTROLLERS: what stood there; owned, NULL: nothing */
	struct mount_change mount;  /* STEP_MOUNT */
	struct budget_slot slot;    /* STEP_BUDGET */
	bool attached;		    /* STEP_DEVICE_GUARD: by us, now */
	unsigned programs;	    /* STEP_GRANT_GUARD: attached by us, now; a bit for each enum guard_program */
	uint64_t flags;		    /* STEP_GRANT_GUARD: what was allowed before */
	struct device_rules *rules; /* STEP_DEVICE_GUARD: what was there; owned, NULL: none */
};

struct outcome {
	enum outcome_kind kind;
	size_t n_done;		   /* steps, undone or not */
	size_t n_changed;	   /* of these, how many found something to change */
	size_t n_skipped;	   /* ceilings that the kernel does not offer, skipped as the policy says */
	const struct step *failed; /* NULL when none did */
	struct err undo_err;	   /* OUTCOME_UNDO_FAILED: the first one */
	struct undo *undo;	   /* n_done records; owned until apply_done() */
};

enum phase { PHASE_START, PHASE_RESTRICT, PHASE_GRANT };

/* Where a plan is run, and what its steps use there. */
struct apply {
	const struct host *host;
	const struct target *target;
	struct budget *budget; /* the locked table; NULL: nothing is counted */
	int64_t deadline_ms;   /* CLOCK_MONOTONIC; 0: none */
	/* Called before the first step of a phase, to have the capabilities that it needs; never for an empty plan. May
	 * be NULL. */
	int (*enter)(enum phase phase, struct err *err);
	int (*intent)(void *userdata, struct err *err); /* STEP_INTENT; may be NULL */
	void *userdata;
};

/* Runs the plan, which must outlive the outcome. On failure everything is taken back before it returns. */
int plan_apply(const struct apply *apply, const struct plan *plan, struct outcome *ret, struct err *err);

/* Takes a whole applied plan back: what came after it failed. 0: all of it; else outcome->undo_err says what not. */
int plan_undo(const struct apply *apply, struct outcome *outcome);

void apply_done(struct outcome *outcome);

const char *outcome_name(enum outcome_kind kind); /* "nothing", "done", "undone", "undo-failed" */
