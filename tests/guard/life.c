/* SPDX-License-Identifier: Apache-2.0 */
/* Life - how long the grant guard lives, and that nothing of it stays. See kernel.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/guard/kernel.h"
#include "tests/guard/rig.h"

#define PINS "/sys/fs/bpf/cgdguard"

static bool is_ours(const char *program)
{
	for (size_t i = 0; i < GUARD_PROGRAMS; i++)
		if (strcmp(program, guard_program_names[i]) == 0)
			return true;
	return false;
}

/* How many programs and maps of ours the kernel has. */
static int count_objects(void)
{
	struct bpf_prog_info info;
	__u32 id = 0, size;
	int n = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);

		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			n += is_ours(info.name);
	}
	return n;
}

static int count_maps(void)
{
	struct bpf_map_info info;
	__u32 id = 0, size;
	int n = 0;

	while (bpf_map_get_next_id(id, &id) == 0) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);

		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			n += strcmp(info.name, "guard_grants") == 0;
	}
	return n;
}

void test_gone(const char *name)
{
	for (int i = 0; i < 600 && count_objects() + count_maps() > 0; i++)
		usleep(50000);
	check(count_objects() + count_maps() == 0, name);
}

/* Loads, pins and attaches as a program of its own, and ends. */
static int attacher(void)
{
	struct err err = { 0 };
	struct bpf_object *object = guard_load_object("grant_guard", &err);

	if (!object || mkdir(PINS, 0700) < 0 || bpf_object__pin(object, PINS) < 0)
		return 1;
	guard = guard_of(object);
	attach(GRANTED, 0);
	return 0;
}

static void run_attacher(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(attacher());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		die("the attacher");
}

/* libbpf has pinned the constants, too. */
static void unpin(void)
{
	DIR *dir = opendir(PINS);

	if (!dir)
		die(PINS);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			die(entry->d_name);
	(void)closedir(dir);
	if (rmdir(PINS) < 0)
		die(PINS);
}

void test_life(void)
{
	_cleanup_close_ int fd = -EBADF;
	struct grant_guard found = GRANT_GUARD_NONE;
	struct guard_grant grant = { 0 };
	struct err err = { 0 };

	run_attacher();
	fd = cgroup_open_path(GRANTED);
	check(attempt_in(CHILD, "detach a device program") == EPERM, "holds after the attacher's end");
	unpin();
	check(attempt_in(CHILD, "detach a device program") == EPERM, "holds after its pins were removed");
	check(attempt_in(GRANDCHILD, "write a neighbour's memory.max") == EPERM,
	      "holds for files after its pins were removed");
	check(attempt_in(GRANDCHILD, "chmod the root's memory.max") == EPERM,
	      "holds for attributes after its pins were removed");
	check(grant_guard_open_attached(fd, &found, &err) == 1 && grant_guard_read(&found, fd, &grant, &err) == 0 &&
		      grant.refused[GUARD_RULE_BPF] == 2,
	      "its counters can be read after its pins were removed");
	grant_guard_done(&found);
	check(count_objects() == GUARD_PROGRAMS, "its programs live with the cgroup");
	tree_remove();
	fd = close_fd(fd);
	test_gone("gone with the cgroup, and the map");
}

void test_many(void)
{
	char path[128];
	__u64 key = 0;

	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), TOP "/many%d", i);
		cgroup_make(path);
		attach(path, 0);
	}
	check(bpf_map_get_next_key(guard.grants_fd, NULL, &key) == 0, "a hundred grants have entries");
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), TOP "/many%d", i);
		cgroup_remove(path);
	}
}

void test_no_entries(void)
{
	__u64 key = 0;

	for (int i = 0; i < 600 && bpf_map_get_next_key(guard.grants_fd, NULL, &key) == 0; i++)
		usleep(50000);
	check(bpf_map_get_next_key(guard.grants_fd, NULL, &key) < 0 && errno == ENOENT,
	      "every entry is gone with its cgroup");
}
