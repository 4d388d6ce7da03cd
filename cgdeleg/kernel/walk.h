/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants - every delegated cgroup of the node, as the kernel has it.
 *
 * A cgroup is delegated if it has cgdeleg's attribute (attribute.h); there is no other list that could be wrong. The
 * walk does not go below a delegated cgroup: the container decides on the number and names of what lies there. Nor
 * does it go below one whose attribute cannot be read: that may be one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/cgroup.h"
#include "cgdeleg/kernel/host.h"
#include "cgdeleg/kernel/attribute.h"

#define GRANT_DEPTH_MAX CGROUP_DEPTH_MAX /* levels of cgroups that the walk visits */

struct grant {
	const char *path;	    /* below the host's cgroup2 mount, with a leading '/' */
	uint64_t id;		    /* the kernel's cgroup id: the directory's inode number, never used again */
	uint32_t uid, gid;	    /* who owns the directory */
	struct attribute attribute; /* attribute.present is false where `fault` says why */
	struct err fault;	    /* why the attribute cannot be read; text is "" when it could */
};

struct grants_seen {
	size_t n_cgroups; /* visited */
	size_t n_grants;
	size_t n_passed;   /* deeper than GRANT_DEPTH_MAX, or a longer path than PATH_MAX */
	size_t n_unopened; /* there, and not to be opened */
};

/* Called with a delegated cgroup and its directory, both only valid in the call; the attribute can be moved out of it,
 * with a zeroed one in its place. A negative result ends the walk with it. */
typedef int (*grant_visitor)(struct grant *grant, int fd, void *userdata, struct err *err);

/* Walks the node's whole tree, parents first. ret may be NULL. Needs CAP_SYS_ADMIN to see anything. */
int grants_walk(const struct host *host, grant_visitor visit, void *userdata, struct grants_seen *ret, struct err *err);

/* Opens the cgroup with this id, delegated or not. -ESTALE if it no longer exists. */
int grant_open(const struct host *host, uint64_t id);
