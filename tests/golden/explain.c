/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden - what run_plan() says about a container on a described machine.
 *
 *     explain DIR HANDLER [--json]
 *
 * DIR holds state.json (or none: only the bundle is looked at), config.json, policy.ini, and tree: edits to
 * the container of tests/unit/tree.c. Exit 77: the tree needs root. Everything else is for comparison.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/cli/check-print.h"
#include "cgdeleg/cli/expect.h"
#include "tests/unit/tree.h"

#define FILE_MAX (1024 * 1024)

static char *read_file(int dir, const char *name, size_t *len)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char *text = NULL;

	if (fd < 0 || file_slurp(fd, FILE_MAX, &text, len) < 0)
		return NULL;
	return text;
}

static int read_inputs(int dir, struct trail *trail)
{
	_cleanup_free_ char *state = NULL, *config = NULL, *policy = NULL;
	size_t state_len, config_len, policy_len;
	int r = 0;

	state = read_file(dir, "state.json", &state_len);
	config = read_file(dir, "config.json", &config_len);
	policy = read_file(dir, "policy.ini", &policy_len);
	if (!config || !policy)
		return err_set(&trail->err, ENOENT, "config.json and policy.ini must be there");
	if (state)
		r = oci_parse_state(state, state_len, &trail->oci, &trail->err);
	if (r >= 0)
		r = oci_parse_config(config, config_len, &trail->oci, &trail->err);
	if (r >= 0)
		r = oci_adopt_annotations(&trail->oci, &trail->err);
	if (r >= 0)
		r = ruleset_load_text("policy.ini", policy, policy_len, &trail->rules, &trail->err);
	return r;
}

static int explain(int dir, const char *handler, struct tree *tree, struct trail *trail)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	struct run_args args = { .handler = handler, .every_fact = true };
	_cleanup_free_ char *edits = read_file(dir, "tree", NULL);
	int r;

	tree_edit(tree, tree_container);
	if (edits)
		tree_edit(tree, edits);
	r = read_inputs(dir, trail);
	if (r < 0)
		return r;
	trail->oci.bundle_fd = openat(tree->fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = host_open(tree->root, tree_machine(tree), &host, &trail->err);
	if (trail->oci.pid == 0)
		args.look = expect_container;
	if (r >= 0)
		r = run_plan(&host, &args, trail);
	if (r >= 0 && args.look)
		expect_judge(&host, trail);
	return r;
}

int main(int argc, char **argv)
{
	struct trail *trail = trail_new();
	struct tree tree;
	int dir, r;

	if (argc < 3 || !trail)
		return 2;
	dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 2;
	if (geteuid() != 0 && faccessat(dir, "needs-root", F_OK, 0) == 0)
		return 77;
	tree_new(&tree, "");
	r = explain(dir, argv[2], &tree, trail);
	if (r < 0)
		printf("error: %s\n", trail->err.text);
	else if (!(argc > 3 ? check_print_json(trail) : check_print_text(trail)))
		r = 2;
	trail_free(trail);
	tree_free(&tree);
	(void)close(dir);
	return r == 2 ? 2 : 0;
}
