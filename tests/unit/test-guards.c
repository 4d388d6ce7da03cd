/* SPDX-License-Identifier: Apache-2.0 */
/* Gather, BPF: the node's guards as facts, the hook's helper, and what a container could undo guards with. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "cgdeleg/grant/guards.h"
#include "tests/unit/looked-at.h"

/* What is pinned, what is not and why; and ways to BPF that a container has. */
TEST(test_bpf)
{
	static const struct {
		const char *edits;
		enum guard_fact device, grant;
		const char *why; /* there is no grant guard */
	} pins[] = {
		{ "#", GUARD_FACT_THERE, GUARD_FACT_CANNOT, "this kernel does not run BPF LSM programs" },
		{ "sys/fs/bpf/guards = device grant", GUARD_FACT_THERE, GUARD_FACT_THERE, "" },
		{ "sys/fs/bpf/guards = device untried", GUARD_FACT_THERE, GUARD_FACT_NOT_LOADED, "it is not loaded" },
		{ "sys/fs/bpf/guards = grant", GUARD_FACT_NOT_LOADED, GUARD_FACT_THERE, "it is not loaded" },
		{ "sys/fs/bpf/guards = cannot", GUARD_FACT_CANNOT, GUARD_FACT_CANNOT, "this kernel does not run" },
		{ "- sys/fs/bpf/guards", GUARD_FACT_NOT_LOADED, GUARD_FACT_NOT_LOADED, "it is not loaded" },
		{ "sys/fs/bpf/guards = fault", GUARD_FACT_BROKEN, GUARD_FACT_BROKEN, "not root's alone" },
		{ "sys/fs/bpf/guards = busy", GUARD_FACT_UNKNOWN, GUARD_FACT_UNKNOWN, "too many files" },
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
		{ BPFFS("/sys/fs/bpf", "rw"), false, false, NULL }, /* the host's, until pivot_root */
		{ BPFFS("/bundle/rootfs", "rw"), true, false, NULL },
		{ BPFFS("/bundle/rootfs2/x", "rw"), false, false, NULL },
		{ BPFFS("/bundle/rootfs/x", "rw,mode=700"), true, false, NULL },
		{ BPFFS("/bundle/rootfs/x", "rw,delegate_cmds=any"), true, true, NULL },
		{ "proc/4711/fd/3 -> /dev/null\nproc/4711/fd/4 -> socket:[1]\n", false, false, NULL },
		{ "proc/4711/fd/3 -> anon_inode:bpf-prog\n", false, false, "descriptor 3, a BPF object" },
		{ "proc/4711/fd/3 -> anon_inode:bpf-map\nproc/4711/fdinfo/3 = flags: 02000002\n", false, false,
		  NULL }, /* closed by its exec */
		{ "proc/4711/fd/9 -> anon_inode:bpf_link\nproc/4711/fdinfo/9 = flags: 02\n", false, false,
		  "descriptor 9, a BPF object" },
		{ "proc/4711/fd/3 -> /dev/null/x\n", false, false, "descriptor 3, which cannot be checked" },
		{ "proc/4711/fd/3 -> /nonexistent\n", false, false, NULL }, /* closed meanwhile */
	};

	for (size_t i = 0; i < ELEMENTS(pins); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(pins[i].edits, look(pins[i].edits, plain, &l), NULL);
		guards_open_or_load(&l.host, NULL, &l.oci, &l.target, &l.facts);
		if (l.facts.device_guard != pins[i].device || l.facts.grant_guard != pins[i].grant)
			fail_msg("%s: %d %d", pins[i].edits, l.facts.device_guard, l.facts.grant_guard);
		if (!strstr(l.facts.grant_guard_why, pins[i].why))
			fail_msg("%s: %s", pins[i].edits, l.facts.grant_guard_why);
	}
	for (size_t i = 0; i < ELEMENTS(ways); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(ways[i].edits, look(ways[i].edits, plain, &l), NULL);
		assert_int_equal(l.facts.bpffs, ways[i].bpffs);
		assert_int_equal(l.facts.bpf_token, ways[i].token);
		check_string(ways[i].edits, l.facts.inherited, ways[i].inherited);
	}
}

/* A list that the guard cannot be told is a fault of the list, and no word of this kernel's. */
TEST(test_device_list)
{
	static const char bad[] = "{\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":"
				  "\"/sys/fs/cgroup\",\"type\":\"cgroup\"}],\"linux\":{\"namespaces\":"
				  "[{\"type\":\"mount\"},{\"type\":\"cgroup\"}],\"resources\":"
				  "{\"devices\":[{\"allow\":true,\"type\":\"p\"}]}}}";
	_cleanup_(looked_at_done) struct looked_at l;

	CHECK("bad", look("#", bad, &l), NULL);
	guards_open_or_load(&l.host, NULL, &l.oci, &l.target, &l.facts);
	assert_int_equal(l.facts.device_guard, GUARD_FACT_BROKEN);
	check_string("why", l.facts.device_guard_why,
		     "config.json: linux.resources.devices: type 'p' is not 'a', 'b' or 'c'");
}

static void put_helper(const struct tree *tree, const char *program, const char *name, mode_t mode)
{
	assert_int_equal(
		system(format("cp %s %s/%s && chmod %04o %s/%s", program, tree->root, name, mode, tree->root, name)), 0);
}

static int64_t in_ms(int64_t ms)
{
	return clock_monotonic_ms() + ms;
}

/* Another hook, which has its turn and pins the guards after a while, or never. It holds the lock until it ends. */
static pid_t start_other(const struct looked_at *l, bool pins)
{
	pid_t pid;
	int lock;

	lock = open(format("%s/loading", l->tree.root), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(lock >= 0);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
		(void)usleep(100000);
		if (pins) { /* at once: who looks meanwhile must not find half of it */
			tree_edit(&l->tree, "sys/fs/bpf/new = device grant");
			(void)renameat(l->tree.fd, "sys/fs/bpf/new", l->tree.fd, "sys/fs/bpf/guards");
		}
		(void)pause();
		_exit(0);
	}
	(void)close(lock);
	return pid;
}

/* Executes the loader `program`, or none, for a container that needs both guards or one. */
static void load_with(struct looked_at *l, const char *program, bool device, bool grant)
{
	struct guard_loader loader = { .run = l->tree.root,
				       .deadline_ms = in_ms(10000),
				       .which = (device ? WANT_DEVICE_GUARD : 0) | (grant ? WANT_GRANT_GUARD : 0) };

	if (program)
		put_helper(&l->tree, program, "cgdeleg-guard", 0755);
	l->host.helpers = l->tree.root;
	guards_open_or_load(&l->host, &loader, &l->oci, &l->target, &l->facts);
}

/* Whatever becomes of the loader, it never proves that this kernel cannot: only its note does. A container that needs
 * one guard is not kept from it by the other. */
TEST_AS_ROOT(test_loader) /* the helper must be root's */
{
	static const struct {
		const char *edits, *program; /* the loader, NULL: none */
		bool device, grant;	     /* what is needed */
		enum guard_fact is_device, is_grant;
		const char *why;
	} cases[] = {
		{ "- sys/fs/bpf/guards", NULL, true, true, GUARD_FACT_BROKEN, GUARD_FACT_BROKEN, "cannot be executed" },
		{ "- sys/fs/bpf/guards", "/bin/false", true, true, GUARD_FACT_BROKEN, GUARD_FACT_BROKEN, "it failed" },
		{ "- sys/fs/bpf/guards", "/bin/true", true, true, GUARD_FACT_BROKEN, GUARD_FACT_BROKEN,
		  "although the program that loads them reported success" },
		{ "sys/fs/bpf/guards = device untried", "/bin/false", true, true, GUARD_FACT_THERE, GUARD_FACT_BROKEN,
		  "it failed" },
		{ "sys/fs/bpf/guards = device untried", "/bin/false", true, false, GUARD_FACT_THERE,
		  GUARD_FACT_NOT_LOADED, "" },
		{ "sys/fs/bpf/guards = grant", "/bin/false", false, true, GUARD_FACT_NOT_LOADED, GUARD_FACT_THERE, "" },
		{ "sys/fs/bpf/guards = device", "/bin/false", true, true, GUARD_FACT_THERE, GUARD_FACT_CANNOT,
		  "does not run BPF LSM" },
		{ "sys/fs/bpf/guards = fault", "/bin/true", true, true, GUARD_FACT_BROKEN, GUARD_FACT_BROKEN,
		  "not root's alone" },
	};

	if (!guard_build[0])
		skip(); /* it executes none */
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(cases[i].edits, look(cases[i].edits, plain, &l), NULL);
		load_with(&l, cases[i].program, cases[i].device, cases[i].grant);
		if (l.facts.device_guard != cases[i].is_device || l.facts.grant_guard != cases[i].is_grant ||
		    !strstr(l.facts.grant_guard_why, cases[i].why))
			fail_msg("%zu: %d %d %s", i, l.facts.device_guard, l.facts.grant_guard, l.facts.grant_guard_why);
	}
}

/* One hook loads, the others wait for what it pins, and not longer than leaves time for the grant. */
TEST(test_turns)
{
	static const struct {
		bool other, pins;
		int64_t time_ms; /* until the deadline */
		enum guard_fact grant;
		const char *why;
	} cases[] = {
		{ false, false, 8000, GUARD_FACT_BROKEN, "cgdeleg-guard: it failed" }, /* its own turn */
		{ true, true, 20000, GUARD_FACT_THERE, "" },
		{ true, false, 6000, GUARD_FACT_UNKNOWN,
		  "another hook has been loading the BPF guards and has not finished in time" },
		{ true, false, -1000, GUARD_FACT_UNKNOWN,
		  "another hook has been loading the BPF guards and has not finished in time" },
	};

	if (geteuid() != 0 || !guard_build[0])
		skip(); /* the helper must be root's; a build without guards executes none */
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(looked_at_done) struct looked_at l;
		struct guard_loader loader;
		pid_t pid = 0;

		CHECK("look", look("- sys/fs/bpf/guards", plain, &l), NULL);
		put_helper(&l.tree, "/bin/false", "cgdeleg-guard", 0755);
		if (cases[i].other)
			pid = start_other(&l, cases[i].pins);
		l.host.helpers = l.tree.root;
		loader = (struct guard_loader) { .run = l.tree.root,
						 .deadline_ms = in_ms(cases[i].time_ms),
						 .which = WANT_BOTH_GUARDS };
		guards_open_or_load(&l.host, &loader, &l.oci, &l.target, &l.facts);
		if (l.facts.grant_guard != cases[i].grant || !strstr(l.facts.grant_guard_why, cases[i].why))
			fail_msg("%zu: %s", i, l.facts.grant_guard_why);
		if (in_ms(0) > loader.deadline_ms - cases[i].time_ms / 3 && cases[i].time_ms > 0)
			fail_msg("%zu: it took the grant's share of the time", i);
		if (pid) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
		}
	}
}

/* A copy of this very program, which main() takes for a helper by its name. */
static int run_self(const struct tree *tree, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	put_helper(tree, self, name, 0755);
	return helper_run(tree->root, name, in_ms(20000), NULL);
}

/* The hook executes what only root can change, and what it says is the reason. */
TEST_AS_ROOT(test_helper) /* the helper must be root's */
{
	static const struct {
		const char *program;
		mode_t mode;
		const char *want;
	} helpers[] = {
		{ "/bin/true", 0755, NULL },
		{ "/bin/false", 0755, "helper: it failed without a message" },
		{ "/bin/cp", 0755, "helper: helper: missing file operand" }, /* no argument, and its own name */
		{ "/bin/true", 0775, "writable by nobody else" },
		{ "/bin/true", 0644, "helper: the program cannot be executed" },
	};
	struct tree tree;

	tree_new(&tree, "");
	for (size_t i = 0; i < ELEMENTS(helpers); i++) {
		put_helper(&tree, helpers[i].program, "helper", helpers[i].mode);
		CHECK(helpers[i].program, helper_run(tree.root, "helper", in_ms(5000), &why), helpers[i].want);
	}
	assert_int_equal(run_self(&tree, "wants"), -EAGAIN);
	assert_int_equal(run_self(&tree, "killed"), -EAGAIN);
	assert_int_equal(run_self(&tree, "fails"), -ECHILD);
	CHECK("none", helper_run(tree.root, "another", in_ms(5000), &why), "another'");
	tree_free(&tree);
}

static int be_helper(const char *name)
{
	if (strcmp(name, "killed") == 0)
		(void)raise(SIGKILL);
	return strcmp(name, "wants") == 0 ? SPAWN_TRY_AGAIN : 1;
}

int main(int argc, char **argv)
{
	if (argc > 0 && !strchr(argv[0], '/'))
		return be_helper(argv[0]);
	return check_run();
}
