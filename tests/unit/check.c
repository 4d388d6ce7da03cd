/* SPDX-License-Identifier: Apache-2.0 */
/* Check - the cases of a program, as its TEST()s add themselves, and its main(). */
#include "tests/unit/check.h"

struct err why;

static struct CMUnitTest cases[32];
static size_t n_cases;

void check_add(struct CMUnitTest test)
{
	if (n_cases == ELEMENTS(cases))
		abort();
	cases[n_cases++] = test;
}

const char *format(const char *format, ...)
{
	static struct kept {
		struct kept *before;
		char text[8192];
	} * last;
	struct kept *kept = malloc(sizeof(*kept));
	va_list args;
	int n;

	assert_non_null(kept);
	kept->before = last;
	last = kept;
	va_start(args, format);
	n = vsnprintf(kept->text, sizeof(kept->text), format, args);
	va_end(args);
	assert_in_range(n, 0, sizeof(kept->text) - 1);
	return kept->text;
}

uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

int check_run(void)
{
	return _cmocka_run_group_tests("tests", cases, n_cases, NULL, NULL);
}

__attribute__((weak)) int main(void)
{
	return check_run();
}
