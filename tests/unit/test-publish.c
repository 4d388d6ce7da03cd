/* SPDX-License-Identifier: Apache-2.0 */
/* Publish: the whole file or the old one, readable, and nothing that somebody else has put there. */
#include "base/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static void put_text(void *userdata, FILE *to)
{
	fputs(userdata, to);
}

/* A full device takes nothing. */
static void put_and_fail(void *userdata, FILE *to)
{
	fputs(userdata, to);
	(void)fflush(to);
	assert_int_equal(close(fileno(to)), 0);
	fputs("more", to);
	errno = 0;
}

static int publish(const struct tree *tree, publish_fn put, struct err *err)
{
	return publish_file(format("%s/metrics/w.prom", tree->root), geteuid(), put, (void *)(uintptr_t) "new", err);
}

TEST(test_publish)
{
	static const struct {
		const char *edits;
		mode_t directory;
		const char *want;
	} cases[] = {
		{ "metrics/", 0755, NULL },
		{ "metrics/w.prom = old", 0755, NULL },
		{ "metrics/w.prom.new = left over", 0755, NULL },
		{ "metrics/w.prom = old", 0700, NULL },
		/* A link is replaced, and what it leads to stays. */
		{ "other = other\nmetrics/w.prom -> ../other", 0755, NULL },
		{ "other = other\nmetrics/w.prom.new -> ../other", 0755, NULL },
		{ "metrics/w.prom/x = 1", 0755, "cannot write '" },
		{ "metrics/w.prom.new/", 0755, "cannot write '" },
		{ "metrics/w.prom = old", 0775, "writable by nobody else" },
		{ "metrics/w.prom = old", 01777, "writable by nobody else" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		mode_t mask = umask(0077);
		struct stat st;

		tree_new(&tree, cases[i].edits);
		assert_int_equal(fchmodat(tree.fd, "metrics", cases[i].directory, 0), 0);
		CHECK(cases[i].edits, publish(&tree, put_text, &why), cases[i].want);
		(void)umask(mask);
		if (strstr(cases[i].edits, "other = "))
			check_string(cases[i].edits, tree_get(&tree, "other"), "other");
		if (cases[i].want)
			continue;
		check_string(cases[i].edits, tree_get(&tree, "metrics/w.prom"), "new");
		assert_int_equal(fstatat(tree.fd, "metrics/w.prom", &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_true(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644);
		assert_int_equal(faccessat(tree.fd, "metrics/w.prom.new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	}
}

TEST(test_place)
{
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "metrics/\nlink -> metrics");
	CHECK("a link to the directory",
	      publish_file(format("%s/link/w.prom", tree.root), geteuid(), put_text, (void *)(uintptr_t) "new", &why),
	      "cannot open the directory '");
	CHECK("a link and a slash",
	      publish_file(format("%s/link//w.prom", tree.root), geteuid(), put_text, (void *)(uintptr_t) "new", &why),
	      "cannot open the directory '");
	CHECK("no directory",
	      publish_file(format("%s/none/w.prom", tree.root), geteuid(), put_text, (void *)(uintptr_t) "new", &why),
	      "cannot open the directory '");
	assert_int_equal(faccessat(tree.fd, "none", F_OK, 0), -1);
}

TEST(test_half)
{
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "metrics/w.prom = old");
	CHECK("half", publish(&tree, put_and_fail, &why), "cannot write '");
	check_string("the old one", tree_get(&tree, "metrics/w.prom"), "old");
	assert_int_equal(faccessat(tree.fd, "metrics/w.prom.new", F_OK, 0), -1);
}
