/* SPDX-License-Identifier: Apache-2.0 */
/* Journal and notice: what comes out of the sockets of a journald and of a syslog that the test is itself. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/journal.h"
#include "cgdeleg/grant/notice.h"
#include "cgdeleg/grant/run.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

/* A datagram socket at `path`. */
static int daemon_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) < (int)sizeof(address.sun_path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The datagram that waits, with a NUL; -1: none does. */
static ssize_t take(int fd, char *buf, size_t size)
{
	ssize_t n = recv(fd, buf, size - 1, 0);

	buf[n < 0 ? 0 : n] = '\0';
	return n;
}

static const struct journal_field fields[] = {
	{ "CGDELEG_REASON", "budget" }, { "CGDELEG_POD", NULL },       { "CGDELEG_IMAGE", "x\nCGDELEG_VERDICT=grant" },
	{ "CGDELEG_ID", "" },		{ "CGDELEG_NAMESPACE", "ci" },
};

static const struct journal_line line = { .priority = 3,
					  .program = "cgdeleg-hook",
					  .pid = 42,
					  .message = "refused [budget]: full",
					  .fields = fields,
					  .n_fields = ELEMENTS(fields) };

TEST(test_native)
{
	static const char expected[] =
		"MESSAGE=refused [budget]: full\nPRIORITY=3\nSYSLOG_FACILITY=10\nSYSLOG_PID=42\n"
		"SYSLOG_IDENTIFIER=cgdeleg-hook\nCGDELEG_REASON=budget\n"
		"CGDELEG_IMAGE\n\x17\0\0\0\0\0\0\0x\nCGDELEG_VERDICT=grant\nCGDELEG_NAMESPACE=ci\n";
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(journal_done) struct journal journal = JOURNAL_CLOSED;
	char got[4096];

	tree_new(&tree, "");
	_cleanup_close_ int native = daemon_at(format("%s/j", tree.root)), syslog = daemon_at(format("%s/s", tree.root));
	journal_open(format("%s/j", tree.root), format("%s/s", tree.root), &journal);
	assert_int_equal(journal.kind, JOURNAL_NATIVE);
	journal_send(&journal, &line);
	assert_int_equal(take(native, got, sizeof(got)), sizeof(expected) - 1);
	assert_memory_equal(got, expected, sizeof(expected) - 1);
	assert_int_equal(take(native, got, sizeof(got)), -1);
	assert_int_equal(take(syslog, got, sizeof(got)), -1);
}

TEST(test_syslog)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(journal_done) struct journal journal = JOURNAL_CLOSED;
	char got[4096];

	tree_new(&tree, "");
	_cleanup_close_ int syslog = daemon_at(format("%s/s", tree.root));
	journal_open(format("%s/none", tree.root), format("%s/s", tree.root), &journal);
	assert_int_equal(journal.kind, JOURNAL_SYSLOG_ONLY);
	journal_send(&journal, &line);
	assert_true(take(syslog, got, sizeof(got)) > 0);
	assert_string_equal(got, "<83>cgdeleg-hook[42]: refused [budget]: full");
}

/* No log at all, and a log whose daemon has gone: nothing fails. */
TEST(test_nobody)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(journal_done) struct journal none = JOURNAL_CLOSED, gone = JOURNAL_CLOSED, closed = JOURNAL_CLOSED;
	int fd;

	tree_new(&tree, "");
	journal_open(format("%s/a", tree.root), format("%s/b", tree.root), &none);
	assert_int_equal(none.kind, JOURNAL_NONE);
	journal_send(&none, &line);
	fd = daemon_at(format("%s/j", tree.root));
	journal_open(format("%s/j", tree.root), "/none", &gone);
	(void)close(fd);
	journal_send(&gone, &line);
	journal_send(&closed, &line);
}

/* Too large for the socket: the message goes alone. */
TEST(test_too_large)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(journal_done) struct journal journal = JOURNAL_CLOSED;
	const int least = 1; /* the kernel makes it its minimum, some 4.5 KiB, of which a datagram has not all */
	char big[6000], got[JOURNAL_DATAGRAM_MAX + 1];
	const struct journal_field large = { "CGDELEG_IMAGE", big };
	struct journal_line with = line;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	with.fields = &large;
	with.n_fields = 1;
	tree_new(&tree, "");
	_cleanup_close_ int native = daemon_at(format("%s/j", tree.root));
	journal_open(format("%s/j", tree.root), "/none", &journal);
	journal_send(&journal, &with);
	assert_true(take(native, got, sizeof(got)) > 6000);
	assert_int_equal(setsockopt(journal.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	journal_send(&journal, &with);
	assert_true(take(native, got, sizeof(got)) > 0);
	assert_non_null(strstr(got, "MESSAGE=refused [budget]: full\n"));
	assert_null(strstr(got, "CGDELEG_IMAGE"));
}

/* More fields than a datagram takes: whole ones are left out, and the rest is as it should be. */
TEST(test_left_out)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(journal_done) struct journal journal = JOURNAL_CLOSED;
	char big[JOURNAL_DATAGRAM_MAX], got[2 * JOURNAL_DATAGRAM_MAX];
	const struct journal_field two[] = { { "CGDELEG_IMAGE", big }, { "CGDELEG_ID", "1" } };
	struct journal_line with = line;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	with.fields = two;
	with.n_fields = 2;
	tree_new(&tree, "");
	_cleanup_close_ int native = daemon_at(format("%s/j", tree.root));
	journal_open(format("%s/j", tree.root), "/none", &journal);
	journal_send(&journal, &with);
	assert_true(take(native, got, sizeof(got)) > 0);
	assert_null(strstr(got, "CGDELEG_IMAGE"));
	assert_non_null(strstr(got, "\nCGDELEG_ID=1\n"));
}

static const char *const hostile[] = {
	"plain", "a b=c", "\nCGDELEG_VERDICT=grant\n", "\033[2J\r\n", "\xff\xfe\xc0\xaf", "",
};

/* Whatever a container's creator wrote: one line, printable, each field once, no word of the line that is another's. */
TEST(test_notice)
{
	_cleanup_(tree_free) struct tree tree;
	char got[JOURNAL_DATAGRAM_MAX + 1], text[NOTICE_SIZE];

	tree_new(&tree, "");
	_cleanup_close_ int native = daemon_at(format("%s/j", tree.root));
	for (size_t i = 0; i < ELEMENTS(hostile); i++) {
		_cleanup_(journal_done) struct journal journal = JOURNAL_CLOSED;
		struct trail *trail = trail_new();
		struct decision *d = &trail->decision;
		char *verdict;

		trail->facts.id = hostile[i];
		trail->facts.handler = "ci";
		d->who = (struct identity) {
			.namespace = hostile[i], .pod = hostile[i], .container = hostile[i], .image = hostile[i]
		};
		d->verdict = VERDICT_REFUSE;
		d->n_reasons = 1;
		d->reasons[0] = (struct reason) { .kind = REASON_REFUSES,
						  .code = REASON_BUDGET,
						  .text = "full",
						  .origin = { .file = "/p.ini", .line = 7 } };
		(void)notice_compose(&trail->record, text, sizeof(text));
		assert_int_equal(strncmp(text, "refused [budget]: full (/p.ini:7); handler=ci ", 46), 0);
		journal_open(format("%s/j", tree.root), "/none", &journal);
		notice_send(&journal, &trail->record);
		assert_true(take(native, got, sizeof(got)) > 0);
		for (const char *p = got; *p; p++)
			assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
		verdict = strstr(got, "\nCGDELEG_VERDICT=");
		assert_non_null(verdict);
		assert_int_equal(strncmp(verdict, "\nCGDELEG_VERDICT=refuse\n", 24), 0);
		assert_null(strstr(verdict + 1, "\nCGDELEG_VERDICT="));
		assert_non_null(strstr(got, "\nCGDELEG_REASON=budget\n"));
		assert_non_null(strstr(got, "\nCGDELEG_POLICY=/p.ini:7\n"));
		if (strcmp(hostile[i], "a b=c") == 0) {
			assert_non_null(strstr(text, " pod=a_b=c container="));
			assert_non_null(strstr(got, "\nCGDELEG_POD=a b=c\n"));
		}
		trail_free(trail);
	}
}

/* The longest of everything: the line is cut nowhere that it should not be, and the datagram holds it. */
TEST(test_notice_long)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(journal_done) struct journal journal = JOURNAL_CLOSED;
	struct trail *trail = trail_new();
	char got[JOURNAL_DATAGRAM_MAX + 1], huge[5000];

	memset(huge, '\033', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	trail->facts.id = trail->facts.handler = huge;
	trail->decision.profile = huge;
	trail->decision.who = (struct identity) { .namespace = huge, .pod = huge, .container = huge, .image = huge };
	trail->decision.verdict = VERDICT_ERROR;
	trail->record.stage = "config";
	(void)err_set(&trail->err, EIO, "error [config]: %s", huge);
	tree_new(&tree, "");
	_cleanup_close_ int native = daemon_at(format("%s/j", tree.root));
	journal_open(format("%s/j", tree.root), "/none", &journal);
	notice_send(&journal, &trail->record);
	assert_true(take(native, got, sizeof(got)) > 0);
	assert_non_null(strstr(got, "MESSAGE=error [config]: "));
	assert_non_null(strstr(got, "\nCGDELEG_REASON=config\n"));
	assert_non_null(strstr(got, "\nCGDELEG_IMAGE=\\x1b"));
	assert_non_null(strstr(got, "\nCGDELEG_PROFILE=\\x1b"));
	trail_free(trail);
}
