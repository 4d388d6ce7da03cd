/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: each budget that a policy sets, and what is used of it; by section, and by namespace. */
#include "policy/usage.h"
#include "tests/unit/check.h"

struct told {
	char text[2048];
};

static void tell(const struct budget_use *use, void *userdata)
{
	static const char *const kinds[] = { "descendants", "grants", "memory", "pids", "cpu" };
	struct told *told = userdata;
	const size_t used = strlen(told->text);
	const char *section = use->section ? section_kind_name(use->section->kind) : "none";

	(void)snprintf(told->text + used, sizeof(told->text) - used, "%s%s%s %s%s%s %lld/%llu\n", section,
		       use->section && use->section->name[0] ? " " : "", use->section ? use->section->name : "",
		       use->namespace ? use->namespace : "", use->namespace ? " " : "", kinds[use->kind],
		       use->used == LIMIT_MAX ? -1LL : (long long)use->used, (unsigned long long)use->allowed);
}

#define USAGE(gib) .usage = { 1, 64 * (gib), (gib)*1024, 10 * (gib), 500 * (gib) }, .handler = "a", .rule = "r"

static const struct budget_entry entries[] = {
	{ .id = 1, USAGE(1), .namespace = "x" },
	{ .id = 2, USAGE(2), .namespace = "y" },
	{ .id = 3, USAGE(4), .namespace = "x" },
	{ .id = 0, USAGE(8), .namespace = "x" }, /* a free one */
	{ .id = 4, .usage = { 1, 64, LIMIT_MAX, 10, 500 }, .handler = "b", .namespace = "z" },
};

/* Nobody knows whose it is. */
static const struct budget_entry anybodys = { .id = 9, .usage = { 1, 64, 7, 10, 500 } };

static const struct {
	const char *policy;
	bool anybody;
	const char *want;
} cases[] = {
	{ "[handler a]\nengine = containerd\n", false, "none descendants 512/16384\n" },
	{ "[defaults]\nmax_total_descendants = max\n", false, "" },
	{ "[defaults]\nmax_total_descendants = 100\nmax_delegated = 7\n", false,
	  "defaults descendants 512/100\ndefaults grants 4/7\n" },
	{ "[defaults]\nbudget.memory.max = 8K\n", false, "defaults descendants 512/16384\ndefaults memory -1/8192\n" },
	{ "[handler a]\nengine = containerd\nbudget.memory.max = 8K\nbudget.pids.max = 99\nbudget.cpu.max = 1.5\n", false,
	  "none descendants 512/16384\nhandler a memory 7168/8192\nhandler a pids 70/99\nhandler a cpu 3500/1500\n" },
	{ "[handler b]\nengine = containerd\nbudget.pids.max = max\n[handler c]\nengine = docker\nmax_delegated = 1\n",
	  false, "none descendants 512/16384\nhandler c grants 0/1\n" },
	{ "[handler a]\nengine = containerd\n[rule r]\nhandler = a\nmax_delegated = 9\n[rule s]\nhandler = a\nmax_delegated = 8\n",
	  false, "none descendants 512/16384\nrule r grants 3/9\nrule s grants 0/8\n" },
	{ "[handler a]\nengine = containerd\nper = namespace\nmax_delegated = 2\nbudget.memory.max = 8K\n", false,
	  "none descendants 512/16384\nhandler a x grants 2/2\nhandler a y grants 1/2\n"
	  "handler a x memory 5120/8192\nhandler a y memory 2048/8192\n" },
	/* The kernel's cgroup ids are the whole node's. */
	{ "[defaults]\nper = namespace\nmax_delegated = 2\n", false,
	  "defaults descendants 512/16384\ndefaults x grants 2/2\ndefaults y grants 1/2\ndefaults z grants 1/2\n" },
	{ "[handler a]\nengine = containerd\nmax_delegated = 9\n", true,
	  "none descendants 576/16384\nhandler a grants 4/9\n" },
	{ "[handler a]\nengine = containerd\nper = namespace\nmax_delegated = 9\n", true,
	  "none descendants 576/16384\nhandler a x grants 3/9\nhandler a y grants 2/9\n" },
};

TEST(test_budgets)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(ruleset_done) struct ruleset rules = { 0 };
		struct budget_entry all[ELEMENTS(entries) + 1];
		struct told told = { "" };
		size_t n = ELEMENTS(entries);

		memcpy(all, entries, sizeof(entries));
		if (cases[i].anybody)
			all[n++] = anybodys;
		assert_int_equal(ruleset_load_text("p.ini", cases[i].policy, strlen(cases[i].policy), &rules, NULL), 0);
		check_string(cases[i].policy, rules.complaints ? rules.complaints->text : "", "");
		usage_each(&rules, all, n, tell, &told);
		check_string(cases[i].policy, told.text, cases[i].want);
	}
}

TEST(test_none)
{
	static const char policy[] = "[handler a]\nengine = containerd\nper = namespace\nmax_delegated = 9\n";
	_cleanup_(ruleset_done) struct ruleset rules = { 0 };
	struct told told = { "" };

	assert_int_equal(ruleset_load_text("p.ini", policy, strlen(policy), &rules, NULL), 0);
	usage_each(&rules, NULL, 0, tell, &told);
	check_string("nobody", told.text, "none descendants 0/16384\n");
}
