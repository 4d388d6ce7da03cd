/* SPDX-License-Identifier: Apache-2.0 */
/* Scene - one delegated cgroup under watch. See watch-scene.h. */
#include "tests/unit/watch-scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/check.h"

int64_t scene_now_ms, scene_step_ms;
char scene_said[16384];
const char *scene_loadable;

static struct scene *loading; /* whose loader is asked */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	scene_now_ms += scene_step_ms;
	ret->tv_sec = scene_now_ms / 1000;
	ret->tv_nsec = scene_now_ms % 1000 * 1000000;
	return 0;
}

static void say(int priority, const char *text)
{
	size_t used = strlen(scene_said);

	(void)snprintf(scene_said + used, sizeof(scene_said) - used, "<%d> %s\n", priority, text);
}

static int load(int sys_fd, struct err *err)
{
	assert_int_equal(sys_fd, loading->host.sys_fd);
	loading->loads++;
	if (!scene_loadable)
		return err_set(err, ENOTSUP, "this build has no BPF guards");
	tree_edit(&loading->tree, format("sys/fs/bpf/guards = %s\n", scene_loadable));
	return 0;
}

/* Where the host's cgroup2 is mounted stands in mountinfo, by the name of our descriptor. */
static void describe_mount(struct scene *s)
{
	tree_edit(&s->tree, format("proc/self/fd/%d -> /sys/fs/cgroup\n"
				   "proc/self/mountinfo = 22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n",
				   s->host.cgroup_fd));
}

void scene_open(struct scene *s, const char *lines, const char *policy)
{
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
	memset(s, 0, sizeof(*s));
	memset(&fake_guard, 0, sizeof(fake_guard));
	scene_now_ms = 1000000;
	scene_step_ms = 0;
	scene_loadable = NULL;
	scene_hear();
	tree_new(&s->tree, "proc/\nrun/\n" BOX "/memory.max = 1073741824\n" BOX "/cgroup.max.descendants = 64\n" BOX
			   "/cgroup.max.depth = 4\n" BOX "/cpu.max = 150000 100000\n" BOX "/pids.max = 100\n" BOX
			   "/cgroup.stat = nr_descendants 3\\nnr_dying_descendants 0\n");
	tree_host(&s->tree, &s->host);
	describe_mount(s);
	tree_edit(&s->tree, lines);
	(void)snprintf(s->run, sizeof(s->run), "%s/run", s->tree.root);
	s->has_policy = policy;
	if (policy)
		assert_int_equal(ruleset_load_text("p.ini", policy, strlen(policy), &s->rules, NULL), 0);
}

void scene_close(struct scene *s)
{
	watch_free(s->watch);
	ruleset_done(&s->rules);
	host_done(&s->host);
	tree_free(&s->tree);
}

void scene_watch(struct scene *s)
{
	const char *audit = s->audit ? format("%s/audit", s->tree.root) : NULL;
	const struct watch_args args = { .host = &s->host,
					 .run = s->run,
					 .audit = audit,
					 .rules = s->has_policy ? &s->rules : NULL,
					 .once = !s->forks,
					 .interval_ms = s->interval_ms,
					 .load_guards = load,
					 .say = say };
	struct err err = { 0 };

	loading = s;
	check_result("watch_new", watch_new(&args, &s->watch, &err), &err, NULL);
}

void scene_write(struct scene *s, const char *path, const char *text)
{
	assert_int_equal(file_write_at(s->tree.fd, path, text), 0);
}

void scene_check(struct scene *s, const char *path, const char *want)
{
	check_string(path, tree_get(&s->tree, path), want);
}

void scene_events(struct scene *s)
{
	watch_events(s->watch);
}

void scene_sweep(struct scene *s)
{
	struct err err = { 0 };

	check_result("sweep", watch_sweep(s->watch, &err), &err, NULL);
}

void scene_hear(void)
{
	scene_said[0] = '\0';
}

void scene_check_said(const char *name, const char *want)
{
	if (!want && scene_said[0])
		fail_msg("%s: it said \"%s\"", name, scene_said);
	if (want && !strstr(scene_said, want))
		fail_msg("%s: it said \"%s\", \"%s\" was expected", name, scene_said, want);
}

size_t scene_count_said(const char *part)
{
	size_t n = 0;

	for (const char *at = scene_said; (at = strstr(at, part)) != NULL; at += strlen(part))
		n++;
	return n;
}
