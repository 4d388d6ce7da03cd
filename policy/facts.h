/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts - what is true of one container, as values.
 *
 * The policy owns this vocabulary because it may use nothing else. cgdeleg/grant/gather.c fills it; if the struct stood
 * there, policy/ would include from cgdeleg/ and the folders would form a circle. Everything is a plain value:
 * comparable, printable, and easy to build in a test. Handles (pidfd, directory fds) are in struct target. Zero means
 * "unknown" for every member, and what is unknown is never granted. Strings belong to whoever filled the struct, and
 * outlive it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/host-option.h"

#define FACT_ID_UNKNOWN UINT32_MAX /* a uid or gid that is not known or not mapped */

struct annotation {
	const char *key;
	const char *value;
};

enum userns_kind {
	USERNS_UNKNOWN,
	USERNS_NONE,	 /* the same as the hook's, which is the host's */
	USERNS_HOST_IDS, /* its own, but uid_map or gid_map covers host id 0: counts as none */
	USERNS_PRIVATE,	 /* its own, and host id 0 is not reachable through it */
	USERNS_KIND_MAX
};

/* The device controller's BPF programs on the delegation root and every cgroup above it. */
enum device_bpf_state {
	DEVICE_BPF_UNKNOWN,
	DEVICE_BPF_ABSENT,	/* none on the root nor above */
	DEVICE_BPF_MULTI,	/* present, and every attachment has BPF_F_ALLOW_MULTI */
	DEVICE_BPF_REPLACEABLE, /* one was attached without it: the container could replace or detach it */
	DEVICE_BPF_STATE_MAX
};

/* One of the guards on this node. */
enum guard_fact {
	GUARD_FACT_UNKNOWN, /* nobody has looked, or looking failed for a lack (memory, time) that may soon be over */
	GUARD_FACT_THERE,   /* loaded, and the kernel enforces it; the device guard can hold config.json's list */
	GUARD_FACT_CANNOT, /* proven: this kernel or this build cannot have it, whatever is done before the next boot */
	GUARD_FACT_BROKEN, /* it could be there, but is damaged, somebody else's, or does not load */
	GUARD_FACT_NOT_LOADED, /* `check` only: nobody has loaded it since boot, and `check` does not */
	GUARD_FACT_MAX
};

/* The sums of the ceilings of one grant, or of several. UINT64_MAX: without bound. */
struct usage {
	uint64_t grants;
	uint64_t descendants; /* cgroup.max.descendants */
	uint64_t memory;      /* memory.max, bytes */
	uint64_t pids;	      /* pids.max */
	uint64_t cpu;	      /* cpu.max, thousandths of a core */
};

/* Host ids: uids or gids. */
struct id_range {
	uint32_t first, count;
};

/*
 * One row of the table of grants (cgdeleg/grant/budget.h), as it stands in the file: 256 bytes, of which 16 fill a page,
 * so that a write is never cut in two. A name that is longer than its member is cut, and then counts for every name with
 * the same beginning: a sum may be too high, never too low.
 */
struct budget_entry {
	uint64_t id; /* the cgroup's; 0: a free entry */
	struct usage usage;
	char handler[64];   /* "": it may be of any handler, rule and namespace */
	char rule[64];	    /* "": it may be of any rule for its handler */
	char namespace[64]; /* as its engine states it; "": of none */
	/* From the first to the last host id of its user namespace. count 0: not known, as in entries that an older cgdeleg
	 * wrote. The attribute has all ranges. */
	struct id_range uids, gids;
};

enum tristate { TRI_UNKNOWN, TRI_NO, TRI_YES };

/* The container's cgroup2 mount when the hook runs, and what will become of it. */
enum mount_state {
	MOUNT_UNKNOWN,
	MOUNT_READONLY,	  /* read-only now: clearing the flag is enough (runc, youki) */
	MOUNT_WILL_BE_RO, /* read-write now, config.json says "ro": the runtime sets it later (crun) */
	MOUNT_WRITABLE,	  /* read-write, and stays so */
	MOUNT_STATE_MAX
};

/* What makes the container's cgroup writable before the hook has done anything: its engine's or runtime's doing. */
enum writable_by {
	WRITABLE_BY_UNKNOWN, /* nobody has looked */
	WRITABLE_BY_NONE,
	WRITABLE_BY_MOUNT, /* the mount at /sys/fs/cgroup is read-write, and stays so */
	WRITABLE_BY_OTHER, /* the mount there is not; but another one that shows cgroups is read-write */
	WRITABLE_BY_OWNER, /* no mount is; but somebody else than host root owns the cgroup, or files of it */
	WRITABLE_BY_MAX
};

struct facts {
	/* Who asks. */
	const char *handler;		      /* --handler of the hook */
	const char *id;			      /* state.id */
	const struct annotation *annotations; /* state.annotations, in document order */
	size_t n_annotations;
	int64_t asked; /* when the hook was started, seconds since the epoch; 0: no hook, no grant */

	/* User namespace. Ids are the host's. */
	enum userns_kind userns;
	const char *host_ids; /* USERNS_HOST_IDS: which map covers host id 0, and by which extent; NULL: unknown */
	uint32_t root_uid, root_gid;	   /* of the user namespace's 0 */
	uint32_t process_uid, process_gid; /* of config.json's process.user, through the maps */
	/* Is there another grant on this node whose user namespace has host ids of this one's? Unknown: that cannot be told,
	 * of this container or of another grant. */
	enum tristate shares_ids;
	const char *sharer;	/* the id of the other container; NULL or "": not known */
	struct id_range shared; /* TRI_YES: the first ids that both have */
	bool shared_gids;	/* ... which are gids */

	/* What config.json gives the container. */
	uint64_t capabilities;		  /* bit n: CAP number n is in any of process.capabilities' five sets */
	uint64_t ambient;		  /* the same of the ambient set: what a process that is not root keeps */
	enum tristate capabilities_known; /* TRI_YES when config.json was read */
	const char *covered_by;		  /* the readonlyPaths or maskedPaths entry that covers it; NULL */
	/* Why config.json does not give it a cgroup mount of its own, as a sentence; NULL: it does, or is not read yet. */
	const char *place_fault;
	enum tristate cgroupns_private; /* in a cgroup namespace that is not the hook's */
	struct host_mount host;		/* the host's cgroup2: its options now. `known` only where that matters */

	/* The delegation root: the cgroup that the container sees as "/". */
	const char *cgroup;	      /* its path below the host's cgroup2 mount, with a leading '/' */
	const char *const *files;     /* names in it, NULL-ended; NULL: unknown. Says which limits exist */
	const char *const *delegated; /* of these, what the owner gets: on the kernel's list and on cgdeleg's */
	const char *const *given;     /* of these, what a runtime may have given away: the kernel's list */
	bool marked;		      /* cgdeleg's attribute is there, whatever it says */
	const char *unrecognised;     /* on the kernel's list, unknown to cgdeleg: left alone; words or "" */
	const char *controllers;      /* what cgroup.controllers offers, blank-separated */
	enum mount_state mount;
	enum writable_by writable_by;
	bool nested;	  /* the container's process is already in a leaf below the root */
	bool granted;	  /* the attribute says that this same container was granted before */
	bool has_scope;	  /* a host-owned systemd scope above belongs to this container alone */
	const char *unit; /* systemd's unit whose cgroup is that scope or else the root; NULL: none */
	enum device_bpf_state device_bpf;
	const char *device_cgroup; /* DEVICE_BPF_REPLACEABLE: where */
	uint32_t device_program;   /* DEVICE_BPF_REPLACEABLE: the kernel's program id */
	/* The grants of this node. */
	enum tristate grants_known;
	const struct budget_entry *grants; /* free entries and this container's own included */
	size_t n_grants;
	uint64_t cgroup_id; /* the delegation root's: what says which entry is this container's own */

	/* BPF: what this node has, and what the container could use against it. */
	enum guard_fact grant_guard;
	const char *grant_guard_why; /* why it is not there; NULL or "": no more is known */
	enum guard_fact device_guard;
	const char *device_guard_why;
	bool bpffs;		   /* a bpffs is mounted in the container */
	bool bpf_token;		   /* ... with delegate_* options: it could make a BPF token */
	const char *unseen;	   /* what could not be looked at of its mounts, in `check` alone; NULL: nothing */
	const char *other_cgroup;  /* a cgroup mount in the container beside its own, as words; NULL: none */
	const char *inherited;	   /* a descriptor of a BPF object or a cgroup that its init would keep; NULL */
	enum tristate seccomp_bpf; /* its seccomp profile lets bpf(2) through; unknown: it has none */
};

/* Could /sys/fs/cgroup be the container's own cgroup at all? If not, nothing else that is found of it matters. */
static inline bool facts_placed(const struct facts *facts)
{
	return !facts->place_fault && facts->cgroupns_private != TRI_NO;
}

/* "unknown", "none", "mount", "owner"; and back: unknown for any other word, and for NULL. */
const char *writable_by_name(enum writable_by by);
enum writable_by writable_by_find(const char *name);

/* The name of a file in the delegation root, from facts->files; NULL when there is none such or it is unknown. */
const char *facts_file(const struct facts *facts, const char *name);

/* The value of an annotation by its exact key, or NULL. */
const char *facts_annotation(const struct facts *facts, const char *key);
