/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner - the cgroups that a container has made in its own one.
 *
 * The container decides on their number, their depth and their names, and makes and removes them meanwhile: nothing of
 * this is to be believed, only shown. What vanishes during the walk was not there.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "cgdeleg/kernel/walk.h"

/*
 * Visits the cgroup of `fd`, then all below it, parents first. Each is given as a grant without attribute, whose path is
 * the one that the container sees: "/" is its own cgroup. Deeper ones than GRANT_DEPTH_MAX are only counted. ret may be
 * NULL.
 */
int inner_walk(int fd, grant_visitor visit, void *userdata, struct grants_seen *ret, struct err *err);
