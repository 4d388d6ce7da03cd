/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch - keeps the limits of delegated cgroups at the ceilings that were granted.
 *
 * Events are for speed, sweeps for truth. An entry that the hook adds to the table of grants announces a cgroup; the
 * attribute on that cgroup makes it a grant; inotify reports each write to a limit file as it is made (every write to a
 * cgroup file goes through the VFS, which reports it, and there is no other way to change one). The limit files are
 * watched and not their directory: only host root can write them, so a container cannot flood the queue. But inotify's
 * watches and instances are counted for the whole machine, and its queue can overflow. So each sweep walks the tree,
 * takes up what has an attribute by now, compares every ceiling of every attribute with its file, and asks again for the
 * watches that it did not get. It works without inotify at all; then a raised limit stays until the next sweep. No event
 * comes for a BPF program that was detached, or for removed cgroups that stay: each sweep looks for those too.
 *
 * A limit that was lowered is left alone. One that somebody raises again and again is put back each time; only the lines
 * in the log and the calls of systemd are limited.
 *
 * Keeps nothing that matters: a watch that is killed and started again finds everything in the kernel.
 *
 * Parts: watch.c, watch-child.c, watch-deaths.c, watch-dying.c, watch-enforce.c, watch-grants.c, watch-guard.c,
 * watch-limits.c, watch-policy.c, watch-record.c, watch-systemd.c; what they share is in watch-parts.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"
struct budget_entry;
struct ruleset;
struct watch_host;

#define WATCH_CONTEST_MS  1000 /* more rewrites or writes in this time are a contest: reported once */
#define WATCH_REWRITES	  2
#define WATCH_WRITES	  10
#define WATCH_LINES	  20	/* so are more put-backs without calm, however slow: a line each would fill the log */
#define WATCH_TOGETHER_MS 150	/* writes that follow each other so closely are one rewrite */
#define WATCH_CALM_MS	  10000 /* without a rewrite for so long a contest is over */
#define WATCH_WAIT_MS	  60000 /* a cgroup without an attribute for so long is left to the sweeps */
#define WATCH_WALK_EVERY  6	/* sweeps, where a walk of the tree takes more than a hundredth of the interval */

#define WATCH_LOAD_MS	60000	/* between two attempts at loading the guards */
#define WATCH_REMIND_MS 3600000 /* until a guard that stays away is reported again */

#define WATCH_DYING	    256	   /* removed cgroups; fewer are never too many */
#define WATCH_RECLAIM_LEAST 4	   /* MiB, of one reclaim */
#define WATCH_RECLAIM_MOST  1024   /* MiB */
#define WATCH_HELD_MS	    600000 /* between two reclaims where they do not help */

#define WATCH_DEATHS_MS	      60000 /* in this time, of the processes that were killed for want of memory: */
#define WATCH_DEATHS_LINES    8	    /* lines and records of one grant; the others are summed up in one */
#define WATCH_DEATHS_ALL      64    /* ... of all grants */
#define WATCH_DEATHS_VISITS   8192  /* cgroups visited in one sweep, of all grants */
#define WATCH_DEATHS_FREE     32    /* cgroups visited in one look, without a pause */
#define WATCH_DEATHS_COST_MS  20    /* of pause for each, where there are more */
#define WATCH_DEATHS_ARMS     16    /* events of memory.events of one grant between two ticks */
#define WATCH_DEATHS_ARMS_ALL 256   /* ... of all grants */

struct watch_counts {
	uint64_t sweeps;    /* completed; after two more, all that was there before has been checked */
	uint64_t put_back;  /* limits put back to their ceilings */
	uint64_t failed;    /* that could not be */
	uint64_t contests;  /* how often one began */
	uint64_t lowered;   /* ceilings lowered because the policy's are lower now */
	uint64_t reclaims;  /* memory.reclaim written because of dying cgroups */
	uint64_t overflows; /* of the event queue */
	uint64_t guards_restored;
	uint64_t oom_kills;    /* processes killed for want of memory in grants, since this watch began */
	size_t guards_missing; /* of grants, and could not be put back */
	size_t grants, contested;
	size_t without_events;		 /* grants with a limit file that only sweeps compare */
	size_t unchecked;		 /* grants with a ceiling that could not be compared, or does not hold */
	size_t unopened;		 /* cgroups that the last walk could not open */
	size_t unreadable;		 /* cgroups whose attribute cannot be read: their ceilings are not known */
	size_t dying_alarms, dying_held; /* cgroups with too many removed ones; where reclaim does not help */
};

struct watch_args {
	const struct host *host;
	const char *run;   /* directory of the table of grants */
	const char *audit; /* directory of the audit record, which gets what is said of a grant; NULL: nothing does */
	const struct ruleset *rules;
	bool once; /* waits for reclaim and for systemd's answers; else SIGCHLD must have its default action */
	int64_t interval_ms; /* between two sweeps, as the caller means to call them; 0: not known */
	/* Loads the BPF guards and pins them below /sys, which `sys_fd` is; NULL: nobody does. */
	int (*load_guards)(int sys_fd, struct err *err);
	/* One sentence, printable, without a full stop. Priority as syslog's. */
	void (*say)(int priority, const char *text);
};

struct watch;

/* Begins with a sweep. What that could not do is said, and an error only with args->once. -ENOMEM. */
int watch_new(const struct watch_args *args, struct watch **ret, struct err *err);
void watch_free(struct watch *watch);

/* Readable when something has happened; then watch_events(). -EBADF: there are no events. A sweep, and watch_events()
 * itself, may close it or open another: ask anew after each. */
int watch_fd(const struct watch *watch);
void watch_events(struct watch *watch);

/* To be called once a second: what was put off, and the results of child processes. */
void watch_tick(struct watch *watch);

/* To be called every few seconds. May leave the working directory at "/". An error says what could not be walked; all
 * that is known has been checked nevertheless. */
int watch_sweep(struct watch *watch, struct err *err);

/* Another policy is in force: applies lowered ceilings to what runs, and says what it does not raise. */
void watch_apply_policy(struct watch *watch, const struct ruleset *rules);

/* The mount table has changed, as far as the kernel tells: poll watch_host(watch)->fd for POLLPRI. */
void watch_mounts_changed(struct watch *watch);

const struct watch_counts *watch_counts(struct watch *watch);

/* The options of the host's cgroup2. */
const struct watch_host *watch_host(const struct watch *watch);

/* Who a container is. */
enum watch_label { WATCH_NAMESPACE, WATCH_POD, WATCH_CONTAINER, WATCH_HANDLER, WATCH_PROFILE, WATCH_ID, WATCH_LABELS };

/* One grant, for what is exported. */
struct watch_grant {
	const struct watched *next; /* watch_next()'s own; NULL begins */
	uint64_t id;		    /* of the cgroup */
	const char *name; /* of the container, or the cgroup's path; printable, and valid until the next event or sweep */
	const char *const *labels;	  /* by enum watch_label; printable; NULL: not known. As long as the name */
	const struct budget_entry *entry; /* what it counts for in the budgets */
	uint64_t verified_seconds;	  /* since all its ceilings held in one check */
	uint64_t oom_kills; /* processes killed for want of memory since the container began, those in cgroups below it too */
	bool oom_kills_known; /* false: without a memory controller nobody counts them */
};

/* The next grant, those with an unreadable attribute included; false at the end. */
bool watch_next(const struct watch *watch, struct watch_grant *grant);
