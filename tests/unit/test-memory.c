/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: the n-th allocation fails, for every n, from the state to the audit record. Each time the run ends
 * with a sentence, or without harm; the sanitizers see to leaks and stray accesses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgdeleg/grant/run.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static long left = -1; /* allocations until the one that fails; below 0: none does */

static bool fails(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

static const char annotations[] = "\"annotations\":{\"cgdeleg.io/writable\":\"true\",\"x\":\"y\"}}";
static const char policy[] = "[profile p]\nmemory.max = 1G\n[handler h]\nengine = podman\n"
			     "approved_annotations = cgdeleg.io/writable\nprofile = p\n";

static int parse(struct trail *trail)
{
	char state[256], config[256];
	int r;

	(void)snprintf(state, sizeof(state),
		       "{\"id\":\"c1\",\"status\":\"created\",\"pid\":4711,\"bundle\":\"/bundle\",%s", annotations);
	(void)snprintf(config, sizeof(config),
		       "{\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":\"/sys/fs/cgroup\","
		       "\"type\":\"cgroup\"}],\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"}]},%s",
		       annotations);
	r = oci_parse_state(state, strlen(state), &trail->oci, &trail->err);
	if (r >= 0)
		r = oci_parse_config(config, strlen(config), &trail->oci, &trail->err);
	if (r >= 0)
		r = ruleset_load_text("policy.ini", policy, strlen(policy), &trail->rules, &trail->err);
	return r;
}

/* One whole run whose n-th allocation fails. Returns whether it came to that one at all. */
static bool run_once(const struct tree *tree, const struct host *host, long n, enum verdict *ret)
{
	const struct run_args args = { .handler = "h" };
	struct trail *trail;
	char *line = NULL;
	int r = -ENOMEM;
	bool reached;

	left = n;
	trail = trail_new();
	if (trail) {
		r = parse(trail);
		trail->oci.bundle_fd = openat(tree->fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r >= 0)
			r = run_plan(host, &args, trail);
		if (r < 0)
			check_result("run", r, &trail->err, "");
		*ret = r < 0 ? VERDICT_REFUSE : trail->decision.verdict;
		line = record_compose(&trail->record, "run");
	}
	reached = left < 0;
	left = -1;
	if (!reached)
		assert_non_null(line);
	free(line);
	trail_free(trail);
	return reached;
}

TEST(test_every_allocation)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	enum verdict verdict = VERDICT_PASS, with_memory;
	long n = 0;

	tree_new(&tree, tree_container);
	tree_host(&tree, &host);
	assert_false(run_once(&tree, &host, 1000000, &with_memory));
	assert_int_equal(with_memory, VERDICT_GRANT);
	while (run_once(&tree, &host, n, &verdict))
		n++;
	/* Fewer would mean that the wrappers are not in the way. */
	assert_true(n >= 10);
	assert_int_equal(verdict, VERDICT_GRANT);
}
