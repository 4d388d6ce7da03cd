/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy tree - a policy's directory in a temporary tree: what is root's there belongs to whoever runs the test.
 */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "policy/ruleset.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define HANDLER "[handler runc]\nengine = containerd\n"

static struct tree tree; /* of the test that runs */

static int setup(void **state)
{
	(void)state;
	tree_new(&tree, "policy.d/");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(&tree);
	return 0;
}

static inline const char *path_of(const char *name)
{
	return format("%s%s%s", tree.root, *name ? "/" : "", name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = -EBADF;

	fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (*text)
		assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void load(struct ruleset *rules)
{
	assert_int_equal(ruleset_load(tree.root, getuid(), rules, NULL), 0);
}

/* Nothing but one complaint on `file`, with these words. */
static void assert_complaint(const char *file, const char *words)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	const struct complaint *c;

	load(&rules);
	c = rules.complaints;
	if (!c || c->next || !strstr(c->text, words) || strcmp(c->origin.file, path_of(file)) != 0)
		fail_msg("expected %s: %s, got %s: %s", file, words, c ? c->origin.file : "nothing", c ? c->text : "");
}
