/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Privilege - what this process may do from here on.
 *
 * A hook is started by a container runtime with all of root's capabilities, the runtime's environment and
 * whatever descriptors the runtime has left open. It takes off what it does not need, phase by phase.
 * The bounding set is left alone: no_new_privs is set and the hook executes nothing but its own helper,
 * so what has left the permitted set cannot come back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CAP_BIT(n) (UINT64_C(1) << (n))

/* Environment emptied, working directory "/", umask 077, no core dump, not dumpable, no_new_privs,
 * descriptors 0 to 2 valid (opened on /dev/null where they were closed), all others closed. */
int privilege_scrub(struct err *err);

/* Effective and permitted capabilities become what was permitted until now and is in the masks; none is
 * inheritable or ambient. */
int privilege_limit(uint64_t effective, uint64_t permitted, struct err *err);

/* Is the capability effective? */
bool privilege_has(int capability);

/* File system ids of this thread become uid:gid, so that what it makes on kernfs is theirs from the
 * start; CAP_DAC_OVERRIDE stays effective. */
int privilege_make_as(uint32_t uid, uint32_t gid, struct err *err);

/* Back to root's; says whether they had been uid:gid in between. The kernel restores the file system
 * capabilities by itself. */
int privilege_make_as_root(uint32_t uid, uint32_t gid, struct err *err);
