/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Privilege - what this process may do from here on.
 *
 * A container runtime starts a hook with all of root's capabilities, the runtime's environment and whatever descriptors
 * the runtime has left open. The hook drops what it does not need, phase by phase. It leaves the bounding set alone:
 * no_new_privs is set, and the hook executes only its own helpers, so a capability that has left the permitted set
 * cannot come back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CAP_BIT(n) (UINT64_C(1) << (n))

/* Environment emptied, working directory "/", no core dump, not dumpable, no_new_privs,
 * descriptors 0 to 2 valid (opened on /dev/null where they were closed), all others closed. The umask stays: whatever
 * the hook makes, it makes with a mode that gives nothing to group and others. */
int privilege_scrub(struct err *err);

/* Reduces the effective and permitted capabilities to those of the masks that were permitted until now; none is
 * inheritable or ambient. */
int privilege_limit(uint64_t effective, uint64_t permitted, struct err *err);

/* Is the capability effective? */
bool privilege_has(int capability);

/* Sets the file system ids of this thread to uid:gid, so that what it makes on kernfs belongs to them from the start;
 * CAP_DAC_OVERRIDE stays effective. */
int privilege_make_as(uint32_t uid, uint32_t gid, struct err *err);

/* Sets them back to root's; an error if they were not uid:gid. The kernel restores the file system capabilities by
 * itself. */
int privilege_make_as_root(uint32_t uid, uint32_t gid, struct err *err);
