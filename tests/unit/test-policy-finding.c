/* SPDX-License-Identifier: Apache-2.0 */
/* Finding: what is valid and has a price or does nothing, and what is left alone. */
#include "policy/finding.h"
#include "tests/unit/check.h"

#define SMALL  "[profile small]\npids.max = 10\n"
#define BIG    "[profile big]\nmemory.max = 1G\npids.max = 10\n"
#define H      "[handler h]\nengine = containerd\n"
#define ASK    H "approved_annotations = cgdeleg.io/writable\n"
#define CHOOSE H "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile\n"
#define OPEN   H "cgroup_writable = true\n"

struct found {
	unsigned n, lines[4];
	enum finding_id ids[4];
	enum finding_severity severities[4];
	char texts[4][512];
};

struct finding_case {
	const char *name, *policy;
	unsigned line;
	const char *text;
};

static void keep(const struct finding *finding, void *userdata)
{
	struct found *found = userdata;

	assert_true(found->n < ELEMENTS(found->lines));
	assert_string_equal(finding->place.file, "test.ini");
	found->ids[found->n] = finding->id;
	found->severities[found->n] = finding->severity;
	found->lines[found->n] = finding->place.line;
	(void)snprintf(found->texts[found->n++], sizeof(found->texts[0]), "%s", finding->text);
}

static struct found findings_of(const char *name, const char *policy)
{
	struct ruleset rules;
	struct found found = { 0 };

	assert_int_equal(ruleset_load_text("test.ini", policy, strlen(policy), &rules, NULL), 0);
	if (ruleset_is_broken(&rules))
		fail_msg("%s: %s", name, rules.complaints->text);
	findings_each(&rules, keep, &found);
	ruleset_done(&rules);
	return found;
}

/* Every finding of a valid policy; `text` must be in the first one, NULL: there is none. */
static void expect_finding(const char *name, const char *policy, unsigned line, const char *text)
{
	const struct found found = findings_of(name, policy);

	if (found.n != (text ? 1 : 0))
		fail_msg("%s: %u findings, the first '%s'", name, found.n, found.texts[0]);
	if (text && (!strstr(found.texts[0], text) || found.lines[0] != line))
		fail_msg("%s: line %u, '%s'", name, found.lines[0], found.texts[0]);
}

static void expect_each(const struct finding_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_finding(cases[i].name, cases[i].policy, cases[i].line, cases[i].text);
}

TEST(test_handlers)
{
	static const struct finding_case cases[] = {
		{ "nothing in it grants", H, 1, "[handler h] grants nothing" },
		{ "a rule that only selects", H "[rule r]\nhandler = h\nnamespaces = a\n", 1,
		  "[handler h] grants nothing" },
		{ "another handler's rule grants",
		  H "[handler i]\nengine = containerd\ncgroup_writable = true\n"
		    "[rule r]\nhandler = i\ncgroup_writable = true\n",
		  1, "[handler h] grants nothing" },
		{ "only says with what ceilings", H "approved_annotations = cgdeleg.io/memory.max\n", 1,
		  "[handler h] grants nothing" },
		{ "a profile is asked for", H "approved_annotations = cgdeleg.io/profile\n", 0, NULL },
		{ "forbids", H "cgroup_writable = false\n", 1, "[handler h] grants nothing" },
		{ "grants", OPEN, 0, NULL },
		{ "may be asked", ASK, 0, NULL },
		{ "a rule grants",
		  H "[rule r]\nhandler = i h\ncgroup_writable = true\n"
		    "[handler i]\nengine = containerd\ncgroup_writable = true\n",
		  0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
}

TEST(test_budgets)
{
	static const struct finding_case cases[] = {
		{ "no profile", OPEN "budget.memory.max = 4G\n", 4, "gives no profile" },
		{ "its profile has no such limit", SMALL OPEN "profile = small\nbudget.memory.max = 4G\n", 7,
		  "profile 'small' (test.ini:1), which has no memory.max" },
		{ "one that may be chosen has none",
		  SMALL BIG CHOOSE "profile = big\nprofiles = big small\nbudget.memory.max = 4G\n", 11,
		  "profile 'small'" },
		{ "nobody may choose it", SMALL BIG ASK "profile = big\nprofiles = big small\nbudget.memory.max = 4G\n",
		  0, NULL },
		{ "an annotation may be the ceiling",
		  SMALL H "approved_annotations = cgdeleg.io/writable cgdeleg.io/memory.max\n"
			  "profile = small\nbudget.memory.max = 4G\n",
		  0, NULL },
		{ "a rule that forbids gives none",
		  BIG OPEN
		  "budget.memory.max = 4G\n[rule r]\nhandler = h\npods = x\nprofile = big\n[rule s]\nhandler = h\ncgroup_writable = false\n",
		  0, NULL },
		{ "said once for two rules",
		  SMALL OPEN "budget.memory.max = 4G\n"
			     "[rule r]\nhandler = h\npods = x\nprofile = small\n"
			     "[rule s]\nhandler = h\nprofile = small\n",
		  6, "profile 'small'" },
		{ "a rule's profile has none",
		  SMALL BIG OPEN "profile = big\nbudget.memory.max = 4G\n"
				 "[rule r]\nhandler = h\npods = x\nprofile = small\n"
				 "[rule s]\nhandler = h\n",
		  10, "profile 'small'" },
		{ "max is none", "[profile p]\nmemory.max = max\n" OPEN "profile = p\nbudget.memory.max = 4G\n", 7,
		  "profile 'p'" },
		{ "counted", SMALL BIG OPEN "profile = big\nbudget.memory.max = 4G\n", 0, NULL },
		{ "another budget's limit", SMALL OPEN "profile = small\nbudget.pids.max = 40\n", 0, NULL },
		{ "no bound", OPEN "budget.memory.max = max\n", 0, NULL },
		{ "every rule has its own profile",
		  BIG OPEN "budget.memory.max = 4G\n[rule r]\nhandler = h\nprofile = big\n", 0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
}

TEST(test_rules)
{
	static const struct finding_case cases[] = {
		{ "behind one that takes all",
		  OPEN "[rule a]\nhandler = h\nowner = root\n"
		       "[rule b]\nhandler = h\nnamespaces = x\n",
		  7, "[rule b] is never reached: [rule a] (test.ini:4)" },
		{ "before it", OPEN "[rule b]\nhandler = h\nnamespaces = x\n[rule a]\nhandler = h\n", 0, NULL },
		{ "only one of its handlers is taken",
		  OPEN "[handler i]\nengine = crio\ncgroup_writable = true\n"
		       "[rule a]\nhandler = h\n[rule b]\nhandler = h i\n",
		  0, NULL },
		{ "each of its handlers by another",
		  OPEN "[handler i]\nengine = crio\ncgroup_writable = true\n"
		       "[rule a]\nhandler = h\n[rule b]\nhandler = i\n[rule c]\nhandler = h i\n",
		  11, "[rule c] is never reached: [rule b]" },
		{ "one with a selector takes not all",
		  OPEN "[rule a]\nhandler = h\nimages = x\n[rule b]\nhandler = h\n", 0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
}

TEST(test_risks)
{
	const struct found found = findings_of("risks", "[defaults]\nguard = off\n[profile p]\nmemory.max = max\n"
							"cgroup.max.depth = max\n");

	assert_int_equal(found.n, 2);
	assert_true(found.lines[0] == 2 && found.lines[1] == 5);
	assert_true(found.ids[0] == FINDING_GUARD_OFF && found.ids[1] == FINDING_DEPTH_UNBOUNDED);
	assert_true(found.severities[0] == FINDING_RISK && found.severities[1] == FINDING_RISK);
	expect_finding("none", OPEN "require_userns = true\nguard = require\n", 0, NULL);
}
