/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - the cgroup's side; called by gather() only, with the process and the mount found. */
#pragma once

#include "cgdeleg/gather.h"

int gather_cgroup(const struct host *host, struct target *target, struct facts *facts,
		  struct err *err);
