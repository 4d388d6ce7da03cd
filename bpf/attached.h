/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attached - which of the guards are on a cgroup now, whichever build they came from.
 *
 * Goes by the names of the programs, so that it sees a grant made before an upgrade, and needs no pins. Needs CAP_BPF
 * and CAP_NET_ADMIN, and CAP_SYS_ADMIN to open a program by its id.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct attached_guards {
	bool device;
	bool grant;	 /* all of its programs */
	bool grant_part; /* some of them: an older build had fewer, or somebody took some off */
};

#define ATTACHED_NAMES_MAX 64

/* Programs that are known already, because many cgroups have the same ones. Zero it first. For one thread. */
struct attached_names {
	size_t n;
	struct attached_name {
		uint32_t id;
		unsigned char kind; /* of attached.c */
	} known[ATTACHED_NAMES_MAX];
};

/* What is attached to this cgroup itself, not inherited. A kernel without BPF_LSM_CGROUP has no grant guard. */
int guards_attached(struct attached_names *names, int cgroup_fd, struct attached_guards *ret, struct err *err);
