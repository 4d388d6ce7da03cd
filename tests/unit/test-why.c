/* SPDX-License-Identifier: Apache-2.0 */
/* Why: what is granted now on a described machine, as text and as JSON; names that whoever made the container chose. */
#include "cgdeleg/cli/why.h"

#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cgdeleg/kernel/attribute.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define C   "sys/fs/cgroup/"
#define BOX C "ci/box"

#define ATTRIBUTE(id, pod, ceilings)                                                                                    \
	"{\"v\":1,\"id\":\"" id "\",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"small\",\"namespace\":\"ci-a\"," \
	"\"pod\":\"" pod "\",\"name\":\"c\",\"line\":\"/etc/p.ini:9\",\"method\":\"\",\"leaf\":\"\","                   \
	"\"since\":1700000000,\"scope\":false,\"guarded\":false,\"ceilings\":{" ceilings "}}"

#define CEILINGS                                                                                                           \
	"\"memory.max\":\"1073741824\",\"pids.max\":\"32\",\"cgroup.max.descendants\":\"64\",\"cgroup.max.depth\":\"12\"," \
	"\"cpu.max\":\"200000 100000\""

#define POLICY                                                                                                        \
	"[profile small]\nmemory.max = 1G\npids.max = 64\ncgroup.max.descendants = 8\n[handler h]\nengine = podman\n" \
	"profile = small\ncgroup_writable = true\n"

struct scene {
	struct tree tree;
	struct host host;
	struct why why;
};

static void scene_open(struct scene *s, const char *word, const char *lines)
{
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
	memset(s, 0, sizeof(*s));
	tree_new(&s->tree, "proc/\n" BOX "/memory.max = 536870912\n" BOX "/pids.max = 32\n" BOX
			   "/cgroup.max.descendants = 64\n" BOX "/cgroup.max.depth = 99\n" BOX
			   " @ " ATTRIBUTE("box", "job-1", CEILINGS) "\n");
	tree_edit(&s->tree, lines);
	tree_host(&s->tree, &s->host);
	s->why = (struct why) {
		.word = word, .now_us = INT64_C(1700000060000000), .policy = "/etc/cgdeleg", .rules_known = true
	};
	assert_int_equal(ruleset_load_text("p.ini", POLICY, strlen(POLICY), &s->why.rules, NULL), 0);
	why_look(&s->why, &s->host);
	check_string("seen", s->why.unseen.text, "");
}

static void scene_close(struct scene *s)
{
	why_done(&s->why);
	host_done(&s->host);
	tree_free(&s->tree);
}

static const char *text_of(const struct scene *s)
{
	static char text[32768];
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_non_null(to);
	why_text(&s->why, false, 200, to);
	(void)fclose(to);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" was expected in:\n%s", part, text);
}

TEST(test_ceilings)
{
	static const struct {
		const char *file;
		enum why_from from;
		bool above, lower;
	} wanted[] = {
		{ "memory.max", FROM_POLICY, false, true },
		{ "pids.max", FROM_LOWER, false, false },
		{ "cgroup.max.descendants", FROM_HIGHER, false, false },
		{ "cgroup.max.depth", FROM_BUILT_IN, true, false },
		{ "cpu.max", FROM_NO_LINE, false, false },
	};
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, "job-1", "");
	assert_true(why_choose(&s.why));
	assert_int_equal(s.why.n_grants, 1);
	assert_int_equal(s.why.grants[0].n_ceilings, ELEMENTS(wanted));
	for (size_t i = 0; i < ELEMENTS(wanted); i++) {
		const struct why_ceiling *c = NULL;

		for (size_t k = 0; k < s.why.grants[0].n_ceilings; k++)
			if (strcmp(s.why.grants[0].ceilings[k].file, wanted[i].file) == 0)
				c = &s.why.grants[0].ceilings[k];
		assert_non_null(c);
		if (c->from != wanted[i].from || c->above != wanted[i].above || c->lower != wanted[i].lower)
			fail_msg("%s: from %s, above %d, lower %d", c->file, why_from_name(c->from), c->above, c->lower);
	}
	has(text_of(&s), "granted now: ci-a/job-1/c, id box");
	has(text_of(&s), "policy, 1G (p.ini:2)");
	has(text_of(&s), "536870912, lower than the ceiling");
	has(text_of(&s), "99, which is above the ceiling");
	has(text_of(&s), "unknown: the file cannot be read");
	has(text_of(&s),
	    "an annotation asked for less than the policy's 64 (p.ini:3), or the policy was lower at the grant");
	has(text_of(&s), "killed         unknown: the memory controller is not enabled");
}

/* A policy that cannot be read makes nothing up. */
TEST(test_no_policy)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, "box", "");
	s.why.rules_known = false;
	while (s.why.n_grants > 0)
		deaths_done(&s.why.grants[--s.why.n_grants].deaths);
	why_look(&s.why, &s.host);
	assert_int_equal(s.why.n_grants, 1);
	for (size_t i = 0; i < s.why.grants[0].n_ceilings; i++)
		assert_int_equal(s.why.grants[0].ceilings[i].from, FROM_UNKNOWN);
}

#define EVENTS(kills, ooms) "low 0\\nhigh 0\\nmax 0\\noom " ooms "\\noom_kill " kills "\\n"
#define BOTH(path, own_kills, own_ooms, kills, ooms) \
	path "/memory.events = " EVENTS(kills, ooms) "\n" path "/memory.events.local = " EVENTS(own_kills, own_ooms) "\n"

TEST(test_deaths)
{
	_cleanup_(scene_close) struct scene s;
	const char *text;

	scene_open(&s, "box",
		   BOTH(C "ci", "0", "9", "9", "9") BOTH(BOX, "1", "0", "7", "3")
			   BOTH(BOX "/a\x1b]0;x\a", "2", "1", "2", "1") BOX
		   "/a\x1b]0;x\a/memory.max = 1048576\n" BOTH(BOX "/quiet", "0", "0", "0", "0"));
	text = text_of(&s);
	has(text, "2 processes in its cgroup '/a\\x1b]0;x\\x07' were killed, because the memory limit of its cgroup");
	has(text, "1 process in its cgroup '/' was killed, not by a limit of the container");
	has(text, "4 processes in cgroups below it that are gone by now, or were not looked at, were killed");
	assert_null(strstr(text, "quiet"));
	assert_null(strchr(text, '\x1b'));
}

/* However many others have names that begin with it: what is meant is found. */
TEST(test_pushed_out)
{
	struct scene s;
	char lines[400];

	scene_open(&s, "job", "");
	why_done(&s.why);
	for (int i = 0; i <= WHY_GRANTS_MAX; i++) {
		(void)snprintf(lines, sizeof(lines), C "a/%d/\n" C "a/%d @ " ATTRIBUTE("a%d", "job-%d", "") "\n", i, i,
			       i, i);
		tree_edit(&s.tree, lines);
	}
	tree_edit(&s.tree, C "z/\n" C "z @ " ATTRIBUTE("z", "job", "") "\n");
	s.why = (struct why) { .word = "job" };
	why_look(&s.why, &s.host);
	assert_true(why_choose(&s.why));
	assert_int_equal(s.why.n_grants, 1);
	assert_int_equal(s.why.n_more_grants, 0);
	check_string("whose", s.why.grants[0].id, "z");
	scene_close(&s);
}

/* A pod has several containers; a whole name comes before a beginning; what fits nobody finds nobody. */
TEST(test_choice)
{
	static const struct {
		const char *word;
		size_t n;
	} cases[] = { { "job-1", 2 },	     { "job-10", 1 },  { "job", 3 }, { "box", 1 }, { "bo", 2 },
		      { "ci-a/job-1/c", 2 }, { "/ci/box", 1 }, { "x", 0 },   { "", 0 } };

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, cases[i].word,
			   C "ci/two/x = 1\n" C
			     "ci/two @ " ATTRIBUTE("two", "job-1", "") "\n" C "ci/bo10/x = 1\n" C
								       "ci/bo10 @ " ATTRIBUTE("bo10", "job-10", "") "\n");
		assert_int_equal(why_choose(&s.why), cases[i].n > 0);
		if (s.why.n_grants != cases[i].n)
			fail_msg("'%s': %zu, %zu were expected", cases[i].word, s.why.n_grants, cases[i].n);
	}
}

/* An attribute that cannot be read is a fault, and not nothing. */
TEST(test_fault)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, "/ci/box", BOX " @ {\"v\":99}\n");
	assert_int_equal(s.why.n_grants, 1);
	assert_non_null(s.why.grants[0].fault);
	has(text_of(&s), "fault          ");
}

/* Bytes that are not printable do not get onto a terminal, whoever put them into the record. */
TEST(test_record)
{
	static const char line[] =
		"{\"time\":\"2023-11-14T22:14:10Z\",\"event\":\"run\",\"id\":\"b\\u001b[2J\",\"pod\":\"p\\u001b[2J\","
		"\"verdict\":\"refuse\\u009b\",\"reason\":\"x\",\"reasons\":[{\"kind\":\"refuses\",\"code\":\"x\\u0007\","
		"\"text\":\"a\\u001b]0;t\\u0007\"}]}";
	_cleanup_(scene_close) struct scene s;
	const char *text;
	yyjson_doc *record = NULL;

	scene_open(&s, "nobody", "");
	CHECK("record", json_parse(line, strlen(line), 8, "record", &record, &why), NULL);
	s.why.history.runs[s.why.history.n_runs++] = (struct history_run) { .last = record, .n = 1 };
	text = text_of(&s);
	for (const char *p = text; *p; p++)
		if (*p != '\n' && (*p < ' ' || *p > '~'))
			fail_msg("byte %d in:\n%s", *p, text);
	has(text, "because        a?]0;t?");
}
