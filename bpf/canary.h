/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canary - does this kernel do what the grant guard says?
 *
 * Loading and attaching prove nothing: if BPF is not among the security modules that the kernel was booted with, both
 * succeed and the kernel never runs the programs. So, once per boot and before anything relies on them, a child process
 * in a fresh guarded cgroup tries what is forbidden.
 *
 * The pins themselves keep the result: the loader pins the guard's programs only when they were proven, or leaves a note
 * in their place (guard.h). bpffs does not outlive the kernel for which this is true, and only root can write its
 * directory.
 */
#pragma once

#include "base/err.h"
#include "bpf/grant_guard.h"

struct bpf_object;

/*
 * 0: a bpf() call, an open for writing, a chmod() and two changes of an attribute that the guard forbids gave EPERM,
 * one for each of its programs; an open for writing that it allows succeeded; and the guard counted the refusals.
 * KERNEL_CANNOT and why if the kernel ran none of the programs although they are attached; otherwise a negative
 * errno. None of the attempts would have an effect if it succeeded.
 *
 * Makes a cgroup `cgdeleg-canary-<pid>` in `cgroup_fd`, a cgroup2 directory that belongs to root, and removes it. Needs
 * what grant_guard_attach() needs; forks; waits for its child.
 */
int canary_check(int cgroup_fd, const struct grant_guard *guard, struct err *err);

/* The programs and the map of a loaded object, which keeps owning the descriptors. */
int grant_guard_of(const struct bpf_object *object, struct grant_guard *ret, struct err *err);

/* The same on this machine, for a loaded object of grant_guard.bpf.c: `prove` of struct guard_object. */
int canary_prove(struct bpf_object *object, struct err *err);
