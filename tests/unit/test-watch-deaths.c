/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: processes that the kernel killed for want of memory, in cgroups that the container has made and named. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cgdeleg/node/deaths.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/watch-scene.h"

#define CEILINGS "\"cgroup.max.descendants\":\"64\""
#define GRANTED	 BOX RECORD_OF("box", "false", UNGUARDED, CEILINGS)

/* One cgroup's own counts, and those of all below it. */
static void put(struct scene *s, const char *cgroup, unsigned kills, unsigned ooms, unsigned all_kills, unsigned all_ooms)
{
	tree_edit(&s->tree,
		  format("%s/memory.events = low 0\\nhigh 0\\nmax 7\\noom %u\\noom_kill %u\\noom_group_kill 0\n"
			 "%s/memory.events.local = low 0\\nhigh 0\\nmax 7\\noom %u\\noom_kill %u\\noom_group_kill 9\n",
			 cgroup, all_ooms, all_kills, cgroup, ooms, kills));
}

static void open_scene(struct scene *s)
{
	scene_open(s, GRANTED BOX "/memory.max = 104857600\n", NULL);
	put(s, BOX, 0, 0, 0, 0);
}

static void check_killed(struct scene *s, unsigned kills)
{
	struct watch_grant grant = { 0 };

	assert_int_equal(watch_counts(s->watch)->oom_kills, kills);
	assert_true(watch_next(s->watch, &grant));
}

/* Whose limit: each row is one kill in /job/step, and where `oom` was counted. */
TEST(test_whose_limit)
{
	static const struct {
		const char *of;
		unsigned step, job, box, ci;
		const char *said;
		bool scope; /* systemd's, which has the container's ceilings too */
	} cases[] = {
		{ "the victim's", 1, 0, 0, 0,
		  "the memory limit of its cgroup '/job/step' was reached (memory.max 1048576)", false },
		{ "the one above's", 0, 1, 0, 0,
		  "the memory limit of its cgroup '/job' was reached (memory.max 2097152)", false },
		{ "both", 1, 1, 1, 1, "the memory limit of its cgroup '/job/step' was reached", false },
		{ "the container's", 0, 0, 1, 0, "the container's own memory limit was reached (memory.max 104857600)",
		  false },
		{ "the pod's", 0, 0, 0, 1,
		  "the memory limit of the cgroup above it, '/ci' was reached (memory.max 4194304)", false },
		{ "the scope's", 0, 0, 0, 1, "the container's own memory limit was reached (memory.max 4194304)", true },
		{ "nobody's", 0, 0, 0, 0, "the machine's memory ran out", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const unsigned below = cases[i].step + cases[i].job;
		_cleanup_(scene_close) struct scene s;

		open_scene(&s);
		tree_edit(&s.tree, C "ci/memory.max = 4194304\n" BOX "/job/memory.max = 2097152\n" BOX
				     "/job/step/memory.max = 1048576\n");
		if (cases[i].scope)
			tree_edit(&s.tree, C
				  "ci/cgroup.max.descendants = 65\n" BOX RECORD_OF("box", "true", UNGUARDED, CEILINGS));
		put(&s, C "ci", 0, 5, 0, 5);
		put(&s, BOX "/job", 0, 0, 0, 0);
		put(&s, BOX "/job/step", 0, 0, 0, 0);
		scene_watch(&s);
		scene_sweep(&s);
		scene_check_said(cases[i].of, NULL);
		put(&s, C "ci", 0, 5 + cases[i].ci, 1, 5 + cases[i].ci + cases[i].box + below);
		put(&s, BOX, 0, cases[i].box, 1, cases[i].box + below);
		put(&s, BOX "/job", 0, cases[i].job, 1, below);
		put(&s, BOX "/job/step", 1, cases[i].step, 1, cases[i].step);
		scene_sweep(&s);
		scene_check_said(cases[i].of, "<4> box: 1 process in its cgroup '/job/step' was killed, because ");
		scene_check_said(cases[i].of, cases[i].said);
		check_killed(&s, 1);
		scene_hear();
		scene_sweep(&s);
		scene_check_said("only once", NULL);
		check_killed(&s, 1);
	}
}

/* What was killed before this watch began, the one before has said; what comes with a new grant is new. */
TEST(test_before)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	put(&s, BOX "/job", 3, 3, 3, 3);
	put(&s, BOX, 0, 0, 3, 3);
	scene_watch(&s);
	scene_check_said("at the start", NULL);
	check_killed(&s, 0);
	put(&s, BOX "/job", 5, 4, 5, 4);
	put(&s, BOX, 1, 1, 6, 5);
	tree_edit(&s.tree, C "ci/new/cgroup.stat = nr_descendants 0\n" C "ci/new/cgroup.max.descendants = 64\n" C
			     "ci/new" RECORD_OF("new", "false", UNGUARDED, CEILINGS));
	put(&s, C "ci/new", 2, 1, 2, 1);
	scene_sweep(&s);
	scene_check_said("two more", "<4> box: 2 processes in its cgroup '/job' were killed");
	scene_check_said("its own", "<4> box: 1 process in its cgroup '/' was killed");
	scene_check_said("the new one's",
			 "<4> new: 2 processes in its cgroup '/' were killed, because the container's own");
	check_killed(&s, 5);
}

/* Its owner may remove the cgroup at once: the kills stay counted above it. */
TEST(test_gone)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	scene_watch(&s);
	put(&s, BOX, 0, 0, 4, 2);
	scene_sweep(&s);
	scene_check_said("gone",
			 "<4> box: 4 processes in cgroups below it that are gone by now, or were not looked at, were killed, "
			 "because the memory limit of a cgroup below it was reached, which is gone by now");
	put(&s, BOX, 0, 1, 5, 3);
	scene_hear();
	scene_sweep(&s);
	scene_check_said("the container's limit", "1 process in cgroups below it that are gone by now");
	scene_check_said("the container's limit", "because the container's own memory limit was reached");
	check_killed(&s, 5);
}

/* Nothing in a name gets out as it is: not to a line, a record, or another line. */
TEST(test_names)
{
	_cleanup_(scene_close) struct scene s;
	_cleanup_close_ int fd = -EBADF;
	char text[8192];
	yyjson_doc *doc = NULL;
	yyjson_val *o;

	open_scene(&s);
	s.audit = true;
	scene_watch(&s);
	put(&s, BOX, 0, 0, 1, 1);
	put(&s, BOX "/a\"b\x1b[2J' \\x41", 1, 1, 1, 1);
	scene_sweep(&s);
	scene_check_said("escaped", "its cgroup '/a\"b\\x1b[2J' \\x5cx41' was killed");
	assert_true(file_read_at(s.tree.fd, "audit/audit.jsonl", text, sizeof(text)) > 0);
	CHECK("record", json_parse(text, strlen(text), 4, "record", &doc, &why), NULL);
	o = yyjson_doc_get_root(doc);
	check_string("event", yyjson_get_str(yyjson_obj_get(o, "event")), "oom-kill");
	check_string("id", yyjson_get_str(yyjson_obj_get(o, "id")), "box");
	check_string("cgroup", yyjson_get_str(yyjson_obj_get(o, "cgroup")), "/ci/box");
	check_string("victim", yyjson_get_str(yyjson_obj_get(o, "victim")), "/a\"b\\x1b[2J' \\x5cx41");
	check_string("limit_of", yyjson_get_str(yyjson_obj_get(o, "limit_of")), "child");
	assert_int_equal(yyjson_get_uint(yyjson_obj_get(o, "oom_kills")), 1);
	yyjson_doc_free(doc);
}

static void put_many(struct scene *s, unsigned from, unsigned to, unsigned kills)
{
	for (unsigned i = from; i < to; i++)
		put(s, format(BOX "/%05u", i), kills, kills, kills, kills);
}

/* However many cgroups have somebody killed: a few lines, then one sum; the count has them all. */
TEST(test_lines)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	put_many(&s, 0, 40, 0);
	scene_watch(&s);
	put_many(&s, 0, 40, 1);
	put(&s, BOX, 0, 0, 40, 40);
	scene_sweep(&s);
	assert_int_equal(scene_count_said("was killed"), WATCH_DEATHS_LINES);
	check_killed(&s, 40);
	scene_hear();
	scene_sweep(&s);
	scene_check_said("not yet", NULL);
	scene_now_ms += WATCH_DEATHS_MS;
	scene_sweep(&s);
	scene_check_said("the sum", format("<4> box: %d more processes of it were killed", 40 - WATCH_DEATHS_LINES));
	scene_hear();
	scene_now_ms += WATCH_DEATHS_MS;
	scene_sweep(&s);
	scene_check_said("once", NULL);
}

/* More cgroups than one look visits, and more with a count than are kept: what is left out is counted as elsewhere. */
TEST(test_bounds)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	put_many(&s, 0, DEATHS_VISITS + 100, 0);
	scene_watch(&s);
	put_many(&s, 0, DEATHS_VISITS + 100, 1);
	put(&s, BOX, 0, 0, DEATHS_VISITS + 100, DEATHS_VISITS + 100);
	scene_sweep(&s);
	check_killed(&s, DEATHS_VISITS + 100);
	/* It pays for the visits with a pause; what happens meanwhile is seen after it. */
	put(&s, BOX, 1, 1, DEATHS_VISITS + 101, DEATHS_VISITS + 101);
	scene_hear();
	scene_sweep(&s);
	check_killed(&s, DEATHS_VISITS + 100);
	scene_now_ms += (int64_t)DEATHS_VISITS * WATCH_DEATHS_COST_MS;
	scene_sweep(&s);
	check_killed(&s, DEATHS_VISITS + 101);
}

/* As deep as it likes. */
TEST(test_deep)
{
	_cleanup_(scene_close) struct scene s;
	char path[512] = BOX;

	open_scene(&s);
	scene_watch(&s);
	for (unsigned i = 0; i < DEATHS_DEPTH + 4; i++) {
		(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%u", i);
		put(&s, path, i == DEATHS_DEPTH + 3, 0, 1, 0);
	}
	put(&s, BOX, 0, 0, 1, 0);
	scene_sweep(&s);
	scene_check_said("too deep",
			 "1 process in cgroups below it that are gone by now, or were not looked at, was killed");
	check_killed(&s, 1);
}

/* memory.events of a parent counts nothing of its children with this option. */
TEST(test_local_events)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	tree_edit(&s.tree, "proc/self/mountinfo = 22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup "
			   "rw,nsdelegate,memory_localevents\n");
	put(&s, BOX "/job/step", 0, 0, 0, 0);
	put(&s, BOX "/job", 0, 0, 0, 0);
	scene_watch(&s);
	scene_sweep(&s);
	put(&s, BOX "/job/step", 1, 1, 1, 1);
	scene_hear();
	scene_sweep(&s);
	scene_check_said(
		"found",
		"1 process in its cgroup '/job/step' was killed, because the memory limit of its cgroup '/job/step'");
	check_killed(&s, 1);
}

/* Without the memory controller there is nothing to count. */
TEST(test_no_controller)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, GRANTED, NULL);
	scene_watch(&s);
	scene_sweep(&s);
	scene_check_said("nothing", NULL);
	check_killed(&s, 0);
}

/* An event makes it quick; a container that causes them without end gets no more of them than others. */
TEST(test_events)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	put(&s, BOX "/job", 0, 0, 0, 0);
	scene_watch(&s);
	put(&s, BOX "/job", 1, 1, 1, 1);
	scene_write(&s, BOX "/memory.events", "oom 1\noom_kill 1\n");
	scene_events(&s);
	scene_check_said("at once", "1 process in its cgroup '/job' was killed");
	for (unsigned i = 0; i < 3 * WATCH_DEATHS_ARMS; i++) {
		scene_write(&s, BOX "/memory.events", "oom 1\noom_kill 1\n");
		scene_events(&s);
	}
	/* No more events now; the tick asks again, and looks. */
	put(&s, BOX "/job", 2, 2, 2, 2);
	scene_write(&s, BOX "/memory.events", "oom 2\noom_kill 2\n");
	scene_hear();
	scene_events(&s);
	scene_check_said("deaf", NULL);
	watch_tick(s.watch);
	scene_check_said("at the tick", "1 process in its cgroup '/job' was killed");
	put(&s, BOX "/job", 3, 3, 3, 3);
	scene_write(&s, BOX "/memory.events", "oom 3\noom_kill 3\n");
	scene_hear();
	scene_events(&s);
	scene_check_said("hears again", "1 process in its cgroup '/job' was killed");
	check_killed(&s, 3);
}

/* A record that cannot be written is said once, and stops nothing. */
TEST(test_no_record)
{
	_cleanup_(scene_close) struct scene s;

	open_scene(&s);
	tree_edit(&s.tree, "audit/audit.jsonl/\n");
	s.audit = true;
	scene_watch(&s);
	put(&s, BOX, 1, 1, 1, 1);
	scene_sweep(&s);
	put(&s, BOX, 2, 2, 2, 2);
	scene_sweep(&s);
	assert_int_equal(scene_count_said("was killed, because the container's own"), 2);
	assert_int_equal(scene_count_said("the audit record cannot be written"), 1);
}

/* What watch puts back is in the record too. */
TEST(test_put_back)
{
	_cleanup_(scene_close) struct scene s;
	char text[4096];

	open_scene(&s);
	s.audit = true;
	scene_watch(&s);
	scene_write(&s, BOX "/cgroup.max.descendants", "100");
	scene_sweep(&s);
	scene_check_said("put back", "<5> box: 'cgroup.max.descendants' was raised to 100");
	assert_true(file_read_at(s.tree.fd, "audit/audit.jsonl", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"event\":\"put-back\""));
	assert_non_null(strstr(text, "'cgroup.max.descendants' was raised to 100 and has been put back to 64"));
}
