/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding - what an administrator should know of a valid policy: settings with a price, and lines that do nothing or
 * refuse everything.
 *
 * In: struct ruleset without complaints.  Out: struct finding, one after the other.
 * Not complaints: the policy means what it says, and a file that is only half written yet must not stop a node's
 * containers. The hook does not look for any.
 */
#pragma once

#include "policy/ruleset.h"

/* One a distinct cause. */
enum finding_id {
	FINDING_USERNS_NOT_REQUIRED,
	FINDING_GUARD_OFF,
	FINDING_DEVICE_BPF_RUNTIME,
	FINDING_PRESSURE_ALLOWED,
	FINDING_TOTAL_UNBOUNDED, /* max_total_descendants = max */
	FINDING_AUDIT_PREFERRED,
	FINDING_LIMITS_SKIPPED,
	FINDING_DESCENDANTS_UNBOUNDED, /* cgroup.max.descendants = max */
	FINDING_DEPTH_UNBOUNDED,
	FINDING_HANDLER_IDLE,	  /* grants nothing */
	FINDING_BUDGET_UNCOUNTED, /* a budget refuses all that have no ceiling to be counted */
	FINDING_RULE_SHADOWED,	  /* a rule above takes all its containers */
};

enum finding_severity {
	FINDING_NOTE, /* does nothing, or refuses everything */
	FINDING_RISK, /* works, and has a price */
	FINDING_FAULT,
};

struct finding {
	enum finding_id id;
	enum finding_severity severity;
	struct origin place; /* the line it is about */
	const char *text;    /* one sentence, no full stop; valid only in the call */
	const char *remedy;  /* what to do, in words that go on after "; ", or NULL: it is a choice */
};

typedef void (*finding_fn)(const struct finding *finding, void *userdata);

/* Every finding: risks in the files' order, then handlers' notes, then rules'. */
void findings_each(const struct ruleset *rules, finding_fn tell, void *userdata);

const char *finding_severity_name(enum finding_severity severity); /* "note", "risk", "fault" */
