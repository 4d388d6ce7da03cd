/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroup - directories of the cgroup2 file system, by descriptor.
 *
 * Nothing here takes an absolute path, and nothing follows a link.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"

#define CGROUP_NAMES_MAX 256 /* entries of one directory; more is an error */
#define CGROUP_PIDS_MAX	 4096
/* Levels below the root. Nothing is granted deeper, so that a walk to here finds every grant, however deep a
 * chain others have made. systemd and Kubernetes use five. */
#define CGROUP_DEPTH_MAX 64

/* The entries of a cgroup's directory. Names are owned by `store`. */
struct cgroup_listing {
	char *store;
	size_t n_files, n_children;
	const char *files[CGROUP_NAMES_MAX + 1];    /* NULL-ended */
	const char *children[CGROUP_NAMES_MAX + 1]; /* NULL-ended: cgroups below */
};

/* Reads the directory that fd has just been opened on: what was read before is not read again. -E2BIG beyond
 * CGROUP_NAMES_MAX entries of one kind. */
int cgroup_list(int fd, struct cgroup_listing *ret);
void cgroup_listing_done(struct cgroup_listing *listing);

/* Opens the cgroup `path` beneath the host's mount, links refused, and proves it: cgroup2,
 * a directory, not the host's root. *ret_st is what fstat(2) said; it may be NULL. */
int cgroup_open(const struct host *host, const char *path, struct stat *ret_st, struct err *err);

/* The path after "0::" in the text of a /proc/<pid>/cgroup. Pure. */
int cgroup_parse_path(const char *text, char *ret, size_t size, struct err *err);

/* Is `path` the cgroup `root` itself or one below it? Both with a leading '/', "/" is above all. */
bool cgroup_is_within(const char *path, const char *root);

/* Numbers in cgroup.procs. A process outside the caller's pid namespace shows as 0. Returns how many,
 * or a negative errno; with -E2BIG the first `max` are in pids, or, where there are too many to be read at all,
 * pids are as they were. */
ssize_t cgroup_read_procs(int fd, pid_t *pids, size_t max);

/* Moves one process here. */
int cgroup_attach(int fd, pid_t pid);

#define CGROUP_DELEGATED_MAX 24

/* The kernel's list of delegatable files, of those that are in a listing, whose strings it points to:
 * what a runtime may chown, and of that what this program knows and may chown itself. */
struct cgroup_delegated {
	const char *given[CGROUP_DELEGATED_MAX];      /* all, NULL-ended */
	const char *recognised[CGROUP_DELEGATED_MAX]; /* those that are known here */
	char unrecognised[256];			      /* the others: left alone, and reported; blank-separated */
};

int cgroup_delegated(const struct host *host, const struct cgroup_listing *listing, struct cgroup_delegated *ret,
		     struct err *err);
