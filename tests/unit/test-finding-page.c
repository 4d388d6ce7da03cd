/* SPDX-License-Identifier: Apache-2.0 */
/* Finding page: each kind has one, and its example has the finding, and what is mended has not. */
#include <time.h>

#include "policy/finding-page.h"
#include "tests/unit/check.h"

struct search {
	const char *id;
	bool found;
};

static void look(const struct finding *finding, void *userdata)
{
	struct search *search = userdata;

	assert_non_null(finding_page_find(finding->id));
	assert_true(finding->text[0]);
	search->found |= strcmp(finding->id, search->id) == 0;
}

static bool has(const char *policy, const char *id)
{
	_cleanup_(ruleset_done) struct ruleset rules = { 0 };
	struct search search = { id, false };

	assert_int_equal(ruleset_load_text("test.ini", policy, strlen(policy), &rules, NULL), 0);
	if (ruleset_is_broken(&rules))
		findings_faults(&rules, look, &search);
	else
		assert_int_equal(findings_each(&rules, look, &search), 0);
	return search.found;
}

/* What the text of a policy alone does not show. */
static bool needs_more(enum finding_id kind)
{
	static const enum finding_id kinds[] = {
		FINDING_FILE_MISSING,	FINDING_FILE_UNREADABLE,     FINDING_FILE_NOT_OWNED,	  FINDING_FILE_LINK,
		FINDING_FILE_TOO_LARGE, FINDING_LIMITS_TOO_MANY,     FINDING_FAULT_OTHER,	  FINDING_FILE_UNREAD,
		FINDING_IDS_SHARED,	FINDING_HOST_OPTION_MISSING, FINDING_HOST_OPTION_UNKNOWN,
	};

	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return finding_page(kind)->id[3] >= '3';
}

TEST(test_each_kind_has_a_page)
{
	for (int kind = 0; kind < FINDING_ID_MAX; kind++)
		if ((int)finding_page((enum finding_id)kind)->kind != kind)
			fail_msg("kind %d has no page", kind);
}

TEST(test_ids)
{
	const struct finding_page *last = NULL, *page = NULL;
	size_t n = 0;

	for (; (page = finding_page_next(page)); last = page, n++) {
		if (strlen(page->id) != 6 || strncmp(page->id, "CGD", 3) != 0 || strspn(page->id + 3, "0123456789") != 3)
			fail_msg("'%s' is no id", page->id);
		if (last && strcmp(last->id, page->id) >= 0)
			fail_msg("%s comes after %s", page->id, last->id);
		assert_ptr_equal(finding_page_find(page->id), page);
		assert_true((page->id[3] == '0') == (page->kind <= FINDING_FAULT_OTHER));
	}
	assert_int_equal(n, FINDING_ID_MAX);
	assert_string_equal(finding_page_find("cgd101")->id, "CGD101");
	assert_null(finding_page_find("CGD10"));
	assert_null(finding_page_find("CGD1010"));
	assert_null(finding_page_find(""));
}

TEST(test_examples)
{
	for (const struct finding_page *page = NULL; (page = finding_page_next(page));) {
		if (!page->example != !page->mended || !page->example != needs_more(page->kind))
			fail_msg("%s has no example", page->id);
		if (!page->example || !page->mended)
			continue;
		if (!has(page->example, page->id))
			fail_msg("%s is not found in its example", page->id);
		if (has(page->mended, page->id))
			fail_msg("%s is found in what is mended", page->id);
	}
}

/* The page is read by people: whole sentences in it, and a title that is none. */
TEST(test_texts)
{
	for (const struct finding_page *page = NULL; (page = finding_page_next(page));) {
		const char *const sentences[] = { page->why, page->remedy };

		for (size_t i = 0; i < ELEMENTS(sentences); i++)
			if (!strchr(".", sentences[i][strlen(sentences[i]) - 1]))
				fail_msg("%s: '%s' ends without a full stop", page->id, sentences[i]);
		assert_true(page->title[strlen(page->title) - 1] != '.');
		assert_true(page->severity < FINDING_SEVERITY_MAX);
	}
}

TEST(test_severities)
{
	assert_int_equal(finding_severity_find("note"), FINDING_NOTE);
	assert_int_equal(finding_severity_find("risk"), FINDING_RISK);
	assert_int_equal(finding_severity_find("fault"), FINDING_FAULT);
	assert_int_equal(finding_severity_find("error"), FINDING_SEVERITY_MAX);
	assert_int_equal(finding_severity_find(""), FINDING_SEVERITY_MAX);
}

static double seconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void count(const struct finding *finding, void *userdata)
{
	assert_non_null(finding_page_find(finding->id));
	++*(size_t *)userdata;
}

#define LARGE_HANDLERS 500

/* Ten thousand lines: every handler with a profile, budgets and rules of its own, and those of all handlers in one.
 * `pattern` has one number. */
static char *large_policy(bool together, const char *name, const char *pattern, int n_rules)
{
	const size_t size = 1 << 20;
	char *text = malloc(size);
	size_t len = 0;

	assert_non_null(text);
	for (int i = 0; i < LARGE_HANDLERS; i++)
		len += (size_t)snprintf(text + len, size - len,
					"[profile p%d]\nmemory.max = 1G\npids.max = 10\n[handler h%d]\nengine = containerd\n"
					"approved_annotations = cgdeleg.io/writable cgdeleg.io/cpu.max\nprofile = p%d\n"
					"writable_mount = bound\nbudget.memory.max = 9G\nenable_controllers = cpu\n",
					i, i, i);
	for (int i = 0; i < n_rules; i++)
		len += (size_t)snprintf(text + len, size - len, "[rule r%d]\nhandler = h%d\n%s = %s%d%s\n", i,
					together ? 0 : i % LARGE_HANDLERS, name, pattern, i,
					strchr(pattern, '/') ? "/*" : "-*");
	return text;
}

/* To compare each with each would take seconds to minutes. About 15 ms each, without sanitizers. */
TEST(test_large)
{
	static const struct {
		bool together;
		const char *name, *pattern;
	} cases[] = { { false, "namespaces", "team-" },
		      { true, "namespaces", "team-" },
		      { true, "images", "registry.example/*/team-" } };

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_free_ char *text = large_policy(cases[i].together, cases[i].name, cases[i].pattern, 5000 / 3);
		_cleanup_(ruleset_done) struct ruleset rules = { 0 };
		const double begin = seconds();
		size_t n = 0;

		assert_int_equal(ruleset_load_text("test.ini", text, strlen(text), &rules, NULL), 0);
		assert_false(ruleset_is_broken(&rules));
		assert_int_equal(findings_each(&rules, count, &n), 0);
		assert_true(seconds() - begin < 0.7);
		/* cpu.max that only the annotation sets, and controllers without a leaf. */
		assert_int_equal(n, 2 * LARGE_HANDLERS);
	}
}
