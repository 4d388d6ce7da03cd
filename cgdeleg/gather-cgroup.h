/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - the cgroup's side; called by gather() only, with the process and the mount found. */
#pragma once

#include "cgdeleg/gather.h"

int gather_cgroup(const struct host *host, struct target *target, struct facts *facts,
		  struct err *err);

/* Fills facts->device_*; facts->device_cgroup then points to `where`. */
void gather_devices(const struct host *host, const struct target *target, struct facts *facts,
		    char where[PATH_MAX]);
