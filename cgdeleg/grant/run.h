/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run - the picture of docs/design.md: read, decide, look, decide, plan, apply, record.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cgdeleg/grant/apply.h"
#include "base/journal.h"
#include "cgdeleg/grant/audit.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/kernel/host.h"
#include "cgdeleg/grant/oci.h"
#include "cgdeleg/grant/plan.h"
#include "policy/decide.h"

#define POLICY_DIRECTORY "/etc/cgdeleg"

struct run_args {
	const char *handler; /* --handler; mandatory */
	const char *policy;  /* --policy: directory */
	const char *audit;   /* --audit: directory */
	const char *run;     /* --run: directory of the table of grants; NULL: count grants by a walk of the tree */
	uid_t owner;	     /* besides root, who may own policy, bundle and audit record; 0 in the hook */
	const char *helpers; /* --helpers: directory of the helpers; NULL: host_open()'s */
	bool load_guards;    /* execute the loader if no guards are pinned */
	int64_t deadline_ms; /* CLOCK_MONOTONIC; 0: none */
	/* Looks at the container; NULL: gather(). `check` without a state has none to look at. */
	int (*look)(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		    struct err *err);
	bool every_fact; /* also gather facts that this container's plan does not need, to show them */
};

/* Everything that one run knows. Every stage fills its member; trail_free() frees them all. */
struct trail {
	struct oci oci;
	struct ruleset rules;
	struct facts facts;
	struct target target;
	struct decision decision;
	struct plan plan;
	struct apply apply;
	struct outcome outcome;
	struct host host;
	struct audit audit;
	struct journal journal;
	struct budget budget;
	struct err err;	      /* why the run failed; text is "" when it did not */
	struct sharer sharer; /* facts->sharer */
	struct record record;
};

/* Makes a trail from zeroed memory: sets the members that are not zero in an empty one. */
void trail_init(struct trail *trail);

/* A new trail; NULL when memory ran out. */
struct trail *trail_new(void);
void trail_free(struct trail *trail);

/* The hook's run. Returns 0 (granted whole, passed through, or refused and running) or a negative errno with trail->err
 * set; a refusal that stops the container is -EACCES. Writes the audit record. */
int run_create_runtime(const struct run_args *args, int state_fd, struct trail *trail);

/*
 * The hook's stages from the look to the plan, for a container that is being created or, with args->look, for a bundle
 * alone. `cgdeleg check` runs only this. trail->oci and trail->rules must have been read. With args->load_guards it
 * loads missing guards, and with args->run it opens and locks the table of grants; without them it changes nothing.
 */
int run_plan(const struct host *host, const struct run_args *args, struct trail *trail);
