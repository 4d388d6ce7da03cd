/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard - the BPF programs of this build, loaded once per boot and pinned; here they are only opened.
 *
 *     /sys/fs/bpf/cgdeleg/                   0700, root's
 *     /sys/fs/bpf/cgdeleg/<guard_build>/     as above; whole or not there: it is made elsewhere and renamed
 *         device_guard device_rules          the device guard's program and map
 *         guard_grants guard_bpf guard_...       the grant guard's; there only where the kernel enforces it, which
 *                                            guard-load.c has seen
 *
 * Containers cannot reach them: a bpffs that a container mounts is another one, and these directories are root's.
 */
#pragma once

#include "base/err.h"
#include "bpf/device_guard.h"
#include "bpf/grant_guard.h"

#define GUARD_DIRECTORY "/sys/fs/bpf/cgdeleg"

/* The name of this build's directory, a hash of its objects in it, so that programs and maps of two versions never
 * mix; "" when this build has no guards. */
extern const char guard_build[];

struct guards {
	struct device_guard device; /* DEVICE_GUARD_NONE where the kernel did not take it */
	struct grant_guard grant;   /* GRANT_GUARD_NONE where it does not enforce it */
};

#define GUARDS_NONE                                                     \
	{                                                               \
		.device = DEVICE_GUARD_NONE, .grant = GRANT_GUARD_NONE, \
	}

/*
 * Opens this build's pins below `sys_fd`, a directory descriptor of /sys. Returns 1, or 0 when they are not there
 * (not loaded since boot, or a build without guards): *ret is then as GUARDS_NONE. An error when something
 * is there that root alone could not have made. Changes the working directory and leaves it at "/", because the
 * kernels before 6.5 open a pin by path alone.
 */
int guards_open(int sys_fd, struct guards *ret, struct err *err);

/* Is the directory `fd` root's alone, and in a bpffs? `name` is for the sentence. */
int guard_directory_check(int fd, const char *name, struct err *err);

void guards_done(struct guards *guards);
