/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel - makes the files of a temporary tree behave as cgroup2's do, and lie when told to.
 *
 * The program is linked with --wrap for the calls that fake-kernel.c defines. A write to a file replaces
 * what it holds wherever the position is; io.max takes one line a write; cgroup.subtree_control takes "+cpu
 * -io"; a pid written to cgroup.procs leaves the parent's or the child's; a new directory has its files,
 * which belong to whoever made it. mount_make_writable() and mount_undo() only count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct kernel {
	const char *ignore; /* writes to a file of this name succeed and do nothing */
	const char *refuse; /* one write to a file of this name fails with `error` */
	int refuse_after;   /* ... after so many that do not */
	int error;	    /* positive errno */
	const char *stall;  /* a write to a file of this name has no effect and does not return: for child processes */
	const char *hang;   /* a write to a file of this name takes effect and does not return: for child processes */
	bool partial;	    /* writes take one byte less than they are given */
	const char *keep_owner; /* fchownat() of this name succeeds and does nothing */
	int owner_error;	/* ... or fails with this positive errno, each time */
	int mount_error;	/* positive errno of mount_make_writable() */
	bool mount_half;	/* it changes the mount and then fails */
	int n_writes;		/* that changed something */
	int n_mounted, n_unmounted;
};

extern struct kernel kernel;
