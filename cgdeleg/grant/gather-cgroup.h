/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - the cgroup's side; called by gather() only, with the process and the mount found.
 *
 * Parts: gather-cgroup.c, gather-descriptors.c, gather-paths.c, gather-unit.c.
 */
#pragma once

#include "cgdeleg/grant/gather.h"

/* The handles and ids of the container's process. */
int gather_process(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		   struct err *err);

/* Fills target->mount from its mountinfo. Where no cgroup2 is mounted, 0 with *ret_there false and the sentence in `err`;
 * -ENOENT if that is because the hook comes after pivot_root. */
int gather_own_mount(const struct host *host, const struct oci *oci, struct target *target, bool *ret_there,
		     struct err *err);

/* Fills target->now in one of two ways: see gather-paths.c. What the short one takes for true is proven by
 * finding the process in cgroup.procs of that cgroup, or not at all. */
int gather_paths_short(const struct host *host, struct target *target, struct err *err);
int gather_paths(const struct host *host, struct target *target, struct err *err);

/* The cgroup of the container's process in ret_path (PATH_MAX bytes), as the hook sees it. */
int gather_process_path(const struct target *target, char *ret_path, struct err *err);

/* The sentence of a container that has no cgroup namespace of its own. */
int gather_refuse_shared(struct err *err);

/* facts->unit: does systemd manage the delegation root, or the scope above? After gather_cgroup(). */
int gather_unit(const struct host *host, struct target *target, struct facts *facts, struct err *err);

int gather_cgroup(const struct host *host, struct target *target, struct facts *facts, struct err *err);

/* Descriptors of BPF objects or of cgroups that the container's init would keep across execve(2). */
int gather_descriptors(struct target *target, struct facts *facts, struct err *err);
