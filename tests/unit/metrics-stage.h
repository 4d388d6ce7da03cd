/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage - a watched machine whose metrics a test reads. See watch-scene.h, and fake-faults.h for how the program is linked.
 */
#pragma once

#include "cgdeleg/cli/list.h"
#include "cgdeleg/cli/watch-metrics.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-faults.h"

#define WHO(id, guarded, since, ceilings)                                                                                \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"i\",\"handler\":\"runc-ci\",\"rule\":\"\",\"profile\":"            \
	"\"small\",\"namespace\":\"ci-a\",\"pod\":\"job\\\"7\",\"name\":\"build\",\"line\":\"policy.ini:7\","            \
	"\"method\":\"keep\",\"leaf\":\"\",\"since\":" since ",\"guarded\":" guarded ",\"pressure\":\"deny\","           \
	"\"devices\":\"\",\"uids\":\"100000-165535\",\"gids\":\"100000-165535\",\"scope\":false,\"ceilings\":{" ceilings \
	"}}\n"
#define LIMITS \
	"\"memory.max\":\"1073741824\",\"cgroup.max.descendants\":\"64\",\"cgroup.max.depth\":\"4\",\"pids.max\":\"100\",\"cpu.max\":\"150000 100000\""
#define GRANT	BOX WHO("box", "false", "1000", LIMITS)
#define GUARDED BOX WHO("box", "true", "1000", LIMITS)
#define OTHER	C "ci/other"
#define SHARING OTHER "/\n" OTHER WHO("other", "false", "2000", LIMITS)

#define WATCH METRIC_OF_WATCH
#define LIST  METRIC_OF_LIST

/* A machine, what it does behind its first sweep, and the value of a sample then; NULL: there is no such sample. */
struct state {
	const char *lines;
	void (*act)(struct scene *s);
	const char *value;
};

extern int64_t stage_swept_us; /* when the last sweep ended, since 1970; 0: at the scene's time */

/* Begins with that machine. */
void stage_begin(struct scene *s, const struct state *state);

/* What a verb writes of the machine, to be freed; or both of them into one text. */
char *stage_write(struct scene *s, unsigned verbs, enum metric_format form);
