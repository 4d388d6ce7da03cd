/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply - runs a plan, and takes it back.
 *
 * In: struct host, struct target, struct plan.  Out: struct outcome.
 * Every step records what it replaced before it replaces it; when one fails, one loop replays the records
 * backwards. "Could not be undone" is an outcome of its own and not a log line.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "cgdeleg/grant/plan.h"
#include "cgdeleg/grant/step.h"

enum outcome_kind {
	OUTCOME_NOTHING,     /* no step was run */
	OUTCOME_DONE,	     /* every step */
	OUTCOME_UNDONE,	     /* one failed, all was taken back */
	OUTCOME_UNDO_FAILED, /* one failed, and something could not be taken back */
	OUTCOME_MAX
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

/* Runs the plan, which must outlive the outcome. On failure everything is taken back before it returns. */
int plan_apply(const struct apply *apply, const struct plan *plan, struct outcome *ret, struct err *err);

/* Takes a whole applied plan back: what came after it failed. 0: all of it; else outcome->undo_err says what not. */
int plan_undo(const struct apply *apply, struct outcome *outcome);

void apply_done(struct outcome *outcome);

const char *outcome_name(enum outcome_kind kind); /* "nothing", "done", "undone", "undo-failed" */
