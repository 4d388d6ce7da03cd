/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard load - verifies this build's BPF objects and pins them for the hook; needs the whole of libbpf.
 *
 * Once per boot: pins and notes stay until they are unloaded or the machine goes down. A program that is attached to a cgroup
 * stays there, pinned or not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define GUARD_OBJECTS_MAX 4

struct guard_load {
	bool there; /* everything was pinned or noted already; nothing was done */
	size_t n;
	struct guard_loaded {
		const char *name; /* of the object */
		bool cannot;	  /* this kernel cannot run it, as err says */
		struct err err;	  /* why it is not loaded; code 0: it is */
	} objects[GUARD_OBJECTS_MAX];
};

/*
 * Loads and pins, below `sys_fd` (a directory descriptor of /sys), each guard that is neither pinned nor noted. Of one
 * that this kernel cannot run, as was proven (KERNEL_CANNOT), a note is left: see guard.h. Any other failure is an
 * error, and leaves no trace of that guard, so the next call tries it again; the other guard is pinned all the same.
 * Several callers wait for one another. Changes the working directory and leaves it at "/".
 */
int guard_load(int sys_fd, struct guard_load *ret, struct err *err);

/* Loads without pinning or noting: *ret says what would become of each. An error in a build without guards. */
int guard_try(struct guard_load *ret, struct err *err);

/* Removes the pins of all builds but `keep` (NULL: of all); *ret_removed counts builds. Attached programs stay. */
int guard_unload(int sys_fd, const char *keep, size_t *ret_removed, struct err *err);
