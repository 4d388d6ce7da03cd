/* SPDX-License-Identifier: Apache-2.0 */
/* Id ranges: joined, compared, written and read; rounded up where there is no room for all. */
#include "cgdeleg/kernel/id-ranges.h"
#include "tests/unit/check.h"

struct pair {
	uint64_t first, count;
};

static struct id_ranges made(const struct pair *pairs)
{
	struct id_ranges ranges = { 0 };

	for (; pairs->count > 0; pairs++)
		id_ranges_add(&ranges, pairs->first, pairs->count);
	return ranges;
}

TEST(test_add)
{
	static const struct {
		struct pair pairs[6];
		const char *want;
	} cases[] = {
		{ { { 0 } }, "" },
		{ { { 100000, 65536 } }, "100000-165535" },
		{ { { 7, 1 } }, "7-7" },
		{ { { 200, 10 }, { 100, 10 } }, "100-109 200-209" },
		{ { { 100, 10 }, { 110, 10 } }, "100-119" },
		{ { { 110, 10 }, { 100, 10 } }, "100-119" },
		{ { { 100, 10 }, { 111, 10 } }, "100-109 111-120" },
		{ { { 100, 10 }, { 105, 10 } }, "100-114" },
		{ { { 100, 100 }, { 120, 10 } }, "100-199" },
		{ { { 120, 10 }, { 100, 100 } }, "100-199" },
		{ { { 100, 10 }, { 200, 10 }, { 300, 10 }, { 105, 200 } }, "100-309" },
		{ { { 100, 10 }, { 200, 10 }, { 100, 10 } }, "100-109 200-209" },
		{ { { 0, 4294967295 } }, "0-4294967294" },
		{ { { 4294967294, 1 } }, "4294967294-4294967294" },
		{ { { 4294967295, 1 } }, "" },
		{ { { 4294967290, 100 } }, "4294967290-4294967294" },
		{ { { UINT64_MAX, UINT64_MAX } }, "" },
	};
	char text[ID_RANGES_TEXT_SIZE];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct id_ranges ranges = made(cases[i].pairs), again;

		check_string(cases[i].want, id_ranges_format(&ranges, text), cases[i].want);
		assert_int_equal(id_ranges_parse(text, &again), 0);
		assert_int_equal(again.n, ranges.n);
		assert_memory_equal(again.ranges, ranges.ranges, ranges.n * sizeof(ranges.ranges[0]));
	}
}

/* More than there is room for: what is nearest to each other is joined, and nothing is lost. */
TEST(test_many)
{
	struct id_ranges ranges = { 0 };
	struct id_range common;
	char text[ID_RANGES_TEXT_SIZE];

	for (uint64_t i = 0; i < 340; i++)
		id_ranges_add(&ranges, (i * 37 % 340) * 1000 + 5, 2);
	assert_true(ranges.n <= ID_RANGES_MAX);
	for (uint64_t i = 0; i < 340; i++) {
		const struct id_ranges one = { 1, { { (uint32_t)(i * 1000 + 6), 1 } } };

		assert_true(id_ranges_common(&ranges, &one, &common));
	}
	assert_int_equal(id_ranges_hull(&ranges).first, 5);
	assert_int_equal(id_ranges_hull(&ranges).count, 339 * 1000 + 2);
	/* The longest text there can be. */
	ranges.n = 0;
	for (uint64_t i = 0; i < ID_RANGES_MAX; i++)
		id_ranges_add(&ranges, 4000000000 + i * 10, 2);
	assert_int_equal(ranges.n, ID_RANGES_MAX);
	assert_true(strlen(id_ranges_format(&ranges, text)) < ID_RANGES_TEXT_SIZE);
	/* Of the two that are nearest one is made, before a new one is added. */
	ranges.ranges[7].count = 7;
	id_ranges_add(&ranges, 5, 1);
	assert_int_equal(ranges.n, ID_RANGES_MAX);
	assert_int_equal(ranges.ranges[0].first, 5);
	assert_int_equal(ranges.ranges[0].count, 1);
	assert_int_equal(ranges.ranges[8].first, 4000000070);
	assert_int_equal(ranges.ranges[8].count, 12);
	assert_int_equal(ranges.ranges[1].count, 2);
}

TEST(test_common)
{
	static const struct {
		const char *a, *b;
		struct id_range want; /* count 0: none */
	} cases[] = {
		{ "100000-165535", "100000-165535", { 100000, 65536 } },
		{ "100000-165535", "165536-231071", { 0 } },
		{ "100000-165535", "165535-231071", { 165535, 1 } },
		{ "100000-165535", "90000-100000", { 100000, 1 } },
		{ "100000-165535", "90000-99999", { 0 } },
		{ "100000-165535", "120000-120009", { 120000, 10 } },
		{ "0-0 100-109 200-209", "110-199", { 0 } },
		{ "0-0 100-109 200-209", "50-60 205-300", { 205, 5 } },
		{ "0-4294967294", "4294967294-4294967294", { 4294967294, 1 } },
		{ "", "0-4294967294", { 0 } },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		for (int turned = 0; turned < 2; turned++) {
			struct id_range common = { 0 };
			struct id_ranges a, b;

			assert_int_equal(id_ranges_parse(turned ? cases[i].b : cases[i].a, &a), 0);
			assert_int_equal(id_ranges_parse(turned ? cases[i].a : cases[i].b, &b), 0);
			assert_int_equal(id_ranges_common(&a, &b, &common), cases[i].want.count > 0);
			assert_int_equal(common.first, cases[i].want.first);
			assert_int_equal(common.count, cases[i].want.count);
		}
}

TEST(test_parse)
{
	static const char *const bad[] = {
		"5",	 "5-",	    "-5",	    "6-5",
		"a-b",	 "1-2,3-4", "1-4294967295", "0-99999999999999999999",
		"1-2-3", "+1-2",    "01-2",	    "1111111111111111111111111111111111111-2",
	};
	struct id_ranges ranges;

	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		if (id_ranges_parse(bad[i], &ranges) != -EINVAL || ranges.n != 0)
			fail_msg("'%s' was taken", bad[i]);
	}
}
