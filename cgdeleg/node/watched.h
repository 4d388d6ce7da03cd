/* SPDX-License-Identifier: Apache-2.0 */
/* Watched - one delegated cgroup under watch; for watch*.c only. */
#pragma once

#include <sys/types.h>

#include "bpf/guard.h"
#include "cgdeleg/node/inspect.h"
#include "cgdeleg/node/watch.h"

#define WATCH_BUCKETS 4096

enum watch_guard_kind { WATCH_DEVICE_GUARD, WATCH_GRANT_GUARD, WATCH_GUARDS };

struct watched;

/* One inotify watch: of a limit file, or (type NULL) of a directory that waits for its attribute. */
struct watch_file {
	int wd;
	struct watched *owner;
	enum place place;
	char file[LIMIT_FILE_SIZE]; /* "": the directory */
	int64_t last_ms, due_ms;    /* put back at; put off until, 0: not */
	int64_t window_ms;	    /* since when these two are counted, for WATCH_CONTEST_MS */
	unsigned rewrites, writes;  /* put back: by rewrites, each of some writes, and all */
	bool contested;
	struct watch_file *next, *chain;
};

struct watched {
	uint64_t id;
	int fd;
	char *name; /* container, printable */
	char *path; /* of the cgroup */
	bool waits;
	bool guard_missing[WATCH_GUARDS]; /* and could not be put back */
	int64_t remind_ms[WATCH_GUARDS];  /* not said again before */
	bool dying_alarm, dying_held;	  /* removed cgroups pile up; reclaim does not help */
	uint64_t dying_before;		  /* how many, at the last reclaim */
	uint64_t reclaim_bytes;		  /* the next one's size */
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

/* watch-enforce.c */
bool watch_enforce(struct watch *watch, struct watch_file *file);
void watch_enforce_all(struct watch *watch, struct watched *w);
void watch_policy_one(struct watch *watch, struct watched *w);

/* watch-guard.c: are the guards of its grant in force? Puts them back, or raises an alarm. */
void watch_guards(struct watch *watch, struct watched *w);
/* A new sweep begins: what is pinned is looked at anew. */
void watch_guards_begin(struct watch *watch);

/* watch-dying.c; `stat`: what cgroup.stat says. */
void watch_dying(struct watch *watch, struct watched *w, const char *stat);
