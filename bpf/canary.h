/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canary - does this kernel do what the grant guard says?
 *
 * Loading and attaching prove nothing: where BPF is not among the security modules that the kernel was booted with,
 * both succeed and nobody ever asks the programs. So, once per boot and before anything relies on them, a child of
 * ours in a fresh guarded cgroup tries what is forbidden.
 *
 * What was seen is kept as the pins themselves: the loader pins the guard's programs only when they were proven.
 * bpffs is as short-lived as the kernel that it is true of, and its directory is root's alone.
 */
#pragma once

#include "base/err.h"
#include "bpf/grant_guard.h"

struct bpf_object;

/*
 * 0: a bpf() call, a write-open, a chmod() and two changes of an attribute that the guard forbids gave EPERM, one for
 * each of its programs, a write-open that it allows went through, and the guard counted the refusals. Otherwise a
 * negative errno and why, -ENOTSUP where the kernel does not ask the programs. None of the attempts would have an
 * effect if it succeeded.
 *
 * Reads kernel/security/lsm beneath `sys_fd` (/sys; the list is only for the sentence, so a securityfs that is
 * not mounted is not mounted either). Makes a cgroup `cgdeleg-canary-<pid>` in `cgroup_fd`, a directory of
 * cgroup2 that is root's, and removes it. Needs what grant_guard_attach() needs; forks; waits for its child.
 */
int canary_check(int sys_fd, int cgroup_fd, const struct grant_guard *guard, struct err *err);

/* A loaded object's programs and map; the descriptors stay the object's. */
int grant_guard_of(const struct bpf_object *object, struct grant_guard *ret, struct err *err);

/* The same on this machine for a loaded object of grant_guard.bpf.c: a struct guard_object's `prove`. */
int canary_prove(struct bpf_object *object, struct err *err);
