/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decision - what the policy says about one container, with every reason and its place.
 *
 * A refusal is a value here, never an error. Strings belong to the ruleset or to the facts, those of
 * reasons to the decision, which stays where it was made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/facts.h"
#include "policy/limit.h"

#define DECISION_REASONS_MAX  24
#define DECISION_TEXTS_SIZE   4096 /* bytes of all reasons' sentences, NULs included */
#define REASON_TEXT_SIZE      512  /* bytes of one; longer ones are cut */
#define DECISION_CEILINGS_MAX 40

struct setting;

/* A place in the policy. */
struct origin {
	const char *file; /* path as opened, NULL: built in */
	unsigned line;	  /* 1.. */
};

enum verdict {
	VERDICT_PASS,	  /* not covered: nothing is touched */
	VERDICT_GRANT,	  /* delegate */
	VERDICT_REFUSE,	  /* asked, refused: the container is not created */
	VERDICT_BOUND,	  /* did not ask, and its cgroup is writable: bounded as a grant is, and given nothing */
	VERDICT_READONLY, /* refused or declined, but the container runs: the cgroup's ownership is taken back */
	VERDICT_UNKNOWN,  /* cannot be told from a bundle alone: only in `check`, never from policy_decide() */
	VERDICT_ERROR,	  /* there was no decision: only in audit records, never from policy_decide() */
	VERDICT_MAX
};

enum reason_kind {
	REASON_GRANTS,	/* a policy line that grants */
	REASON_BOUNDS,	/* a policy line that bounds what somebody else has made writable */
	REASON_REFUSES, /* why not; a decision with one of these is never VERDICT_GRANT or VERDICT_BOUND */
	REASON_NOTES	/* worth knowing: a clamp, a skipped ceiling, an annotation that does not count */
};

/* One code for each distinct cause; decision.c has the words for them, which the audit record has too. */
enum reason_code {
	REASON_NOT_CONCERNED,	      /* no section for this handler, or it asks for nothing */
	REASON_HANDLER_UNKNOWN,	      /* it asks, and there is no section for its handler (note) */
	REASON_SANDBOX,		      /* the engine says: a pause container */
	REASON_POLICY_BROKEN,	      /* the policy has faults: nothing is granted */
	REASON_HANDLER_GRANTS,	      /* handler's cgroup_writable = true */
	REASON_RULE_GRANTS,	      /* rule's cgroup_writable = true */
	REASON_ANNOTATION_GRANTS,     /* an annotation that the handler's line approves */
	REASON_BOUNDED,		      /* it did not ask, its cgroup is writable, writable_mount = bound */
	REASON_WRITABLE_MOUNT,	      /* ... writable_mount = refuse */
	REASON_UNBOUNDED,	      /* ... writable_mount = pass: nothing bounds it (note) */
	REASON_ANNOTATION_DECLINES,   /* an approved annotation says false */
	REASON_ANNOTATION_INVALID,    /* an approved annotation with a value outside its grammar */
	REASON_ANNOTATION_UNAPPROVED, /* one of cgdeleg's keys that this handler does not approve (note) */
	REASON_HANDLER_FORBIDS,	      /* cgroup_writable = false and an annotation asks */
	REASON_RULE_FORBIDS,	      /* as above, in the rule that matched */
	REASON_NO_RULE_MATCHES,	      /* the handler has rules, an annotation asks, none matches */
	REASON_PROFILE_UNKNOWN,	      /* an annotation names a profile that does not exist */
	REASON_PROFILE_NOT_ALLOWED,   /* ... that is not in `profiles` */
	REASON_LIMIT_CLAMPED,	      /* an annotation asked for more than the profile (note) */
	REASON_LIMIT_MISSING,	      /* a ceiling's file is missing */
	REASON_LIMIT_SKIPPED,	      /* as above, on_missing_limit = skip (note) */
	REASON_LIMIT_ZERO,	      /* a ceiling of 0 under which nothing runs (note) */
	REASON_USERNS_MISSING,	      /* no user namespace and require_userns = true */
	REASON_USERNS_HOST_IDS,	      /* one that covers host id 0 */
	REASON_OWNER_UNMAPPED,	      /* the owner's id has no host id in the container's maps */
	REASON_CGROUPNS_SHARED,	      /* no cgroup namespace of its own */
	REASON_CGROUP_MOUNT,	      /* config.json does not mount its own cgroup at /sys/fs/cgroup */
	REASON_OWNER_UNUSED,	      /* the owner is not the user that the container's process runs as (note) */
	REASON_NSDELEGATE_MISSING,    /* without user namespace: host's cgroup2 lacks nsdelegate */
	REASON_HOST_OPTION_MISSING,   /* the host's cgroup2 lacks one of host_options (refuses, or note) */
	REASON_CAPABILITY,	      /* without user namespace: holds a capability that undoes the limits */
	REASON_GUARD_MISSING,	      /* the grant guard is required and this kernel cannot have it */
	REASON_GUARD_ABSENT,	      /* guard = prefer and this kernel cannot have it (note) */
	REASON_GUARD_BROKEN,	      /* a guard is damaged or does not load, on a kernel that may well be able to */
	REASON_GUARD_NOT_LOADED,      /* `check`: nobody has loaded it yet (note) */
	REASON_STRICTER_KEPT, /* an annotation chose a profile with a weaker setting, which does not apply (note) */
	REASON_COVERED,	      /* readonlyPaths or maskedPaths would cover the mount after the hook */
	REASON_DEVICE_BPF_REPLACEABLE, /* a device program that the container could detach or replace */
	REASON_BUDGET,		       /* one more would exceed a budget of the node or the handler */
	REASON_DEVICE_BPF_ABSENT,      /* no device program is on the cgroup, and the device guard cannot be attached */
	REASON_DEVICE_GUARD_ABSENT,    /* device_bpf = withhold, and only the runtime's program is there (note) */
	REASON_BPFFS,		       /* a bpffs, through which BPF objects or tokens come, is in the container */
	REASON_OTHER_CGROUP_MOUNT,     /* a cgroup mount in the container beside its own */
	REASON_SHARED_IDS,	       /* another grant has host ids of its user namespace, or may have (or a note) */
	REASON_DESCRIPTOR,	       /* its init would keep a descriptor of a BPF object or a cgroup */
	REASON_SECCOMP_BPF,	       /* its seccomp profile lets bpf(2) through (note) */
	REASON_NOT_TAKEN_BACK,	       /* on_refusal = readonly would leave it writable (note) */
	REASON_UNKNOWN,		       /* a fact that the decision needs is not known */
	REASON_CODE_MAX
};

struct reason {
	enum reason_kind kind;
	enum reason_code code;
	struct origin origin; /* the policy line, if there is one */
	const char *text;     /* one sentence, no full stop; foreign bytes escaped. Stands in decision.texts */
};

/* Who the container is, from keys that only its engine writes. NULL: unknown, matches nothing. */
struct identity {
	const char *namespace, *pod, *container, *image;
	bool sandbox;
};

struct ceiling {
	const struct limit_type *type;
	const char *file; /* name in the cgroup; belongs to the ruleset, the facts or the attribute */
	struct limit_value value;
	const struct setting *line; /* the profile's, or that which approves the annotation; NULL: built in */
	bool by_annotation;	    /* lowered by one */
};

enum owner_kind { OWNER_ROOT, OWNER_PROCESS };
enum device_bpf_mode { DEVICE_BPF_WITHHOLD, DEVICE_BPF_RUNTIME };
enum guard_mode { GUARD_REQUIRE, GUARD_PREFER, GUARD_OFF };

struct decision {
	enum verdict verdict;
	const char *handler, *profile, *rule; /* names of sections; profile and rule may be NULL */
	struct origin origin;		      /* the line that granted, or that the refusal rests on */
	struct identity who;
	/* It did not ask, and writable_mount decides. Until writable_by is known that is a refusal. */
	bool unasked;
	bool examined;		       /* every fact counts: it is granted, bounded, or refused for its facts */
	const char *nest;	       /* the leaf's name; NULL: none */
	const char *controllers;       /* blank-separated, to be enabled when nesting */
	uint32_t owner_uid, owner_gid; /* host ids of the new owner */
	enum device_bpf_mode device_bpf;
	enum guard_mode guard;
	struct usage usage;  /* what this grant adds to the budgets */
	bool unanswered;     /* VERDICT_PASS, but an annotation asks, in vain: worth a line in the log */
	bool device_guard;   /* the device guard is to be attached */
	bool grant_guard;    /* the grant guard is to be attached */
	bool pressure;	     /* pressure = allow */
	bool audit_required; /* audit = require: no grant without a record */
	bool audit_sync;     /* an intent record, fsynced, before the grant */
	bool skip_missing;   /* on_missing_limit = skip */
	/* The weightiest reason comes first, it is what the hook's sentence says; where there is no room for all, the
	 * lightest are left out. The ceilings always have cgroup.max.descendants and cgroup.max.depth. */
	size_t n_reasons, n_ceilings;
	struct reason reasons[DECISION_REASONS_MAX];
	struct ceiling ceilings[DECISION_CEILINGS_MAX];
	size_t texts_used; /* bytes */
	char texts[DECISION_TEXTS_SIZE];
};

/* Is the container held by ceilings and guards, and does it count? */
static inline bool verdict_bounds(enum verdict verdict)
{
	return verdict == VERDICT_GRANT || verdict == VERDICT_BOUND;
}

const char *verdict_name(enum verdict verdict); /* "pass", "grant", "bound", "refuse", "readonly" */
/* "file:line", or "file" where the whole of it is meant; "" for what is built in. Returns buf. */
const char *origin_format(const struct origin *origin, char *buf, size_t size);

const char *reason_code_name(enum reason_code code); /* "userns-missing" */
const char *reason_kind_name(enum reason_kind kind); /* "grants", "bounds", "refuses", "notes" */
