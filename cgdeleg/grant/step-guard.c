/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step, guards - the BPF programs on the delegation root. See step.h.
 *
 * Both kinds refuse everything from the moment that they are attached until their rules are written, so an interruption
 * in between leaves too little access and never too much. They are attached to the cgroup itself and not above it:
 * cgroups below inherit them, and they are gone with the cgroup.
 */
#include <errno.h>
#include <stdlib.h>

#include "cgdeleg/grant/step.h"

/* A second run finds the program and, unless config.json has changed, its rules: it writes nothing, and the counts of
 * refusals stay. */
int device_guard_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	const struct target *target = apply->target;
	const struct device_guard *guard = &target->guards.device;
	int r;

	undo->attached = true; /* until it is known: detaching a program that is not there only fails */
	undo->changed = true;
	r = device_guard_attach(guard, target->cgroup_fd, err);
	if (r < 0) {
		undo->changed = device_guard_is_attached(guard, target->cgroup_fd, NULL) != 0;
		return r;
	}
	undo->attached = r == 1;
	if (undo->attached)
		return device_guard_write(guard, target->ino, step->rules, err);
	undo->changed = false;
	undo->rules = malloc(sizeof(*undo->rules));
	if (!undo->rules)
		return err_set(err, ENOMEM, "out of memory");
	r = device_guard_read(guard, target->ino, undo->rules, err);
	if (r < 0 || device_rules_equal(undo->rules, step->rules))
		return r;
	undo->changed = true;
	return device_guard_write(guard, target->ino, step->rules, err);
}

int device_guard_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	const struct target *target = apply->target;
	const struct device_guard *guard = &target->guards.device;

	if (undo->attached)
		return device_guard_detach(guard, target->cgroup_fd, err);
	return device_guard_write(guard, target->ino, undo->rules, err);
}

/* A second run may find another `pressure` in the policy: that is a change too. If an older cgdeleg made the grant, or
 * somebody has taken a program off, it attaches the missing programs. */
int grant_guard_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	const struct target *target = apply->target;
	const struct grant_guard *guard = &target->guards.grant;
	struct guard_grant before = { 0 };
	struct err why = { 0 };
	int r = grant_guard_read(guard, target->cgroup_fd, &before, &why);

	if (r < 0 && r != -ENOENT) { /* -ENOENT: none of the programs is attached */
		*err = why;
		return r;
	}
	undo->flags = before.flags;
	r = grant_guard_attach(guard, target->cgroup_fd, &undo->programs, err);
	undo->changed = undo->programs || (r >= 0 && before.flags != step->allowed);
	return r < 0 ? r : grant_guard_write(guard, target->cgroup_fd, step->allowed, err);
}

/* Programs that were there before stay, and allow what they allowed. */
int grant_guard_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	const struct target *target = apply->target;
	const struct grant_guard *guard = &target->guards.grant;
	int r = grant_guard_detach(guard, target->cgroup_fd, undo->programs, err);

	if (r < 0 || undo->programs == GUARD_ALL_PROGRAMS)
		return r;
	return grant_guard_write(guard, target->cgroup_fd, undo->flags, err);
}
