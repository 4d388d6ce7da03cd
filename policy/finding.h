/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding - what an administrator should know: of a valid policy, settings with a price, and lines that do nothing or
 * refuse everything. The one form of what `check`, `doctor` and `verify` say.
 *
 * In: struct ruleset without complaints.  Out: struct finding, one after the other.
 * Where two lines contradict one another, the sentence names the other one, as "(file:line)".
 * Not complaints: the policy means what it says, and a file that is only half written yet must not stop a node's
 * containers. The hook does not look for any.
 *
 * Parts: of it finding-part.h, and what that lists. Each has a page: finding-page.h.
 */
#pragma once

#include "policy/ruleset.h"

/* One a distinct cause. */
enum finding_id {
	/* Of a policy that cannot be read. */
	FINDING_FILE_MISSING,
	FINDING_FILE_UNREADABLE,
	FINDING_FILE_NOT_OWNED,
	FINDING_FILE_LINK,
	FINDING_FILE_TOO_LARGE, /* or too many files */
	FINDING_LINE_BYTES,	/* bytes that no line may have, or no newline at the end */
	FINDING_LINE_FORM,	/* neither a header nor "key = value" */
	FINDING_LINE_TOO_LONG,
	FINDING_SECTION_UNKNOWN,
	FINDING_SECTION_NAME,
	FINDING_SECTION_TWICE,
	FINDING_SECTION_EMPTY,
	FINDING_KEY_UNKNOWN,
	FINDING_KEY_MISPLACED,
	FINDING_KEY_TWICE,
	FINDING_KEY_MISSING,
	FINDING_LIMITS_TOO_MANY,
	FINDING_VALUE_MISSING,
	FINDING_VALUE_WORD, /* not one of the key's words */
	FINDING_VALUE_NAME,
	FINDING_VALUE_LIMIT,
	FINDING_VALUE_ANNOTATION,
	FINDING_VALUE_PATTERN,
	FINDING_REFERENCE_UNKNOWN, /* names a section that is not there */
	FINDING_FACT_UNSTATED,	   /* asks for what the engine does not state */
	FINDING_FAULT_OTHER,	   /* no other row of finding-fault.c */
	/* Of a valid one. */
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
	FINDING_CEILING_ABOVE_NODE,  /* cgdeleg/node/capacity.h */
	FINDING_CEILINGS_TOGETHER,
	FINDING_GRANT_COST,
	/* cgdeleg/node/engine-finding.h */
	FINDING_HANDLER_UNWIRED,
	FINDING_HOOK_HANDLER_UNKNOWN,
	FINDING_HOOK_ENGINE_OTHER,
	FINDING_HOOK_PROGRAM,
	FINDING_HOOK_UNUSABLE, /* its stage or words */
	FINDING_HOOK_TIMEOUT,
	FINDING_HOOK_TWICE,
	FINDING_DESCRIPTOR_NARROW,
	FINDING_ANNOTATION_STOPPED, /* approved, and not passed on */
	FINDING_WRITABLE_ELSEWHERE, /* an engine makes cgroups writable, and nothing bounds them */
	FINDING_DEFAULT_RUNTIME,
	FINDING_ENGINE_CONFIGURATION, /* the engine would refuse it */
	FINDING_ENGINE_IGNORES,
	FINDING_ENGINE_STALE, /* it has not read its configuration since that was changed */
	FINDING_ID_MAX
};

enum finding_severity {
	FINDING_NOTE,  /* does nothing, or refuses everything */
	FINDING_RISK,  /* works, and has a price */
	FINDING_FAULT, /* containers are refused until it is mended */
	FINDING_SEVERITY_MAX
};

struct finding {
	const char *id; /* "CGD104", or the name of a doctor's check: it never changes, so that it can be ignored by name */
	enum finding_severity severity;
	struct origin place; /* the line it is about; a file without a line: the file; neither: this node */
	unsigned column;     /* where in the line, 1..; 0: the whole line or file */
	const char *text;    /* one sentence, no full stop; valid only in the call */
	const char *remedy; /* what to do, in words that go on after "; ", or NULL: it is a choice, or the text says it */
};

typedef void (*finding_fn)(const struct finding *finding, void *userdata);

/* Of an invalid policy: its complaints, in their order. Then nothing else can be said of it. */
void findings_faults(const struct ruleset *rules, finding_fn tell, void *userdata);

/* Of a valid one, every finding: risks in the files' order, then ceilings and settings, profiles, handlers, rules, and
 * files. 0 or -ENOMEM. */
int findings_each(const struct ruleset *rules, finding_fn tell, void *userdata);

/* What the policy wants of the host's cgroup2 and this machine's does not have. */
void findings_host(const struct ruleset *rules, const struct host_mount *host, finding_fn tell, void *userdata);

const char *finding_severity_name(enum finding_severity severity); /* "note", "risk", "fault" */
enum finding_severity finding_severity_find(const char *name);	   /* FINDING_SEVERITY_MAX: there is no such word */
