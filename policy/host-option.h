/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host option - the options of the host's cgroup2, which are one set for the whole kernel.
 *
 * Threat. Whoever mounts cgroup2 from the host's cgroup namespace sets all of them anew: those that he does not name are
 * gone from the whole host (apply_cgroup_root_flags() in the kernel). One privileged container is enough, and no
 * capability of cgdeleg's prevents it: cgdeleg mounts and remounts nothing. So it says what is gone, what that means,
 * and the command that puts it back; and it makes no grant that would not be what the policy says without the option.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HOST_OPTIONS_SIZE 256 /* bytes of all options of one mount, as words, with the NUL */

/* What is lost with an option. */
enum host_option_loss {
	LOSS_OTHER,	/* nothing that bounds a container: worth a note */
	LOSS_DELEGATE,	/* what bounds containers without a user namespace */
	LOSS_MEMORY_MAX /* memory.max counts less than it did */
};

struct host_option {
	const char *name;
	enum host_option_loss loss;
	const char *without; /* what is so without it: a clause, no full stop */
};

#define HOST_OPTIONS 6
extern const struct host_option host_options[HOST_OPTIONS]; /* in the kernel's order */

/* Values of the policy's key: their names; "none" of them; those that `watch` "found". NULL-ended. */
extern const char *const host_option_words[];

/* The row of that name, or NULL. */
const struct host_option *host_option_find(const char *name);

/* The host's cgroup2, as strings of whoever filled it. Lists are blank-separated words; NULL: unknown. */
struct host_mount {
	const char *options; /* of the superblock, which stand now */
	const char *flags;   /* of the mount itself: "rw nosuid nodev" */
	const char *point;   /* where it is mounted */
	const char *known;   /* the options that this kernel has: /sys/kernel/cgroup/features */
};

/* Does this kernel have the option? Yes where that is unknown. */
bool host_option_known(const struct host_mount *host, const char *name);

/*
 * Writes into buf "run `mount -o remount,... /sys/fs/cgroup`": a remount sets flags and options anew, so it names the
 * mount's flags and each option in the `n` lists (NULL: none) that this kernel has, once. What is no flag or option of
 * those never gets into the command, whatever mountinfo says. Returns buf. If the flags are not known, or buf is too
 * small for the whole command, it says so without one.
 */
const char *host_option_remedy(const struct host_mount *host, const char *const lists[], size_t n, char *buf, size_t size);

#define HOST_REMEDY_SIZE 320 /* has room for every option and flag, and for the words in place of the command */
