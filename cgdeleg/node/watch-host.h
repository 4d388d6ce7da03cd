/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, host - are the options of the host's cgroup2 still those that must stand?
 *
 * What must stand is the policy's host_options, or else what stood when a watch first looked since boot. That is
 * remembered in a file beside the table of grants: a watch that is started after the loss would take the loss for normal
 * otherwise. The file is root's alone, and what is not exactly as this program writes it is not believed. An option that
 * comes to the others while none is missing is one that stands from then on.
 *
 * A loss is an alarm for each option: what it means, how many grants live, who has mounted cgroup2 meanwhile, and the
 * command that puts back all that stood. This program never runs it: see policy/host-option.h.
 *
 * How it learns of it: the kernel tells of mounts only in the mount namespace of the reader, and the option is as often
 * lost in another. So besides that event the first bytes of the table are read each second (every cgroup2 mount shows
 * the same options), and each sweep reads it whole.
 *
 * Who did it: each minute the ids of all cgroup2 mounts of all processes are taken down; what is there after a loss and
 * was not before is named. That is the rule and not proof: a mount may be gone again, as
 * CRIU's is, or in a namespace without a process of its own, or hidden from this one. Then it says that it cannot tell.
 *
 * Parts: watch-host.c, watch-host-file.c, watch-host-mounts.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"
#include "cgdeleg/kernel/mount.h"
#include "policy/host-option.h"

#define WATCH_HOST_REMIND_MS 3600000 /* until an option that stays away is reported again */
#define WATCH_HOST_MOUNTS_MS 60000   /* between two times that the mounts of all processes are taken down */
#define WATCH_HOST_SCAN_MS   200     /* the longest that this may take: meanwhile nothing is put back */
#define WATCH_HOST_FILE	     "host-options"

struct ruleset;

/* cgroup2 mounts, by their ids, which are the same in every mount namespace. */
struct mount_ids {
	uint64_t *ids; /* owned */
	size_t n, size;
	bool complete; /* every process was looked at */
};

struct watch_host {
	const struct host *host;
	const char *run; /* directory of the file */
	void (*say)(int priority, const char *text);
	int fd;			 /* mountinfo of the host, to be polled for POLLPRI; -EBADF: none */
	bool looked;		 /* once at least */
	bool kept;		 /* what stood is in the file */
	bool failing, forgetful; /* mountinfo cannot be read; the file cannot be written; and that was said */
	/* What stood when nothing was missing: blank-separated words. */
	char stood[HOST_OPTIONS_SIZE], flags[HOST_OPTIONS_SIZE];
	char now[HOST_OPTIONS_SIZE];
	char point[HOST_POINT_SIZE];	 /* of the host's mount */
	char missing[HOST_OPTIONS_SIZE]; /* must stand, do not, and that was said */
	char noted[HOST_OPTIONS_SIZE];	 /* of host_options, this kernel does not have them, and that was said */
	char known[256];		 /* features; "": they cannot be read */
	char glance[512];		 /* the line of mountinfo at the last glance */
	uint64_t peers;			 /* the peer group of the host's mount; 0: none */
	char who[512];			 /* has mounted cgroup2, at the last loss: a clause */
	int64_t remind_ms, mounts_ms;	 /* when to report again; when the ids below were taken down */
	struct mount_ids mounts;
};

/* NULL: no memory. Everything given must outlive it. */
struct watch_host *watch_host_new(const struct host *host, const char *run, void (*say)(int priority, const char *text));
void watch_host_free(struct watch_host *h);

/* Compares, and says what has changed. `grants`: how many live. `rules` may be NULL. */
void watch_host_look(struct watch_host *h, const struct ruleset *rules, size_t grants);

/* Cheap, for each second and for POLLPRI: has something changed, so that a look is called for? */
bool watch_host_glance(struct watch_host *h);

/* As of the last look: does the option stand; must it, and does not? */
bool watch_host_has(const struct watch_host *h, const char *option);
bool watch_host_misses(const struct watch_host *h, const char *option);

/* watch-host-file.c. Reads what stood into h: 1; 0: there is no file. Or writes it. */
int watch_host_recall(struct watch_host *h, struct err *err);
int watch_host_remember(const struct watch_host *h, struct err *err);

/* watch-host-mounts.c. Takes down which cgroup2 mounts there are. */
void watch_host_take_mounts(struct watch_host *h);
/* Writes into h->who who has mounted cgroup2 since then, as a clause, or that it cannot be told. */
void watch_host_who(struct watch_host *h);
