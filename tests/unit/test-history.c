/* SPDX-License-Identifier: Apache-2.0 */
/* History: the audit record, rotated, huge, half written, and with names that whoever creates containers chose. */
#include "cgdeleg/node/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <utime.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cgdeleg/cli/remedy.h"
#include "policy/decision.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define NOW INT64_C(1700003600000000)

/* One line, so many seconds before NOW. */
static const char *record(int before, const char *event, const char *id, const char *pod, const char *more)
{
	char time[CLOCK_TEXT_SIZE];

	clock_format(NOW - (int64_t)before * 1000000, time, sizeof(time));
	return format("{\"time\":\"%s\",\"event\":\"%s\",\"hook_pid\":7,\"id\":\"%s\",\"namespace\":\"ci\",\"pod\":\"%s\","
		      "\"container\":\"c\",\"cgroup\":\"/ci/%s\",\"text\":\"said\"%s}\\n",
		      time, event, id, pod, id, more);
}

#define REFUSED ",\"verdict\":\"refuse\",\"reason\":\"userns-missing\""
#define BUDGET	",\"verdict\":\"refuse\",\"reason\":\"budget\""

static void put(const struct tree *tree, const char *name, const char *lines)
{
	char full[128];

	tree_edit(tree, format("audit/%s = %s", name, lines));
	(void)snprintf(full, sizeof(full), "audit/%s", name);
	assert_int_equal(fchmodat(tree->fd, full, 0600, 0), 0);
}

static int ask(const struct tree *tree, const char *word, uint64_t most, struct history *ret, struct err *err)
{
	const struct history_question question = {
		.directory = format("%s/audit", tree->root), .owner = geteuid(), .word = word, .most = most, .now_us = NOW
	};

	return history_read(&question, ret, err);
}

static void look(const struct tree *tree, const char *word, uint64_t most, struct history *ret)
{
	CHECK(word, ask(tree, word, most, ret, &why), NULL);
	history_keep(ret, ret->match);
}

/* What counts as the same, how often, and in which order it is shown. */
TEST(test_counts)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl",
	    format("%s%s%s%s%s%s%s", record(7200, "run", "a1", "p", REFUSED), record(3601, "run", "a2", "p", REFUSED),
		   record(3599, "run", "a3", "p", REFUSED), record(60, "run", "a4", "p", BUDGET),
		   record(50, "run", "b1", "other", REFUSED), record(40, "put-back", "a4", "p", ""),
		   record(30, "run", "a5", "p", REFUSED)));
	look(&tree, "p", HISTORY_BYTES, &h);
	assert_int_equal(h.n_runs, 2);
	check_string("newest", history_text(h.runs[0].last, "id"), "a5");
	assert_int_equal(h.runs[0].n, 4);
	assert_int_equal(h.runs[0].n_hour, 2);
	assert_true(h.runs[0].first_us == NOW - INT64_C(7200000000));
	check_string("other reason", history_text(h.runs[1].last, "reason"), "budget");
	assert_int_equal(h.runs[1].n, 1);
	assert_int_equal(h.n_events, 1);
	check_string("event", history_text(h.events[0].record, "event"), "put-back");
	assert_true(history_is_whole(&h));
	assert_int_equal(h.n_faulty, 0);
	assert_false(h.half);
}

/* What a word may be: as for a grant. */
TEST(test_words)
{
	static const struct {
		const char *word;
		size_t runs; /* that it finds of three */
	} cases[] = {
		{ "p", 1 },	 { "pod-x", 1 },  { "pod", 1 },	    { "aa11", 1 },     { "aa", 1 },
		{ "ci/p", 1 },	 { "ci/p/c", 1 }, { "ci", 0 },	    { "/ci/bb22", 1 }, { "/sys/fs/cgroup/ci/bb22", 1 },
		{ "ci/p/d", 0 }, { "x", 0 },	  { "verdict", 0 }, { "web/p", 0 },    { "c", 3 },
		{ "", 0 },	 { "*", 0 },	  { "p\"", 0 },	    { "q\\x0a", 0 },   { "q\n", 1 },
	};
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl",
	    format("%s%s%s", record(30, "run", "aa11", "p", REFUSED), record(20, "run", "bb22", "pod-x", REFUSED),
		   record(10, "run", "cc33", "q\\\\x0a", REFUSED)));
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(history_done) struct history h = { 0 };

		look(&tree, cases[i].word, HISTORY_BYTES, &h);
		if (h.n_runs != cases[i].runs)
			fail_msg("'%s': %zu runs, %zu were expected", cases[i].word, h.n_runs, cases[i].runs);
	}
}

/* Half a line, lines that are no records, and one that has no end: none hides another. */
TEST(test_faults)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };
	char *huge = calloc(1, HISTORY_LINE_MAX + 100);
	_cleanup_close_ int fd = -EBADF;

	assert_non_null(huge);
	memset(huge, 'p', HISTORY_LINE_MAX + 98);
	huge[HISTORY_LINE_MAX + 98] = '\n';
	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl",
	    format("p {\\n[\"p\"]\\n{\"event\":\"run\",\"id\":\"p\"}\\n{\"time\":\"yesterday\",\"event\":\"run\","
		   "\"id\":\"p\"}\\n{\"time\":7,\"event\":{},\"id\":\"p\"}\\n\\n%s",
		   record(20, "run", "a1", "p", REFUSED)));
	fd = openat(tree.fd, "audit/audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(write(fd, huge, HISTORY_LINE_MAX + 99) > 0);
	free(huge);
	assert_true(
		dprintf(fd,
			"{\"time\":\"2023-11-14T23:13:20Z\",\"event\":\"run\",\"id\":\"a2\",\"pod\":\"p\"}\n{\"time\":\"p") >
		0);
	look(&tree, "p", HISTORY_BYTES, &h);
	assert_int_equal(h.n_runs, 2);
	check_string("after the huge one", history_text(h.runs[0].last, "id"), "a2");
	assert_int_equal(h.n_faulty, 7);
	assert_true(h.half);
}

/* Rotated files, the newest first, as far as the bytes go; a line of which only the end is read is left out. */
TEST(test_rotated)
{
	static const struct {
		size_t lines; /* that may be read; with half of one more */
		uint64_t n;
		bool whole;
	} cases[] = { { 0, 0, false }, { 1, 1, false }, { 2, 2, false },
		      { 3, 3, false }, { 4, 4, false }, { 9, 6, false } };
	_cleanup_(tree_free) struct tree tree;
	const char *line = record(10, "run", "aaaa", "p", REFUSED);
	const size_t len = strlen(line) - 1; /* "\\n" is one byte in the file */

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl", format("%s%s", line, line));
	put(&tree, "audit.jsonl.1", format("%s%s", line, line));
	put(&tree, "audit.jsonl-20230101", format("%s%s", line, line));
	put(&tree, "audit.jsonl.2.gz", "not for us");
	put(&tree, "other.jsonl", line);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { "audit.jsonl-20230101", "audit.jsonl.1", "audit.jsonl.2.gz" };
		const struct utimbuf times = { 1000 - (time_t)i, (time_t[]) { 100, 200, 50 }[i] };

		assert_int_equal(utime(format("%s/audit/%s", tree.root, names[i]), &times), 0);
	}
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(history_done) struct history h = { 0 };
		uint64_t n = 0;

		/* Each file ends in a newline of its own, from the tree. */
		look(&tree, "p", cases[i].lines * len + len / 2 + cases[i].lines / 2, &h);
		for (size_t k = 0; k < h.n_runs; k++)
			n += h.runs[k].n;
		assert_int_equal(n, cases[i].n);
		assert_int_equal(history_is_whole(&h), cases[i].whole);
		assert_int_equal(h.n_files, 4);
		check_string("first", h.files[0].name, "audit.jsonl");
		check_string("second", h.files[1].name, "audit.jsonl.1");
		check_string("last", h.files[3].name, "audit.jsonl.2.gz");
		assert_true(h.files[3].compressed);
	}
}

/* An intent without its run: the hook, or the machine, was stopped in between. */
TEST(test_intents)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl",
	    format("%s%s%s", record(30, "intent", "a1", "p", ""), record(29, "run", "a1", "p", REFUSED),
		   record(10, "intent", "a2", "p", "")));
	look(&tree, "p", HISTORY_BYTES, &h);
	assert_int_equal(h.n_runs, 2);
	assert_true(h.runs[0].unfinished);
	check_string("the unfinished one", history_text(h.runs[0].last, "id"), "a2");
	assert_false(h.runs[1].unfinished);
	assert_int_equal(h.runs[1].n, 1);
}

/* Not more is kept than there is room for: the newest. */
TEST(test_many)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };
	_cleanup_close_ int fd = -EBADF;

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl", record(10, "run", "a0", "p", REFUSED));
	fd = openat(tree.fd, "audit/audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	for (int i = 0; i < 2 * HISTORY_RUNS; i++)
		assert_true(dprintf(fd,
				    "{\"time\":\"2023-11-14T23:13:20Z\",\"event\":\"run\",\"id\":\"a%d\",\"pod\":\"p\",\"reason\":\"r%d\"}\n",
				    i, i) > 0);
	for (int i = 0; i < 2 * HISTORY_EVENTS; i++)
		assert_true(dprintf(fd,
				    "{\"time\":\"2023-11-14T23:13:20Z\",\"event\":\"oom-kill\",\"id\":\"a%d\",\"pod\":\"p\"}\n",
				    i) > 0);
	look(&tree, "p", HISTORY_BYTES, &h);
	assert_int_equal(h.n_runs, HISTORY_RUNS);
	assert_int_equal(h.n_runs_dropped, HISTORY_RUNS + 1);
	check_string("the newest run", history_text(h.runs[0].last, "reason"), format("r%d", 2 * HISTORY_RUNS - 1));
	assert_int_equal(h.n_events, HISTORY_EVENTS);
	assert_int_equal(h.n_events_dropped, HISTORY_EVENTS);
	check_string("the newest event", history_text(h.events[0].record, "id"), format("a%d", 2 * HISTORY_EVENTS - 1));
}

/* However many others have names that begin with it, newer ones too: what is meant is found. */
TEST(test_pushed_out)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };
	_cleanup_close_ int fd = -EBADF;

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl", "\n");
	fd = openat(tree.fd, "audit/audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	for (int i = 0; i < 4 * HISTORY_EVENTS; i++)
		assert_true(
			dprintf(fd, "{\"time\":\"2023-11-14T23:13:20Z\",\"event\":\"%s\",\"id\":\"a%d\",\"pod\":\"%s\"}\n",
				i % 2 ? "run" : "oom-kill", i, i / 2 == HISTORY_EVENTS / 2 ? "p" : format("p-%d", i)) > 0);
	look(&tree, "p", HISTORY_BYTES, &h);
	assert_int_equal(h.n_runs, 1);
	assert_int_equal(h.n_events, 1);
	assert_int_equal(h.n_runs_dropped + h.n_events_dropped, 0);
	check_string("run", history_text(h.runs[0].last, "pod"), "p");
}

/* Records that somebody else could have written are not believed; one file that cannot be read does not hide others. */
TEST(test_owner)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };

	tree_new(&tree, "audit/\n");
	put(&tree, "audit.jsonl.1", record(10, "run", "a1", "p", REFUSED));
	put(&tree, "audit.jsonl", record(5, "run", "a2", "p", REFUSED));
	assert_int_equal(fchmodat(tree.fd, "audit/audit.jsonl", 0666, 0), 0);
	tree_edit(&tree, "audit/audit.jsonl.3 -> audit.jsonl.1\n");
	look(&tree, "p", HISTORY_BYTES, &h);
	assert_int_equal(h.n_runs, 1);
	check_string("of the other file", history_text(h.runs[0].last, "id"), "a1");
	assert_non_null(strstr(h.files[0].why, "mode"));
	assert_false(history_is_whole(&h));
	history_done(&h);
	assert_int_equal(fchmodat(tree.fd, "audit", 0777, 0), 0);
	CHECK("directory", ask(&tree, "p", HISTORY_BYTES, &h, &why), "writable by nobody else");
	history_done(&h);
	tree_edit(&tree, "- audit\n");
	CHECK("none", ask(&tree, "p", HISTORY_BYTES, &h, &why), "No such file");
}

TEST(test_nearest)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(history_done) struct history h = { 0 };
	struct nearest nearest = nearest_to("buidler-1");
	struct history_question question = { .owner = geteuid(), .word = "buidler-1", .most = HISTORY_BYTES, .now_us = NOW };

	tree_new(&tree, "audit/\n");
	question.directory = format("%s/audit", tree.root);
	put(&tree, "audit.jsonl",
	    format("%s%s", record(9, "run", "a1", "builder-1", REFUSED), record(8, "run", "a2", "web", "")));
	history_nearest(&question, &h, &nearest);
	check_string("nearest", nearest.best, "builder-1");
}

TEST(test_time)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: no time */
	} cases[] = {
		{ "1970-01-01T00:00:01Z", 1000000 },
		{ "1970-01-01T00:00:00.000001Z", 1 },
		{ "2026-11-29T03:15:00.5Z", 1795922100500000 },
		{ "2026-11-29", -1 },
		{ "2026-11-29T03:15:00", -1 },
		{ "2026-11-29T03:15:00+01:00", -1 },
		{ "", -1 },
		{ NULL, -1 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		int64_t us = -1;

		assert_int_equal(history_time(cases[i].text, &us), cases[i].us < 0 ? -EINVAL : 0);
		assert_true(us == cases[i].us);
	}
}

/* Each reason of a decision has something to do, as the page has it. */
TEST(test_remedies)
{
	const char *wanted;

	for (int code = 0; code < REASON_CODE_MAX; code++) {
		const char *remedy = remedy_of_code(reason_code_name((enum reason_code)code));

		if (!remedy || !remedy[0] || strchr(remedy, '`') || strchr(remedy, '\n'))
			fail_msg("%s: %s", reason_code_name((enum reason_code)code), remedy ? remedy : "(none)");
	}
	assert_null(remedy_of_code("no-such-code"));
	assert_non_null(strstr(remedy_of_code("userns-missing"), "hostUsers: false"));
	check_string("member", remedy_compares("userns-missing", &wanted), "userns");
	check_string("wanted", wanted, "private");
	assert_null(remedy_compares("budget", &wanted));
}

TEST(test_remedies_of_errors)
{
	static const struct {
		const char *stage, *sentence, *part;
	} cases[] = {
		{ "config",
		  "the bundle or its config.json belongs to uid 1000 (mode 0755); it must belong to root and be writable by nobody else",
		  "correct their owner and mode" },
		{ "state", "container state: 'status' is 'running', and cgdeleg acts only while",
		  "move it to createRuntime" },
		{ "container", "process 77, which is not the container's, is in its cgroup", "give each its own" },
		{ "act", "cannot write '5' to 'pids.max': Invalid argument", "the kernel refused a ceiling" },
		{ "audit", "the audit record cannot be written: cannot open the audit file '/x': Read-only file system",
		  "check the disk" },
		/* The right words at another stage are about something else. */
		{ "policy", "cannot write '5' to 'pids.max'", "docs/refusals.md" },
		{ "", "", "docs/refusals.md" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (!strstr(remedy_of_error(cases[i].stage, cases[i].sentence), cases[i].part))
			fail_msg("%s: %s", cases[i].sentence, remedy_of_error(cases[i].stage, cases[i].sentence));
}
