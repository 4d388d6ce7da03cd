/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan - what will be done to the machine, as data.
 *
 * In: struct decision, struct facts, struct oci's words about the mount.  Out: struct plan.
 * Pure: opens nothing, reads no clock. The hook runs this array, `cgdeleg check` prints it, the audit
 * record contains it and the golden tests compare it.
 *
 * The order is the safety: every restriction stands before anything is given, ownership comes before
 * writability, and the directory last of what is owned.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/mount.h"
#include "policy/decision.h"
#include "policy/facts.h"

#define PLAN_STEPS_MAX 128

enum step_kind {
	STEP_BUDGET,	   /* count the grant in the node's and the handler's budget */
	STEP_UNIT,	   /* have systemd lower limits of the unit `file`, whose cgroup is `place` */
	STEP_CEILING,	   /* lower a limit file of `place` */
	STEP_DEVICE_BPF,   /* the device programs are still as the decision saw them */
	STEP_DEVICE_GUARD, /* attach the device guard, with `extra` rules of config.json */
	STEP_GRANT_GUARD,  /* attach the grant guard; `extra`: GUARD_ALLOW_* */
	STEP_LEAF,	   /* make the leaf `file`, the owner's as if it had made it */
	STEP_MOVE,	   /* move the container's processes into the leaf */
	STEP_CONTROLLERS,  /* enable the controllers `file` in cgroup.subtree_control */
	STEP_ATTRIBUTE,	   /* record the grant on the cgroup */
	STEP_FORGET,	   /* remove such a record */
	STEP_INTENT,	   /* write and sync the audit's intent record */
	STEP_OWN,	   /* give `file` of the delegation root to uid:gid */
	STEP_MOUNT,	   /* make the container's mount writable by `method` */
	STEP_KIND_MAX
};

enum place { PLACE_ROOT, PLACE_SCOPE };

/* Ceilings that systemd is told of. */
struct unit_ceilings {
	size_t n;
	const struct ceiling *ceilings[DECISION_CEILINGS_MAX]; /* belong to the decision */
};

struct step {
	enum step_kind kind;
	enum place place;
	const char *file;	       /* a name, or a list of controllers; "." is the directory */
	const struct ceiling *ceiling; /* STEP_CEILING: belongs to the decision */
	/* STEP_UNIT; STEP_DEVICE_BPF behind one, NULL without. Belongs to the plan. */
	const struct unit_ceilings *unit;
	uint64_t extra;		  /* STEP_CEILING: added to the ceiling's number (scope: + 1); STEP_BUDGET: the
			   descendants */
	uint32_t uid, gid;	  /* STEP_OWN, STEP_LEAF: host ids */
	enum mount_method method; /* STEP_MOUNT */
};

struct plan {
	size_t n_steps;
	struct step steps[PLAN_STEPS_MAX];
	char controllers[256]; /* what STEP_CONTROLLERS enables: policy's and available, in policy's order */
	struct unit_ceilings unit;
};

/* The steps for a VERDICT_GRANT or VERDICT_READONLY; none for the other verdicts. Strings belong to the
 * decision, the facts and the plan. -E2BIG when there are more than PLAN_STEPS_MAX. */
int plan_build(const struct decision *decision, const struct facts *facts, struct plan *ret, struct err *err);

/* One step as one line: "memory.max at most 17179869184", "own cgroup.procs 100000:100000". */
const char *step_describe(const struct step *step, char *buf, size_t size);

/* "ceiling", "own", ... */
const char *step_kind_name(enum step_kind kind);
