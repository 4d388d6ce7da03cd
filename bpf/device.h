/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device - the BPF programs of the device controller on one cgroup, as the kernel reports them.
 *
 * In cgroup v2 the device controller is a BPF program. If it was attached without BPF_F_ALLOW_MULTI, a child cgroup can
 * replace it (OVERRIDE) or anyone can detach it (NONE): nothing below it may be delegated. Source: kernel/bpf/cgroup.c,
 * hierarchy_allows_attach() and compute_effective_progs().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct device_programs {
	uint32_t count; /* attached to this cgroup itself, not inherited */
	bool multi;	/* BPF_F_ALLOW_MULTI; meaningless when count is 0 */
	uint32_t id;	/* the kernel's id of the first one; 0 for none */
};

/* Needs CAP_NET_ADMIN or CAP_BPF in the initial user namespace. */
int device_query(int cgroup_fd, struct device_programs *ret, struct err *err);
