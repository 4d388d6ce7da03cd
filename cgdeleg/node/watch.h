/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch - keeps the limits of delegated cgroups at the ceilings that were granted.
 *
 * How it learns of things: an entry that the hook adds to the table of grants announces a cgroup; the attribute on that
 * cgroup makes it a grant; inotify reports each write to a limit file as it is made (every write to a cgroup file goes
 * through the VFS, which reports it, and there is no other way to change one). The limit files are watched and not
 * their directory: only host root can write them, so a container cannot flood the queue. Events that an overflowing
 * queue has lost, and grants that are in no table, are found by a walk of the tree. No event comes for a BPF program
 * that was detached, or for removed cgroups that stay: each sweep looks for those.
 *
 * A limit that was lowered is left alone. If somebody raises one again and again, it is put back once a second, and
 * that is reported once.
 *
 * Keeps nothing that matters: a watch that is killed and started again finds everything in the kernel.
 *
 * Parts: watch.c, watch-dying.c, watch-enforce.c, watch-files.c, watch-guard.c, watch-host.c; what they share is in watch-parts.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"
struct ruleset;

#define WATCH_CONTEST_MS  1000 /* more rewrites or writes in this time are a contest: one of them is put back */
#define WATCH_REWRITES	  2
#define WATCH_WRITES	  10
#define WATCH_TOGETHER_MS 150	/* writes that follow each other so closely are one rewrite */
#define WATCH_CALM_MS	  10000 /* without a rewrite for so long a contest is over */

#define WATCH_LOAD_MS	60000	/* between two attempts at loading the guards */
#define WATCH_REMIND_MS 3600000 /* until a guard that stays away is reported again */

#define WATCH_DYING	    256	   /* removed cgroups; fewer are never too many */
#define WATCH_RECLAIM_LEAST 4	   /* MiB, of one reclaim */
#define WATCH_RECLAIM_MOST  1024   /* MiB */
#define WATCH_HELD_MS	    600000 /* between two reclaims where they do not help */

struct watch_counts {
	uint64_t sweeps;    /* completed; after two more, all that was there before has been checked */
	uint64_t put_back;  /* limits put back to their ceilings */
	uint64_t failed;    /* that could not be */
	uint64_t lowered;   /* ceilings lowered because the policy was */
	uint64_t reclaims;  /* memory.reclaim written because of dying cgroups */
	uint64_t overflows; /* of the event queue */
	uint64_t guards_restored;
	size_t guards_missing; /* of grants, and could not be put back */
	size_t grants, contested;
	size_t dying_alarms, dying_held; /* cgroups with too many removed ones; where reclaim does not help */
	bool nsdelegate;		 /* the host's cgroup2 has it */
};

struct watch_args {
	const struct host *host;
	const char *run; /* directory of the table of grants */
	const struct ruleset *rules;
	bool once; /* wait for systemd's answers; else SIGCHLD must be ignored */
	/* Loads the BPF guards and pins them below /sys, which `sys_fd` is; NULL: nobody does. */
	int (*load_guards)(int sys_fd, struct err *err);
	/* One sentence, printable, without a full stop. Priority as syslog's. */
	void (*say)(int priority, const char *text);
};

struct watch;

/* Begins with a sweep of the whole node. */
int watch_new(const struct watch_args *args, struct watch **ret, struct err *err);
void watch_free(struct watch *watch);

/* Readable when something has happened; then watch_events(). */
int watch_fd(const struct watch *watch);
int watch_events(struct watch *watch, struct err *err);

/* To be called once a second: what was put off. */
void watch_tick(struct watch *watch);

/* To be called every few seconds: what has ended, guards, dying cgroups, nsdelegate; `walk`: and the whole tree. May
 * leave the working directory at "/". */
int watch_sweep(struct watch *watch, bool walk, struct err *err);

/* Another policy is in force: applies lowered ceilings to what runs, and says what it does not raise. */
void watch_apply_policy(struct watch *watch, const struct ruleset *rules);

const struct watch_counts *watch_counts(struct watch *watch);
