/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount - the container's cgroup2 mount: found in mountinfo, made writable in its mount namespace.
 *
 * Threats. Before pivot_root the plain path /sys/fs/cgroup inside the container's mount namespace is the HOST's root
 * cgroup. So the hook looks for the mount only below the root filesystem, and what it opens there must be the very
 * directory (same device and inode) that was chowned. From the host's cgroup namespace, `mount -t cgroup2` or a remount
 * without MS_BIND applies root flags and would remove nsdelegate from the whole host: this program does neither. It
 * never follows what the image has put below its root filesystem (links, other mounts).
 *
 * A second mount that shows cgroups is another way to the cgroups of others: whoever has the same host ids as their
 * owner can write them through it. A read-only one is no better, since the flag is the mount's and not the cgroup's. So
 * every one below the root filesystem counts, also under the container's own, where an unmount reveals it. What the host
 * mounts there after the hook, and propagation then brings into the container, is not seen: only host root can do that.
 *
 * Parts: mount.c, mountinfo.c.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/host-option.h"

#define HOST_POINT_SIZE sizeof("/sys/fs/cgroup/unified")

/* Mounts below the container's root filesystem that show cgroups, beside its own: of any type, made in any way. The
 * first is described, by foreign bytes that may be cut. */
struct other_cgroup {
	unsigned n;	     /* how many; the members below are only valid if > 0 */
	bool hidden;	     /* it lies at /sys/fs/cgroup too, under the container's own */
	char type[16];	     /* "cgroup2", "cgroup", "cpuset" */
	char point[96];	     /* where, as the container will see it */
	char root[96];	     /* what it shows as "/", as the reader's cgroup namespace sees it */
	unsigned n_writable; /* of those that are not hidden: without the flag "ro" by now; valid if n is 0, too */
	char writable[96];   /* where the first of them is; "": nowhere, or too long a path */
};

struct cgroup_mount {
	uint64_t id;			 /* mount id, the topmost at `point` */
	char point[PATH_MAX];		 /* where, in the container's mount namespace before pivot_root */
	char root[PATH_MAX];		 /* the cgroup that it shows as "/", as the reader's cgroup namespace sees it */
	bool readonly;			 /* the mount's own flag */
	char options[HOST_OPTIONS_SIZE]; /* of the superblock, which is the host's; words, no values */
	char host_point[HOST_POINT_SIZE];   /* where the host's own is in the same table; "": nowhere */
	char host_flags[HOST_OPTIONS_SIZE]; /* ... and the flags of that mount, words */
	bool bpffs;			    /* there is one below the container's root filesystem */
	bool bpf_token;			    /* ... whose options delegate BPF: a token could be made from it */
	unsigned layers;		    /* cgroup2 mounts on top of each other at `point` */
	struct other_cgroup other;
};

/* Finds in the text of a /proc/<pid>/mountinfo the topmost mount at `point`, "<root filesystem>/sys/fs/cgroup", which
 * must be cgroup2, and what else below the root filesystem shows cgroups or BPF objects. Pure. -ENOENT with a sentence
 * if there is none, or another file system lies on top. */
int mount_parse(const char *mountinfo, const char *point, struct cgroup_mount *ret, struct err *err);

/* Of the host's own table, only what is the host's: options, host_point and host_flags of its own cgroup2 mount. The rest
 * of *ret stays. Pure. -ENOENT if it has none, -EBADMSG. */
int mount_find_host(const char *mountinfo, struct cgroup_mount *ret, struct err *err);

/* A mount of cgroup2 that shows the whole tree. */
struct tree_mount {
	uint64_t id;
	uint64_t peers;	 /* the peer group that it belongs to, or gets its mounts from; 0: none */
	char point[128]; /* cut where it is longer */
};

/* The next one, for which *mountinfo is moved on. 1; 0 at the end; -EBADMSG. Pure. */
int mount_next_tree(const char **mountinfo, struct tree_mount *ret);

/* The peer group of the topmost cgroup2 mount at `point`; 0: none. Pure. */
uint64_t mount_peers(const char *mountinfo, const char *point);

/* Is anything mounted at exactly `path`? */
bool mount_is_point(const char *mountinfo, const char *path);

/* The host's cgroup2 as the table shows it; its strings are the mount's. */
static inline struct host_mount mount_host(const struct cgroup_mount *mount)
{
	return (struct host_mount) { .options = mount->options,
				     .flags = mount->host_point[0] ? mount->host_flags : NULL,
				     .point = mount->host_point[0] ? mount->host_point : NULL };
}

enum mount_method {
	MOUNT_KEEP,	   /* writable already: nothing is done */
	MOUNT_CLEAR_FLAG,  /* clear its read-only flag */
	MOUNT_CLONE_ON_TOP /* a writable clone on top, for runtimes that set the flag after the hook */
};

const char *mount_method_name(enum mount_method method); /* "keep", "clear-flag", "clone-on-top" */

/* What mount_make_writable() changed, for mount_undo(). */
struct mount_change {
	enum mount_method method;
	int fd; /* O_PATH on the changed mount; owned, -EBADF when nothing was changed */
};

/* The identity that the mount must have. */
struct mount_identity {
	const char *point;
	uint64_t id;		/* mount id, as mountinfo had it */
	unsigned long dev, ino; /* of the delegated cgroup's directory */
};

/*
 * Enters the mount namespace of `pidfd` and stays there, so everything of the host must be open by then. Opens `point`
 * without following links, compares its identity, acts, opens it anew and reads the result back.
 */
int mount_make_writable(int pidfd, const struct mount_identity *want, enum mount_method method,
			struct mount_change *ret, struct err *err);

/* Takes the change back, still inside the container's mount namespace; closes change->fd. */
int mount_undo(struct mount_change *change, struct err *err);
