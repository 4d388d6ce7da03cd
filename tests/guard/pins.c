/* SPDX-License-Identifier: Apache-2.0 */
/* Pins - what the loader leaves in bpffs on this kernel, and what is not believed there. See kernel.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/guard-load.h"
#include "bpf/guard.h"
#include "tests/guard/kernel.h"
#include "tests/guard/rig.h"

#define NOBODY 65534

static int sys_open(void)
{
	int fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die("/sys");
	return fd;
}

static void unload(void)
{
	_cleanup_close_ int sys = sys_open();
	struct err err = { 0 };
	size_t removed;

	if (guard_unload(sys, NULL, &removed, &err) < 0)
		die(err.text);
}

static void load(struct guard_load *ret)
{
	_cleanup_close_ int sys = sys_open();
	struct err err = { 0 };

	if (guard_load(sys, ret, &err) < 0)
		die(err.text);
}

/* As a hook would open them: what guards_open() returns, and the sentence. */
static int open_pins(struct guards *ret, struct err *err)
{
	_cleanup_close_ int sys = sys_open();

	*err = (struct err) { 0 };
	return guards_open(sys, WANT_BOTH_GUARDS, ret, err);
}

/* An error that says `said`, and no guard. */
static void refused(const char *said, const char *name)
{
	struct guards guards;
	struct err err;
	int r = open_pins(&guards, &err);

	if (r < 0 && strstr(err.text, said) && guards.device.program_fd < 0 && guards.grant.grants_fd < 0)
		ok(name);
	else
		not_ok(name, "%d: %s", r, err.text);
	guards_done(&guards);
}

static const char *pin_path(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), GUARD_DIRECTORY "/%s/%s", guard_build, name);
	return path;
}

static void test_loaded(void)
{
	struct guard_load loaded;
	struct guards guards;
	struct err err;

	check(open_pins(&guards, &err) == 0 && guards.device.program_fd < 0, "pins: none before they are loaded");
	load(&loaded);
	check(!loaded.there && !loaded.objects[0].err.code && !loaded.objects[1].err.code, "pins: both are loaded");
	check(open_pins(&guards, &err) == 1 && grant_guard_is_whole(&guards.grant) && guards.device.program_fd >= 0,
	      "pins: both are opened");
	guards_done(&guards);
	load(&loaded);
	check(loaded.there, "pins: a second time there is nothing to do");
}

/* What somebody with root's rights has spoilt: never a kernel that cannot. */
static void test_damaged(void)
{
	static const char *const gone[] = { "device_guard/device_rules", "grant_guard/guard_grants",
					    "grant_guard/guard_bpf" };
	struct guard_load loaded;
	char name[100], from[200];

	for (size_t i = 0; i < ELEMENTS(gone); i++) {
		if (unlink(pin_path(gone[i])) < 0)
			die(gone[i]);
		(void)snprintf(name, sizeof(name), "pins: without %s they are refused", gone[i]);
		refused("does not hold what was pinned there", name);
		unload();
		load(&loaded);
	}
	(void)snprintf(from, sizeof(from), "%s", pin_path("grant_guard/guard_setattr"));
	if (unlink(pin_path("grant_guard/guard_file_open")) < 0 || link(from, pin_path("grant_guard/guard_file_open")) < 0)
		die("link");
	refused("does not hold what was pinned there", "pins: one program in the place of another is refused");
	unload();
	load(&loaded);
}

/* Whoever makes the directory first in a bpffs that everybody may write, the kernel's default. */
static void test_foreign(void)
{
	_cleanup_close_ int sys = sys_open();
	struct guard_load loaded;
	struct err err = { 0 };

	unload();
	if (rmdir(GUARD_DIRECTORY) < 0 || mkdir(GUARD_DIRECTORY, 0755) < 0 || chown(GUARD_DIRECTORY, NOBODY, NOBODY) < 0)
		die(GUARD_DIRECTORY);
	refused("may be somebody else's; remove it", "pins: somebody else's directory is refused");
	check(guard_load(sys, &loaded, &err) < 0 && strstr(err.text, "somebody else's"),
	      "pins: nothing is pinned in somebody else's directory");
	if (rmdir(GUARD_DIRECTORY) < 0)
		die(GUARD_DIRECTORY);
	load(&loaded);
	check(!loaded.there, "pins: once it is removed they are loaded");
	unload();
}

void test_pins(void)
{
	unload();
	test_loaded();
	test_damaged();
	test_foreign();
}

void test_pins_taken(void)
{
	_cleanup_close_ int sys = sys_open();
	struct guard_load loaded;
	struct guards guards;
	struct err err = { 0 };

	check(guard_load(sys, &loaded, &err) < 0 && strstr(err.text, "kernel's ten hooks") && !loaded.objects[1].cannot,
	      "pins: with no hook left loading fails");
	check(open_pins(&guards, &err) == 0 && guards.device.program_fd >= 0 && guards.grant.grants_fd < 0 &&
		      !guards.grant_cannot[0],
	      "pins: the device guard is there, and nothing says that this kernel cannot have the other");
	guards_done(&guards);
	unload();
}

void test_pins_absent(void)
{
	struct guard_load loaded;
	struct guards guards;
	struct err err;

	unload();
	load(&loaded);
	check(loaded.objects[1].cannot, "pins: without BPF LSM it is said that this kernel cannot");
	check(open_pins(&guards, &err) == 1 && guards.device.program_fd >= 0 && strstr(guards.grant_cannot, "lsm="),
	      "pins: the note says so to whoever opens them");
	guards_done(&guards);
	load(&loaded);
	check(loaded.there && loaded.objects[1].cannot, "pins: a second time the note is read");
	unload();
}
