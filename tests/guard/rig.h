/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rig - cgroups, a loaded grant guard, and children that try something in a given cgroup.
 *
 *     <cgroup2>/cgdguard/
 *         granted/            the guard is attached here
 *             child/
 *                 grandchild/
 *         other/              a neighbour
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bpf/device_guard.h"
#include "bpf/grant_guard.h"

#define TOP	   "/sys/fs/cgroup/cgdguard"
#define GRANTED	   TOP "/granted"
#define CHILD	   GRANTED "/child"
#define GRANDCHILD CHILD "/grandchild"
#define OTHER	   TOP "/other"

struct bpf_object;

/* One line of a result; `why` is printf's. */
void ok(const char *name);
void not_ok(const char *name, const char *why, ...) __attribute__((format(printf, 2, 3)));
void skip(const char *name, const char *why);
void check(bool good, const char *name);
int summary(void); /* the last line; the program's exit status */

/* Ends the program as failed. */
void die(const char *what) __attribute__((noreturn));

/* The embedded object of that name, loaded anew; NULL with a sentence in *err. Its descriptors go with it. */
struct bpf_object *guard_load_object(const char *name, struct err *err);
struct grant_guard guard_of(struct bpf_object *object);
struct device_guard device_guard_of(struct bpf_object *object);

void tree_make(void);
void tree_remove(void);
void cgroup_make(const char *path);
void cgroup_remove(const char *path); /* waits for its last task to be gone */
int cgroup_open_path(const char *path);
void write_file(const char *path, const char *text);

/* What a child unshares before it tries. */
enum confine {
	PLAIN,
	CGROUP_NS,	/* one cgroup namespace more */
	USER_CGROUP_NS, /* a user namespace and a cgroup namespace, twice */
};

/* Runs try(argument) in a child that is born in `cgroup`; what it returns, an errno below 128 or 0. */
int in_cgroup(const char *cgroup, enum confine confine, int (*try)(const void *), const void *argument);
