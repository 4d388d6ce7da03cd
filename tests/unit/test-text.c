/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers read strictly, words, wildcards, distances and escaping. */
#include <errno.h>

#include "base/text.h"
#include "tests/unit/check.h"

TEST(test_numbers)
{
	static const struct {
		const char *text;
		int u64, bytes; /* result codes */
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0, 0 },
		{ "7", 0, 0, 7 },
		{ "18446744073709551615", 0, 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, -ERANGE, 0 },
		{ "999999999999999999999999999999", -ERANGE, -ERANGE, 0 },
		{ "1K", -EINVAL, 0, 1024 },
		{ "1M", -EINVAL, 0, 1048576 },
		{ "3G", -EINVAL, 0, UINT64_C(3) << 30 },
		{ "2T", -EINVAL, 0, UINT64_C(2) << 40 },
		{ "0K", -EINVAL, 0, 0 },
		{ "16777215T", -EINVAL, 0, UINT64_C(16777215) << 40 },
		{ "16777216T", -EINVAL, -ERANGE, 0 },
		{ "18014398509481984K", -EINVAL, -ERANGE, 0 },
		{ "", -EINVAL, -EINVAL, 0 },
		{ "K", -EINVAL, -EINVAL, 0 },
		{ "1k", -EINVAL, -EINVAL, 0 },
		{ "1KK", -EINVAL, -EINVAL, 0 },
		{ "1KB", -EINVAL, -EINVAL, 0 },
		{ "1P", -EINVAL, -EINVAL, 0 },
		{ "01", -EINVAL, -EINVAL, 0 },
		{ "00", -EINVAL, -EINVAL, 0 },
		{ " 1", -EINVAL, -EINVAL, 0 },
		{ "1 ", -EINVAL, -EINVAL, 0 },
		{ "+1", -EINVAL, -EINVAL, 0 },
		{ "-1", -EINVAL, -EINVAL, 0 },
		{ "0x1", -EINVAL, -EINVAL, 0 },
		{ "1.0", -EINVAL, -EINVAL, 0 },
		{ "1\xd9\xa1", -EINVAL, -EINVAL, 0 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		uint64_t u64 = 4711, bytes = 4711;

		if (text_to_u64(cases[i].text, &u64) != cases[i].u64 ||
		    text_to_bytes(cases[i].text, &bytes) != cases[i].bytes)
			fail_msg("'%s'", cases[i].text);
		assert_true(u64 == (cases[i].u64 ? 4711 : cases[i].value));
		assert_true(bytes == (cases[i].bytes ? 4711 : cases[i].value));
	}
}

TEST(test_bool)
{
	static const char *const wrong[] = { "", "True", "TRUE", "yes", "1", "0", "true ", "tru", "falsee" };
	bool value = false;

	assert_int_equal(text_to_bool("true", &value), 0);
	assert_true(value);
	assert_int_equal(text_to_bool("false", &value), 0);
	assert_false(value);
	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_int_equal(text_to_bool(wrong[i], &value), -EINVAL);
}

TEST(test_glob)
{
	static const struct {
		const char *pattern, *string;
		bool matches;
	} cases[] = {
		{ "*", "", true },	 { "*", "a/b", true },	   { "*", NULL, false },
		{ "", "", true },	 { "", "a", false },	   { "a", NULL, false },
		{ "ci-*", "ci-", true }, { "ci-*", "ci", false },  { "ci-*", "xci-1", false },
		{ "a?c", "abc", true },	 { "a?c", "ac", false },   { "[ab]", "b", true },
		{ "[!ab]", "b", false }, { "[a-c]x", "bx", true }, { "a*c/*", "abc/d/e", true },
		{ "*.x", ".x", true },	 { "a\\*", "a*", false },  { "a\\*", "a\\b", true },
		{ "A", "a", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (text_glob(cases[i].pattern, cases[i].string) != cases[i].matches)
			fail_msg("'%s' '%s'", cases[i].pattern, cases[i].string);
}

TEST(test_has_word)
{
	static const struct {
		const char *list, *word;
		bool has;
	} cases[] = {
		{ "a", "a", true },   { "a b", "b", true }, { " a\tb ", "b", true }, { "a b", "a b", false },
		{ "ab", "a", false }, { "ab", "b", false }, { "a", "ab", false },    { "", "", false },
		{ "a", "", false },   { " ", "", false },   { NULL, "a", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (text_has_word(cases[i].list, cases[i].word) != cases[i].has)
			fail_msg("'%s' '%s'", cases[i].list, cases[i].word);
}

TEST(test_next_word)
{
	const char *list = "  one\ttwo   toolong x ";
	char word[4];

	assert_int_equal(text_next_word(&list, word, sizeof(word)), 3);
	assert_string_equal(word, "one");
	assert_int_equal(text_next_word(&list, word, sizeof(word)), 3);
	assert_string_equal(word, "two");
	assert_int_equal(text_next_word(&list, word, sizeof(word)), -ENAMETOOLONG);
	assert_int_equal(text_next_word(&list, word, sizeof(word)), 1);
	assert_string_equal(word, "x");
	assert_int_equal(text_next_word(&list, word, sizeof(word)), 0);
	assert_string_equal(word, "");
	assert_int_equal(text_next_word(&list, word, sizeof(word)), 0);
	assert_string_equal(list, "");
}

TEST(test_distance)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{ "", "", 0 },	     { "a", "a", 0 },	   { "a", "", 1 },    { "abc", "abd", 1 },
		{ "abc", "ab", 1 },  { "abc", "xabc", 1 }, { "ab", "ba", 2 }, { "kitten", "sitting", 3 },
		{ "abc", "xyz", 3 },
	};
	char long_a[200], long_b[200];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
	memset(long_a, 'a', sizeof(long_a) - 1);
	memset(long_b, 'b', sizeof(long_b) - 1);
	long_a[sizeof(long_a) - 1] = long_b[sizeof(long_b) - 1] = '\0';
	assert_int_equal(text_distance(long_a, long_b), 63);
	assert_int_equal(text_distance(long_a, ""), 63);
	assert_int_equal(text_distance("", long_a), 63);
}

TEST(test_escape)
{
	static const struct {
		const char *text;
		size_t size;
		const char *escaped;
	} cases[] = {
		{ "plain ~", 64, "plain ~" },
		{ "", 1, "" },
		{ "a\nb", 64, "a\\x0ab" },
		{ "\\", 64, "\\x5c" },
		{ "\x1b[31m\x7f", 64, "\\x1b[31m\\x7f" },
		{ "\xc3\xa4", 64, "\\xc3\\xa4" },
		{ "abcdef", 4, "abc" },
		{ "a\n", 5, "a" }, /* never half an escape */
		{ "a\n", 6, "a\\x0a" },
		{ "\n", 1, "" },
	};
	char buf[64];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		memset(buf, 'x', sizeof(buf));
		assert_ptr_equal(text_escape(cases[i].text, buf, cases[i].size), buf);
		assert_string_equal(buf, cases[i].escaped);
	}
}
