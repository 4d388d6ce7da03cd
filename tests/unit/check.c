/* SPDX-License-Identifier: Apache-2.0 */
/* Check - the cases of a program, as its TEST()s add themselves, and its main(). */
#include "tests/unit/check.h"

static struct CMUnitTest cases[32];
static size_t n_cases;

void check_add(struct CMUnitTest test)
{
	if (n_cases == ELEMENTS(cases))
		abort();
	cases[n_cases++] = test;
}

int check_run(void)
{
	return _cmocka_run_group_tests("tests", cases, n_cases, NULL, NULL);
}

__attribute__((weak)) int main(void)
{
	return check_run();
}
