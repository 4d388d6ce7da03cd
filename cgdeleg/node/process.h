/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process - the first process of a granted container, found by what the attribute says of it, and held by descriptors.
 *
 * Threat. A process number is used again, and whoever is in the container decides on its processes. So the process is the
 * one whose mount namespace and time of start are the attribute's (`instance`); a number is only how it is found. Its
 * descriptors are opened first and compared afterwards, and process_check() is asked again after whatever was read.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"

enum namespace { NAMESPACE_USER, NAMESPACE_MOUNT, NAMESPACE_CGROUP, NAMESPACES };

/* "user", "mnt", "cgroup": below /proc/<pid>/ns. */
extern const char *const namespace_names[NAMESPACES];

#define INSTANCE_SIZE 96 /* of struct attribute: "mnt:[4026531840]+12345" */
#define EXTENTS_SIZE  16384

struct process {
	pid_t pid;		    /* > 1 while the descriptors are open, else 0 */
	int pidfd;		    /* owned */
	int proc_fd;		    /* /proc/<pid>, of this process and of no later one; owned */
	int namespaces[NAMESPACES]; /* owned */
	char instance[INSTANCE_SIZE];
};

#define PROCESS_NONE                                                                          \
	{                                                                                     \
		.pidfd = -EBADF, .proc_fd = -EBADF, .namespaces = { -EBADF, -EBADF, -EBADF }, \
	}

/* Finds it among all processes but 0 and 1. -ESRCH: none is running. Of several, which have been started within the same
 * clock tick, the first process of its pid namespace. */
int process_find(const struct host *host, const char *instance, struct process *ret, struct err *err);

/* Opens a process that is known by its number. */
int process_open(const struct host *host, pid_t pid, struct process *ret, struct err *err);

/* Does it live, and is it still the same one, in the same mount namespace? -ESRCH. */
int process_check(const struct process *process, struct err *err);

void process_done(struct process *process);

/* Is the process in this process's own namespace of that kind? 1, 0, or a negative errno. */
int process_shares(const struct host *host, const struct process *process, enum namespace kind, struct err *err);

/* What /proc/<pid>/status has. */
struct process_status {
	uint32_t uids[4], gids[4]; /* real, effective, saved, file system; host ids */
	bool has_groups;	   /* supplementary ones */
	bool no_new_privs;
	unsigned seccomp; /* 0 none, 1 strict, 2 a filter */
	uint64_t inheritable, permitted, effective, bounding, ambient;
};

int process_status(const struct process *process, struct process_status *ret, struct err *err);

/* The path of its cgroup, as this process's cgroup namespace sees it. */
int process_cgroup(const struct process *process, char *ret, size_t size, struct err *err);

/* One line of an id map. */
struct map_extent {
	uint64_t inside, outside, count;
};

/* The next line of a map that the kernel has written, for which *at is moved on; false at the end. */
bool map_next(const char **at, struct map_extent *ret);

/* The host's id for 0 in a map; UINT32_MAX: none. */
uint32_t map_root(const char *map);

/* Does any id of the map, not only its root, stand for that id of the host? */
bool map_reaches(const char *map, uint64_t outside);

/* The text of its uid_map or gid_map, with one blank between numbers. `ret` has EXTENTS_SIZE bytes. */
int process_map(const struct process *process, const char *name, char *ret, struct err *err);
