/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults - system calls of watch that fail when told to, and a grant whose ceilings are raised all at once.
 *
 * The program is linked with --wrap for the calls that fake-faults.c defines, and with what watch-scene.h asks for.
 */
#pragma once

#include <stdbool.h>

#include "tests/unit/watch-scene.h"

#define CEILINGS                                                           \
	"\"memory.max\":\"1073741824\",\"cgroup.max.descendants\":\"64\"," \
	"\"cgroup.max.depth\":\"4\",\"cpu.max\":\"150000 100000\""

/* The calls that fail: the n-th (from 0) and all after it, or that one alone. */
struct failing {
	int error; /* positive errno; 0: none fails */
	int after;
	bool once;
	int n; /* calls so far */
};

extern struct failing no_instance, no_watch, no_fork, no_attribute, no_memory;
extern bool unkillable;		   /* kill(2) does nothing: the kernel holds every process */
extern void (*at_attribute)(void); /* called before each attribute is read; NULL: nothing is */
extern const char *fake_release;   /* of the kernel, as uname(2) gives it */

/* Nothing fails any more, and the kernel is one that does not let the writer of memory.max wait. */
void faults_reset(void);

/* Raises each limit of the cgroup that has a ceiling; fails if one is not at its ceiling. */
void raise_all(struct scene *s, const char *cgroup);
void check_all(struct scene *s, const char *cgroup);

/* As many events as inotify's queue takes, and some more. */
void fill_queue(struct scene *s);
