/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grant guard on this kernel: what it refuses, what it leaves alone, and how long it lives.
 *
 * For a virtual machine: cgroup2 at /sys/fs/cgroup with its controllers, BPF LSM, all of root's capabilities.
 * With the argument "absent" for one that was booted without BPF LSM.
 */
#include "tests/guard/kernel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/attached.h"
#include "bpf/canary.h"
#include "bpf/cannot.h"
#include "tests/guard/attempts.h"
#include "tests/guard/rig.h"

struct grant_guard guard;

struct guard_grant grant_of(const char *cgroup)
{
	_cleanup_close_ int fd = cgroup_open_path(cgroup);
	struct guard_grant grant = { 0 };
	struct err err = { 0 };

	if (grant_guard_read(&guard, fd, &grant, &err) < 0)
		die(err.text);
	return grant;
}

void attach(const char *cgroup, __u64 flags)
{
	_cleanup_close_ int fd = cgroup_open_path(cgroup);
	struct err err = { 0 };
	unsigned attached;

	if (grant_guard_attach(&guard, fd, &attached, &err) < 0 || grant_guard_write(&guard, fd, flags, &err) < 0)
		die(err.text);
}

void detach(const char *cgroup)
{
	_cleanup_close_ int fd = cgroup_open_path(cgroup);
	struct err err = { 0 };

	if (grant_guard_detach(&guard, fd, GUARD_ALL_PROGRAMS, &err) < 0)
		die(err.text);
}

/* --- what is refused, from where --- */

static const struct place {
	const char *name, *cgroup;
	enum confine confine;
} places[] = {
	{ "the root", GRANTED, PLAIN },
	{ "a child", CHILD, PLAIN },
	{ "a grandchild", GRANDCHILD, PLAIN },
	{ "a child in a cgroup namespace", CHILD, CGROUP_NS },
	{ "a grandchild two user namespaces deep", GRANDCHILD, USER_CGROUP_NS },
};

/* How many refusals came in between, of the rule and of all others. */
static void count(const struct guard_grant *before, const struct guard_grant *after, int rule, __u64 *ret_rule,
		  __u64 *ret_others)
{
	*ret_rule = *ret_others = 0;
	for (int i = 0; i < GUARD_RULE_MAX; i++)
		*(i == rule ? ret_rule : ret_others) += after->refused[i] - before->refused[i];
}

/* Before 6.9 a load without capabilities is refused before the guard is asked. */
static bool kernel_may_refuse(const struct attempt *attempt, const struct place *place)
{
	return attempt->cmd == BPF_PROG_LOAD && place->confine == USER_CGROUP_NS;
}

static void attempt_from(const struct attempt *attempt, const struct place *place)
{
	struct guard_grant before = grant_of(GRANTED), after;
	bool refused = attempt->rule != NO_RULE;
	__u64 of_rule, others;
	char name[200];
	int r;

	(void)snprintf(name, sizeof(name), "%s: %s: %s", place->name, refused ? "refused" : "untouched", attempt->name);
	r = in_cgroup(place->cgroup, place->confine, attempt_try, attempt);
	after = grant_of(GRANTED);
	count(&before, &after, attempt->rule, &of_rule, &others);
	if (others || (of_rule != refused && !(of_rule == 0 && kernel_may_refuse(attempt, place))))
		not_ok(name, "the guard counted %llu refusals of its rule and %llu others", of_rule, others);
	else if (refused ? r != EPERM : place->confine != USER_CGROUP_NS && r == EPERM)
		not_ok(name, "%s", strerror(r));
	else
		ok(name);
}

static bool is_from_handle(const struct attempt *attempt)
{
	return strstr(attempt->name, "by handle") != NULL;
}

static void test_attempts(void)
{
	for (size_t i = 0; i < ELEMENTS(places); i++)
		for (size_t j = 0; j < n_attempts; j++) {
			/* The kernel wants a capability of the first user namespace for it. */
			if (places[i].confine == USER_CGROUP_NS && is_from_handle(&attempts[j]))
				continue;
			attempt_from(&attempts[j], &places[i]);
		}
}

/* The same by a neighbour without a guard: whatever else may be wrong with it, nobody forbids it. */
static void test_control(void)
{
	char name[200];

	for (size_t i = 0; i < n_attempts; i++) {
		if (attempts[i].no_control)
			continue;
		(void)snprintf(name, sizeof(name), "a neighbour: not refused: %s", attempts[i].name);
		check(in_cgroup(OTHER, PLAIN, attempt_try, &attempts[i]) != EPERM, name);
	}
}

static const struct attempt *find(const char *name)
{
	for (size_t i = 0; i < n_attempts; i++)
		if (strcmp(attempts[i].name, name) == 0)
			return &attempts[i];
	die(name);
}

int attempt_in(const char *cgroup, const char *name)
{
	return in_cgroup(cgroup, PLAIN, attempt_try, find(name));
}

int write_in(const char *cgroup, const char *path)
{
	const struct attempt attempt = { .try = find("write /dev/null")->try, .path = path, .flags = O_WRONLY };

	return in_cgroup(cgroup, PLAIN, attempt_try, &attempt);
}

/* --- what a grant says --- */

static void test_pressure_allowed(void)
{
	attach(GRANTED, GUARD_ALLOW_PRESSURE);
	check(attempt_in(CHILD, "write a child's memory.pressure") == 0,
	      "pressure allowed: a child's memory.pressure can be opened");
	check(attempt_in(CHILD, "write the root's memory.pressure") == EPERM, "pressure allowed: the root's cannot");
	attach(GRANTED, 0);
	check(attempt_in(CHILD, "write a child's memory.pressure") == EPERM, "pressure denied again: it cannot be opened");
}

static void test_unarmed(void)
{
	cgroup_make(TOP "/fresh");
	_cleanup_close_ int fd = cgroup_open_path(TOP "/fresh");
	struct err err = { 0 };
	unsigned attached;

	if (grant_guard_attach(&guard, fd, &attached, &err) < 0)
		die(err.text);
	check(attached == GUARD_ALL_PROGRAMS, "attached: all programs, says who attached them");
	check(grant_of(TOP "/fresh").root == 0, "attached, not written: the value is zero");
	check(attempt_in(TOP "/fresh", "detach a device program") == EPERM, "attached, not written: bpf() is refused");
	check(attempt_in(TOP "/fresh", "detach a network program") == EBADF,
	      "attached, not written: what it never refuses is not");
	check(write_in(TOP "/fresh", TOP "/fresh/cgroup.procs") == EPERM,
	      "attached, not written: even its own cgroup.procs is refused");
	check(attempt_in(TOP "/fresh", "chmod the root") == EPERM, "attached, not written: every chmod is refused");
	check(attempt_in(TOP "/fresh", "chmod a file of another file system") == 0,
	      "attached, not written: but not elsewhere");
	cgroup_remove(TOP "/fresh");
}

static void test_two_grants(void)
{
	__u64 before = grant_of(GRANTED).refused[GUARD_RULE_BPF];

	attach(OTHER, 0);
	check(attempt_in(OTHER, "detach a device program") == EPERM, "two grants: the second refuses");
	check(grant_of(OTHER).refused[GUARD_RULE_BPF] == 1 && grant_of(GRANTED).refused[GUARD_RULE_BPF] == before,
	      "two grants: each counts its own");
	check(attempt_in(OTHER, "write a neighbour's memory.max") == EPERM,
	      "two grants: the second's root is its own root");
	check(attempt_in(OTHER, "write a child's pids.max") == EPERM, "two grants: neither may write in the other");
	detach(OTHER);
	check(attempt_in(OTHER, "detach a device program") == EBADF, "detached: nothing is refused any more");
}

/* One grant in another: both are asked. */
static void test_nested_grant(void)
{
	attach(CHILD, 0);
	check(attempt_in(GRANDCHILD, "write a child's pids.max") == EPERM,
	      "a grant in a grant: the inner root's limits are out of reach");
	check(attempt_in(GRANDCHILD, "write the root's cgroup.procs") == EPERM,
	      "a grant in a grant: the outer root is outside of the inner");
	detach(CHILD);
	check(attempt_in(GRANDCHILD, "write a child's pids.max") == 0, "the inner one gone: within reach again");
}

static void test_second_run(void)
{
	struct guard_grant before = grant_of(GRANTED), after;
	_cleanup_close_ int fd = cgroup_open_path(GRANTED);
	struct err err = { 0 };
	unsigned attached;

	attach(GRANTED, 0);
	after = grant_of(GRANTED);
	check(memcmp(&before, &after, sizeof(before)) == 0 && before.refused[GUARD_RULE_BPF] > 0,
	      "attached twice: the counters go on");
	check(grant_guard_attach(&guard, fd, &attached, &err) == 0 && attached == 0,
	      "attached twice: nothing was attached");
	check(grant_guard_is_attached(&guard, fd, &err) == 1, "is attached, says the kernel");
}

/* As an older build attached it: two programs, and none for attributes. They are asked on, beside what comes to them. */
static void test_part(void)
{
	static const unsigned older = 1U << GUARD_BPF | 1U << GUARD_FILE_OPEN;
	struct attached_names names = { 0 };
	struct attached_guards now = { 0 };
	struct err err = { 0 };
	unsigned attached = 0;

	attach(OTHER, 0);
	_cleanup_close_ int fd = cgroup_open_path(OTHER);
	if (grant_guard_detach(&guard, fd, GUARD_ALL_PROGRAMS & ~older, &err) < 0)
		die(err.text);
	check(grant_guard_is_attached(&guard, fd, &err) == 0, "a part: is not attached");
	check(guards_attached(&names, fd, &now, &err) == 0 && now.grant_part && !now.grant,
	      "a part: is told by its programs' names");
	check(attempt_in(OTHER, "chmod a neighbour's pids.max") == 0, "a part: what no program is there for goes through");
	check(attempt_in(OTHER, "write a neighbour's memory.max") == EPERM, "a part: what one is there for does not");
	check(grant_guard_attach(&guard, fd, &attached, &err) == 0 && attached == (GUARD_ALL_PROGRAMS & ~older),
	      "a part: what is missing is attached");
	check(attempt_in(OTHER, "chmod a neighbour's pids.max") == EPERM, "a part: whole again, it does not go through");
	check(guards_attached(&names, fd, &now, &err) == 0 && now.grant && !now.grant_part,
	      "a part: whole again, by name");
	detach(OTHER);
}

/* The path of the cgroup that many levels below the delegation root, with `file` behind it. */
static const char *path_at(int level, const char *file)
{
	static char path[sizeof(GRANDCHILD) + 2 * GUARD_DEPTH_MAX + 64];
	size_t length = sizeof(GRANDCHILD) - 1;

	memcpy(path, GRANDCHILD, length);
	for (int i = 2; i < level; i++) {
		path[length++] = '/';
		path[length++] = 'x';
	}
	(void)snprintf(path + length, sizeof(path) - length, "%s", file);
	return path;
}

static int write_at(int level)
{
	return write_in(CHILD, path_at(level, "/cgroup.procs"));
}

static void test_depth(void)
{
	for (int level = 3; level <= GUARD_DEPTH_MAX + 1; level++)
		cgroup_make(path_at(level, ""));
	check(write_at(GUARD_DEPTH_MAX) == 0, "128 levels down: within the subtree");
	check(write_at(GUARD_DEPTH_MAX + 1) == EPERM, "129 levels down: refused");
	for (int level = GUARD_DEPTH_MAX + 1; level >= 3; level--)
		cgroup_remove(path_at(level, ""));
}

/* --- the canary --- */

static void test_canary(struct bpf_object *object)
{
	static const struct {
		int place, program;
		const char *said, *name;
	} cases[] = {
		{ GUARD_BPF, GUARD_FILE_OPEN, "bpf()", "the canary sees that bpf() is not refused" },
		{ GUARD_FILE_OPEN, GUARD_BPF, "file", "the canary sees that a file is not refused" },
		{ GUARD_SETATTR, GUARD_SETXATTR, "mode", "the canary sees that a mode is not refused" },
		{ GUARD_RMXATTR, GUARD_SETXATTR, "attribute", "the canary sees that an attribute is not refused" },
	};
	_cleanup_close_ int cgroup = cgroup_open_path("/sys/fs/cgroup");
	struct err err = { 0 };
	char path[64];

	if (canary_prove(object, &err) == 0)
		ok("the canary: the guard holds");
	else
		not_ok("the canary: the guard holds", "%s", err.text);
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/cgdeleg-canary-%d", getpid());
	check(access(path, F_OK) < 0, "the canary leaves no cgroup");
	/* A program that refuses nothing of what it should, in the place of another. */
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct grant_guard mixed = guard;

		mixed.programs[cases[i].place] = guard.programs[cases[i].program];
		mixed.ids[cases[i].place] = guard.ids[cases[i].program];
		check(canary_check(cgroup, &mixed, &err) == -EIO && strstr(err.text, cases[i].said), cases[i].name);
	}
}

static int test_absent(struct bpf_object *object, const struct err *load)
{
	struct err err = { 0 };

	if (!object) {
		check(strstr(load->text, "was booted with the security modules") != NULL,
		      "without BPF LSM it is said before the object is loaded");
		printf("# %s\n", load->text);
	} else {
		check(canary_prove(object, &err) == KERNEL_CANNOT && strstr(err.text, "lsm="),
		      "without BPF LSM the canary says how to boot");
		printf("# %s\n", err.text);
	}
	test_pins_absent();
	return summary();
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	struct bpf_object *object;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	object = guard_load_object("grant_guard", &err);
	if (argc > 1 && strcmp(argv[1], "absent") == 0)
		return test_absent(object, &err);
	if (!object)
		die(err.text);
	guard = guard_of(object);
	tree_make();
	attempts_prepare();
	test_canary(object);
	test_control();
	attach(GRANTED, 0);
	test_attempts();
	test_control();
	test_pressure_allowed();
	test_unarmed();
	test_two_grants();
	test_nested_grant();
	test_second_run();
	test_part();
	test_depth();
	test_many();
	tree_remove();
	test_no_entries();
	tree_make();
	test_hooks();
	test_undo();
	tree_remove();
	bpf_object__close(object);
	test_gone("gone with the last descriptor");
	tree_make();
	test_life();
	return summary();
}
