/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, parts - what watch*.c share, and nobody else includes.
 *
 *     watch.c          the events, the sweeps, and what is exported
 *     watch-grants.c   which grants there are, and all that is done about one
 *     watch-limits.c   the ceilings of a grant, each with its inotify watch if it has one
 *     watch-enforce.c  one limit is put back
 *     watch-systemd.c  tells systemd what was put back
 *     watch-policy.c   ceilings are lowered because the policy was
 *     watch-guard.c    guards that were detached are attached again
 *     watch-dying.c    memory of removed cgroups is reclaimed
 *     watch-deaths.c   whom the kernel killed for want of memory, and whose limit that was
 *     watch-record.c   what is said of a grant, as an audit record too
 *     watch-child.c    child processes for what may take long
 */
#pragma once

#include <sys/types.h>

#include "cgdeleg/grant/budget.h"
#include "cgdeleg/node/deaths.h"
#include "cgdeleg/node/inspect.h"
#include "cgdeleg/node/watch-host.h"
#include "cgdeleg/node/watch.h"

#define WATCH_BUCKETS 4096

/* One ceiling at one place. It is compared in each sweep; with an inotify watch also as soon as somebody writes. */
struct watch_limit {
	struct watched *owner;
	enum place place;
	char file[LIMIT_FILE_SIZE]; /* "": the cgroup's directory, whose attributes are watched until it has ours */
	int wd;			    /* inotify's number; -1: no event tells of a write */
	bool listed;		    /* the attribute has this ceiling; found out anew in each check */
	int64_t last_ms;	    /* when last put back */
	int64_t window_ms;	    /* when counting `rewrites` and `writes` began; lasts WATCH_CONTEST_MS */
	unsigned rewrites, writes;  /* of the limit: groups of writes close together; single writes */
	unsigned lines;		    /* said of it since it was last calm */
	int64_t again_ms; /* a child may have ended before it wrote: since when; the tick tries again. 0: no */
	bool contested;
	bool failing;			  /* it could not be put back, and that was said */
	bool tell;			  /* put back in its file, and systemd does not know yet */
	struct watch_limit *next, *chain; /* of the owner's; of the bucket's */
};

enum watch_child_kind { CHILD_RECLAIM, CHILD_SYSTEMD, CHILD_WRITE };

/* A child process for what may take long. What it is about names it: there may be others for the same. It may outlive what
 * is known of the cgroup, so that it has the id and no pointer. */
struct watch_child {
	enum watch_child_kind kind;
	uint64_t id; /* of the cgroup; 0: gone meanwhile */
	enum place place;
	char file[LIMIT_FILE_SIZE]; /* CHILD_WRITE: the limit file; else "" */
	pid_t pid;
	struct watch_child *next;
};

/* What was last known of the processes that were killed in one grant. */
struct watched_deaths {
	struct deaths seen;
	bool known;	   /* `seen` is what later looks are compared with */
	bool fresh;	   /* it has come since this watch began, so that all its counts are new */
	bool waiting;	   /* the sweep had no visits left for it: the next one begins with these */
	bool due;	   /* an event has come since the last tick */
	unsigned arms;	   /* of the watch on memory.events since the last tick */
	int64_t window_ms; /* when counting `lines` began */
	unsigned lines;	   /* said in this window, which lasts WATCH_DEATHS_MS */
	uint64_t unsaid;   /* kills that were only counted, since the last line about such */
	int64_t after_ms;  /* no look below it before: it has just cost that many visits */
};

/* One cgroup under watch: a grant, or one that the hook has announced in the table of grants. */
struct watched {
	uint64_t id;
	int fd;
	char *name;		    /* printable: the container, or before that is known the path */
	char *path;		    /* of the cgroup; as it is, so never printed */
	char *labels[WATCH_LABELS]; /* printable; NULL: not known */
	struct budget_entry entry;  /* what the attribute says that it counts for, at the last check */
	bool lowered;		    /* by the policy just now; the next check brings its limits down */
	bool settled;		    /* its attribute was there when last looked for; else it waits for one */
	bool unreadable;	    /* there is an attribute, it cannot be read, and that was said */
	bool uncompared;	    /* some ceiling could not be compared or put back, and that was said */
	bool unkept;		    /* only for one check: without inotify, and without memory of an earlier one */
	bool eventless;		    /* some limit file that is there has no inotify watch */
	uint64_t checked;	    /* the number of the sweep in or after which it was last checked; 0: not yet */
	int64_t since_ms;	    /* under watch */
	int64_t verified_ms;	    /* when last every ceiling held; at first since_ms */
	int64_t told_ms[PLACE_SCOPE + 1];   /* when systemd was last told */
	bool tell_failing[PLACE_SCOPE + 1]; /* and that did not work, which was said */
	bool guard_missing[GUARD_KINDS];    /* and could not be attached again */
	int64_t remind_ms[GUARD_KINDS];	    /* not reported again before this time */
	bool dying_alarm, dying_held;	    /* removed cgroups pile up; reclaim does not help */
	uint64_t dying_before;		    /* how many, at the last reclaim */
	uint64_t reclaim_bytes;		    /* the next one's size */
	int64_t reclaim_after_ms;
	struct watched_deaths deaths;
	struct watch_limit *limits;
	struct watched *next, *chain; /* of all; of the bucket's */
};

struct watch {
	struct watch_args args;
	int inotify_fd; /* -EBADF: the kernel gives none; each sweep asks again */
	int table_wd, run_wd;
	struct watched *all;
	struct watched *ids[WATCH_BUCKETS];	/* by the cgroup's id */
	struct watch_limit *wds[WATCH_BUCKETS]; /* by inotify's number */
	struct watch_child *children;
	bool blind;	      /* without inotify somewhere, and that was said */
	int blind_errno;      /* why */
	bool overflowed;      /* events were lost: the next tick looks at everything */
	int64_t overflow_ms;  /* when that was last done */
	bool lets_go;	      /* this kernel does not let the writer of memory.max wait for reclaim */
	uint64_t sweep;	      /* the number of this one, or of the last */
	unsigned walked;      /* sweeps since the last walk of the whole tree */
	int64_t walk_ms;      /* how long that took */
	size_t passed;	      /* cgroups that the last walk could not look into */
	bool walks_alone;     /* some grant could not be adopted, so that only the walk checks it */
	size_t unkept;	      /* grants without a descriptor of ours: each walk checks them in passing */
	struct guards guards; /* this build's pins, as they were found in this sweep */
	struct err guards_err;
	bool guards_opened;
	int64_t load_again_ms;
	struct watch_host *host;
	size_t death_visits;	 /* that this sweep has left, for all grants */
	unsigned death_arms;	 /* of watches on memory.events since the last tick, for all grants */
	int64_t death_window_ms; /* when counting `death_lines` began */
	unsigned death_lines;	 /* of all grants in this window */
	struct err unrecorded;	 /* why the last record could not be written */
	struct watch_counts counts;
};

void watch_say(struct watch *watch, int priority, const char *fmt, ...) _printf_(3, 4);

/* watch-record.c. Says it of a grant, with its name in front, and appends a record of it to the audit record: `event` is
 * its kind, one word. */
void watch_note(struct watch *watch, const struct watched *w, const char *event, int priority, const char *fmt, ...)
	_printf_(5, 6);

/* What a record of killed processes has beside its text. */
struct watch_death {
	uint64_t kills;
	const char *victim, *limit; /* cgroups, escaped; NULL: not known, or the machine */
	const char *limit_of;	    /* "container", "child", "above", "machine" or "unknown" */
	uint64_t most;		    /* its memory.max, or LIMIT_MAX */
};

/* Appends only the record. `death` NULL: it is about something else. */
void watch_record(struct watch *watch, const struct watched *w, const char *event, const char *text,
		  const struct watch_death *death);

/* watch-deaths.c. After each sweep, at each tick, and when memory.events has changed. Nothing waits for the last. */
void watch_deaths_sweep(struct watch *watch);
void watch_deaths_tick(struct watch *watch);
void watch_deaths_event(struct watch *watch, struct watched *w);
void watch_deaths_done(struct watched *w);

/* watch-grants.c. Puts a cgroup under watch and takes `fd`, which a failure closes: -ENOMEM, or -EMFILE where there are
 * hardly any descriptors left. `path` serves where /proc does not say it; NULL: none. */
int watch_adopt(struct watch *watch, uint64_t id, int fd, const char *path);
struct watched *watch_find(const struct watch *watch, uint64_t id);
void watch_forget(struct watch *watch, struct watched *w);

/* Everything about one grant: settles it once it has its attribute, puts back what is above its ceiling, and with `rest`
 * looks at its guards and its dying cgroups. False: the cgroup is gone. */
bool watch_check(struct watch *watch, struct watched *w, bool rest);

/* Is that the errno of a file in a cgroup that has been removed? */
bool watch_is_gone(int r);

/* Adopts what the table of grants has and what a walk of the tree finds. The walk checks what it sees. */
void watch_read_entries(struct watch *watch);
int watch_walk(struct watch *watch, struct err *err);

/* By one reading of its attribute: what holds is what that says now. False: it has none that can be read. The caller ends
 * both. */
bool watch_open(const struct watch *watch, const struct watched *w, struct attribute *attribute, struct inspect *ret);

/* watch-limits.c. Brings the limits, and their inotify watches, in line with the attribute. Where a watch cannot be
 * added the grant is `eventless`, and the next check tries again. NULL: the grant waits for its attribute. */
void watch_limits_sync(struct watch *watch, struct watched *w, const struct inspect *grant);
void watch_limits_drop(struct watch *watch, struct watched *w);

/* Asks for one event from memory.events, which a container can cause as often as it likes. */
void watch_limits_arm(struct watch *watch, struct watched *w);
bool watch_limit_is_events(const struct watch_limit *limit);

/* By the number in an event, or by ceiling; NULL: there is none. */
struct watch_limit *watch_limit_by_wd(const struct watch *watch, int wd);
struct watch_limit *watch_limit_of(const struct watched *w, enum place place, const char *file);

/* The kernel has ended all inotify watches of a closed instance, or one of a file that is gone. */
void watch_limit_lost(struct watch *watch, struct watch_limit *limit);

/* watch-enforce.c. Puts back what is above its ceiling; `only` NULL: all of the grant. A negative errno: some ceiling
 * could not be compared, or does not hold. */
int watch_enforce(struct watch *watch, struct watched *w, struct inspect *grant, const struct watch_limit *only,
		  struct err *err);

/* The end of a child that wrote a limit. `w` NULL: of a cgroup that is checked in passing only. `error`: a positive errno,
 * or 0. */
void watch_enforce_ended(struct watch *watch, struct watched *w, enum place place, const char *file, int error);

/* Contests that are over; what systemd was not told yet. */
void watch_enforce_tick(struct watch *watch, struct watched *w);

/* watch-systemd.c. Tells systemd of the limits that are marked so, if no helper works for that unit. */
void watch_tell_systemd(struct watch *watch, struct watched *w, const struct inspect *grant);

/* watch-policy.c. Lowers the ceilings of the attribute, here and on the cgroup, to what the policy says by now. */
void watch_lower(struct watch *watch, struct watched *w, struct attribute *attribute);

/* Are the guards of the grant in force? Attaches them again, or raises an alarm. */
void watch_guards(struct watch *watch, struct watched *w, const struct inspect *grant);
/* A new sweep begins: what is pinned is opened anew. */
void watch_guards_begin(struct watch *watch);

/* Do too many removed cgroups hold memory? `stat` is what cgroup.stat says; `attribute` NULL: it cannot be read. */
void watch_dying(struct watch *watch, struct watched *w, const char *stat, const struct attribute *attribute);

/* watch-child.c. As fork(): 0 in the child, which ends with _exit(errno); a pid; or a negative errno. `file` may be "". */
pid_t watch_fork(struct watch *watch, enum watch_child_kind kind, struct watched *w, enum place place, const char *file);

/* How many run for that; w NULL: for all. */
size_t watch_running(struct watch *watch, enum watch_child_kind kind, const struct watched *w, enum place place,
		     const char *file);

/* Takes the results of those that have ended. */
void watch_collect(struct watch *watch);

/* Nobody is interested in the results for this one any more. */
void watch_disown(struct watch *watch, const struct watched *w);
