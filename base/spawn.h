/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spawn - one program of our own, executed by descriptor, with its uid and the capabilities it is given.
 *
 * Threats. A name that is looked up twice, or along a PATH, can be another program the second time; an
 * environment steers a dynamic linker; capabilities and descriptors that a child does not need widen what a
 * fault in it can do. So the program is opened once, checked, and executed by that very descriptor. It gets
 * the given arguments, an empty environment, descriptors 0 to 2 and the given capabilities.
 * For programs with one thread.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define SPAWN_SAID_SIZE 512
#define SPAWN_TRY_AGAIN 75 /* exit code of a helper: what it lacked may be there in a moment (EX_TEMPFAIL) */

struct spawn_result {
	int status;		    /* exit code, or 128 + the signal that ended it */
	char said[SPAWN_SAID_SIZE]; /* its standard error, without the last newline; what does not fit is lost */
};

/* Opens the program at the absolute `path`: a regular file, root's, and writable, as its directory, by
 * nobody else. Returns a descriptor for spawn_run(). */
int spawn_open(const char *path, struct err *err);

/*
 * Runs it until `deadline_ms` (CLOCK_MONOTONIC) at the most: -ETIMEDOUT, and it has been killed. argv ends
 * with NULL. `capabilities`: CAP_BIT()s of this process that it keeps, 0: none. 0 means that it ran, not that it
 * succeeded: see ret->status.
 */
int spawn_run(int fd, const char *const *argv, uint64_t capabilities, int64_t deadline_ms, struct spawn_result *ret,
	      struct err *err);

/* spawn_open() of argv[0] in the directory of cgdeleg's own helpers, and spawn_run(). */
int spawn_helper(const char *directory, const char *const *argv, uint64_t capabilities, int64_t deadline_ms,
		 struct spawn_result *ret, struct err *err);
