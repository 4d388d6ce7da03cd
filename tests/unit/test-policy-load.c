/* SPDX-License-Identifier: Apache-2.0 */
/* Loading when memory runs out: at every single allocation, an error and never half a policy. */
#include <stdint.h>
#include <stdlib.h>

/* The arena is all that the loader allocates from. Its source with another calloc() takes the library's
 * place, because this object is linked before it. Small chunks make many allocations. */
static size_t allocations_left;

static void *scarce_calloc(size_t n, size_t size)
{
	/* Nobody has that much; the address sanitizer would abort instead of saying so. */
	if (allocations_left == 0 || size > UINT32_MAX)
		return NULL;
	allocations_left--;
	return calloc(n, size);
}

#define calloc scarce_calloc
#include "base/arena.c" /* NOLINT */
#undef calloc

#include "policy/ruleset.h"
#include "tests/unit/check.h"

/* Sections enough for the index to grow, and complaints of every stage. */
static char *make_policy(void)
{
	char *text = malloc(1 << 20);
	size_t len = 0;

	assert_non_null(text);
	for (int i = 0; i < 700; i++)
		len += (size_t)sprintf(text + len,
				       "[profile p%d]\npids.max = %d\n[handler h%d]\nengine = crio\n"
				       "profile = q%d\nno_such_key = 1\n[rule r%d]\npods = x\n"
				       "[rule s%d]\nhandler = h%d\nprofiles = a b\nprofiles = c\n"
				       "[profile i%d]\nio.max = 8:0 rbps=1\nio.max = 8:1 rbps=1\n",
				       i, i, i, i, i, i, i, i);
	return text;
}

TEST(test_scarce)
{
	_cleanup_free_ char *text = make_policy();
	struct ruleset rules;
	size_t n = 0;
	int r;

	do {
		struct err err = { 0 };

		allocations_left = n++;
		r = ruleset_load_text("t.ini", text, strlen(text), &rules, &err);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_non_null(strstr(err.text, "t.ini"));
		}
		ruleset_done(&rules);
	} while (r < 0);
	assert_true(n > 10);
}

TEST(test_scarce_files)
{
	struct ruleset rules;
	size_t n = 0;
	int r;

	do {
		allocations_left = n++;
		r = ruleset_load("/nonexistent", 0, &rules, NULL);
		assert_true(r == 0 || r == -ENOMEM);
		ruleset_done(&rules);
	} while (r < 0);
	assert_true(n > 2);
}

TEST(test_huge)
{
	_cleanup_(cleanup_arena) struct arena *arena = NULL;

	allocations_left = 2;
	arena = arena_new();
	assert_non_null(arena);
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_null(arena_alloc(arena, SIZE_MAX - 64));
	assert_null(arena_strndup(arena, "", SIZE_MAX));
	assert_non_null(arena_alloc(arena, 1 << 20)); /* more than any chunk */
	assert_string_equal(arena_strndup(arena, "abc", 0) ? "" : "no room", "no room");
	assert_null(arena_free(NULL));
}
