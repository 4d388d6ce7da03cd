/* SPDX-License-Identifier: Apache-2.0 */
/* Guards - those of the node, for one container: opened, and loaded when nobody has loaded them yet. For run.c. */
#pragma once

#include <stdint.h>

#include "cgdeleg/grant/gather.h"

/* Which guards a container needs, and how they are loaded if they are not pinned. */
struct guard_loader {
	unsigned which;	     /* WANT_* of bpf/guard.h */
	const char *run;     /* the directory of the table of grants: hooks take turns by a lock on a file there */
	int64_t deadline_ms; /* of the run, CLOCK_MONOTONIC, the grant's own share included; 0: none */
};

/*
 * Opens the pinned guards into target and translates config.json's device list for them. When one that is needed is
 * neither pinned nor noted as impossible, the loader is executed, by one hook while the others wait for what it pins;
 * `loader` NULL: nothing is executed.
 * Why there is no guard is a fact like any other; never an error. What it means is one too: only the loader's note, or a
 * build without guards, makes it GUARD_FACT_CANNOT. The loader's exit status, a signal or an errno never does.
 */
void guards_open_or_load(const struct host *host, const struct guard_loader *loader, const struct oci *oci,
			 struct target *target, struct facts *facts);

/* Executes `directory`/`name`, a program that belongs to root, without arguments and environment, and waits for it
 * until `end_ms` (CLOCK_MONOTONIC). What it says on standard error is the sentence of its failure. */
int helper_run(const char *directory, const char *name, int64_t end_ms, struct err *err);
