/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deaths - whom the kernel has killed for want of memory at or below one delegated cgroup, and whose limit that was.
 *
 * The kernel counts in memory.events.local: `oom_kill` at the cgroup of the process that was killed, `oom` at the cgroup
 * whose limit was reached. So the limit that killed is the nearest one at the victim's cgroup or above whose `oom` has
 * grown; where none has, the machine's own memory ran out. What memory.events counts is the same for a whole subtree, and
 * also holds what was counted in cgroups that are gone.
 *
 * Threat. The container makes the cgroups and names them, as many and as deep as its ceilings let it. So a look visits a
 * bounded number of them, keeps a bounded number, goes down a bounded number of levels, enters only those in which
 * something has ever been counted, and says where it stopped. Names are kept as they are, and escaped where they are shown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"

#define DEATHS_KEPT	 256  /* cgroups with a count, of one delegated cgroup */
#define DEATHS_VISITS	 1024 /* cgroups that one look visits */
#define DEATHS_DEPTH	 32   /* levels below the delegated cgroup */
#define DEATHS_PATH_SIZE 512  /* bytes of a path as it is shown; a longer one ends in "..." */
#define DEATHS_MACHINE	 (-1) /* in the place of a cgroup: no limit, the machine's memory ran out */
#define DEATHS_NOT_OWN	 (-3) /* a limit above the container, or the machine: sums alone do not tell */
#define DEATHS_UNKNOWN	 (-2) /* a limit that was below it, of a cgroup that is gone or was not looked at */

struct death_counts {
	uint64_t kills; /* oom_kill: processes */
	uint64_t ooms;	/* oom: how often the limit was reached and nothing could be reclaimed */
};

struct death_cgroup {
	uint64_t id;	/* the kernel's, never used again */
	int up;		/* the cgroup above in the same table; -1: none there */
	unsigned above; /* so many levels above the delegated cgroup; 0: that one, or one below it */
	bool own;	/* it holds the container's own limits: the delegated cgroup, and the scope above it */
	char *name;	/* as it is, never to be printed; NULL: the delegated cgroup and those above */
	struct death_counts local; /* its own */
	uint64_t most;		   /* memory.max in bytes; LIMIT_MAX: none, or not known */
};

/* The delegated cgroup comes first, then those above it, then those below with a count, each after the one above. */
struct deaths {
	bool known;		 /* false: its memory controller is not enabled */
	struct death_counts all; /* of the whole subtree */
	size_t n;
	struct death_cgroup *cgroups;
	size_t n_visited;
	bool cut; /* something was not looked at */
};

struct deaths_bounds {
	size_t visits;	 /* at most */
	bool scope;	 /* the attribute says that the container's ceilings stand on the cgroup above, too */
	bool local_only; /* cgroup2 is mounted with memory_localevents: memory.events counts no subtree */
};

/* The counts of the whole subtree, by one small file: cheap. False: there are none. */
bool deaths_count(int fd, struct death_counts *ret);

/* Looks at the delegated cgroup with the directory `fd`, and below and above it. -ENOMEM; *ret is filled anew, and to be
 * ended with deaths_done() in any case. */
int deaths_look(const struct host *host, int fd, const struct deaths_bounds *bounds, struct deaths *ret, struct err *err);
void deaths_done(struct deaths *deaths);

/* What one cgroup has counted since `before`, in which it may be missing. */
struct death_counts deaths_since(const struct deaths *before, const struct deaths *now, size_t cgroup);

/* The cgroup whose limit killed, since `before`, in `victim`; or DEATHS_MACHINE. */
int deaths_limit(const struct deaths *before, const struct deaths *now, size_t victim);

/* Kills since `before` that no cgroup of `now` accounts for; *ret_limit: whose limit, DEATHS_UNKNOWN or DEATHS_MACHINE. */
uint64_t deaths_elsewhere(const struct deaths *before, const struct deaths *now, int *ret_limit);

/* "/": the container's own limits; "/a/b" below it; for one above: its path from the host's root, of which `path` is that of the
 * delegated cgroup. Escaped. Returns buf. */
const char *deaths_path(const struct deaths *deaths, size_t cgroup, const char *path, char *buf, size_t size);

/* "2 processes in its cgroup '/job-7' were killed, because the memory limit of its cgroup '/job-7' was reached (memory.max
 * 10485760)". `victim` negative: somewhere below. Returns buf. */
const char *deaths_describe(const struct deaths *deaths, const char *path, uint64_t kills, int victim, int limit,
			    char *buf, size_t size);
