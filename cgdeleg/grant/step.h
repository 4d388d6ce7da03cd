/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step - how each kind of step is run and undone; for apply.c only.
 *
 * Parts: step.c, step-guard.c, step-nest.c, step-unit.c.
 */
#pragma once

#include "cgdeleg/grant/apply.h"

#define STEP_SKIPPED 1 /* run(): the kernel does not offer it, and the policy says to go on */

struct step_operation {
	enum phase phase;
	/* Sets undo->changed, with what is needed to go back, before the first change. */
	int (*run)(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err);
	/* Called only when undo->changed. Does nothing that cannot be told from `undo`. */
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
