/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grant guard - attaching the loaded programs to a cgroup, and reading what they say of it.
 *
 * Only the kernel's plain calls: nothing here parses an object, so the hook can link it.
 */
#pragma once

#include <errno.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/grant_guard_abi.h"

/* Descriptors of the programs and their map, however the caller came by them; -EBADF: none. */
struct grant_guard {
	int bpf_fd;	  /* the program guard_bpf */
	int file_open_fd; /* the program guard_file_open */
	int grants_fd;	  /* the map guard_grants */
};

#define GRANT_GUARD_NONE                                                       \
	{                                                                      \
		.bpf_fd = -EBADF, .file_open_fd = -EBADF, .grants_fd = -EBADF, \
	}

void grant_guard_done(struct grant_guard *guard);

/*
 * Attaches the programs to the cgroup (those that are there already stay), writes what it is granted and reads
 * both back. From the first program on until the value is written, tasks of that cgroup are refused everything
 * that the guard knows of. `flags` is GUARD_ALLOW_*. Says nothing about whether the kernel asks the programs at
 * all: see canary.h. Needs CAP_BPF and CAP_NET_ADMIN in the initial user namespace.
 *
 * A failure leaves what was attached: grant_guard_detach(), or the cgroup's end, takes it away.
 */
int grant_guard_attach(const struct grant_guard *guard, int cgroup_fd, uint64_t flags,
		       struct err *err);

/* Writes what the cgroup is granted, where the programs are attached already, and reads it back. Asks for no
 * capability: an undo may have none left. */
int grant_guard_write(const struct grant_guard *guard, int cgroup_fd, uint64_t flags,
		      struct err *err);

/* Detaches what is attached of the two programs; none is no error. Needs no CAP_NET_ADMIN. */
int grant_guard_detach(const struct grant_guard *guard, int cgroup_fd, struct err *err);

/* Are both programs attached to this very cgroup? 1, 0 or a negative errno. */
int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err);

/* The cgroup's value: what it may do, and how often it was refused. -ENOENT: this guard is not attached there. */
int grant_guard_read(const struct grant_guard *guard, int cgroup_fd, struct guard_grant *ret,
		     struct err *err);

/* Opens what is attached to this very cgroup, whichever build it came from: to read it after its pins are gone.
 * Returns 1, or 0 where there is none. Needs CAP_SYS_ADMIN as well. */
int grant_guard_open_attached(int cgroup_fd, struct grant_guard *ret, struct err *err);
