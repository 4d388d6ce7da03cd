/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grant guard - attaching the loaded programs to a cgroup, and reading what they counted there.
 *
 * Only the kernel's plain calls: nothing here parses an object, so the hook can link it.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/grant_guard_abi.h"

/* The order in which they are attached. The kernel has ten hooks (CGROUP_LSM_NUM) for all programs of this kind that
 * anybody attaches anywhere; these take five. */
enum guard_program {
	GUARD_BPF,
	GUARD_FILE_OPEN,
	GUARD_SETATTR,
	GUARD_SETXATTR,
	GUARD_RMXATTR,
	GUARD_PROGRAMS,
};

#define GUARD_ALL_PROGRAMS ((1U << GUARD_PROGRAMS) - 1)

/* "guard_bpf": the name of the program in the kernel, of its function in grant_guard.bpf.c, and of its pin. */
extern const char *const guard_program_names[GUARD_PROGRAMS];

/* Descriptors of the programs and their map, from wherever the caller got them. */
struct grant_guard {
	int programs[GUARD_PROGRAMS]; /* -EBADF: none */
	uint32_t ids[GUARD_PROGRAMS]; /* the kernel's ids: see grant_guard_identify() */
	int grants_fd;		      /* the map guard_grants; -EBADF: none */
};

#define GRANT_GUARD_NONE                                                                     \
	{                                                                                    \
		.programs = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, .grants_fd = -EBADF, \
	}

/* Are all programs and the map there? */
bool grant_guard_is_whole(const struct grant_guard *guard);

/* Gets the ids of the programs from the kernel, once for all later calls; -EPERM if one is no program of this kind. */
int grant_guard_identify(struct grant_guard *guard, struct err *err);

void grant_guard_done(struct grant_guard *guard);

/*
 * Attaches the programs to the cgroup (those that are there already stay) and checks that they are there. From the
 * first program until grant_guard_write() the guard refuses tasks of that cgroup everything that it knows. Does not
 * find out whether the kernel runs the programs at all: see canary.h. Needs CAP_BPF and CAP_NET_ADMIN in the initial
 * user namespace.
 *
 * *ret_attached: a bit for each enum guard_program that this call has attached, whatever it returns. After a failure
 * they stay: grant_guard_detach() removes them, or the end of the cgroup.
 */
int grant_guard_attach(const struct grant_guard *guard, int cgroup_fd, unsigned *ret_attached, struct err *err);

/* Writes what the cgroup may do, GUARD_ALLOW_*, after a program has been attached, and reads it back. Needs no
 * capability: an undo may have none left. */
int grant_guard_write(const struct grant_guard *guard, int cgroup_fd, uint64_t flags, struct err *err);

/* Detaches `programs`, a bit for each. They must be attached: for others the kernel says ENOENT, which is no error
 * here, or EINVAL if somebody else has the hooks, which is an error. Needs no CAP_NET_ADMIN. */
int grant_guard_detach(const struct grant_guard *guard, int cgroup_fd, unsigned programs, struct err *err);

/* Are all programs attached to this cgroup itself? 1, 0 or a negative errno. */
int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err);

/* The value of the cgroup: what it may do, and how often it was refused. -ENOENT: this guard is not attached there. */
int grant_guard_read(const struct grant_guard *guard, int cgroup_fd, struct guard_grant *ret, struct err *err);

/* Opens what is attached to this cgroup itself, from whichever build, to read it when its pins are gone. An older build
 * has fewer programs. Returns 1, or 0 if no program is there, or the map has an unknown form. Needs CAP_SYS_ADMIN
 * too. */
int grant_guard_open_attached(int cgroup_fd, struct grant_guard *ret, struct err *err);
