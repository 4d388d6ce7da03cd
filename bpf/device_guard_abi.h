/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Device guard ABI - what the BPF program (device_guard.bpf.c) and the hook share about one cgroup.
 *
 * A map of type CGROUP_STORAGE has one value for each cgroup to which the program is attached. Its key is the cgroup's
 * id (the inode number of its directory, u64). The value is created, zeroed, when the program is attached; the program
 * sees it for every process in or below that cgroup; and it is gone with the cgroup. Numbers are in the machine's byte
 * order, since both sides run on one machine. The hook writes the members up to and including rules[], once; the
 * program writes the rest. The layout belongs to the build: another layout is pinned under another name (guard.h).
 */
#pragma once

#include <linux/types.h>

#define DEVICE_GUARD_READY     0x64677264 /* anything else, zero first of all: everything is refused */
#define DEVICE_GUARD_RULES_MAX 256
#define DEVICE_GUARD_REFUSALS  8 /* a power of two */
#define DEVICE_GUARD_COMM_SIZE 16
#define DEVICE_GUARD_ANY       0xffffffff /* every major, every minor; the kernel's have 12 and 20 bits */

/*
 * One line of linux.resources.devices. Rules are read from the first to the last. For each bit of the access that is
 * asked for, the last rule that names it decides; a bit that no rule names is refused. Example: "allow c 1:3 rw" is {
 * 1, 3, BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE, 1 }.
 */
struct device_rule {
	__u32 major, minor; /* or DEVICE_GUARD_ANY */
	__u16 types;	    /* BPF_DEVCG_DEV_BLOCK | BPF_DEVCG_DEV_CHAR */
	__u8 access;	    /* BPF_DEVCG_ACC_MKNOD | _READ | _WRITE */
	__u8 allow;	    /* 0: deny */
};

/* One of the last refusals. */
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
