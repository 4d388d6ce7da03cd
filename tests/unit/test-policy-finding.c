/* SPDX-License-Identifier: Apache-2.0 */
/* Finding: what is valid and has a price or does nothing, and what is left alone. */
#include "policy/finding-page.h"
#include "tests/unit/check.h"

#define SMALL  "[profile small]\npids.max = 10\n"
#define BIG    "[profile big]\nmemory.max = 1G\npids.max = 10\n"
#define H      "[handler h]\nengine = containerd\n"
#define ASK    H "approved_annotations = cgdeleg.io/writable\n"
#define CHOOSE H "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile\n"
#define OPEN   H "cgroup_writable = true\n"

struct found {
	bool unbounded; /* only FINDING_UNBOUNDED is kept; else it is not */
	unsigned n, lines[4];
	const char *ids[4];
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

	/* Nearly every handler has this one: test_unbounded() is about it. */
	if (finding_is(finding, FINDING_UNBOUNDED) != found->unbounded)
		return;
	assert_true(found->n < ELEMENTS(found->lines));
	assert_string_equal(finding->place.file, "test.ini");
	found->ids[found->n] = finding->id;
	found->severities[found->n] = finding->severity;
	found->lines[found->n] = finding->place.line;
	(void)snprintf(found->texts[found->n++], sizeof(found->texts[0]), "%s", finding->text);
}

static struct found found_in(const char *name, const char *policy, bool unbounded)
{
	struct ruleset rules;
	struct found found = { .unbounded = unbounded };

	assert_int_equal(ruleset_load_text("test.ini", policy, strlen(policy), &rules, NULL), 0);
	if (ruleset_is_broken(&rules))
		fail_msg("%s: %s", name, rules.complaints->text);
	assert_int_equal(findings_each(&rules, keep, &found), 0);
	ruleset_done(&rules);
	return found;
}

static struct found findings_of(const char *name, const char *policy)
{
	return found_in(name, policy, false);
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

/* Wherever a container can pass that nobody asks for. */
TEST(test_unbounded)
{
	static const struct {
		const char *policy;
		unsigned line; /* 0: no finding */
	} table[] = {
		{ ASK, 1 },
		{ ASK "writable_mount = pass\n", 4 },
		{ ASK "writable_mount = bound\n", 0 },
		{ ASK "writable_mount = refuse\n", 0 },
		{ H "writable_mount = bound\n", 0 },
		{ OPEN, 0 },
		{ H "cgroup_writable = false\n", 1 },
		{ OPEN "[rule r]\nhandler = h\nnamespaces = a\n", 1 }, /* no rule matches */
		{ OPEN "[rule r]\nhandler = h\n", 0 },
		{ OPEN "[rule r]\nhandler = h\ncgroup_writable = false\n", 4 },
		{ OPEN "writable_mount = bound\n[rule r]\nhandler = h\nwritable_mount = pass\n", 0 },
		{ ASK "writable_mount = bound\n[rule r]\nhandler = h\nwritable_mount = pass\nnamespaces = a\n", 7 },
		{ ASK "[rule r]\nhandler = h\nwritable_mount = refuse\n", 0 },
		{ ASK "[rule r]\nhandler = h\nnamespaces = a\nwritable_mount = refuse\n", 1 },
		{ ASK "[rule r]\nhandler = h\nwritable_mount = bound\n[rule s]\nhandler = h\nwritable_mount = pass\n", 0 },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		const struct found found = found_in(table[i].policy, table[i].policy, true);

		if (found.n != (table[i].line > 0) || (found.n > 0 && found.lines[0] != table[i].line))
			fail_msg("%s: %u findings, line %u", table[i].policy, found.n, found.lines[0]);
		if (found.n > 0) {
			assert_int_equal(found.severities[0], FINDING_RISK);
			assert_non_null(strstr(found.texts[0], "cgroup_writable of its runtime"));
		}
	}
	/* A handler that only bounds does something. */
	assert_int_equal(findings_of("only bounds", H "writable_mount = bound\n").n, 0);
	assert_int_equal(findings_of("rule bounds", H "[rule r]\nhandler = h\nwritable_mount = refuse\n").n, 0);
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
		{ "a profile is asked for", SMALL H "approved_annotations = cgdeleg.io/profile\nprofiles = small\n", 0,
		  NULL },
		{ "forbids", H "cgroup_writable = false\n", 1, "[handler h] grants nothing" },
		{ "forbids what it lets be asked", ASK "cgroup_writable = false\n", 3,
		  "its approved_annotations ask, and cgroup_writable = false (test.ini:4) forbids it" },
		{ "each of its rules forbids it",
		  ASK
		  "[rule r]\nhandler = h\npods = x\ncgroup_writable = false\n[rule s]\nhandler = h\ncgroup_writable = false\n",
		  3, "cgroup_writable = false (test.ini:10) forbids it" },
		{ "a rule allows what it forbids",
		  ASK "cgroup_writable = false\n[rule r]\nhandler = h\ncgroup_writable = true\n", 0, NULL },
		{ "one rule does not forbid it",
		  ASK "[rule r]\nhandler = h\npods = x\ncgroup_writable = false\n[rule s]\nhandler = h\n", 0, NULL },
		{ "grants", OPEN, 0, NULL },
		{ "may be asked", ASK, 0, NULL },
		{ "a rule grants",
		  H "[rule r]\nhandler = i h\ncgroup_writable = true\n"
		    "[handler i]\nengine = containerd\ncgroup_writable = true\n",
		  0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
}

#define GIVEN	     "profile = p\n[profile p]\nmemory.max = 1G\npids.max = 9\n"
#define LISTED	     "profiles = p\n" GIVEN
#define PODMAN(more) "[handler h]\nengine = podman\n" more

/* Images ask by podman alone, and only where an annotation decides something. */
TEST(test_images_ask)
{
	static const struct finding_case cases[] = {
		{ "asks", PODMAN("approved_annotations = cgdeleg.io/writable\n"), 3,
		  "approves cgdeleg.io/writable, and podman gives the annotations of an image to its containers" },
		{ "asks by a profile", PODMAN("approved_annotations = cgdeleg.io/memory.max cgdeleg.io/profile\n" LISTED),
		  3, "whoever builds an image can ask" },
		{ "asks by another's key",
		  PODMAN("approved_annotations = io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw\n"), 3,
		  "whoever builds an image can ask" },
		{ "all have it anyway", PODMAN("cgroup_writable = true\napproved_annotations = cgdeleg.io/writable\n"),
		  0, NULL },
		{ "all have it, and choose",
		  PODMAN("cgroup_writable = true\napproved_annotations = cgdeleg.io/profile\n" LISTED), 4,
		  "whoever builds an image can choose the profile" },
		{ "a limit lowers",
		  PODMAN("cgroup_writable = true\napproved_annotations = cgdeleg.io/memory.max\n" GIVEN), 0, NULL },
		{ "another engine", ASK, 0, NULL },
		{ "another engine", "[handler h]\nengine = docker\napproved_annotations = cgdeleg.io/writable\n", 0, NULL },
		{ "another engine", "[handler h]\nengine = crio\napproved_annotations = cgdeleg.io/writable\n", 0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
	assert_int_equal(findings_of("severity", cases[0].policy).severities[0], FINDING_RISK);
}

/* What a choice among profiles may lose. */
TEST(test_choices)
{
	static const struct finding_case cases[] = {
		{ "no memory.max", SMALL BIG CHOOSE "profile = big\nprofiles = big small\n", 10,
		  "may choose profile 'small' (test.ini:1), which has no memory.max, and so escape that of profile 'big' (test.ini:4)" },
		{ "max", "[profile s]\nmemory.max = max\npids.max = 9\n" BIG CHOOSE "profile = big\nprofiles = s\n", 11,
		  "may choose profile 's'" },
		{ "by a rule", SMALL BIG CHOOSE "profile = small\n[rule r]\nhandler = h\nprofile = big\nprofiles = small\n",
		  13, "may choose profile 'small'" },
		{ "a rule's profile, its handler's list",
		  SMALL BIG CHOOSE "profiles = small\n[rule r]\nhandler = h\nprofile = big\n", 9,
		  "may choose profile 'small'" },
		{ "it has more", SMALL BIG CHOOSE "profile = small\nprofiles = big small\n", 0, NULL },
		{ "no profile of its own", SMALL BIG CHOOSE "profiles = big small\n", 0, NULL },
		{ "built in",
		  "[profile s]\nmemory.max = 1G\npids.max = 9\n[profile t]\nmemory.max = 1G\npids.max = 9\n"
		  "cgroup.max.descendants = 9\n" CHOOSE "profile = t\nprofiles = s\n",
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
		  10, "profiles has no effect: [handler h] (test.ini:8) does not approve cgdeleg.io/profile" },
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
		{ "counted", BIG OPEN "profile = big\nbudget.memory.max = 4G\n", 0, NULL },
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
		{ "behind one with wider patterns",
		  OPEN "[rule a]\nhandler = h\nnamespaces = kube-* ci-?\n"
		       "[rule b]\nhandler = h\nnamespaces = ci-1 kube-system kube-*-x\ncgroup_writable = false\n",
		  7,
		  "[rule b] is never reached: [rule a] (test.ini:4) comes first and matches every container that the later one could" },
		{ "the same once more",
		  OPEN
		  "[rule a]\nhandler = h\npods = [ab]*\nimages = x/*\n[rule b]\nhandler = h\npods = [ab]*\nimages = x/*\n",
		  8, "never reached" },
		{ "one pattern is not covered",
		  OPEN "[rule a]\nhandler = h\nnamespaces = kube-* ci-?\n[rule b]\nhandler = h\nnamespaces = ci-1 ci-11\n",
		  0, NULL },
		{ "it asks for less",
		  OPEN "[rule a]\nhandler = h\nnamespaces = a*\npods = x\n[rule b]\nhandler = h\nnamespaces = ab\n", 0,
		  NULL },
		{ "it asks for more",
		  OPEN "[rule a]\nhandler = h\nnamespaces = *a*b*\n[rule b]\nhandler = h\nnamespaces = xaxbxb\npods = y\n",
		  7, "never reached" },
		{ "a fact that is not known matches no pattern",
		  OPEN "[rule a]\nhandler = h\nnamespaces = *\n[rule b]\nhandler = h\n", 0, NULL },
		{ "capitals in a pod's name", OPEN "[rule a]\nhandler = h\npods = web-* Web\n", 6,
		  "[rule a] (test.ini:4): no name that Kubernetes allows matches 'Web' of 'pods'" },
		{ "a dot in a container's", OPEN "[rule a]\nhandler = h\ncontainers = a.b\n", 6,
		  "matches 'a.b' of 'containers'" },
		{ "a dot in a pod's", OPEN "[rule a]\nhandler = h\npods = a.b\n", 0, NULL },
		{ "one with a selector does not take all",
		  OPEN "[rule a]\nhandler = h\nimages = x\n[rule b]\nhandler = h\n", 0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
}

TEST(test_risks)
{
	const struct found found = findings_of("risks", "[defaults]\nguard = off\n[profile p]\nmemory.max = max\n"
							"cgroup.max.depth = max\n" OPEN "profile = p\n");

	assert_int_equal(found.n, 2);
	assert_true(found.lines[0] == 2 && found.lines[1] == 5);
	assert_string_equal(found.ids[0], "CGD102");
	assert_string_equal(found.ids[1], "CGD109");
	assert_true(found.severities[0] == FINDING_RISK && found.severities[1] == FINDING_RISK);
	expect_finding("none", OPEN "require_userns = true\nguard = require\n", 0, NULL);
}

TEST(test_ceilings)
{
	static const struct finding_case cases[] = {
		{ "no memory", "[profile p]\nmemory.max = 0\n" OPEN "profile = p\n", 2,
		  "memory.max = 0: nothing can run under it; 0 does not mean that there is no limit" },
		{ "no processes", "[profile p]\npids.max = 0\n" OPEN "profile = p\n", 2,
		  "pids.max = 0: nothing can be started" },
		{ "slowed down at once", "[profile p]\nmemory.high = 0\n" OPEN "profile = p\n", 2, "memory.high = 0" },
		{ "no cgroups", "[profile p]\ncgroup.max.descendants = 0\n" OPEN "profile = p\n", 2, "of no use" },
		{ "no levels", "[profile p]\ncgroup.max.depth = 0\n" OPEN "profile = p\n", 2, "of no use" },
		{ "no reading", "[profile p]\nio.max = 8:0 wbps=5, 8:16 rbps=0\n" OPEN "profile = p\n", 2,
		  "io.max has a 0 for 8:16" },
		{ "no swap",
		  "[profile p]\nmemory.swap.max = 0\nhugetlb.2MB.max = 0\nmemory.zswap.max = 0\n" OPEN "profile = p\n",
		  0, NULL },
		{ "the least", "[profile p]\nmemory.max = 1\npids.max = 1\ncgroup.max.depth = 1\n" OPEN "profile = p\n",
		  0, NULL },
		{ "high above max", "[profile p]\nmemory.max = 1G\nmemory.high = 2G\n" OPEN "profile = p\n", 3,
		  "memory.high has no effect: it is above memory.max = 1G (test.ini:2)" },
		{ "swap high above max", "[profile p]\nmemory.swap.high = 2G\nmemory.swap.max = 1G\n" OPEN "profile = p\n",
		  2, "above memory.swap.max = 1G (test.ini:3)" },
		{ "high below max", "[profile p]\nmemory.max = 2G\nmemory.high = 1G\n" OPEN "profile = p\n", 0, NULL },
		{ "high is max", "[profile p]\nmemory.max = 2G\nmemory.high = max\n" OPEN "profile = p\n", 0, NULL },
		{ "a pressure that nobody guards", OPEN "guard = off\npressure = deny\n", 4,
		  "guard = off: nothing guards" },
		{ "controllers without a leaf", OPEN "enable_controllers = cpu\n", 4, "no section sets nest" },
		{ "controllers and none", OPEN "enable_controllers = cpu\nnest = none\n", 4, "nest = none (test.ini:5)" },
		{ "controllers and a leaf elsewhere",
		  "[profile p]\nnest = init\npids.max = 5\n" OPEN "profile = p\nenable_controllers = cpu\n", 0, NULL },
		{ "per without a budget", OPEN "per = namespace\n", 4, "per has no effect: [handler h] (test.ini:1)" },
		{ "per with one", OPEN "per = namespace\nmax_delegated = 5\n", 0, NULL },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct found found = findings_of(cases[i].name, cases[i].policy);

		if (i == 12) { /* the risk comes first, then the note */
			assert_int_equal(found.n, 2);
			assert_non_null(strstr(found.texts[1], "pressure has no effect"));
			assert_int_equal(found.lines[1], 5);
		} else {
			expect_finding(cases[i].name, cases[i].policy, cases[i].line, cases[i].text);
		}
	}
}

/* A leaf needs a cgroup that is not allowed: both are said. */
TEST(test_leaf_without_room)
{
	const struct found found =
		findings_of("leaf", "[profile p]\nnest = init\ncgroup.max.descendants = 0\n" OPEN "profile = p\n");

	assert_int_equal(found.n, 2);
	assert_non_null(strstr(found.texts[1], "nest = init needs a cgroup, and cgroup.max.descendants = 0 (test.ini:3)"));
	assert_true(found.lines[1] == 2 && strcmp(found.ids[1], "CGD208") == 0);
}

TEST(test_budgets_too_small)
{
	static const struct finding_case cases[] = {
		{ "none at a time", OPEN "max_delegated = 0\n", 4,
		  "max_delegated = 0: no container that [handler h] (test.ini:1) counts" },
		{ "none on the node", "[defaults]\nmax_delegated = 0\n" OPEN, 2,
		  "no container that [defaults] (test.ini:1) counts" },
		{ "no cgroups on the node", "[defaults]\nmax_total_descendants = 0\n" OPEN, 2,
		  "max_total_descendants = 0" },
		{ "no memory", BIG OPEN "profile = big\nbudget.memory.max = 0\n", 8, "budget.memory.max = 0" },
		{ "above what is built in", "[profile p]\ncgroup.max.descendants = 20000\n" OPEN "profile = p\n", 2,
		  "its cgroup.max.descendants, 20000, is above max_total_descendants = 16384 (built in)" },
		{ "max above what is built in", "[profile p]\ncgroup.max.descendants = 16385\n" OPEN "profile = p\n", 2,
		  "16385" },
		{ "just that", "[profile p]\ncgroup.max.descendants = 16384\n" OPEN "profile = p\n", 0, NULL },
		{ "what is built in above the node's", "[defaults]\nmax_total_descendants = 255\n" OPEN, 2,
		  "no container can be granted anything: its cgroup.max.descendants, 256" },
		{ "above the handler's", BIG OPEN "profile = big\nbudget.memory.max = 512M\n", 2,
		  "no container of profile 'big' can be granted anything: its memory.max, 1G, is above budget.memory.max = 512M (test.ini:8)" },
		{ "just the handler's", BIG OPEN "profile = big\nbudget.memory.max = 1G\n", 0, NULL },
		{ "another handler's",
		  BIG OPEN
		  "profile = big\n[handler i]\nengine = crio\ncgroup_writable = true\nbudget.pids.max = 5\nprofile = small\n"
		  "[profile small]\npids.max = 5\n",
		  0, NULL },
		{ "above the rule's", BIG OPEN "profile = big\n[rule r]\nhandler = h\nbudget.pids.max = 9\n", 3,
		  "its pids.max, 10, is above budget.pids.max = 9 (test.ini:10)" },
		{ "the rule's own profile fits",
		  BIG
		  "[profile tiny]\npids.max = 5\n" OPEN
		  "profile = big\n[rule r]\nhandler = h\npods = x\nprofile = tiny\nbudget.pids.max = 9\n[rule s]\nhandler = h\n",
		  0, NULL },
		{ "above the node's", BIG "[defaults]\nbudget.pids.max = 9\n" OPEN "profile = big\n", 3, "(test.ini:5)" },
		{ "more cores than there are",
		  "[profile p]\ncpu.max = 400000 100000\n" OPEN "profile = p\nbudget.cpu.max = 3.5\n", 2,
		  "its cpu.max, 400000 100000, is above budget.cpu.max = 3.5" },
		{ "an annotation may ask for less",
		  BIG H
		  "approved_annotations = cgdeleg.io/writable cgdeleg.io/memory.max\nprofile = big\nbudget.memory.max = 512M\n",
		  0, NULL },
		{ "nobody gets the profile",
		  SMALL BIG H
		  "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile\nprofile = small\nprofiles = small\n"
		  "budget.pids.max = 10\n[rule r]\nhandler = h\nprofile = big\ncgroup_writable = false\n"
		  "[rule s]\nhandler = h\nprofile = small\n",
		  16, "[rule s] is never reached" },
	};

	expect_each(cases, ELEMENTS(cases));
}

TEST(test_profiles)
{
	static const struct finding_case cases[] = {
		{ "named by nobody", SMALL OPEN, 1, "[profile small] is not used" },
		{ "named by a rule", SMALL OPEN "[rule r]\nhandler = h\nprofile = small\n", 0, NULL },
		{ "may be chosen", SMALL CHOOSE "profiles = small\n", 0, NULL },
		{ "nothing to choose from", SMALL CHOOSE "profile = small\n", 5,
		  "[handler h] (test.ini:3) approves cgdeleg.io/profile, but neither it nor a rule" },
		{ "a rule has some", SMALL CHOOSE "[rule r]\nhandler = h\nprofiles = small\n", 0, NULL },
		{ "a rule's that nobody chooses", SMALL ASK "[rule r]\nhandler = h\nprofiles = small\n", 8,
		  "profiles has no effect: [handler h] (test.ini:5)" },
		{ "an annotation alone",
		  H "approved_annotations = cgdeleg.io/writable\napproved_annotations = cgdeleg.io/pids.max\n", 4,
		  "[handler h] (test.ini:1) approves cgdeleg.io/pids.max, but none of its profiles has pids.max" },
		{ "an annotation that lowers",
		  SMALL H "approved_annotations = cgdeleg.io/writable cgdeleg.io/pids.max\nprofile = small\n", 0, NULL },
		{ "one that is built in", H "approved_annotations = cgdeleg.io/writable cgdeleg.io/cgroup.max.depth\n",
		  0, NULL },
	};

	expect_each(cases, ELEMENTS(cases));
}
