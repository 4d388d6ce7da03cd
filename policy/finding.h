/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding - what an administrator should know of a valid policy: settings with a price, and lines that do nothing or
 * refuse everything.
 *
 * In: struct ruleset without complaints.  Out: struct finding, one after the other.
 * Where two lines contradict one another, the sentence names the other one, as "(file:line)".
 * Not complaints: the policy means what it says, and a file that is only half written yet must not stop a node's
 * containers. The hook does not look for any.
 *
 * Parts: of it finding-part.h, and what that lists.
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
	FINDING_PROFILES_UNASKED, /* nobody can choose from `profiles`, or cgdeleg.io/profile has nothing to choose from */
	FINDING_ANNOTATION_ALONE,    /* a limit that only the container's annotation sets */
	FINDING_IMAGE_ASKS,	     /* podman: what an image asks counts as what its user asks */
	FINDING_CHOICE_UNBOUNDED,    /* an annotation may choose a profile without a ceiling of the container's own */
	FINDING_PROFILE_UNUSED,	     /* named by no handler and no rule */
	FINDING_BUDGET_UNCOUNTED,    /* a budget refuses all that have no ceiling to be counted */
	FINDING_BUDGET_TOO_SMALL,    /* a budget that not even one container fits into */
	FINDING_UNBOUNDED,	     /* writable_mount = pass for containers that may get no grant */
	FINDING_LIMIT_ZERO,	     /* a ceiling under which nothing runs, or no cgroup can be made */
	FINDING_SETTINGS_CONFLICT,   /* two settings of which one takes the other's effect */
	FINDING_RULE_SHADOWED,	     /* rules above take all its containers */
	FINDING_PATTERN_IMPOSSIBLE,  /* no name that Kubernetes allows */
	FINDING_FILE_UNREAD,	     /* in policy.d, and not a file of the policy */
	FINDING_IDS_SHARED,	     /* two grants have host ids in common: of the node, and not found here */
	FINDING_HOST_OPTION_MISSING, /* the host's cgroup2 lacks what the policy needs: findings_host() */
	FINDING_HOST_OPTION_UNKNOWN, /* this kernel does not have it, or nobody can tell */
};

enum finding_severity {
	FINDING_NOTE,  /* does nothing, or refuses everything */
	FINDING_RISK,  /* works, and has a price */
	FINDING_FAULT, /* of the node: containers are refused until it is mended */
};

struct finding {
	enum finding_id id;
	enum finding_severity severity;
	struct origin place; /* the line it is about */
	const char *text;    /* one sentence, no full stop; valid only in the call */
	const char *remedy;  /* what to do, in words that go on after "; ", or NULL: it is a choice */
};

typedef void (*finding_fn)(const struct finding *finding, void *userdata);

/* Every finding: risks in the files' order, then ceilings and settings, profiles, handlers, rules, and files. */
void findings_each(const struct ruleset *rules, finding_fn tell, void *userdata);

/* What the policy wants of the host's cgroup2 and this machine's does not have. */
void findings_host(const struct ruleset *rules, const struct host_mount *host, finding_fn tell, void *userdata);

const char *finding_severity_name(enum finding_severity severity); /* "note", "risk", "fault" */
