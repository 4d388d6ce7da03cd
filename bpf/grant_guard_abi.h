/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Grant guard ABI - what bpf/grant_guard.bpf.c and those who attach it share.
 *
 * The guard is five BPF_LSM_CGROUP programs (enum guard_program of grant_guard.h) and one map, `guard_grants`, of type
 * BPF_MAP_TYPE_CGROUP_STORAGE: one struct guard_grant for each cgroup to which the programs are attached. Its key is
 * that cgroup's id (a __u64 in the machine's byte order, the inode number of its directory). All programs see the value
 * of the cgroup of the attachment, for all its descendants too.
 *
 * An entry is created, zeroed, with the attachment (BPF_PROG_ATTACH with BPF_F_ALLOW_MULTI, no link), and is gone with
 * the cgroup. So: attach, write, read back. Until it is written the guard refuses everything that it can refuse.
 */
#pragma once

#include <linux/types.h>

/* Which rule refused. The order is that of the counters; new ones go to the end. */
enum guard_rule {
	GUARD_RULE_BPF,	      /* a bpf() call that could change device rules or the guard itself, or make a token */
	GUARD_RULE_PRESSURE,  /* opening a *.pressure file for writing */
	GUARD_RULE_ROOT,      /* opening a file of the delegation root that is not delegated for writing */
	GUARD_RULE_OUTSIDE,   /* opening a file outside the delegated subtree, or in an unknown place, for writing */
	GUARD_RULE_ATTRIBUTE, /* changing mode, owner, times, size or an xattr of such files */
	GUARD_RULE_OOMD,      /* setting or removing user.oomd_*, anywhere on cgroup2 */
	GUARD_RULE_MAX,
};

enum {
	GUARD_ALLOW_PRESSURE = 1 << 0, /* below the delegation root, *.pressure may be opened for writing */
};

/* A cgroup this many levels below the delegation root, or deeper, counts as outside. */
#define GUARD_DEPTH_MAX 128

struct guard_grant {
	__u64 root;  /* id of the delegation root, which is the cgroup of the attachment; 0: not armed yet */
	__u64 flags; /* GUARD_ALLOW_* */
	__u64 refused[GUARD_RULE_MAX]; /* refusals since the attachment, by enum guard_rule */
};

/* What differs between kernels and stands only in their BTF: the loader writes it before it loads the programs. */
struct guard_kernel {
	__u32 setattr_dentry; /* which argument of the hook inode_setattr is the dentry: 0, since 6.9 it is 1 */
};

#define GUARD_KERNEL_SECTION ".rodata.kernel" /* the section, and so the name of libbpf's map, that holds it */
