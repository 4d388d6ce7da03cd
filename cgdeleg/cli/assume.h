/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assume - the container that a config.json would be on a node in good order, for `cgdeleg explain`.
 *
 * expect.h answers for this machine. Here the question is about a policy, and perhaps about another machine: so nothing
 * of this one counts. The mounts of a host are those of systemd, the guards are loaded, no other grant is there, and the
 * container's cgroup has the controllers that the caller names. What is judged is judged by the hook's own functions.
 */
#pragma once

#include "cgdeleg/grant/run.h"

#define ASSUME_CONTROLLERS "cpuset cpu io memory hugetlb pids rdma misc dmem" /* all that a policy can name */
#define ASSUME_FILES_MAX   80

/* What facts points to, and its own. */
struct assumed {
	const char *controllers; /* blank-separated; the caller's */
	const char *files[ASSUME_FILES_MAX], *delegated[ASSUME_FILES_MAX];
};

/* As expect_container(). */
int assume_container(const struct oci *oci, struct assumed *assumed, struct target *target, struct facts *facts,
		     struct err *err);

/* What every container has on such a node, whatever its config.json says: files, guards, device programs, host. */
void assume_node(const struct oci *oci, struct assumed *assumed, struct target *target, struct facts *facts);

/* The same container with its own cgroup at /sys/fs/cgroup: what its other mounts show then. */
void assume_placed(const struct oci *oci, struct target *target, struct facts *facts);
