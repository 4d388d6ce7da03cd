/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expect - the container that a runtime would make of config.json, for `cgdeleg check --bundle` without a state.
 *
 * The hook's own functions judge it. What they read of a container is made here in the same form: a mountinfo of the
 * mounts, extents of the id maps. Nothing of this is in the hook.
 *
 * Not known from a bundle: the container's cgroup and who else is in it, what its engine still changes, what it inherits
 * from its runtime, and what other grants there are by then. check says so, and counts on nothing of it.
 *
 * Parts: expect.c, expect-mounts.c, expect-maps.c, expect-hooks.c.
 */
#pragma once

#include "cgdeleg/grant/run.h"

/*
 * Fills target and facts, as gather() does, for a bundle without a container. The limit files are those of the topmost
 * cgroup above this process; the runtime is expected to attach its device program as runc and crun do. -EBADMSG with a
 * sentence for a member of config.json that a runtime rejects, or that runc and crun read differently.
 */
int expect_container(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		     struct err *err);

/* VERDICT_UNKNOWN in place of a refusal that rests on nothing but what is not known from a bundle. */
void expect_judge(const struct host *host, struct trail *trail);

/* expect-maps.c: the ids, from linux.uidMappings and gidMappings. */
int expect_maps(const struct oci *oci, struct target *target, struct facts *facts, struct err *err);

/* expect-mounts.c: might there be cgroups mounted elsewhere than at /sys/fs/cgroup? Whether such a mount is read-only shows
 * only on the container: "ro" is not for what is mounted below. */
bool expect_other_cgroups(const struct host *host, const struct oci *oci);

/* expect-mounts.c: the mounts, from config.json's and from what the host has at the sources of binds. */
int expect_mounts(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		  struct err *err);

/*
 * expect-hooks.c: is the hook among config.json's hooks, under the right stage, with `handler`? 0: it is; *ret_note is
 * then NULL, or says what is odd. -EBADMSG with the hook's own sentence if it would fail there.
 */
int expect_hooks(const struct oci *oci, const char *handler, char *ret_note, size_t size, struct err *err);

/* expect-hooks.c: the --handler that config.json gives to the hook. False: it has none. */
bool expect_handler(const struct oci *oci, char *buf, size_t size);
