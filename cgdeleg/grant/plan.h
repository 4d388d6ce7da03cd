/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan - what will be done to the machine, as data.
 *
 * In: struct decision, struct facts, and the values in struct target. Out: struct plan, all that a run does and writes.
 * Pure: opens nothing, reads no clock. The hook runs this array, `cgdeleg check` prints it, the audit record contains
 * it and the golden tests compare it.
 *
 * The order is the safety: every restriction stands before anything is given away, ownership comes before writability,
 * and the directory comes last of what is owned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/kernel/mount.h"
#include "policy/decision.h"
#include "policy/facts.h"

#define PLAN_STEPS_MAX 128

enum step_kind {
	STEP_BUDGET,	   /* count the grant in the node's and the handler's budget */
	STEP_UNIT,	   /* have systemd lower limits of a unit */
	STEP_CEILING,	   /* lower one limit file */
	STEP_DEVICE_BPF,   /* the device programs are still as the decision saw them */
	STEP_DEVICE_GUARD, /* attach the device guard, with the rules of config.json */
	STEP_GRANT_GUARD,  /* attach the grant guard */
	STEP_LEAF,	   /* make the leaf, which belongs to the owner as if the owner had made it */
	STEP_MOVE,	   /* move the container's processes into the leaf */
	STEP_CONTROLLERS,  /* enable controllers in cgroup.subtree_control */
	STEP_ATTRIBUTE,	   /* write the attribute */
	STEP_FORGET,	   /* remove the attribute of an earlier grant */
	STEP_INTENT,	   /* write and sync the audit record of the intent */
	STEP_OWN,	   /* give a file of the delegation root, or itself, to an owner */
	STEP_MOUNT,	   /* make the container's mount writable */
	STEP_KIND_MAX
};

/* Ceilings that systemd is asked to keep. */
struct unit_ceilings {
	size_t n;
	const struct ceiling *ceilings[DECISION_CEILINGS_MAX]; /* belong to the decision */
};

/* Host ids. */
struct ids {
	uint32_t uid, gid;
};

/* What a step needs. Strings and pointers belong to the plan, or to what it was made from. */
struct step {
	enum step_kind kind;
	enum place place; /* STEP_UNIT, STEP_CEILING: where the limits are; for all others PLACE_ROOT */
	union {
		const struct budget_entry *entry; /* STEP_BUDGET */
		struct {
			const char *name;
			const struct unit_ceilings *ceilings;
		} unit; /* STEP_UNIT */
		struct {
			const char *file;
			const struct limit_type *type;
			struct limit_value value; /* as it holds at the place */
			bool skip_unknown;	  /* skip devices and resources that this kernel does not know */
		} ceiling;			  /* STEP_CEILING */
		/* STEP_DEVICE_BPF: systemd has just been asked for limits; it may then load a program of the same
		 * rules anew and put it in the place of its own (257 does). */
		bool by_systemd;
		const struct device_rules *rules; /* STEP_DEVICE_GUARD */
		uint64_t allowed;		  /* STEP_GRANT_GUARD: GUARD_ALLOW_* */
		struct {
			const char *name;
			struct ids owner; /* STEP_LEAF only */
		} leaf;			  /* STEP_LEAF, STEP_MOVE */
		struct {
			const char *list; /* blank-separated */
			const char *leaf; /* in which they make files appear, if it is there */
			struct ids owner;
		} controllers;	       /* STEP_CONTROLLERS */
		const char *attribute; /* STEP_ATTRIBUTE: its text */
		struct {
			const char *name; /* in the delegation root; ".": itself */
			struct ids owner;
		} own;			  /* STEP_OWN */
		enum mount_method method; /* STEP_MOUNT */
	};
};

/* Large: keep it off the hook's stack. Do not copy it: its steps point into it. */
struct plan {
	size_t n_steps;
	struct step steps[PLAN_STEPS_MAX];
	struct budget_entry entry;	/* what STEP_BUDGET writes into the table of grants */
	struct unit_ceilings unit;	/* what STEP_UNIT asks for */
	char controllers[256];		/* what STEP_CONTROLLERS enables: the policy's that are offered, in its order */
	char attribute[ATTRIBUTE_SIZE]; /* what STEP_ATTRIBUTE writes */
};

/*
 * Makes the steps of a VERDICT_GRANT, VERDICT_BOUND or VERDICT_READONLY; none for the other verdicts. Of the target only
 * values are read: instance, device and cgroup numbers, rules, an earlier attribute. All three must outlive the plan.
 * -E2BIG: more than PLAN_STEPS_MAX steps, or more ceilings than the attribute holds. -EBUSY: the cgroup cannot be taken
 * back. Only VERDICT_GRANT and VERDICT_BOUND compose an attribute.
 */
int plan_build(const struct decision *decision, const struct facts *facts, const struct target *target,
	       struct plan *ret, struct err *err);

/* One step as one line: "memory.max at most 17179869184", "own cgroup.procs 100000:100000". */
const char *step_describe(const struct step *step, char *buf, size_t size);
