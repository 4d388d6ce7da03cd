/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visit - a child process that goes into a granted container, with no right that the container's own root lacks, and tries
 * what should be refused there.
 *
 * In: the container's first process and cgroup, by descriptor; a list of attempts. Out: an error number for each attempt.
 *
 * Threats. The child is host root until it has dropped everything, and a container is hostile: its root decides on files,
 * mounts and processes inside, owns cgroups that can freeze or kill whoever is in them, and may trace what it can name.
 *
 * - The child executes nothing and follows no link of the container. It enters by the namespaces' descriptors, and the
 *   parent checks afterwards that the process to which they belong is still the same.
 * - It stays in the host's pid namespace. So nobody in the container can name it, and neither trace it nor send it a
 *   signal. It is not dumpable either, and what it runs in belongs to the host's user namespace.
 * - Before it looks at anything of the container it has dropped supplementary groups, the session keyring, the
 *   terminal's session, every capability that is not in the bounding set of the container's first process, and the way
 *   back (no_new_privs). Then it waits. The parent reads in the host's /proc what the child still has, its descriptors
 *   included, and lets it go on only if that is no more than the container's root has.
 * - It inherits four descriptors: three are /dev/null, the fourth its socket to the parent. Those by which it enters are
 *   closed before it waits.
 * - The container's root can freeze or kill it through the cgroups that it owns, or have an open wait for ever (FUSE), in
 *   which not even SIGKILL ends it. So the parent waits until a deadline, then kills it, and if it does not end in a moment
 *   leaves it to process 1. What was not answered is not known.
 * - The container's first process may have changed its root directory, and then sees, and shows, only the mounts below. The
 *   child comes in at the root of the mount namespace, so the mounts are read from it.
 * - The kernel's memory killer takes the child first (oom_score_adj), and nobody is sent into a cgroup that is frozen, or has
 *   no room for another process: a look must not be what kills a container.
 * - What it answers is a number of an attempt and an error number, in a packet of a fixed size. All else ends the visit. An
 *   answer alone proves nothing: verify.h says what the host must agree to.
 *
 * What cannot be had: the seccomp filter of the container's processes, which only they can pass on, and their label of
 * AppArmor or SELinux. The child lacks both, so a refusal that it meets does not rest on them.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgdeleg/node/process.h"
#include "policy/limit.h"

enum attempt_kind {
	/* Made as host root, in the container's cgroup, before the child enters anything: to have the guards asked. */
	ATTEMPT_DEVICE, /* may this device be read? access(2), which opens nothing */
	ATTEMPT_OPEN,	/* opens `file` of the delegation root for writing, and writes nothing */
	/* Made inside, at the container's /sys/fs/cgroup. */
	ATTEMPT_MOUNT, /* what is there: numbers are st_dev and st_ino; EROFS: the mount is read-only */
	ATTEMPT_WRITE, /* writes to `file` what it holds already */
	/* Only for a container that nobody needs: they leave nothing, but are in its way. */
	ATTEMPT_DEPTH, /* makes a cgroup in a cgroup in ... until that is refused; numbers[0]: how many were made */
	ATTEMPT_COUNT, /* the same, beside each other */
};

struct attempt {
	enum attempt_kind kind;
	char file[LIMIT_FILE_SIZE];
	bool answered;
	int error;	     /* positive errno; 0: it was not refused */
	uint64_t numbers[2]; /* see the kind */
	uint64_t seen;	     /* ATTEMPT_DEPTH, ATTEMPT_COUNT: how many the host saw then (nr_descendants) */
};

#define VISIT_ATTEMPTS_MAX 128
#define VISIT_MAKE_MAX	   100000 /* cgroups that an attempt makes at most */

struct visit {
	/* In: all the caller's. */
	const struct host *host;
	const struct process *process; /* whose namespaces are entered */
	int cgroup_fd;		       /* the delegation root */
	const char *cgroup;	       /* its path */
	int device_fd;		       /* O_PATH on the node of ATTEMPT_DEVICE, or -EBADF */
	int64_t deadline_ms;	       /* for the whole visit */
	size_t n;
	struct attempt attempts[VISIT_ATTEMPTS_MAX];

	/* Out. */
	char landed[PATH_MAX];	    /* the cgroup that the child was started in; "": in none */
	bool frozen;		    /* nobody was sent, because the cgroup where he would land is frozen */
	bool inside;		    /* it was inside, and the host saw that it had no right too many */
	char uid_map[EXTENTS_SIZE]; /* its own then */
	char gid_map[EXTENTS_SIZE];
	char *mounts;  /* its mountinfo then: all of the namespace; NULL: not read. The caller frees it */
	char why[512]; /* why an attempt has no answer; "" if all have one */
};

/* Adds an attempt and returns its index; -1 if there is no room. */
int visit_add(struct visit *visit, enum attempt_kind kind, const char *file);

/* Sends the child and waits for its end, for a bounded time. Never fails: what did not work is in `why`. */
void visit_run(struct visit *visit);
