/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tally - how many runs there were, by verdict and reason, since the node was booted.
 *
 * A hook has no daemon that counts. So each run that leaves an audit record appends one byte to a file in the directory of
 * the table of grants, `runs.VERDICT.REASON`, and the size of that file is the number: no lock, no read, and no count is
 * lost between two hooks. A file for a million runs takes a megabyte of /run.
 */
#pragma once

#include <sys/types.h>

#include "cgdeleg/grant/record.h"

#define TALLY_PREFIX "runs." /* then the verdict, a dot and the reason */

/* Best effort: a run that cannot be counted is still in the audit record. `dirfd`: the directory, or -EBADF. Then it is
 * opened as `directory`, which must be of root, or of `owner`, alone, and is made if it is missing: not by a process that
 * has entered a container's mount namespace, where that name may be the container's. */
void tally_add(int dirfd, const char *directory, uid_t owner, const struct record *record);
