/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, parts - what watch*.c share, and nobody else includes.
 *
 *     watch.c          which grants there are; the events; the sweeps
 *     watch-files.c    the inotify watches, by number
 *     watch-enforce.c  one limit is put back, or lowered because the policy was
 *     watch-guard.c    guards that were detached are attached again
 *     watch-dying.c    memory of removed cgroups is reclaimed
 *     watch-host.c     the options of the host's cgroup2
 */
#pragma once

#include <sys/types.h>

#include "cgdeleg/node/inspect.h"
#include "cgdeleg/node/watch.h"

#define WATCH_BUCKETS 4096

/* One inotify watch: of a limit file, or of a cgroup that waits for its attribute. */
struct watch_file {
	int wd;
	struct watched *owner;
	enum place place;
	char file[LIMIT_FILE_SIZE]; /* "": the cgroup's directory */
	int64_t last_ms, due_ms;    /* when last put back; put off until then, 0: not put off */
	int64_t window_ms;	    /* when counting `rewrites` and `writes` began; lasts WATCH_CONTEST_MS */
	unsigned rewrites, writes;  /* of the limit: groups of writes close together; single writes */
	bool contested;
	struct watch_file *next, *chain; /* of the owner's; of the bucket's */
};

/* One cgroup under watch: a grant, or one that the hook has announced in the table of grants. */
struct watched {
	uint64_t id;
	int fd;
	char *name;			 /* container, printable */
	char *path;			 /* of the cgroup */
	bool waits;			 /* for its attribute */
	bool guard_missing[GUARD_KINDS]; /* and could not be attached again */
	int64_t remind_ms[GUARD_KINDS];	 /* not reported again before this time */
	bool dying_alarm, dying_held;	 /* removed cgroups pile up; reclaim does not help */
	uint64_t dying_before;		 /* how many, at the last reclaim */
	uint64_t reclaim_bytes;		 /* the next one's size */
	int64_t reclaim_after_ms;
	int reclaimer_fd; /* pidfd of the child that reclaims: its number may soon be another's */
	struct watch_file *files;
	struct watched *next;
};

struct watch {
	struct watch_args args;
	int inotify_fd, table_wd, run_wd;
	struct watched *all;
	struct watch_file *buckets[WATCH_BUCKETS];
	struct guards guards; /* this build's pins, as they were found in this sweep */
	struct err guards_err;
	bool guards_opened;
	int64_t load_again_ms;
	struct watch_counts counts;
};

void watch_say(struct watch *watch, int priority, const char *fmt, ...) _printf_(3, 4);

/* Watches the cgroup's own attributes, or (`limits`) each limit file that has a ceiling in place of what was watched
 * before. A negative errno. */
int watch_files_add(struct watch *watch, struct watched *w, const struct inspect *limits);
void watch_files_drop(struct watch *watch, struct watched *w);

/* By the number in an event, or by ceiling; NULL: not watched. */
struct watch_file *watch_file_find(const struct watch *watch, int wd);
struct watch_file *watch_file_of(const struct watched *w, const struct limit_state *limit);

/* Puts back what is above its ceiling and is watched; `only` NULL: all of the grant. */
void watch_enforce(struct watch *watch, struct watched *w, struct inspect *grant, const struct watch_file *only);

/* Lowers the ceilings of the attribute, here and on the cgroup, to what the policy says by now. */
void watch_lower(struct watch *watch, const struct watched *w, struct attribute *attribute);

/* Are the guards of the grant in force? Attaches them again, or raises an alarm. */
void watch_guards(struct watch *watch, struct watched *w, const struct inspect *grant);
/* A new sweep begins: what is pinned is opened anew. */
void watch_guards_begin(struct watch *watch);

/* Do too many removed cgroups hold memory? `stat` is what cgroup.stat says; `attribute` NULL: it cannot be read. */
void watch_dying(struct watch *watch, struct watched *w, const char *stat, const struct attribute *attribute);

/* Has the host's cgroup2 lost an option? Once in each sweep, before the grants. */
void watch_host(struct watch *watch);
