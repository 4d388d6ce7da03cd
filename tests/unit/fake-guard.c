/* SPDX-License-Identifier: Apache-2.0 */
/* Guard - stands in for bpf/guard.c, bpf/attached.c, bpf/device_guard.c and bpf/grant_guard.c. See fake-guard.h. */
#include "tests/unit/fake-guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* one cgroup, one guard: it does not matter which is meant */

struct fake_guard fake_guard;

int guards_open(int sys_fd, unsigned which, struct guards *ret, struct err *err)
{
	char text[64];
	ssize_t n = file_read_at(sys_fd, "fs/bpf/guards", text, sizeof(text));

	*ret = (struct guards)GUARDS_NONE;
	if (n < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (text_has_word(text, "fault"))
		return err_set(err, EPERM, "the pins are not root's alone");
	if (text_has_word(text, "busy"))
		return err_set(err, ENFILE, "too many files are open");
	if (text_has_word(text, "device")) {
		ret->device.program_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		ret->device.rules_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (text_has_word(text, "grant"))
		ret->grant.grants_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (!text_has_word(text, "untried"))
		(void)snprintf(ret->grant_cannot, sizeof(ret->grant_cannot), "this kernel does not run BPF LSM programs");
	if (text_has_word(text, "cannot"))
		(void)snprintf(ret->device_cannot, sizeof(ret->device_cannot), "this kernel has no device programs");
	return guards_settled(ret, which);
}

bool guards_settled(const struct guards *guards, unsigned which)
{
	return (!(which & WANT_DEVICE_GUARD) || guards->device.program_fd >= 0 || guards->device_cannot[0]) &&
	       (!(which & WANT_GRANT_GUARD) || guards->grant.grants_fd >= 0 || guards->grant_cannot[0]);
}

void guards_done(struct guards *guards)
{
	device_guard_done(&guards->device);
	grant_guard_done(&guards->grant);
}

static int fails(bool *knob, const char *what, struct err *err)
{
	if (!*knob)
		return 0;
	*knob = false;
	return err_set(err, EIO, "cannot %s", what);
}

int device_guard_is_attached(const struct device_guard *guard, int cgroup_fd, struct err *err)
{
	return fake_guard.device;
}

int device_guard_attach(const struct device_guard *guard, int cgroup_fd, struct err *err)
{
	const bool was = fake_guard.device;
	int r = fails(&fake_guard.fail_attach, "attach the device guard", err);

	if (r >= 0 && !was)
		fake_guard.rules = (struct device_rules) { 0 };
	if (r < 0 && !fake_guard.half_attach)
		return r;
	fake_guard.device = true;
	return r < 0 ? r : !was;
}

int device_guard_detach(const struct device_guard *guard, int cgroup_fd, struct err *err)
{
	int r = fails(&fake_guard.fail_detach, "detach the device guard", err);

	if (r >= 0 && !fake_guard.device)
		r = err_set(err, ENOENT, "it is not attached");
	fake_guard.device = fake_guard.device && r < 0;
	if (!fake_guard.device)
		fake_guard.rules = (struct device_rules) { 0 };
	return r;
}

int device_guard_read(const struct device_guard *guard, uint64_t cgroup, struct device_rules *ret, struct err *err)
{
	*ret = fake_guard.rules;
	return 0;
}

int device_guard_write(const struct device_guard *guard, uint64_t cgroup, const struct device_rules *rules, struct err *err)
{
	int r = fails(&fake_guard.fail_write, "write the device rules", err);

	if (r >= 0)
		fake_guard.rules = *rules;
	return r;
}

bool device_rules_equal(const struct device_rules *a, const struct device_rules *b)
{
	return a->ready == b->ready && a->n_rules == b->n_rules &&
	       memcmp(a->rules, b->rules, a->n_rules * sizeof(a->rules[0])) == 0;
}

void device_guard_done(struct device_guard *guard)
{
	guard->program_fd = close_fd(guard->program_fd);
	guard->rules_fd = close_fd(guard->rules_fd);
}

int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err)
{
	return fake_guard.grant && !fake_guard.missing;
}

/* What fails is the last program. */
int grant_guard_attach(const struct grant_guard *guard, int cgroup_fd, unsigned *ret_attached, struct err *err)
{
	int r = fails(&fake_guard.fail_grant, "attach the guard program guard_rmxattr", err);
	const unsigned were = fake_guard.grant ? GUARD_ALL_PROGRAMS & ~fake_guard.missing : 0;
	const unsigned are = r < 0 ? were | (GUARD_ALL_PROGRAMS >> 1) : GUARD_ALL_PROGRAMS;

	*ret_attached = are & ~were;
	fake_guard.grant = true;
	fake_guard.missing = GUARD_ALL_PROGRAMS & ~are;
	return r;
}

int grant_guard_write(const struct grant_guard *guard, int cgroup_fd, uint64_t flags, struct err *err)
{
	struct stat st;
	int r = fails(&fake_guard.fail_tell, "write the cgroup's entry in the grant guard's map", err);

	if (r < 0)
		return r;
	fake_guard.flags = flags;
	fake_guard.armed = fstat(cgroup_fd, &st) < 0 ? 0 : st.st_ino;
	return 0;
}

int grant_guard_read(const struct grant_guard *guard, int cgroup_fd, struct guard_grant *ret, struct err *err)
{
	if (fails(&fake_guard.fail_read, "read the cgroup's entry in the grant guard's map", err) < 0)
		return -EIO;
	if (!fake_guard.grant)
		return err_set(err, ENOENT, "the grant guard is not there");
	*ret = fake_guard.counts;
	ret->root = fake_guard.armed;
	ret->flags = fake_guard.flags;
	return 0;
}

void grant_guard_done(struct grant_guard *guard)
{
	guard->grants_fd = close_fd(guard->grants_fd);
}

int grant_guard_detach(const struct grant_guard *guard, int cgroup_fd, unsigned programs, struct err *err)
{
	fake_guard.missing |= programs;
	fake_guard.grant = fake_guard.grant && fake_guard.missing != GUARD_ALL_PROGRAMS;
	if (!fake_guard.grant)
		fake_guard.missing = 0;
	return 0;
}

int guards_attached(struct attached_names *names, int cgroup_fd, struct attached_guards *ret, struct err *err)
{
	*ret = (struct attached_guards) {
		.device = fake_guard.device || fake_guard.other_device,
		.grant = (fake_guard.grant && !fake_guard.missing) || fake_guard.other_grant,
		.grant_part = (fake_guard.grant && fake_guard.missing) || fake_guard.older_grant,
	};
	return fails(&fake_guard.fail_query, "query the cgroup's device programs", err);
}
