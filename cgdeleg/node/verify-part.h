/* SPDX-License-Identifier: Apache-2.0 */
/* Verify - what its parts share. See verify.h. */
#pragma once

#include <errno.h>

#include "bpf/guard.h"
#include "cgdeleg/kernel/mount.h"
#include "cgdeleg/node/inspect.h"
#include "cgdeleg/node/verify.h"
#include "cgdeleg/node/visit.h"

/* What a claim turns out to be, and the sentence that says how that was found out. */
struct outcome {
	enum claim_state state;
	struct err how;
};

/* Fills an outcome; the rest is as for err_set(). */
#define OUTCOME(ret, what, ...) ((ret)->state = (what), (void)err_set(&(ret)->how, EINVAL, __VA_ARGS__))

enum { TRY_NONE = -1 };

#define REFUSED_PREFIX "refused." /* of the claim of each file */

struct verify {
	const struct host *host;
	const struct found *found;
	const struct attribute *attribute; /* of `found` */
	const struct verify_args *args;
	struct guards pinned; /* this build's */
	struct inspect inspect;
	/* The container's first process; pid 0: init_why says why there is none. */
	struct process init;
	struct err init_why;
	char now[PATH_MAX];				   /* its cgroup; "": not known */
	char uid_map[EXTENTS_SIZE], gid_map[EXTENTS_SIZE]; /* "": not known */
	uint32_t root_uid, root_gid; /* the host's ids of the container's root; UINT32_MAX: none, or not known */
	bool userns;		     /* it has a user namespace of its own */
	struct cgroup_mount mount;   /* of the host, its options */
	char *mounts;		     /* the container's mountinfo, or NULL */
	bool all_mounts; /* `mounts` has all of its mount namespace: its first process may hide some by chroot(2) */
	struct visit visit;
	int ask_device, ask_guard, try_mount, try_depth, try_count; /* indices of attempts, or TRY_NONE */
	uint64_t device_refused, guard_refused;			    /* counts before the visit; LIMIT_MAX: not known */
	uint64_t descendants;					    /* before the visit */
	char device_name[48]; /* the device that is asked for; "": the rules allow all */
};

/* The claims' own functions: one for each row of the table. `limit` is NULL but for those of each ceiling. */
typedef void (*claim_try)(struct verify *v, struct limit_state *limit, struct outcome *ret);

void claim_attribute(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_process(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_place(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_owner_cgroup(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_owner_limits(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_owner_above(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_namespaces(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_ceiling(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_descendants(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_depth(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_mount_other(struct verify *v, struct limit_state *limit, struct outcome *ret);
/* verify-maps.c */
void claim_ids_attribute(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_ids_config(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_ids_inside(struct verify *v, struct limit_state *limit, struct outcome *ret);
/* verify-inside.c */
void claim_mount(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_refused(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_device_guard(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_grant_guard(struct verify *v, struct limit_state *limit, struct outcome *ret);
void claim_exec(struct verify *v, struct limit_state *limit, struct outcome *ret);

/* Is the claim among those that are asked for? */
bool verify_wants(const struct verify *v, const char *id);

/* Plans the attempts and sends the child. */
void verify_visit(struct verify *v);

/* Its answer; NULL where there is none, and then *ret says why. */
const struct attempt *verify_answer(const struct verify *v, int index, struct outcome *ret);
