/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, cgroup - where cgroup2 is, what it has, and what it does. See doctor.h, doctor-part.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/cgroup.h"
#include "cgdeleg/node/doctor-part.h"

#define MEMORY_IDS   65535 /* of memory cgroups, in the whole kernel */
#define MANY_PERCENT 80
#define SLICE_DEPTH  3 /* kubepods.slice, kubepods-burstable.slice, kubepods-burstable-pod....slice */
#define SLICES_MAX   4096
#define NAMES_SHOWN  3
#define LIST_SIZE    256

/* The controllers that v1 hierarchies hold, as words. */
static void find_v1_controllers(const char *mountinfo, char ret[LIST_SIZE])
{
	static const char *const controllers[] = { "cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "rdma", "misc" };
	static const char mark[] = " - cgroup ";

	ret[0] = '\0';
	for (const char *at = mountinfo; (at = strstr(at, mark)); at += strlen(mark)) {
		char options[LIST_SIZE];
		const size_t len = strlen(ret);

		if (sscanf(at + strlen(mark), "%*s %255[^\n]", options) != 1)
			continue;
		for (char *comma = strchr(options, ','); comma; comma = strchr(comma, ','))
			*comma = ' ';
		for (size_t i = 0; i < ELEMENTS(controllers); i++)
			if (text_has_word(options, controllers[i]) && !text_has_word(ret, controllers[i]))
				(void)snprintf(ret + strlen(ret), LIST_SIZE - strlen(ret), "%s%s",
					       len || ret[0] ? " " : "", controllers[i]);
	}
}

static void check_mount(struct doctor *d)
{
	_cleanup_free_ char *table = doctor_mountinfo(d);
	char v1[LIST_SIZE] = "";

	if (table)
		find_v1_controllers(table, v1);
	if (v1[0]) {
		doctor_say(d, DOCTOR_FAIL, "cgroup v1 has controllers here (%s), so runtimes put containers into v1", v1);
		doctor_advise(d, "boot with systemd.unified_cgroup_hierarchy=1, and without cgroup parameters for v1");
	} else if (d->host.cgroup_fd >= 0) {
		doctor_say(d, DOCTOR_OK, "cgroup2 is mounted, and no controller is in cgroup v1");
	} else if (d->host_err.code == ENOENT) {
		doctor_say(d, DOCTOR_FAIL, "%s", d->host_err.text);
		doctor_advise(d, "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 on /sys/fs/cgroup");
	} else {
		doctor_say(d, DOCTOR_UNKNOWN, "%s", d->host_err.text);
	}
}

/* What a kernel must delegate, for a container to move processes and enable controllers. */
static void check_delegate(struct doctor *d)
{
	static const char *const needed[] = { "cgroup.procs", "cgroup.threads", "cgroup.subtree_control" };
	struct cgroup_listing listing = { 0 };
	struct cgroup_delegated delegated;
	char text[2048], *save = NULL;
	ssize_t n = doctor_read(d, "sys/kernel/cgroup/delegate", text, sizeof(text));

	if (n < 0 || !doctor_has_cgroups(d)) {
		if (n < 0)
			doctor_say(d, DOCTOR_UNKNOWN, "/sys/kernel/cgroup/delegate cannot be read");
		return;
	}
	for (char *name = strtok_r(text, "\n", &save); name && listing.n_files < CGROUP_NAMES_MAX;
	     name = strtok_r(NULL, "\n", &save))
		listing.files[listing.n_files++] = name;
	for (size_t i = 0; i < ELEMENTS(needed); i++) {
		bool found = false;

		for (size_t k = 0; k < listing.n_files; k++)
			found = found || strcmp(listing.files[k], needed[i]) == 0;
		if (!found) {
			doctor_say(d, DOCTOR_FAIL, "the kernel does not delegate %s", needed[i]);
			doctor_advise(d, "boot another kernel; /sys/kernel/cgroup/delegate is its list");
			return;
		}
	}
	if (cgroup_delegated(&d->host, &listing, &delegated, NULL) < 0) {
		doctor_say(d, DOCTOR_WARN, "/sys/kernel/cgroup/delegate has names that no cgroup file can have");
		doctor_advise(d, "boot another kernel");
	} else if (delegated.unrecognised[0]) {
		doctor_say(d, DOCTOR_NOTE, "the kernel delegates %s, which this version of cgdeleg leaves to root",
			   delegated.unrecognised);
		doctor_advise(d, "look for a newer cgdeleg, if containers need it");
	} else {
		doctor_say(d, DOCTOR_OK, "the kernel delegates %zu files, all of them known", listing.n_files);
	}
}

static bool read_stat(const char *text, const char *name, uint64_t *ret)
{
	const size_t len = strlen(name);
	char number[24];

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ' ') {
			(void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
			return text_to_u64(number, ret) >= 0;
		}
	return false;
}

/* Since 6.14 the kernel counts the memory controller's own. A removed cgroup may have given its id back: "at most". */
static void check_memory_ids(struct doctor *d)
{
	uint64_t living = 0, dying = 0, used;
	char text[4096];

	if (!doctor_has_cgroups(d))
		return;
	if (file_read_at(d->host.cgroup_fd, "cgroup.stat", text, sizeof(text)) < 0 ||
	    (!read_stat(text, "nr_subsys_memory", &living) && !read_stat(text, "nr_descendants", &living)) ||
	    (!read_stat(text, "nr_dying_subsys_memory", &dying) && !read_stat(text, "nr_dying_descendants", &dying))) {
		doctor_say(d, DOCTOR_UNKNOWN, "cgroup.stat of the root cgroup cannot be read");
		return;
	}
	used = living + dying;
	if (used < MEMORY_IDS * MANY_PERCENT / 100) {
		doctor_say(d, DOCTOR_OK, "at most %lu of %d memory cgroup ids are in use", used, MEMORY_IDS);
		return;
	}
	doctor_say(d, DOCTOR_WARN,
		   "up to %lu of the kernel's %d memory cgroup ids are in use, %lu of them by removed cgroups", used,
		   MEMORY_IDS, dying);
	doctor_advise(
		d,
		"run `cgdeleg list -o +cgroups,dying` to see whose they are; memory.reclaim frees those of removed cgroups");
}

static void check_trial(struct doctor *d)
{
	struct err err = { 0 };
	int r;

	if (!doctor_has_cgroups(d) || !doctor_is_privileged(d, "whether a cgroup can be bounded and given away"))
		return;
	r = d->args.tries.cgroup ? d->args.tries.cgroup(d->host.cgroup_fd, &err) : 0;
	if (r == -EROFS || r == -EACCES || r == -EPERM) {
		doctor_say(d, DOCTOR_UNKNOWN, "this process may not make a cgroup: %s", err.text);
	} else if (r < 0) {
		doctor_say(d, DOCTOR_FAIL, "%s", err.text);
		doctor_advise(d, "look for what else manages cgroups on this node, and into the kernel's log");
	} else {
		doctor_say(d, DOCTOR_OK, "a cgroup can be made, bounded, marked and given away");
	}
}

/* What every process may open, as long as no device program refuses it. */
static const char *find_refused_device(const struct doctor *d)
{
	static const char *const devices[] = { "dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom" };

	for (size_t i = 0; i < ELEMENTS(devices); i++) {
		_cleanup_close_ int fd = d->args.tries.open_device(d->root_fd, devices[i]);

		if (fd == -EPERM)
			return devices[i];
	}
	return NULL;
}

struct slices {
	struct doctor *doctor;
	size_t n_seen, n_found;
	int failed; /* why the kernel did not answer */
};

/* A program that systemd has put there, because its unit says so, is no remnant. */
static void look_at_slice(struct slices *slices, int fd, const char *name)
{
	struct device_programs programs;
	char program[32];

	slices->n_seen++;
	if (device_query(fd, &programs, NULL) < 0) {
		slices->failed = -errno;
		return;
	}
	if (programs.count == 0 ||
	    (program_name(programs.id, program, sizeof(program)) >= 0 && strcmp(program, "sd_devices") == 0))
		return;
	if (slices->n_found++ >= NAMES_SHOWN)
		return;
	doctor_say(slices->doctor, DOCTOR_WARN,
		   "a device program that is not systemd's is on %s, and decides for all containers below it", name);
	doctor_advise(slices->doctor,
		      "if nobody has put it there on purpose, run `bpftool cgroup detach /sys/fs/cgroup/%s device id %u`",
		      name, programs.id);
}

static bool is_slice(const char *name)
{
	const size_t len = strlen(name);

	/* Not those of single pods: the remnant of a container goes with its pod. */
	return (len > 6 && strcmp(name + len - 6, ".slice") == 0 && !strstr(name, "-pod")) ||
	       strcmp(name, "kubepods") == 0;
}

static void look_at_slices(struct slices *slices, int parent_fd, const char *path, unsigned depth)
{
	_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
	_cleanup_close_ int again = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (depth > SLICE_DEPTH || again < 0 || cgroup_list(again, &listing) < 0)
		return;
	for (size_t i = 0; i < listing.n_children && slices->n_seen < SLICES_MAX; i++) {
		_cleanup_close_ int fd = -EBADF;
		char below[512];

		if (!is_slice(listing.children[i]))
			continue;
		fd = file_open_beneath(parent_fd, listing.children[i], O_RDONLY | O_DIRECTORY);
		if (fd < 0 || snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "/" : "", listing.children[i]) >=
				      (int)sizeof(below))
			continue;
		look_at_slice(slices, fd, below);
		look_at_slices(slices, fd, below, depth + 1);
	}
}

/* On the root cgroup there is no unit that could want one. */
static void look_at_root(struct doctor *d, const char *refused)
{
	struct device_programs programs;
	struct err err = { 0 };

	if (device_query(d->host.cgroup_fd, &programs, &err) < 0)
		doctor_say(d, DOCTOR_UNKNOWN, "%s", err.text);
	else if (programs.count > 0) {
		doctor_say(d, refused ? DOCTOR_FAIL : DOCTOR_WARN,
			   "a device program is on the root cgroup, and decides for every process of the node%s%s",
			   refused ? ": it refuses /" : "", refused ? refused : "");
		doctor_advise(
			d,
			"run `bpftool cgroup detach /sys/fs/cgroup device id %u`; a container in the root cgroup has left it",
			programs.id);
	} else if (refused) {
		doctor_say(d, DOCTOR_WARN,
			   "this process may not open /%s, and there is no device program on the root cgroup", refused);
		doctor_advise(d, "look at the cgroups above this shell: `bpftool cgroup tree` shows their programs");
	}
}

static void check_devices(struct doctor *d)
{
	struct slices slices = { .doctor = d };
	const char *refused = find_refused_device(d);
	const size_t before = d->n;

	if (refused && !d->args.privileged) {
		doctor_say(d, DOCTOR_WARN, "this process may not open /%s, whatever its mode is", refused);
		doctor_advise(d, "run `cgdeleg doctor` as root, which sees where the device program is that refuses it");
		return;
	}
	if (!doctor_has_cgroups(d) || !doctor_is_privileged(d, "which cgroups have device programs"))
		return;
	look_at_root(d, refused);
	look_at_slices(&slices, d->host.cgroup_fd, "", 1);
	if (slices.n_found > NAMES_SHOWN) {
		doctor_say(d, DOCTOR_WARN, "%zu more slices have device programs that are not systemd's",
			   slices.n_found - NAMES_SHOWN);
		doctor_advise(d, "run `bpftool cgroup tree` to see them");
	}
	if (d->n == before)
		doctor_say(d, DOCTOR_OK, "no device program is on the root cgroup or on one of %zu slices, but systemd's",
			   slices.n_seen);
}

const struct doctor_check doctor_cgroup_checks[] = {
	{ "cgroup.mount", "cgdeleg delegates cgroups of version 2; a runtime that finds v1 controllers uses those",
	  check_mount },
	{ "cgroup.options",
	  "options of the host's cgroup2 are part of what bounds containers, and any privileged container can take them off",
	  doctor_check_options },
	{ "cgroup.favordynmods",
	  "a move into the leaf of a container waits for the whole kernel, some 10 ms, without this option",
	  doctor_check_favordynmods },
	{ "cgroup.delegate", "a container gets the files that the kernel says are safe to give away, and no others",
	  check_delegate },
	{ "cgroup.controllers", "a ceiling needs its controller, enabled from the root cgroup down to the container's",
	  doctor_check_controllers },
	{ "cgroup.memory-ids",
	  "when these ids are used up, no container can be started on the node until it is rebooted or they are freed",
	  check_memory_ids },
	{ "cgroup.devices", "a device program on the root cgroup or a slice refuses devices to all that runs below it",
	  check_devices },
	{ "cgroup.trial", "this tries with a new cgroup what the hook does with a container's", check_trial },
	{ 0 },
};
