/* SPDX-License-Identifier: Apache-2.0 */
/* Apply - the loop that runs a plan and the one that takes it back. See apply.h; the steps themselves are
 * in step.c. */
#include "cgdeleg/grant/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static const char *const outcome_names[OUTCOME_MAX] = {
	[OUTCOME_NOTHING] = "nothing",
	[OUTCOME_DONE] = "done",
	[OUTCOME_UNDONE] = "undone",
	[OUTCOME_UNDO_FAILED] = "undo-failed",
};

const char *outcome_name(enum outcome_kind kind)
{
	return outcome_names[kind];
}

void apply_done(struct outcome *outcome)
{
	for (size_t i = 0; outcome->undo && i < outcome->n_done; i++) {
		limit_before_done(&outcome->undo[i].limit);
		free(outcome->undo[i].rules);
		free(outcome->undo[i].text);
		unit_change_free(outcome->undo[i].unit);
		outcome->undo[i].mount.fd = close_fd(outcome->undo[i].mount.fd);
	}
	free(outcome->undo);
	outcome->undo = NULL;
}

static int run_step(const struct apply *apply, const struct step *step, enum phase *phase, struct outcome *outcome,
		    struct err *err)
{
	const struct step_operation *operation = &step_operations[step->kind];
	struct undo *undo = &outcome->undo[outcome->n_done];
	int r = 0;

	if (apply->deadline_ms && clock_monotonic_ms() >= apply->deadline_ms)
		return err_set(err, ETIMEDOUT,
			       "the hook's deadline has passed: raise --deadline, or see what keeps this machine busy");
	if (*phase != operation->phase) {
		*phase = operation->phase;
		/* The last moment to see that the container is another or gone is before the first gift. */
		if (*phase == PHASE_GRANT)
			r = target_check_alive(apply->target, err);
		if (r >= 0 && apply->enter)
			r = apply->enter(*phase, err);
		if (r < 0)
			return r;
	}
	/* The record counts from the moment that the step may have changed something. */
	undo->step = step; /* of an array that calloc() has zeroed */
	undo->mount.fd = -EBADF;
	outcome->n_done++;
	r = operation->run(apply, step, undo, err);
	if (r == STEP_SKIPPED) {
		outcome->n_skipped++;
		r = 0;
	}
	outcome->n_changed += undo->changed;
	return r;
}

int plan_undo(const struct apply *apply, struct outcome *outcome)
{
	struct err err = { 0 };

	outcome->kind = OUTCOME_UNDONE;
	for (size_t i = outcome->n_done; i-- > 0;) {
		struct undo *undo = &outcome->undo[i];
		const struct step_operation *operation = &step_operations[undo->step->kind];

		/* What was given and not taken back stays under its ceilings, and marked. */
		if (!undo->changed || !operation->undo || (operation->restricts && outcome->kind == OUTCOME_UNDO_FAILED))
			continue;
		if (operation->undo(apply, undo, &err) < 0 && outcome->kind != OUTCOME_UNDO_FAILED) {
			outcome->kind = OUTCOME_UNDO_FAILED;
			outcome->undo_err = err;
		}
	}
	return outcome->kind == OUTCOME_UNDONE ? 0 : -outcome->undo_err.code;
}

int plan_apply(const struct apply *apply, const struct plan *plan, struct outcome *ret, struct err *err)
{
	enum phase phase = PHASE_START;

	memset(ret, 0, sizeof(*ret));
	if (plan->n_steps == 0)
		return 0;
	ret->undo = calloc(plan->n_steps, sizeof(*ret->undo));
	if (!ret->undo)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < plan->n_steps; i++) {
		int r = run_step(apply, &plan->steps[i], &phase, ret, err);

		if (r < 0) {
			ret->failed = &plan->steps[i];
			(void)plan_undo(apply, ret);
			return r;
		}
	}
	ret->kind = OUTCOME_DONE;
	return 0;
}
