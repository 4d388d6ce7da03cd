/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device guard - attaching the loaded program to a cgroup, writing its rules, and reading what it refused.
 *
 * Only the kernel's plain calls: nothing here parses an object, so the hook can link it. Everything needs CAP_BPF
 * and CAP_NET_ADMIN in the initial user namespace.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/device_guard_abi.h"

/* The program device_guard and its map device_rules, from wherever the caller got them; -EBADF: none. */
struct device_guard {
	int program_fd;
	int rules_fd;
	uint32_t id; /* the kernel's id of the program */
};

#define DEVICE_GUARD_NONE                                \
	{                                                \
		.program_fd = -EBADF, .rules_fd = -EBADF \
	}

void device_guard_done(struct device_guard *guard);

/* Is it attached to this cgroup itself? 1, 0 or a negative errno. */
int device_guard_is_attached(const struct device_guard *guard, int cgroup_fd, struct err *err);

/* Attaches the program and checks that it is there. From then on every device is refused until rules are written.
 * Returns 1, or 0 if it was attached already. */
int device_guard_attach(const struct device_guard *guard, int cgroup_fd, struct err *err);

int device_guard_detach(const struct device_guard *guard, int cgroup_fd, struct err *err);

/* The rules of the cgroup whose id (inode number) is `cgroup`, with its refusals. -ENOENT: not attached there. */
int device_guard_read(const struct device_guard *guard, uint64_t cgroup, struct device_rules *ret, struct err *err);

/* Writes the rules and reads them back; the count of refusals starts again at 0. */
int device_guard_write(const struct device_guard *guard, uint64_t cgroup, const struct device_rules *rules,
		       struct err *err);

/* Are both ready and the same? Refusals do not count. */
bool device_rules_equal(const struct device_rules *a, const struct device_rules *b);
