/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step - how each kind of step is run and undone. The loops are in apply.c.
 *
 * Parts: step.c, step-guard.c, step-nest.c, step-unit.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/grant/plan.h"
#include "cgdeleg/kernel/limits.h"

#define STEP_SKIPPED 1 /* run(): the kernel does not offer it, and the policy allows to skip it */

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

struct unit_change;

/* What one step replaced. */
struct undo {
	const struct step *step;
	bool changed;
	struct limit_before limit;  /* STEP_CEILING */
	struct unit_change *unit;   /* STEP_UNIT; owned */
	struct ids owner;	    /* STEP_OWN */
	char *text;		    /* STEP_ATTRIBUTE, STEP_CONTROLLERS: the old text; owned, NULL: none */
	struct mount_change mount;  /* STEP_MOUNT */
	struct budget_slot slot;    /* STEP_BUDGET */
	bool attached;		    /* STEP_DEVICE_GUARD: by this run */
	unsigned programs;	    /* STEP_GRANT_GUARD: attached by this run; a bit for each enum guard_program */
	uint64_t flags;		    /* STEP_GRANT_GUARD: what was allowed before */
	struct device_rules *rules; /* STEP_DEVICE_GUARD: what was there; owned, NULL: none */
};

struct step_operation {
	enum phase phase;
	bool restricts; /* not undone if something that was given cannot be taken back */
	/* Sets undo->changed, with what is needed to go back, before the first change. */
	int (*run)(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
	/* Called only if undo->changed. Uses only `undo`. NULL: the step changes nothing. */
	int (*undo)(const struct apply *apply, struct undo *undo, struct err *err);
};

extern const struct step_operation step_operations[STEP_KIND_MAX];

/* The cgroup that the step is about. */
int step_place_fd(const struct apply *apply, const struct step *step);

/* step-unit.c */
void unit_change_free(struct unit_change *change);
int unit_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
int unit_undo(const struct apply *apply, struct undo *undo, struct err *err);

/* step-guard.c */
int device_guard_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
int device_guard_undo(const struct apply *apply, struct undo *undo, struct err *err);
int grant_guard_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
int grant_guard_undo(const struct apply *apply, struct undo *undo, struct err *err);

/* step-nest.c */
int leaf_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
int leaf_undo(const struct apply *apply, struct undo *undo, struct err *err);
int move_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
int move_undo(const struct apply *apply, struct undo *undo, struct err *err);
int controllers_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
int controllers_undo(const struct apply *apply, struct undo *undo, struct err *err);
