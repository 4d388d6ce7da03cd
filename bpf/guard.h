/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard - the BPF programs of this build, loaded once per boot and pinned; here they are only opened.
 *
 *     /sys/fs/bpf/cgdeleg/                   mode 0700, belongs to root
 *     /sys/fs/bpf/cgdeleg/<guard_build>/     the same; complete or absent: it is made elsewhere and renamed
 *         device_guard device_rules          the program and the map of the device guard
 *         guard_grants guard_bpf guard_...   those of the grant guard; only if guard-load.c has seen that the kernel
 *                                            enforces it
 *
 * Containers cannot reach them: a bpffs that a container mounts is another one, and only root can enter these
 * directories.
 */
#pragma once

#include "base/err.h"
#include "bpf/device_guard.h"
#include "bpf/grant_guard.h"

#define GUARD_DIRECTORY "/sys/fs/bpf/cgdeleg"

/* The name of this build's directory. It contains a hash of the objects, so that programs and maps of two versions
 * never mix; "" if this build has no guards. */
extern const char guard_build[];

struct guards {
	struct device_guard device; /* DEVICE_GUARD_NONE if the kernel rejected it */
	struct grant_guard grant;   /* GRANT_GUARD_NONE if it does not enforce it */
};

#define GUARDS_NONE                                                     \
	{                                                               \
		.device = DEVICE_GUARD_NONE, .grant = GRANT_GUARD_NONE, \
	}

/*
 * Opens this build's pins below `sys_fd`, a directory descriptor of /sys. Returns 1, or 0 if they are not there (not
 * loaded since boot, or a build without guards): *ret is then GUARDS_NONE. An error if somebody other than root could
 * have made what is there. Changes the working directory and leaves it at "/", because kernels before 6.5 open a pin
 * only by its path.
 */
int guards_open(int sys_fd, struct guards *ret, struct err *err);

/* Does only root own and write the directory `fd`, and is it in a bpffs? `name` is for the sentence. */
int guard_directory_check(int fd, const char *name, struct err *err);

void guards_done(struct guards *guards);
