/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard load - verifies this build's BPF objects and pins them for the hook; needs the whole of libbpf.
 *
 * Once per boot: what is pinned stays until it is unloaded or the machine goes down. What is attached to a cgroup
 * stays with that cgroup whether it is pinned or not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define GUARD_OBJECTS_MAX 4

struct guard_load {
	bool there; /* all had been loaded before; nothing was done */
	size_t n;
	struct {
		const char *name; /* of the object */
		struct err err;	  /* why it is not loaded; code 0: it is */
	} objects[GUARD_OBJECTS_MAX];
};

/* Is a kernel that did not take an object (`loaded` false), or whose programs were not proven (`loaded`), going to
 * say the same until it is booted again? `r` is the negative errno. */
bool guard_refusal_lasts(int r, bool loaded);

/*
 * Loads and pins, below `sys_fd` (a directory descriptor of /sys). An object that this kernel does not take, or
 * whose programs it does not ask, is left out and *ret says why; but without the device guard nothing is pinned and
 * that is an error, and so is a passing fault (no memory, no cgroup to try the guard in): the next call tries again
 * all of it. Several at a time wait for one another. Changes the working directory and leaves it at "/".
 */
int guard_load(int sys_fd, struct guard_load *ret, struct err *err);

/* Loads without pinning: what would this kernel say? */
int guard_try(struct guard_load *ret, struct err *err);

/* Removes the pins of all builds but `keep` (NULL: of all); *ret_removed counts builds. What is attached stays. */
int guard_unload(int sys_fd, const char *keep, size_t *ret_removed, struct err *err);
