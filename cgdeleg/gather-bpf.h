/* SPDX-License-Identifier: Apache-2.0 */
/* Gather, BPF: the node's guards, and what a container could undo device programs with. For gather.c and run.c. */
#pragma once

#include "cgdeleg/gather.h"

/*
 * Opens the pinned guards into target and translates config.json's device list for them. `helpers` is the directory
 * of the hook's own helpers: when nothing is pinned the loader there is executed, once; NULL: nothing is executed.
 * Why there is no guard is a fact like any other; never an error.
 */
void gather_guards(const struct host *host, const char *helpers, const struct oci *oci,
		   struct target *target, struct facts *facts);

/* Descriptors of BPF objects or of cgroups that the container's init would keep across execve(2). */
int gather_descriptors(struct target *target, struct facts *facts, struct err *err);

/* Executes `directory`/`name`, a program that belongs to root, without arguments and environment, and waits for it.
 * What it says on standard error is the sentence of its failure. */
int helper_run(const char *directory, const char *name, struct err *err);
