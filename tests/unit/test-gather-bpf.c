/* SPDX-License-Identifier: Apache-2.0 */
/* Gather, BPF: the node's guards as facts, the hook's helper, and what a container could undo guards with. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgdeleg/gather-bpf.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

struct looked_at {
	struct tree tree;
	struct host host;
	struct oci oci;
	struct target target;
	struct facts facts;
	struct err err;
};

static void looked_at_done(struct looked_at *l)
{
	target_done(&l->target);
	oci_done(&l->oci);
	host_done(&l->host);
	tree_free(&l->tree);
}

static int look(const char *edits, const char *config, struct looked_at *l)
{
	static const char state[] =
		"{\"id\":\"c1\",\"status\":\"creating\",\"pid\":4711,\"bundle\":\"/bundle\"}";

	*l = (struct looked_at) { .oci = OCI_EMPTY };
	target_init(&l->target);
	tree_new(&l->tree);
	tree_edit(&l->tree, tree_container);
	tree_edit(&l->tree, edits);
	tree_host(&l->tree, &l->host);
	assert_int_equal(oci_parse_state(state, strlen(state), &l->oci, NULL), 0);
	assert_int_equal(oci_parse_config(config, strlen(config), &l->oci, NULL), 0);
	l->oci.bundle_fd = openat(l->tree.fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return gather(&l->host, &l->oci, &l->target, &l->facts, &l->err);
}

static const char plain[] =
	"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":1000,\"gid\":100}},"
	"\"mounts\":[{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","
	"\"options\":[\"ro\"]}]}";

/* What is pinned, what is not and why; and ways to BPF that a container has. */
static void test_bpf(void **state)
{
	static const struct {
		const char *edits;
		bool device, grant;
		const char *why; /* there is no grant guard */
	} pins[] = {
		{ "#", true, false, "cgdeleg guard status says why" },
		{ "sys/fs/bpf/guards = device grant", true, true, "" },
		{ "- sys/fs/bpf/guards", false, false, "run cgdeleg guard load" },
		{ "sys/fs/bpf/guards = fault", false, false, "not root's alone" },
	};
#define BPFFS(point, options)                                                         \
	"proc/4711/mountinfo = 22 21 0:29 /ci/box /bundle/rootfs/sys/fs/cgroup ro - " \
	"cgroup2 cgroup rw\\n30 21 0:31 / " point " rw - bpf bpf " options "\n"
	static const struct {
		const char *edits;
		bool bpffs, token;
		const char *inherited;
	} ways[] = {
		{ "#", false, false, NULL },
		{ BPFFS("/sys/fs/bpf", "rw"), false, false,
		  NULL }, /* the host's, until pivot_root */
		{ BPFFS("/bundle/rootfs", "rw"), false, false, NULL },
		{ BPFFS("/bundle/rootfs/x", "rw,mode=700"), true, false, NULL },
		{ BPFFS("/bundle/rootfs/x", "rw,delegate_cmds=any"), true, true, NULL },
		{ "proc/4711/fd/3 -> /dev/null\nproc/4711/fd/4 -> socket:[1]\n", false, false,
		  NULL },
		{ "proc/4711/fd/3 -> anon_inode:bpf-prog\n", false, false,
		  "descriptor 3, a BPF object" },
		{ "proc/4711/fd/3 -> anon_inode:bpf-map\nproc/4711/fdinfo/3 = flags: 02000002\n",
		  false, false, NULL }, /* closed by its exec */
		{ "proc/4711/fd/9 -> anon_inode:bpf_link\nproc/4711/fdinfo/9 = flags: 02\n", false,
		  false, "descriptor 9, a BPF object" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(pins); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		check_result(pins[i].edits, look(pins[i].edits, plain, &l), &l.err, NULL);
		gather_guards(&l.host, NULL, &l.oci, &l.target, &l.facts);
		assert_int_equal(l.facts.device_guard, pins[i].device);
		assert_int_equal(l.facts.guard_available, pins[i].grant);
		if (!strstr(l.facts.guard_why, pins[i].why))
			fail_msg("%s: %s", pins[i].edits, l.facts.guard_why);
		if (!pins[i].device)
			check_string("why", l.facts.device_guard_why, l.facts.guard_why);
	}
	for (size_t i = 0; i < ELEMENTS(ways); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		check_result(ways[i].edits, look(ways[i].edits, plain, &l), &l.err, NULL);
		assert_int_equal(l.facts.bpffs, ways[i].bpffs);
		assert_int_equal(l.facts.bpf_token, ways[i].token);
		check_string(ways[i].edits, l.facts.inherited, ways[i].inherited);
	}
}

/* A list that the guard cannot be told leaves it unused, and the reason says so. */
static void test_device_list(void **state)
{
	static const char bad[] =
		"{\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":"
		"\"/sys/fs/cgroup\",\"type\":\"cgroup\"}],\"linux\":{\"resources\":"
		"{\"devices\":[{\"allow\":true,\"type\":\"p\"}]}}}";
	_cleanup_(looked_at_done) struct looked_at l;

	(void)state;
	check_result("bad", look("#", bad, &l), &l.err, NULL);
	gather_guards(&l.host, NULL, &l.oci, &l.target, &l.facts);
	assert_false(l.facts.device_guard);
	check_string("why", l.facts.device_guard_why,
		     "config.json: linux.resources.devices: type 'p' is none of a, b, c");
}

static void put_helper(const struct tree *tree, const char *program, mode_t mode)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cp %s %s/helper && chmod %04o %s/helper", program,
		       tree->root, mode, tree->root);
	assert_int_equal(system(command), 0);
}

/* The hook executes what only root can change, and what it says is the reason. */
static void test_helper(void **state)
{
	static const struct {
		const char *program;
		mode_t mode;
		const char *want;
	} helpers[] = {
		{ "/bin/true", 0755, NULL },
		{ "/bin/false", 0755, "helper: it failed without a reason" },
		{ "/bin/cp", 0755,
		  "helper: helper: missing file operand" }, /* no argument, and its own name */
		{ "/bin/true", 0775, "root's and writable by nobody else was expected" },
		{ "/bin/true", 0644, "helper: the program cannot be executed" },
	};
	struct tree tree;
	struct err err = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip(); /* the helper must be root's */
	tree_new(&tree);
	for (size_t i = 0; i < ELEMENTS(helpers); i++) {
		put_helper(&tree, helpers[i].program, helpers[i].mode);
		check_result(helpers[i].program, helper_run(tree.root, "helper", &err), &err,
			     helpers[i].want);
	}
	check_result("none", helper_run(tree.root, "another", &err), &err, "another'");
	tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bpf),
		cmocka_unit_test(test_device_list),
		cmocka_unit_test(test_helper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
