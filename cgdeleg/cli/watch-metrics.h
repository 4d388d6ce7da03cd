/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, metrics - what `watch` exports: its own counts, each grant, and what of the node no grant has: the policy's
 * validity, its budgets, the decisions of all hooks, the guards. See metric.h.
 */
#pragma once

#include <stdint.h>

#include "cgdeleg/cli/metric.h"
#include "cgdeleg/node/watch.h"

struct ruleset;

#define BUDGETS_MAX 1000 /* budgets that are written of each kind */

/* The policy as its files are now, which hooks read in each run; what is in force in `watch` may be older. */
struct policy_look {
	int64_t after_ms; /* not looked at again before */
	bool valid;
	size_t n_faults;
	struct ruleset *rules; /* the last valid one; NULL: there was none yet */
};

struct watch_metrics {
	struct watch *watch;
	const struct host *host;
	const char *policy, *run; /* directories */
	uid_t owner;		  /* who may own the policy besides root */
	int64_t swept_us;	  /* when the last sweep ended, since 1970 */
	enum metric_format format;
	struct policy_look look;
};

void watch_metrics_done(struct watch_metrics *from);

/* Writes all of them. False: not all could be written. */
bool watch_metrics(struct watch_metrics *from, FILE *to);
