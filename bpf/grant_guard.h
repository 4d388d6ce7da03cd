/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grant guard - attaching the loaded programs to a cgroup, and reading what they say of it.
 *
 * Only the kernel's plain calls: nothing here parses an object, so the hook can link it.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/grant_guard_abi.h"

/* The order in which they are attached. The kernel has ten hooks (its CGROUP_LSM_NUM) for all programs of this kind
 * that are attached anywhere, whoever's they are: these take five. */
enum guard_program {
	GUARD_BPF,
	GUARD_FILE_OPEN,
	GUARD_SETATTR,
	GUARD_SETXATTR,
	GUARD_RMXATTR,
	GUARD_PROGRAMS,
};

#define GUARD_ALL_PROGRAMS ((1U << GUARD_PROGRAMS) - 1)

/* "guard_bpf": the kernel's name of the program, its function's in grant_guard.bpf.c, and its pin's. */
extern const char *const guard_program_names[GUARD_PROGRAMS];

/* Descriptors of the programs and their map, however the caller came by them. */
struct grant_guard {
	int programs[GUARD_PROGRAMS]; /* -EBADF: none */
	uint32_t ids[GUARD_PROGRAMS]; /* the kernel's: see grant_guard_identify() */
	int grants_fd;		      /* the map guard_grants; -EBADF: none */
};

#define GRANT_GUARD_NONE                                                                     \
	{                                                                                    \
		.programs = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, .grants_fd = -EBADF, \
	}

/* All of it is there. */
bool grant_guard_is_whole(const struct grant_guard *guard);

/* Asks the kernel for the programs' ids, once for all that follows; -EPERM where one is no program of this kind. */
int grant_guard_identify(struct grant_guard *guard, struct err *err);

void grant_guard_done(struct grant_guard *guard);

/*
 * Attaches the programs to the cgroup (those that are there already stay) and sees that they are there. From the first
 * one on until grant_guard_write() tasks of that cgroup are refused everything that the guard knows of. Says nothing
 * about whether the kernel asks the programs at all: see canary.h. Needs CAP_BPF and CAP_NET_ADMIN in the initial user
 * namespace.
 *
 * *ret_attached: a bit for each enum guard_program that it has attached, whatever it returns. A failure leaves them:
 * grant_guard_detach(), or the cgroup's end, takes them away.
 */
int grant_guard_attach(const struct grant_guard *guard, int cgroup_fd, unsigned *ret_attached, struct err *err);

/* Writes what the cgroup is granted, GUARD_ALLOW_*, where a program is attached already, and reads it back. Asks for no
 * capability: an undo may have none left. */
int grant_guard_write(const struct grant_guard *guard, int cgroup_fd, uint64_t flags, struct err *err);

/* Detaches those of `programs`, a bit for each: what was attached, since of one that was not the kernel says ENOENT,
 * which is no error, or, where others have its hooks, EINVAL, which is. Needs no CAP_NET_ADMIN. */
int grant_guard_detach(const struct grant_guard *guard, int cgroup_fd, unsigned programs, struct err *err);

/* Are all programs attached to this very cgroup? 1, 0 or a negative errno. */
int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err);

/* The cgroup's value: what it may do, and how often it was refused. -ENOENT: this guard is not attached there. */
int grant_guard_read(const struct grant_guard *guard, int cgroup_fd, struct guard_grant *ret, struct err *err);

/* Opens what is attached to this very cgroup, whichever build it came from: to read it after its pins are gone. An
 * older build's has fewer programs. Returns 1, or 0 where there is none of them, or a map that is not understood.
 * Needs CAP_SYS_ADMIN as well. */
int grant_guard_open_attached(int cgroup_fd, struct grant_guard *ret, struct err *err);
