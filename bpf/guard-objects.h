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
	/* Tells the opened object what it must know of the running kernel; NULL: nothing. */
	int (*prepare)(struct bpf_object *object, struct err *err);
	/* Does the kernel ask the programs, once they are loaded? NULL: where it takes them, it asks them. */
	int (*prove)(struct bpf_object *object, struct err *err);
};

/* The device guard first. Ends with a row whose name is NULL; nothing but that in a build without clang or bpftool. */
extern const struct guard_object guard_objects[];
