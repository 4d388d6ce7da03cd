/* SPDX-License-Identifier: Apache-2.0 */
/* Program - what the kernel says of BPF programs that others have attached. For those who only look; needs CAP_SYS_ADMIN. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The name of the program with that id, at most 15 characters. -ENOENT: it is gone. */
int program_name(uint32_t id, char *buf, size_t size);

#define LSM_HOOKS 10 /* of all cgroups together that programs can be attached to: CGROUP_LSM_NUM */

/* The LSM hooks that programs are attached to on this cgroup itself, the grant guard's own left out, by their ids in the
 * kernel's types. Returns how many; -EOPNOTSUPP: this kernel has none of that kind. */
ssize_t program_lsm_hooks(int cgroup_fd, uint32_t ret[LSM_HOOKS]);
