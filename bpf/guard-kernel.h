/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard kernel - what differs between kernels and CO-RE cannot relocate: the place of an argument.
 *
 * It is read from the kernel's BTF, which has the name and type of every argument of the LSM hooks; no version is
 * compared.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "bpf/grant_guard_abi.h"

struct bpf_object;
struct btf;

/* Writes struct guard_kernel into an opened object of grant_guard.bpf.c, before it is loaded: `prepare` of struct
 * guard_object. */
int guard_kernel_prepare(struct bpf_object *object, struct err *err);

/* What came of loading the smallest program of each type: 0 or -errno. */
struct guard_kernel_tries {
	int lsm, tracing; /* both are attached to functions of the kernel */
	int kprobe;	  /* is not, and needs the same capabilities (CAP_BPF, CAP_PERFMON) */
};

/*
 * Do these prove that the kernel lets nobody attach programs to its functions? A lack of capabilities would refuse the
 * kprobe program too; a guard that refuses LSM programs alone (another tool's, or this one's, around the loader) would let
 * the tracing program come as far as its type id.
 */
bool guard_kernel_forbids(const struct guard_kernel_tries *tries);

/* Why the kernel refused a guard, with `error`: KERNEL_CANNOT and a sentence if that is proven, else `error`. */
int guard_kernel_explain(int error, struct err *err);

/* KERNEL_CANNOT unless `list`, the text of kernel/security/lsm, names bpf. */
int guard_kernel_check_list(const char *list, struct err *err);

/* KERNEL_CANNOT if the kernel does not know programs of type BPF_LSM_CGROUP (before 6.0), or lacks a hook as the
 * programs expect it. *ret is what the programs must be told. */
int guard_kernel_check_types(const struct btf *kernel, struct guard_kernel *ret, struct err *err);
