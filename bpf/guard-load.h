/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard load - verifies this build's BPF objects and pins them for the hook; needs the whole of libbpf.
 *
 * Once per boot: pins stay until they are unloaded or the machine goes down. A program that is attached to a cgroup
 * stays there, pinned or not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define GUARD_OBJECTS_MAX 4

struct guard_load {
	bool there; /* everything was loaded already; nothing was done */
	size_t n;
	struct {
		const char *name; /* of the object */
		struct err err;	  /* why it is not loaded; code 0: it is */
	} objects[GUARD_OBJECTS_MAX];
};

/* The kernel rejected an object (`loaded` false), or its programs were not proven (`loaded`): will that stay so until
 * the next boot? `r` is the negative errno. */
bool guard_refusal_lasts(int r, bool loaded);

/*
 * Loads and pins, below `sys_fd` (a directory descriptor of /sys). An object that this kernel rejects, or whose
 * programs it does not run, is left out, and *ret says why. Without the device guard nothing is pinned, and that is an
 * error. A passing fault (no memory, no cgroup to try the guard in) is an error too: the next call tries everything
 * again. Several callers wait for one another. Changes the working directory and leaves it at "/".
 */
int guard_load(int sys_fd, struct guard_load *ret, struct err *err);

/* Loads without pinning: would this kernel accept the objects? */
int guard_try(struct guard_load *ret, struct err *err);

/* Removes the pins of all builds but `keep` (NULL: of all); *ret_removed counts builds. Attached programs stay. */
int guard_unload(int sys_fd, const char *keep, size_t *ret_removed, struct err *err);
