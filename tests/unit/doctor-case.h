/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor case - a node as a tree (tree.h), one check of the doctor on it, and what it must say.
 *
 * A program has a table of cases, and hands it to doctor_cases() with the table of checks that they are about: each
 * check must have a case that provokes a finding and one that does not.
 */
#pragma once

#include "cgdeleg/node/doctor-part.h"
#include "tests/unit/tree.h"

struct doctor_case {
	const char *id;
	const char *lines;	   /* beyond those of the base */
	enum doctor_result result; /* the worst of the check's answers */
	const char *text;	   /* a part of that answer's sentence */
	const char *remedy;	   /* a part of its remedy; NULL: it must have none */
	bool user;		   /* the doctor runs as an ordinary user */
	int fails;		   /* what the kernel is asked to do fails with this errno; 0: it works */
	void (*prepare)(const struct tree *tree); /* what no line can describe; NULL: nothing */
};

/* A node on which nothing is amiss, as root sees it. */
extern const char doctor_node[];

void doctor_cases(const struct doctor_check *checks, const struct doctor_case *cases, size_t n);
