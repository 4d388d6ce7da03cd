/* SPDX-License-Identifier: Apache-2.0 */
/* Audit: whatever a container's creator wrote, the record is one line of valid, printable JSON. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cgdeleg/grant/audit.h"
#include "cgdeleg/grant/run.h"
#include "cgdeleg/grant/tally.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static const char *const hostile[] = {
	"plain",
	"\033[2J\033]0;title\007",
	"\"}\n{\"event\":\"run\"}",
	"back\\slash\\u0000",
	"\xff\xfe\xc0\xaf\xed\xa0\x80",
	"tab\tcr\rdel\x7f",
	"</script>\xe2\x80\xae",
	"",
};

static void check_line(const char *line)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	size_t len = strlen(line);

	assert_int_equal(line[len - 1], '\n');
	for (size_t i = 0; i + 1 < len; i++)
		if ((unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e)
			fail_msg("byte %02x at %zu of %s", (unsigned char)line[i], i, line);
	CHECK(line, json_parse(line, len, 16, "record", &doc, &why), NULL);
}

static void fill(struct trail *trail, const char *text)
{
	struct facts *f = &trail->facts;
	struct decision *d = &trail->decision;

	f->id = f->handler = f->cgroup = f->unrecognised = text;
	d->profile = d->rule = text;
	d->who = (struct identity) { .namespace = text, .pod = text, .container = text, .image = text };
	d->verdict = VERDICT_GRANT;
	d->n_reasons = 1;
	d->reasons[0].kind = REASON_REFUSES;
	d->reasons[0].text = d->texts;
	/* Reasons and errors are made printable where they are composed. */
	(void)text_escape(text, d->texts, REASON_TEXT_SIZE);
	d->reasons[0].origin = d->origin = (struct origin) { .file = text, .line = 1 };
	(void)err_set(&trail->err, EIO, "%s", text);
	trail->outcome.kind = OUTCOME_UNDO_FAILED;
	(void)err_set(&trail->outcome.undo_err, EIO, "%s", text);
	trail->plan.n_steps = 2;
	trail->plan.steps[0] = (struct step) { .kind = STEP_LEAF, .leaf.name = "init" };
	trail->plan.steps[1] = (struct step) { .kind = STEP_OWN, .own.name = "." };
	trail->outcome.failed = &trail->plan.steps[1];
}

TEST(test_hostile)
{
	char escapes[5000];

	memset(escapes, '\033', sizeof(escapes) - 1);
	escapes[sizeof(escapes) - 1] = '\0';
	for (size_t i = 0; i <= ELEMENTS(hostile); i++) {
		struct trail *trail = trail_new();
		_cleanup_free_ char *line = NULL;

		fill(trail, i < ELEMENTS(hostile) ? hostile[i] : escapes);
		line = record_compose(&trail->record, "run");
		assert_non_null(line);
		check_line(line);
		trail_free(trail);
	}
}

TEST(test_empty)
{
	struct trail *trail = trail_new();
	_cleanup_free_ char *line = record_compose(&trail->record, "intent");

	assert_non_null(line);
	check_line(line);
	assert_non_null(strstr(line, "\"event\":\"intent\""));
	assert_non_null(strstr(line, "\"time\":\"1970-01-01T00:00:00.000000Z\""));
	assert_non_null(strstr(line, "\"outcome\":\"nothing\""));
	assert_null(strstr(line, "\"error\""));
	trail_free(trail);
}

TEST(test_file)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(audit_done) struct audit audit = AUDIT_CLOSED, closed = AUDIT_CLOSED;
	struct trail *trail = trail_new();
	struct stat st;

	tree_new(&tree, "");
	CHECK("open", audit_open(format("%s/log", tree.root), geteuid(), &audit, &why), NULL);
	CHECK("write", audit_write(&audit, &trail->record, "intent", true, &why), NULL);
	CHECK("append", audit_write(&audit, &trail->record, "run", false, &why), NULL);
	assert_non_null(strstr(tree_get(&tree, "log/" AUDIT_FILE), "}\n{"));
	assert_int_equal(fstatat(tree.fd, "log/" AUDIT_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 077, 0);
	CHECK("closed", audit_write(&closed, &trail->record, "run", false, &why), "file is not open");
	trail_free(trail);
}

/* Who else could write the record; and the modes of logrotate and of packages, which are taken. */
TEST(test_owner)
{
	static const struct {
		const char *edits;
		mode_t directory, file; /* 0: as made */
		uid_t owner;		/* of the file; 0: whose test this is */
		const char *want;
	} cases[] = {
		{ "log/" AUDIT_FILE " = x", 0700, 0600, 0, NULL },
		{ "log/" AUDIT_FILE " = x", 0750, 0640, 0, NULL },
		{ "log/" AUDIT_FILE " = x", 0755, 0644, 0, NULL },
		{ "log/" AUDIT_FILE " = x", 02750, 0640, 0, NULL },
		{ "log/", 0750, 0, 0, NULL },
		{ "log/" AUDIT_FILE " = x", 0770, 0600, 0, "log' belongs to uid" },
		{ "log/" AUDIT_FILE " = x", 01777, 0600, 0, "log' belongs to uid" },
		{ "log/", 0777, 0, 0, "writable by nobody else: chown root, chmod go-w" },
		{ "log/" AUDIT_FILE " = x", 0700, 0620, 0, AUDIT_FILE "' belongs to uid" },
		{ "log/" AUDIT_FILE " = x", 0700, 0602, 0, AUDIT_FILE "' belongs to uid" },
		{ "log/" AUDIT_FILE " = x", 0700, 0600, 65534, AUDIT_FILE "' belongs to uid 65534" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(audit_done) struct audit audit = AUDIT_CLOSED;

		tree_new(&tree, cases[i].edits);
		if (cases[i].file)
			assert_int_equal(fchmodat(tree.fd, "log/" AUDIT_FILE, cases[i].file, 0), 0);
		if (cases[i].owner && (geteuid() != 0 || fchownat(tree.fd, "log/" AUDIT_FILE, cases[i].owner, 0, 0) < 0))
			continue; /* only root can give it away */
		assert_int_equal(fchmodat(tree.fd, "log", cases[i].directory, 0), 0);
		CHECK(format("case %zu", i), audit_open(format("%s/log", tree.root), geteuid(), &audit, &why),
		      cases[i].want);
		assert_int_equal(audit.fd >= 0, cases[i].want == NULL);
	}
}

/* What is renamed away after the directory was opened takes the records along: nobody gets a file in its place. */
TEST(test_by_descriptor)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(audit_done) struct audit audit = AUDIT_CLOSED;
	struct trail *trail = trail_new();

	tree_new(&tree, "");
	CHECK("open", audit_open(format("%s/log", tree.root), geteuid(), &audit, &why), NULL);
	assert_int_equal(renameat(tree.fd, "log", tree.fd, "old"), 0);
	tree_edit(&tree, "log/" AUDIT_FILE " = x");
	CHECK("write", audit_write(&audit, &trail->record, "run", false, &why), NULL);
	check_string("the other", tree_get(&tree, "log/" AUDIT_FILE), "x");
	trail_free(trail);
}

TEST(test_not_a_file)
{
	static const struct {
		const char *edits, *want;
	} cases[] = {
		{ "log = x", "cannot open the directory '" },
		{ "other/\nlog -> other", "cannot open the directory '" },
		{ "log/" AUDIT_FILE "/", "cannot open the audit file '" },
		{ "other = x\nlog/" AUDIT_FILE " -> ../other", "cannot open the audit file '" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(audit_done) struct audit audit = AUDIT_CLOSED;

		tree_new(&tree, cases[i].edits);
		CHECK(cases[i].edits, audit_open(format("%s/log", tree.root), geteuid(), &audit, &why), cases[i].want);
	}
}

/* One byte more for each run; nothing where others may write. */
TEST(test_tally)
{
	_cleanup_(tree_free) struct tree tree;
	struct trail *trail = trail_new();
	struct stat st;
	int dirfd;

	tree_new(&tree, "open/\nlinked -> open\n");
	trail->decision.verdict = VERDICT_REFUSE;
	trail->decision.n_reasons = 1;
	trail->decision.reasons[0] = (struct reason) { .code = REASON_BUDGET, .text = "" };
	for (int i = 1; i <= 3; i++) {
		tally_add(-EBADF, format("%s/run", tree.root), geteuid(), &trail->record);
		assert_int_equal(fstatat(tree.fd, "run/runs.refuse.budget", &st, 0), 0);
		assert_int_equal(st.st_size, i);
	}
	/* The name may be somebody else's by now. */
	dirfd = openat(tree.fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tally_add(dirfd, format("%s/other", tree.root), geteuid(), &trail->record);
	assert_int_equal(fstatat(dirfd, "runs.refuse.budget", &st, 0), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(fstatat(tree.fd, "other/runs.refuse.budget", &st, 0), -1);
	(void)close(dirfd);
	trail->record.stage = "config";
	trail->decision.verdict = VERDICT_ERROR;
	tally_add(-EBADF, format("%s/run", tree.root), geteuid(), &trail->record);
	assert_int_equal(fstatat(tree.fd, "run/runs.error.config", &st, 0), 0);
	assert_int_equal(fchmodat(tree.fd, "open", 0777, 0), 0);
	tally_add(-EBADF, format("%s/open", tree.root), geteuid(), &trail->record);
	tally_add(-EBADF, format("%s/linked", tree.root), geteuid(), &trail->record);
	assert_int_equal(fstatat(tree.fd, "open/runs.error.config", &st, 0), -1);
	trail_free(trail);
}
