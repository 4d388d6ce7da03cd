/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel - what the tests of the grant guard on this kernel share: one loaded guard, and what is asked of it.
 *
 * Parts: kernel.c, hooks.c, life.c, pins.c.
 */
#pragma once

#include "bpf/grant_guard.h"

extern struct grant_guard guard;

struct guard_grant grant_of(const char *cgroup);
void attach(const char *cgroup, __u64 flags);
void detach(const char *cgroup);

/* The attempt of that name, from a child in the cgroup; an errno, or 0. */
int attempt_in(const char *cgroup, const char *name);

/* Anything that can be tried there: opening the path for writing. */
int write_in(const char *cgroup, const char *path);

/* life.c: how long it lives. */
void test_many(void);
void test_no_entries(void);	  /* of the map: every cgroup is gone */
void test_gone(const char *name); /* the programs and the map, whose last descriptor is closed */
void test_life(void);

/* hooks.c: with others' programs on the kernel's few hooks, and taken away by who may ask nothing any more. */
void test_hooks(void);
void test_undo(void);

/* pins.c: what the loader leaves; it needs hooks that are free, that are taken, and a kernel without BPF LSM. */
void test_pins(void);
void test_pins_taken(void);
void test_pins_absent(void);
