/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard kernel - tells the grant guard what differs between kernels and CO-RE cannot relocate: an argument's place.
 *
 * Read from the kernel's own BTF, which names and types every argument of the LSM's hooks; no version is compared.
 */
#pragma once

#include "base/err.h"

struct bpf_object;
struct btf;

/* Writes struct guard_kernel into an opened object of grant_guard.bpf.c, before it is loaded: a struct guard_object's
 * `prepare`. -ENOTSUP where this kernel's hooks are not as the programs expect them. */
int guard_kernel_prepare(struct bpf_object *object, struct err *err);

/* Which argument of that hook ("inode_setattr") is a struct dentry *; -ENOTSUP where none is, or there is no such hook. */
int guard_kernel_dentry(const struct btf *kernel, const char *hook, struct err *err);
