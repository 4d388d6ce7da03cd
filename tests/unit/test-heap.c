/* SPDX-License-Identifier: Apache-2.0 */
/* The hook's heap, under other names beside the one that this program uses. */
#include "tests/unit/check.h"

void *bump_malloc(size_t size);
void *bump_calloc(size_t n, size_t size);
void *bump_realloc(void *data, size_t size);
void bump_free(void *data);

#define malloc	bump_malloc
#define calloc	bump_calloc
#define realloc bump_realloc
#define free	bump_free
#include "hooks/libc/heap-bump.c" /* NOLINT(bugprone-suspicious-include) */
#undef malloc
#undef calloc
#undef realloc
#undef free

#define PIECES 64

static void check_filled(const unsigned char *data, size_t size, unsigned char with)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(data[i], with);
}

/* One piece grows, shrinks, goes and comes again; what is in it stays, and stays its own. */
static void churn(unsigned char **piece, size_t *size, unsigned char mark, uint64_t *seed)
{
	const size_t wanted = random_next(seed) % 5000;
	const size_t kept = wanted < *size ? wanted : *size;

	check_filled(*piece, *size, mark);
	switch (random_next(seed) % 3) {
	case 0:
		bump_free(*piece);
		*piece = bump_calloc(1, wanted);
		assert_non_null(*piece);
		check_filled(*piece, wanted, 0);
		break;
	case 1:
		*piece = bump_realloc(*piece, wanted);
		assert_non_null(*piece);
		check_filled(*piece, kept, mark);
		break;
	default:
		bump_free(*piece);
		*piece = bump_malloc(wanted);
		assert_non_null(*piece);
		break;
	}
	assert_int_equal((uintptr_t)*piece % ALIGNMENT, 0);
	*size = wanted;
	memset(*piece, mark, wanted);
}

TEST(test_churn)
{
	unsigned char *pieces[PIECES] = { NULL };
	size_t sizes[PIECES] = { 0 };
	uint64_t seed = 0x9e3779b97f4a7c15;

	for (size_t round = 0; round < 20000; round++) {
		const size_t i = random_next(&seed) % PIECES;

		churn(&pieces[i], &sizes[i], (unsigned char)(i + 1), &seed);
	}
	for (size_t i = 0; i < PIECES; i++)
		check_filled(pieces[i], sizes[i], (unsigned char)(i + 1));
}

/* A buffer that doubles and is the last one stays where it is. */
TEST(test_grows_in_place)
{
	unsigned char *data = bump_malloc(16), *again;

	assert_non_null(data);
	again = bump_realloc(data, 1024);
	assert_ptr_equal(again, data);
}

TEST(test_large)
{
	const size_t size = 20 * BLOCK_SIZE;
	unsigned char *data = bump_calloc(size, 1);

	assert_non_null(data);
	assert_int_equal(data[0] | data[size / 2] | data[size - 1], 0);
	data = bump_realloc(data, 2 * size);
	assert_non_null(data);
}

TEST(test_too_large)
{
	unsigned char *data = bump_malloc(8);

	memset(data, 7, 8);
	assert_null(bump_malloc(SIZE_MAX));
	assert_null(bump_malloc(PTRDIFF_MAX));
	assert_null(bump_calloc(SIZE_MAX / 2, 4));
	assert_null(bump_realloc(data, SIZE_MAX - 8));
	/* What could not grow is still there, and still its owner's. */
	check_filled(data, 8, 7);
	assert_ptr_not_equal(bump_malloc(8), data);
}
