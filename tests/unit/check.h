/* SPDX-License-Identifier: Apache-2.0 */
/* Check - cmocka with its prerequisites, the cases of a program, and assertions on sentences. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

/* The failure r and the sentence that it comes with: `want` is a part of it. NULL: r must be success. */
static inline void check_result(const char *name, int r, const struct err *err, const char *want)
{
	if (!want && r < 0)
		fail_msg("%s: failed with \"%s\", success was expected", name, err->text);
	if (want && r >= 0)
		fail_msg("%s: success, \"%s\" was expected", name, want);
	if (want && !strstr(err->text, want))
		fail_msg("%s: the error is \"%s\", \"%s\" was expected", name, err->text, want);
	if (want && -r != err->code)
		fail_msg("%s: %d was returned and %d stored", name, r, err->code);
	if (want && (strchr(err->text, '\n') || err->text[strlen(err->text) - 1] == '.'))
		fail_msg("%s: \"%s\" is not one sentence without newline and full stop", name, err->text);
}

/* An array in a row of a table: with braces of its own the formatter gives each field a line. */
#define WORDS(...)          \
	{                   \
		__VA_ARGS__ \
	}

/* CHECK("open", file_open(path, &why), "No such file"): what the call returns, and the sentence in `why`. */
extern struct err why;
#define CHECK(name, call, want) (why = (struct err) { 0 }, check_result(name, call, &why, want))

/* A text that is kept until the program ends. */
const char *format(const char *format, ...) _printf_(1, 2);

/* Numbers that are the same in every run; the seed is not 0. */
uint64_t random_next(uint64_t *seed);

/* Strings of which either may be NULL. */
static inline void check_string(const char *name, const char *got, const char *want)
{
	if (!got != !want || (got && strcmp(got, want) != 0))
		fail_msg("%s: \"%s\", \"%s\" was expected", name, got ? got : "(none)", want ? want : "(none)");
}

/*
 * TEST(test_something) { ... } is a case of its program, in the order of the file: no list names it, so none can be left
 * out of one. TEST_AS_ROOT() is skipped for everybody else. TEST_WITH() has a cmocka set-up and tear-down around it.
 */
#define TEST_WITH(name, set_up, tear_down)                                               \
	static void name(void **state);                                                  \
	__attribute__((constructor)) static void add_##name(void)                        \
	{                                                                                \
		check_add((struct CMUnitTest) { #name, name, set_up, tear_down, NULL }); \
	}                                                                                \
	static void name(__attribute__((unused)) void **state)
#define TEST(name) TEST_WITH(name, NULL, NULL)
#define TEST_AS_ROOT(name)                \
	static void name##_as_root(void); \
	TEST(name)                        \
	{                                 \
		if (geteuid() != 0)       \
			skip();           \
		name##_as_root();         \
	}                                 \
	static void name##_as_root(void)

void check_add(struct CMUnitTest test);

/* All cases; main() of check.c does it. A program that must do more has a main() of its own. */
int check_run(void);
