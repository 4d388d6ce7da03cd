/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard objects - the BPF objects that this build carries, as bpftool embedded them.
 *
 * Parts: guard-objects.c, guard-objects-none.c.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct bpf_object;

struct guard_object {
	const char *name;		      /* "device_guard" */
	const void *(*elf)(size_t *ret_size); /* the whole object file; static */
	/* Both return 0, KERNEL_CANNOT or a negative errno. Writes what the opened object must know about the running
	 * kernel; NULL: nothing. */
	int (*prepare)(struct bpf_object *object, struct err *err);
	/* Does the kernel run the programs once they are loaded? NULL: a kernel that accepts them runs them. */
	int (*prove)(struct bpf_object *object, struct err *err);
};

/* The last row has the name NULL; it is the only one in a build without clang or bpftool. */
extern const struct guard_object guard_objects[];
