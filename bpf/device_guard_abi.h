/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Device guard's ABI - what the kernel's side (device_guard.bpf.c) and the hook's share about one cgroup.
 *
 * One value a cgroup to which the program is attached, in a map of type CGROUP_STORAGE: its key is the
 * cgroup's id (the inode number of its directory, u64), it comes into being zeroed when the program is attached,
 * is what the program sees for every process at or below that cgroup, and goes with the cgroup.
 * Numbers are in the machine's byte order; both sides are always of one machine. The members up to and
 * including rules[] are the hook's to write, once; the rest is the program's. The layout belongs to the
 * build: another one is pinned under another name (guard.h).
 */
#pragma once

#include <linux/types.h>

#define DEVICE_GUARD_READY     0x64677264 /* anything else, zero first of all: everything is refused */
#define DEVICE_GUARD_RULES_MAX 256
#define DEVICE_GUARD_REFUSALS  8 /* a power of two */
#define DEVICE_GUARD_COMM_SIZE 16
#define DEVICE_GUARD_ANY       0xffffffff /* every major, every minor; the kernel's have 12 and 20 bits */

/*
 * One line of linux.resources.devices. Rules are read from the first to the last, and each bit of the access
 * that is asked for is decided by the last one that speaks of it; a bit that none speaks of is refused. Example:
 * "allow c 1:3 rw" is { 1, 3, BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE, 1 }.
 */
struct device_rule {
	__u32 major, minor; /* or DEVICE_GUARD_ANY */
	__u16 types;	    /* BPF_DEVCG_DEV_BLOCK | BPF_DEVCG_DEV_CHAR */
	__u8 access;	    /* BPF_DEVCG_ACC_MKNOD | _READ | _WRITE */
	__u8 allow;	    /* 0: deny */
};

/* One refusal, of the last ones. */
struct device_refusal {
	__u64 when; /* ns, CLOCK_MONOTONIC */
	__u32 major, minor;
	__u16 type;			   /* BPF_DEVCG_DEV_* */
	__u16 access;			   /* BPF_DEVCG_ACC_*: what was asked for */
	__u32 pid;			   /* in the host's pid namespace */
	char comm[DEVICE_GUARD_COMM_SIZE]; /* of that task, which chose it itself: escape it */
};

struct device_rules {
	__u32 ready;   /* DEVICE_GUARD_READY */
	__u32 n_rules; /* 0..DEVICE_GUARD_RULES_MAX */
	struct device_rule rules[DEVICE_GUARD_RULES_MAX];
	__u64 refused; /* since the rules were written; refusals[(refused - 1) % DEVICE_GUARD_REFUSALS] is the last */
	struct device_refusal refusals[DEVICE_GUARD_REFUSALS];
};
