/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's look at the grants: ceilings, guards, attributes, shared ids. */
#include "tests/unit/check.h"
#include "tests/unit/doctor-case.h"
#include "tests/unit/fake-guard.h"
#include "tests/unit/list-case.h"

#define HOLDS                                                                                                     \
	C "kube/a/\n" C "kube/b/\n" C "kube/c/\n" C "kube/a" RECORD("a", "p", "false", "\"memory.max\":\"1G\"") C \
		"kube/a/memory.max = 1073741824\n" C                                                              \
		"kube/b" RECORD_OF("b", "p", "false", "false", "\"pids.max\":\"9\"", "") C "kube/b/pids.max = 9\n"
#define MAPS(range) ",\"uids\":\"" range "\",\"gids\":\"" range "\""

static void grant_guard_there(const struct tree *tree)
{
	(void)tree;
	fake_guard = (struct fake_guard) { .grant = true };
}

static void no_guard_there(const struct tree *tree)
{
	(void)tree;
	fake_guard = (struct fake_guard) { 0 };
}

static const struct doctor_case cases[] = {
	{ "cgdeleg.grants", "", DOCTOR_OK, "0 grants", NULL, false, 0, NULL },
	{ "cgdeleg.grants", HOLDS, DOCTOR_OK, "2 grants, and all their", NULL, false, 0, grant_guard_there },
	{ "cgdeleg.grants", HOLDS C "kube/a/memory.max = 1073741824\n" C "kube/b/pids.max = 8\n", DOCTOR_OK, "2 grants",
	  NULL, false, 0, grant_guard_there },
	{ "cgdeleg.grants", HOLDS C "kube/a/memory.max = max\n", DOCTOR_WARN,
	  "1 of 2 grants has a limit above its ceiling", "watch --once", false, 0, grant_guard_there },
	{ "cgdeleg.grants", HOLDS C "kube/a/memory.max = max\n" C "kube/b/pids.max = 10\n", DOCTOR_WARN,
	  "2 of 2 grants have a limit above", "watch --once", false, 0, grant_guard_there },
	{ "cgdeleg.grants", HOLDS, DOCTOR_WARN, "1 of 2 grants has lost a guard", "watch --once", false, 0,
	  no_guard_there },
	{ "cgdeleg.grants", HOLDS C "kube/b/pids.max = nonsense\n", DOCTOR_WARN, "could not be compared",
	  "cgdeleg list", false, 0, grant_guard_there },
	{ "cgdeleg.grants", HOLDS C "kube/c @ {\"v\":7}\n", DOCTOR_FAIL,
	  "1 of 3 grants has an attribute that cannot be read", "cgdeleg list", false, 0, grant_guard_there },
	{ "cgdeleg.grants",
	  C "a/\n" C "b/\n" C "a" RECORD_OF("a", "p", "false", "false", "", MAPS("100000-165535")) C
	  "b" RECORD_OF("b", "p", "false", "false", "", MAPS("165535-200000")),
	  DOCTOR_NOTE, "2 of 2 grants have host ids in common", "shared_ids = refuse", false, 0, NULL },
	{ "cgdeleg.grants",
	  C "a/\n" C "b/\n" C "a" RECORD_OF("a", "p", "false", "false", "", MAPS("100000-165535")) C
	  "b" RECORD_OF("b", "p", "false", "false", "", MAPS("165536-200000")),
	  DOCTOR_OK, "2 grants", NULL, false, 0, NULL },
	{ "cgdeleg.grants", "", DOCTOR_UNKNOWN, "only root", NULL, true, 0, NULL },
};

TEST_AS_ROOT(test_grants)
{
	doctor_cases(doctor_grant_checks, cases, ELEMENTS(cases));
}
