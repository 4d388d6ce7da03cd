/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scene - one delegated cgroup, /ci/box, in a temporary tree under a watch whose clock the test sets.
 *
 * The program is linked with fake-kernel.c and fake-guard.c, and with --wrap=clock_gettime.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cgdeleg/node/watch.h"
#include "policy/ruleset.h"
#include "tests/unit/fake-guard.h"
#include "tests/unit/tree.h"

#define C   "sys/fs/cgroup/"
#define BOX C "ci/box"

/* The attribute; `more` are further members, each with a comma in front. */
#define RECORD_OF(id, scope, more, ceilings)                                                       \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"small\"" \
	",\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"line\":\"\",\"method\":\"\""             \
	",\"leaf\":\"\",\"since\":1,\"scope\":" scope more ",\"ceilings\":{" ceilings "}}\n"
#define UNGUARDED	 ",\"guarded\":false"
#define RECORD(ceilings) BOX RECORD_OF("box", "false", UNGUARDED, ceilings)

struct scene {
	struct tree tree;
	struct host host;
	struct ruleset rules;
	bool has_policy; /* else the watch has none, and says nothing of it */
	struct watch *watch;
	char run[PATH_MAX];
	int64_t interval_ms; /* of the sweeps, as watch is told; 0: it is not */
	bool audit;	     /* it has an audit record, in the tree's audit/ */
	bool forks;	     /* as the daemon does, for what takes its time */
	int loads; /* how often the loader was asked; it pins what `loadable` says, or fails where that is NULL */
};

extern int64_t scene_now_ms;
extern int64_t scene_step_ms;  /* by how much each look at the clock moves it; scene_open() sets 0 */
extern char scene_said[16384]; /* "<priority> sentence\n" each, since the last scene_hear() */
extern const char *scene_loadable;

/* Skips the test unless root runs it. `lines` come on top of a cgroup /ci/box with 1 GiB, 64 cgroups, a depth of 4 and no
 * attribute. */
void scene_open(struct scene *s, const char *lines, const char *policy);
void scene_close(struct scene *s);

/* Starts the watch; nothing that it should not say. */
void scene_watch(struct scene *s);

/* Writes to a file in its place, as the kernel's own are. */
void scene_write(struct scene *s, const char *path, const char *text);
void scene_check(struct scene *s, const char *path, const char *want);

/* Lets the watch read its events, or sweep; fails on an error. */
void scene_events(struct scene *s);
void scene_sweep(struct scene *s);

/* Forgets what was said. */
void scene_hear(void);
/* `want` NULL: nothing may have been said since. */
void scene_check_said(const char *name, const char *want);
size_t scene_count_said(const char *part);
