/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor prints: text for people, JSON, one line and an exit code for the node problem detector. */
#include "base/json.h"
#include "cgdeleg/cli/doctor-print.h"
#include "tests/unit/check.h"

static const struct doctor_check checks[] = {
	{ "a.first", "because of the first", NULL },
	{ "a.second", "because of the second", NULL },
};

/* Two answers, which are printed by one of the three. */
static struct doctor two(enum doctor_result first, enum doctor_result second)
{
	static struct doctor_answer answers[2];

	answers[0] = (struct doctor_answer) { &checks[0], first, "the first sentence", NULL };
	answers[1] = (struct doctor_answer) { &checks[1], second, "the second sentence", "run `this`" };
	return (struct doctor) { .answers = answers, .n = 2 };
}

static char printed[4096];

static FILE *paper(void)
{
	memset(printed, 0, sizeof(printed));
	return fmemopen(printed, sizeof(printed) - 1, "w");
}

TEST(test_text)
{
	const struct doctor d = two(DOCTOR_OK, DOCTOR_WARN);
	FILE *to = paper();

	assert_true(doctor_print_text(&d, to));
	(void)fclose(to);
	check_string("text", strchr(printed, '\n') + 1,
		     "ok       a.first                the first sentence\n"
		     "warn     a.second               the second sentence\n"
		     "         why: because of the second\n"
		     "         do:  run `this`\n"
		     "0 fail, 1 warn, 0 note, 0 unknown, 0 n/a, 1 ok\n");
}

TEST(test_json)
{
	const struct doctor d = two(DOCTOR_UNKNOWN, DOCTOR_FAIL);
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	yyjson_val *root, *second;
	FILE *to = paper();

	assert_true(doctor_print_json(&d, to));
	(void)fclose(to);
	CHECK("json", json_parse(printed, strlen(printed), 8, "it", &doc, &why), NULL);
	root = yyjson_doc_get_root(doc);
	assert_int_equal(yyjson_get_int(yyjson_obj_get(root, "version")), 1);
	check_string("worst", yyjson_get_str(yyjson_obj_get(root, "worst")), "fail");
	assert_int_equal(yyjson_get_int(yyjson_obj_get(yyjson_obj_get(root, "counts"), "unknown")), 1);
	assert_true(yyjson_is_null(yyjson_obj_get(yyjson_arr_get(yyjson_obj_get(root, "checks"), 0), "remedy")));
	second = yyjson_arr_get(yyjson_obj_get(root, "checks"), 1);
	check_string("id", yyjson_get_str(yyjson_obj_get(second, "id")), "a.second");
	check_string("result", yyjson_get_str(yyjson_obj_get(second, "result")), "fail");
	check_string("remedy", yyjson_get_str(yyjson_obj_get(second, "remedy")), "run `this`");
}

TEST(test_npd)
{
	static const struct {
		enum doctor_result first, second, bar;
		int code;
		const char *line;
	} cases[] = {
		{ DOCTOR_OK, DOCTOR_NOT_APPLICABLE, DOCTOR_FAIL, 0, "cgdeleg finds nothing amiss on this node\n" },
		{ DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, 0, "cgdeleg finds nothing amiss on this node\n" },
		{ DOCTOR_OK, DOCTOR_WARN, DOCTOR_WARN, 1, "a.second: the second sentence\n" },
		{ DOCTOR_FAIL, DOCTOR_WARN, DOCTOR_FAIL, 1, "a.first: the first sentence\n" },
		{ DOCTOR_UNKNOWN, DOCTOR_NOTE, DOCTOR_FAIL, 2,
		  "checks without an answer: 1; run cgdeleg doctor as root\n" },
		{ DOCTOR_UNKNOWN, DOCTOR_FAIL, DOCTOR_FAIL, 1, "a.second: the second sentence\n" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct doctor d = two(cases[i].first, cases[i].second);
		FILE *to = paper();

		assert_int_equal(doctor_print_npd(&d, cases[i].bar, to), cases[i].code);
		(void)fclose(to);
		check_string("line", printed, cases[i].line);
	}
}
