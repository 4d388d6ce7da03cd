/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding page - what there is to say about a kind of finding, whatever line has it: `cgdeleg check --explain` prints it,
 * and docs/findings.md is made of it.
 *
 * The first digit of an id is the subject: 0 a policy that cannot be read, 1 settings with a price, 2 lines that do
 * nothing or refuse everything, 3 this node, 4 its engines. An id is never given to something else.
 *
 * Parts: finding-page.c, finding-page-fault.c, finding-page-policy.c, finding-page-node.c,
 * finding-page-engine.c.
 */
#pragma once

#include "policy/finding.h"

struct finding_page {
	enum finding_id kind;
	const char *id; /* "CGD104" */
	enum finding_severity severity;
	const char *title;  /* a few words */
	const char *why;    /* what it means and what it costs, whole sentences */
	const char *remedy; /* what to do, whole sentences */
	/* A policy that has it, and the same one without it; NULL: it is not the policy's text alone that has it. */
	const char *example, *mended;
};

/* Never NULL. */
const struct finding_page *finding_page(enum finding_id kind);

/* Is it of that kind? */
bool finding_is(const struct finding *finding, enum finding_id kind);

/* In any spelling ("cgd104"); NULL: there is none. */
const struct finding_page *finding_page_find(const char *id);

/* All of them, by id: the first after NULL; NULL after the last. */
const struct finding_page *finding_page_next(const struct finding_page *page);

/* The tables, for finding-page.c alone. */
struct finding_pages {
	const struct finding_page *pages;
	size_t n;
};

extern const struct finding_pages finding_pages_fault, finding_pages_policy, finding_pages_node, finding_pages_engine;
