/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundle - what the hook would plan for the container of an OCI bundle: for `check --bundle` and `explain --bundle`.
 *
 * The hook's own stages up to the plan (run_plan()), with nothing done. Without a state, expect.h makes the container
 * that a runtime would make of config.json.
 */
#pragma once

#include "cgdeleg/grant/run.h"

#define BUNDLE_NOTE_SIZE 320

struct bundle {
	const char *path;    /* the directory with config.json */
	const char *state;   /* a file with the OCI state, "-": standard input; NULL: none */
	const char *handler; /* as in the hook's --handler */
	const char *root;    /* of the machine: "/" */
	/* Of a running container, and how to look at it; 0 and NULL: there is none. */
	pid_t pid;
	int (*look)(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		    struct err *err);
};

/* Fills trail, whose rules have been read. */
int bundle_plan(const struct bundle *bundle, struct trail *trail);

/* Would config.json run the hook? As expect_hooks(); with a state the hook is running, and note is "". */
int bundle_check_hooks(const struct bundle *bundle, struct trail *trail, char note[BUNDLE_NOTE_SIZE]);
