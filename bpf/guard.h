/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard - the BPF programs of this build, loaded once per boot and pinned; here they are only opened.
 *
 *     /sys/fs/bpf/cgdeleg/                   mode 0700, belongs to root
 *     /sys/fs/bpf/cgdeleg/<guard_build>/
 *         device_guard/                      the device guard's program device_guard and map device_rules
 *         grant_guard/                       the grant guard's map guard_grants and programs guard_...; only if
 *                                            guard-load.c has seen that the kernel enforces it
 *         grant_guard_cannot                 in its place: a symbolic link whose text says why this kernel cannot
 *
 * Each guard's directory is complete or absent: it is made elsewhere and renamed. A link is all that bpffs can hold of
 * text; nobody follows it. So three things are told apart without an error number: a guard that is there, a kernel that
 * the loader has proven unable, and everything else, which is a fault or has not been tried. The note lasts as long as
 * the kernel that it speaks of.
 *
 * Threat. Containers cannot reach the pins: a bpffs that a container mounts is another one, and only root can enter
 * these directories. But the kernel mounts a bpffs that everybody may write (mode 1777) unless an option says otherwise, and
 * whoever makes GUARD_DIRECTORY first owns it. So its owner and mode are checked at each use, and a directory of somebody
 * else is refused as a whole: to give it another owner would keep what is in it.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "bpf/device_guard.h"
#include "bpf/grant_guard.h"

#define GUARD_DIRECTORY "/sys/fs/bpf/cgdeleg"

/* The name of this build's directory. It contains a hash of the objects, so that programs and maps of two versions
 * never mix; "" if this build has no guards. */
extern const char guard_build[];

/* Which of them somebody wants. */
enum { WANT_DEVICE_GUARD = 1 << 0, WANT_GRANT_GUARD = 1 << 1, WANT_BOTH_GUARDS = 3 };

#define GUARD_CANNOT_SUFFIX "_cannot"
#define GUARD_CANNOT_SIZE   256 /* of the note; longer sentences are cut */

struct guards {
	struct device_guard device; /* DEVICE_GUARD_NONE: not there */
	struct grant_guard grant;   /* GRANT_GUARD_NONE: not there */
	/* Why this kernel or build cannot have it, ever; "": it is there, or nobody knows. */
	char device_cannot[GUARD_CANNOT_SIZE], grant_cannot[GUARD_CANNOT_SIZE];
};

#define GUARDS_NONE                                                     \
	{                                                               \
		.device = DEVICE_GUARD_NONE, .grant = GRANT_GUARD_NONE, \
	}

/*
 * Opens this build's pins of `which` below `sys_fd`, a directory descriptor of /sys. Returns 1 if each is there or cannot be;
 * 0 if one is neither (not loaded since boot, or loading it failed): *ret has the other. An error, and GUARDS_NONE, if
 * somebody other than root could have made what is there, or if it is not what was pinned. Changes the working directory
 * and leaves it at "/", because kernels before 6.5 open a pin only by its path.
 */
int guards_open(int sys_fd, unsigned which, struct guards *ret, struct err *err);

/* May only root enter the directory `fd`? `name` is for the sentence. */
int guard_directory_check(int fd, const char *name, struct err *err);

/* Is each guard of `which` there, or proven impossible? */
bool guards_settled(const struct guards *guards, unsigned which);

void guards_done(struct guards *guards);
