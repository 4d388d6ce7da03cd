/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what is refused, with its place, and filling a struct by its table. */

#include <errno.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/unit/check.h"

/* NULL words: accepted. */
static const struct parse_case {
	const char *text;
	const char *words;
	size_t len; /* when the text holds a NUL */
} parse_cases[] = {
	{ "{}", NULL, 0 },
	{ " {\"a\": [1, 2.5, null, true, \"x\"]}\n", NULL, 0 },
	{ "{\"a\":{\"b\":1},\"b\":{\"a\":1}}", NULL, 0 }, /* the same key in different objects */
	{ "{\"\\u00e4\":\"\xc3\xa4\"}", NULL, 0 },
	{ "{\"a\":\"\\/ \\u0000\"}", NULL, 0 }, /* a NUL in a value is the reader's to judge */
	{ "{\"a\":[[[1]]]}", NULL, 0 },
	{ "", "empty", 0 },
	{ "[]", "a JSON object was expected", 0 },
	{ "1", "a JSON object was expected", 0 },
	{ "null", "a JSON object was expected", 0 },
	{ "{\"a\":1,\"a\":2}", "'a' appears twice", 0 },
	{ "{\"x\":[{\"a\":1,\"b\":1,\"a\":2}]}", "'a' appears twice", 0 },
	{ "{\"a\":1,\"\\u0061\":2}", "'a' appears twice", 0 }, /* spelt differently, the same */
	{ "{\"a\\u0000b\":1}", "NUL byte", 0 },
	{ "{\"a\":[[[[1]]]]}", "nested too deeply", 0 },
	{ "{\"a\":1} x", "t:1:", 0 },
	{ "{\"a\":1}{}", "not valid JSON", 0 },
	{ "{\"a\":1,}", "not valid JSON", 0 },
	{ "{\n\"a\":\n  ?}", "t:3:3: not valid JSON", 0 },
	{ "{'a':1}", "not valid JSON", 0 },
	{ "{a:1}", "not valid JSON", 0 },
	{ "{\"a\":1} // c", "not valid JSON", 0 },
	{ "{\"a\":NaN}", "not valid JSON", 0 },
	{ "{\"a\":0x1}", "not valid JSON", 0 },
	{ "{\"a\":01}", "not valid JSON", 0 },
	{ "{\"a\":\"\xff\"}", "not valid JSON", 0 },
	{ "{\"a\":\"\xc0\xaf\"}", "not valid JSON", 0 },
	{ "{\"a\":\"\xed\xa0\x80\"}", "not valid JSON", 0 },
	{ "{\"a\":\"\\ud800\"}", "not valid JSON", 0 },
	{ "{\"a\":\"x\ny\"}", "not valid JSON", 0 },
	{ "{\"a\":1", "not valid JSON", 0 },
	{ "{\"a\":1}\0", "not valid JSON", 8 },
};

/* The same of the same text, in place: refused with the same sentence. */
static void check_taken(const struct parse_case *c, size_t len, const struct err *copied)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	char *text = calloc(1, len + FILE_PADDING);
	struct err err = { 0 };

	assert_non_null(text);
	memcpy(text, c->text, len);
	assert_int_equal(json_parse_taken(text, len, 4, "t", &doc, &err), -copied->code);
	assert_string_equal(err.text, copied->text);
	assert_true((c->words == NULL) == (doc != NULL));
}

TEST(test_parse)
{
	for (size_t i = 0; i < ELEMENTS(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
		size_t len = c->len ? c->len : strlen(c->text);
		_cleanup_free_ char *exact = malloc(len + 1);
		struct err err = { 0 };
		int r;

		assert_non_null(exact);
		memcpy(exact, c->text, len); /* no NUL behind it */
		r = json_parse(exact, len, 4, "t", &doc, &err);
		if ((r == 0) != (c->words == NULL) || (r < 0 && !strstr(err.text, c->words)))
			fail_msg("'%s': %d '%s'", c->text, r, err.text);
		assert_true((r == 0) == (doc != NULL));
		if (r < 0)
			assert_int_equal(r, -EBADMSG);
		check_taken(c, len, &err);
	}
}

struct target {
	const char *string;
	int64_t number;
	bool flag;
	yyjson_val *object, *array;
};

static const struct json_field fields[] = {
	{ "string", JSON_STRING, offsetof(struct target, string), true },
	{ "number", JSON_I64, offsetof(struct target, number), false },
	{ "flag", JSON_BOOL, offsetof(struct target, flag), false },
	{ "object", JSON_OBJECT, offsetof(struct target, object), false },
	{ "array", JSON_ARRAY, offsetof(struct target, array), false },
};

static int dispatch(const char *text, yyjson_doc **doc, struct target *ret, struct err *err)
{
	yyjson_doc_free(*doc);
	*doc = NULL;
	*ret = (struct target) { .number = -7 };
	assert_int_equal(json_parse(text, strlen(text), 8, "t", doc, NULL), 0);
	return json_dispatch(yyjson_doc_get_root(*doc), fields, ELEMENTS(fields), ret, "state", err);
}

TEST(test_dispatch)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	struct target t;

	assert_int_equal(dispatch("{\"x\":1,\"string\":\"s\",\"number\":9223372036854775807,\"flag\":true,"
				  "\"object\":{},\"array\":[]}",
				  &doc, &t, NULL),
			 0);
	assert_string_equal(t.string, "s");
	assert_true(t.number == INT64_MAX && t.flag && t.object && t.array);
	assert_int_equal(dispatch("{\"string\":\"\",\"number\":-9223372036854775808}", &doc, &t, NULL), 0);
	assert_true(t.number == INT64_MIN);
	/* Absent and null: left as it was. */
	assert_int_equal(dispatch("{\"string\":\"s\",\"number\":null}", &doc, &t, NULL), 0);
	assert_true(t.number == -7 && !t.flag && !t.object);
}

TEST(test_dispatch_refusals)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "{}", "'string' is missing, a string" },
		{ "{\"string\":null}", "'string' is missing" },
		{ "{\"string\":1}", "'string' is not a string" },
		{ "{\"string\":\"a\\u0000b\"}", "'string' is not a string" },
		{ "{\"string\":\"s\",\"number\":\"1\"}", "'number' is not an integer" },
		{ "{\"string\":\"s\",\"number\":1.0}", "'number' is not an integer" },
		{ "{\"string\":\"s\",\"number\":9223372036854775808}", "'number' is not an integer" },
		{ "{\"string\":\"s\",\"flag\":1}", "'flag' is not true or false" },
		{ "{\"string\":\"s\",\"object\":[]}", "'object' is not an object" },
		{ "{\"string\":\"s\",\"array\":{}}", "'array' is not an array" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
		struct err err = { 0 };
		struct target t;

		if (dispatch(cases[i].text, &doc, &t, &err) != -EBADMSG || !strstr(err.text, cases[i].words) ||
		    !strstr(err.text, "state"))
			fail_msg("%s: '%s'", cases[i].text, err.text);
	}
}
