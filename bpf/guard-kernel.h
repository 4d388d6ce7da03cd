/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard kernel - what differs between kernels and CO-RE cannot relocate: the place of an argument.
 *
 * It is read from the kernel's BTF, which has the name and type of every argument of the LSM hooks; no version is
 * compared.
 */
#pragma once

#include "base/err.h"

struct bpf_object;
struct btf;

/* Writes struct guard_kernel into an opened object of grant_guard.bpf.c, before it is loaded: `prepare` of struct
 * guard_object. -ENOTSUP if this kernel's hooks are not as the programs expect them. */
int guard_kernel_prepare(struct bpf_object *object, struct err *err);

/* Which argument of that hook ("inode_setattr") is a struct dentry *; -ENOTSUP if none is, or there is no such hook. */
int guard_kernel_dentry(const struct btf *kernel, const char *hook, struct err *err);
