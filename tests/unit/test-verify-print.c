/* SPDX-License-Identifier: Apache-2.0 */
/* Verify, print: claims as TAP, JSON and text, with names in them that would be read as something else. */
#include "cgdeleg/cli/verify.h"
#include "tests/unit/check.h"

static const struct claim told[] = {
	{ .id = "attribute", .what = "it holds", .how = "container 'a#b' # SKIP", .state = CLAIM_PROVEN },
	{ .id = "guard.grant", .what = "x # TODO", .how = "made without it # or \\", .state = CLAIM_NOT_MADE },
	{ .id = "exec", .what = "it lands", .how = "is in '/a\"b'", .remedy = "see \\x1b", .state = CLAIM_FAILED },
	{ .id = "ids.config", .what = "maps", .how = "not found", .state = CLAIM_UNKNOWN },
};

static const char tap[] = "TAP version 13\n1..4\n# /ci/box\n"
			  "ok 1 - attribute: it holds\n"
			  "ok 2 - guard.grant: x \\# TODO # SKIP made without it \\# or \\\\\n"
			  "not ok 3 - exec: it lands\n"
			  "  ---\n"
			  "  state: \"failed\"\n"
			  "  message: \"is in '/a\\\"b'\"\n"
			  "  remedy: \"see \\\\x1b\"\n"
			  "  ...\n"
			  "not ok 4 - ids.config: maps\n"
			  "  ---\n"
			  "  state: \"unknown\"\n"
			  "  message: \"not found\"\n"
			  "  ...\n";

static char *print(bool (*form)(const struct claims *claims, const struct found *found, FILE *to))
{
	char path[] = "/ci/box";
	struct found found = FOUND_NONE;
	struct claims claims = { 0 };
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	found.path = path;
	found.attribute = (struct attribute) {
		.present = true, .id = "a\033b", .namespace = "ci", .pod = "p", .name = "", .handler = "h", .profile = "s"
	};
	for (size_t i = 0; i < ELEMENTS(told); i++)
		claims_add(&told[i], &claims);
	assert_int_equal(claims.counts[CLAIM_UNKNOWN], 1);
	assert_true(form(&claims, &found, to));
	assert_int_equal(fclose(to), 0);
	claims_free(&claims);
	return text;
}

TEST(test_tap)
{
	_cleanup_free_ char *text = print(claims_print_tap);

	check_string("TAP", text, tap);
}

TEST(test_json)
{
	_cleanup_free_ char *text = print(claims_print_json);

	assert_non_null(strstr(text, "{\n    \"version\": 1,\n    \"id\": \"a\\\\x1bb\",\n    \"namespace\": \"ci\""));
	assert_non_null(strstr(text, "\"container\": null"));
	assert_non_null(strstr(text, "\"how\": \"is in '/a\\\"b'\",\n            \"remedy\": \"see \\\\x1b\""));
	assert_non_null(
		strstr(text, "\"counts\": {\n        \"proven\": 1,\n        \"failed\": 1,\n        \"unknown\": 1"));
}

TEST(test_text)
{
	_cleanup_free_ char *text = print(claims_print_text);

	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "failed exec: it is not true that it lands: is in '/a\"b'; see "));
	assert_non_null(strstr(text, "1 proven, 1 failed, 1 unknown, 1 not made\n"));
}
