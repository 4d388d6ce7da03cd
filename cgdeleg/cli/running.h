/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running - a container of this node, found by its id among what runc, crun and youki keep of it.
 *
 * Each engine gives its runtime a directory of its own for that (--root). All of them belong to root.
 */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "cgdeleg/grant/run.h"

struct running {
	char id[OCI_ID_MAX];
	char bundle[PATH_MAX];
	pid_t pid; /* of its init */
};

/* `id`: whole, or as much of its beginning as no other container has. `root`: of the machine. `runtime_root`: the
 * runtime's --root; NULL: where engines have it. -ENOENT, -ENOTUNIQ, each with a sentence. */
int running_find(const char *root, const char *runtime_root, const char *id, struct running *ret, struct err *err);

/* As expect_container(), and what only shows on the process `oci->pid`: the id maps of a user namespace that it joined. */
int running_look(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		 struct err *err);
