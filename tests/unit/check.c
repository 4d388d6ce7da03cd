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
	static char texts[8][8192];
	static size_t last;
	char *text = texts[last = (last + 1) % ELEMENTS(texts)];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(texts[0]), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(texts[0]))
		fail_msg("a text has no room");
	return text;
}

int check_run(void)
{
	return _cmocka_run_group_tests("tests", cases, n_cases, NULL, NULL);
}

__attribute__((weak)) int main(void)
{
	return check_run();
}
