/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage - a container in a temporary tree, a plan for it, and what plan_apply() needs to act on it.
 *
 * The program is linked with fake-kernel.c and fake-guard.c. Needs root.
 */
#pragma once

#include "cgdeleg/grant/apply.h"
#include "cgdeleg/grant/gather.h"
#include "tests/unit/tree.h"

#define BOX "sys/fs/cgroup/ci/box/"

/* A gathered container, a decision by hand, and the plan of both. */
struct stage {
	struct tree tree;
	struct host host;
	struct oci oci;
	struct target target;
	struct facts facts;
	struct decision decision;
	struct plan plan;
	struct outcome outcome;
	struct apply apply;
	struct err err;
	int n_restrict, n_grant, n_intent;
};

/* `nest`: the leaf's name, or NULL. One stage at a time. */
void stage_new(struct stage *s, enum verdict verdict, const char *nest);
void stage_done(struct stage *s);

/* Everything of the container's cgroup that a step may change, as one text. */
const char *stage_picture(const struct stage *s);

/* One file of it: its text and its owner, of user and group. */
void stage_check_file(const struct stage *s, const char *name, const char *text, unsigned uid);
