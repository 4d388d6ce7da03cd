/* SPDX-License-Identifier: Apache-2.0 */
/* cgdeleg guard - loads, unloads and shows the BPF guards; a cgroup's rules and refusals. See cli.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "bpf/cgroup2.h"
#include "bpf/guard-load.h"
#include "bpf/guard.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/progress.h"
#include "cgdeleg/kernel/devices.h"

struct guard_cli {
	const char *action, *cgroup;
};

static int complain(const struct err *err)
{
	fprintf(stderr, "cgdeleg: guard: %s\n", err->text);
	return EXIT_FAULT;
}

static void print_objects(const struct guard_load *load, const char *good)
{
	for (size_t i = 0; i < load->n; i++) {
		const struct guard_loaded *object = &load->objects[i];

		printf("%-13s %s%s\n", object->name,
		       object->cannot	  ? "not for this kernel: "
		       : object->err.code ? "fails to load: "
					  : good,
		       object->err.text);
	}
}

static int load(const struct guard_cli *cli, int sys_fd)
{
	struct guard_load loaded;
	struct err err = { 0 };
	size_t removed = 0;
	int r;

	(void)cli;
	progress_begin("the kernel is checking the guards");
	r = guard_load(sys_fd, &loaded, &err);
	progress_end();
	/* The guard that could be loaded is pinned by now; the other one's sentence is the error. */
	if (r < 0 && loaded.n == 0)
		return complain(&err);
	printf("%-13s %s%s\n", "build", guard_build, loaded.there ? ", loaded before" : "");
	print_objects(&loaded, "loaded");
	if (r < 0 || guard_unload(sys_fd, guard_build, &removed, &err) < 0)
		return complain(&err);
	if (removed > 0)
		printf("%-13s %zu removed; what is attached stays\n", "older builds", removed);
	return EXIT_OK;
}

static int unload(const struct guard_cli *cli, int sys_fd)
{
	struct err err = { 0 };
	size_t removed;

	(void)cli;
	if (guard_unload(sys_fd, NULL, &removed, &err) < 0)
		return complain(&err);
	printf("%zu %s removed; what is attached to a cgroup stays until the cgroup is gone\n", removed,
	       removed == 1 ? "build" : "builds");
	return EXIT_OK;
}

static int show_device(const struct device_guard *guard, uint64_t cgroup)
{
	struct device_rules rules;
	char text[64], comm[DEVICE_GUARD_COMM_SIZE + 1], shown[80];
	__u64 first;

	if (guard->program_fd < 0 || device_guard_read(guard, cgroup, &rules, NULL) < 0) {
		printf("device_guard is not attached to that cgroup\n");
		return EXIT_FAULT;
	}
	first = rules.refused > DEVICE_GUARD_REFUSALS ? rules.refused - DEVICE_GUARD_REFUSALS : 0;
	printf("device_guard, %s\n", rules.ready == DEVICE_GUARD_READY ? "armed" : "without rules: it refuses everything");
	for (__u32 i = 0; i < rules.n_rules && i < DEVICE_GUARD_RULES_MAX; i++) {
		const bool allow = rules.rules[i].allow;

		/* "!" is for what is denied. */
		(void)devices_format(&rules.rules[i], 1, text, sizeof(text));
		printf("  %s %s\n", allow ? "allow" : "deny ", text + !allow);
	}
	printf("refused %llu\n", (unsigned long long)rules.refused);
	/* From the oldest that is remembered to the last. */
	for (__u64 i = first; i < rules.refused; i++) {
		const struct device_refusal *r = &rules.refusals[i % DEVICE_GUARD_REFUSALS];

		(void)snprintf(comm, sizeof(comm), "%.*s", DEVICE_GUARD_COMM_SIZE, r->comm);
		printf("  %s by %s (pid %u) at %llu.%03llu s\n", devices_format_refusal(r, text, sizeof(text)),
		       text_escape(comm, shown, sizeof(shown)), r->pid, (unsigned long long)r->when / 1000000000,
		       (unsigned long long)r->when / 1000000 % 1000);
	}
	return EXIT_OK;
}

static void print_grant(const struct guard_grant *grant)
{
	static const char *const rules[GUARD_RULE_MAX] = {
		[GUARD_RULE_BPF] = "bpf() calls",
		[GUARD_RULE_PRESSURE] = "opens of *.pressure",
		[GUARD_RULE_ROOT] = "opens of limit files at the root of the subtree",
		[GUARD_RULE_OUTSIDE] = "opens outside the subtree",
		[GUARD_RULE_ATTRIBUTE] = "changes of attributes of such files",
		[GUARD_RULE_OOMD] = "changes of user.oomd_* attributes",
	};

	printf("grant_guard, %s, writing to *.pressure %s\n",
	       grant->root ? "armed" : "without a grant: it refuses everything",
	       grant->flags & GUARD_ALLOW_PRESSURE ? "allowed" : "denied");
	for (int i = 0; i < GUARD_RULE_MAX; i++)
		printf("  refused %llu %s\n", (unsigned long long)grant->refused[i], rules[i]);
}

/* This build's, if all of it is there; otherwise what is, of an older build or without pins. */
static int show_grant(const struct grant_guard *pinned, int cgroup_fd)
{
	_cleanup_(grant_guard_done) struct grant_guard other = GRANT_GUARD_NONE;
	const struct grant_guard *guard = pinned;
	struct guard_grant grant = { 0 };
	struct err err = { 0 };
	int r = pinned->grants_fd < 0 ? 0 : grant_guard_is_attached(pinned, cgroup_fd, &err);

	if (r == 0) {
		r = grant_guard_open_attached(cgroup_fd, &other, &err);
		guard = &other;
	}
	if (r <= 0 || grant_guard_read(guard, cgroup_fd, &grant, &err) < 0) {
		printf("grant_guard is not attached to that cgroup%s%s\n", err.text[0] ? ": " : "", err.text);
		return EXIT_FAULT;
	}
	print_grant(&grant);
	for (size_t i = 0; i < GUARD_PROGRAMS && guard == &other; i++)
		if (other.programs[i] < 0)
			printf("  without %s\n", guard_program_names[i]);
	return EXIT_OK;
}

static int show_cgroup(const struct guards *guards, int sys_fd, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int mount_fd = -EBADF;
	struct err err = { 0 };
	struct stat st;
	int device, grant;

	/* As list prints it: below the mount of cgroup2. */
	if (fd < 0 && errno == ENOENT && path[0] == '/' && path[1]) {
		mount_fd = cgroup2_open(sys_fd, CGROUP2_SUPER_MAGIC);
		if (mount_fd >= 0)
			fd = openat(mount_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)err_set_errno(&err, errno, "cannot open the cgroup '%s'", path);
		return complain(&err);
	}
	device = show_device(&guards->device, st.st_ino);
	grant = show_grant(&guards->grant, fd);
	return device == EXIT_OK || grant == EXIT_OK ? EXIT_OK : EXIT_FAULT;
}

static int status(const struct guard_cli *cli, int sys_fd)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;
	struct guard_load tried = { 0 };
	struct err err = { 0 };
	int there = guards_open(sys_fd, WANT_BOTH_GUARDS, &guards, &err);

	if (there < 0)
		return complain(&err);
	if (cli->cgroup)
		return show_cgroup(&guards, sys_fd, cli->cgroup);
	printf("%-13s %s\n", "build", guard_build[0] ? guard_build : "without guards");
	printf("%-13s %s\n", "pinned",
	       there			       ? GUARD_DIRECTORY
	       : guards.device.program_fd >= 0 ? GUARD_DIRECTORY ", the device guard alone"
	       : guards.grant.grants_fd >= 0   ? GUARD_DIRECTORY ", the grant guard alone"
					       : "no; cgdeleg guard load pins them, and so does the first grant");
	/* What is not pinned is loaded once more: the error says why. */
	if (guard_try(&tried, &err) < 0)
		return complain(&err);
	print_objects(&tried, there ? "loaded" : "can be loaded");
	return there ? EXIT_OK : EXIT_FAULT;
}

static const struct {
	const char *name;
	int (*run)(const struct guard_cli *cli, int sys_fd);
} actions[] = {
	{ "load", load },
	{ "unload", unload },
	{ "status", status },
};

static const struct option_row options[] = {
	{ "ACTION", "load|unload|status", OPERAND, offsetof(struct guard_cli, action),
	  "load and pin the guards, remove the pins, or show them" },
	{ "--cgroup", "DIR", OPTION_TEXT, offsetof(struct guard_cli, cgroup),
	  "status: the rules and refusals of the cgroup with this directory, or with this path as list prints it" },
};

static int run_guard(int argc, char **argv)
{
	_cleanup_close_ int sys_fd = -EBADF;
	struct guard_cli cli = { 0 };
	struct err err = { 0 };
	size_t i = 0;
	int code;

	if (!cli_parse(argc, argv, &guard_verb, &cli, &code))
		return code;
	if (cli.cgroup && strcmp(cli.action, "status") != 0)
		return cli_usage(&guard_verb, "--cgroup goes with status only");
	sys_fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sys_fd < 0) {
		(void)err_set_errno(&err, errno, "cannot open '/sys'");
		return complain(&err);
	}
	(void)umask(077);
	while (strcmp(cli.action, actions[i].name) != 0)
		i++;
	return actions[i].run(&cli, sys_fd);
}

const struct verb guard_verb = {
	.name = "guard",
	.run = run_guard,
	.summary = "load, unload or show the BPF guards",
	.about = "Loads the BPF guards and pins them for the hook, removes the pins, or shows them. Needs root.",
	.options = options,
	.n_options = ELEMENTS(options),
};
