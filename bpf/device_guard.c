/* SPDX-License-Identifier: Apache-2.0 */
/* Device guard - attached to a cgroup by descriptor. See device_guard.h. */
#include "bpf/device_guard.h"

#include <bpf/bpf.h>
#include <string.h>

#include "base/cleanup.h"

#define PROGRAMS_MAX 64 /* the kernel's own BPF_CGROUP_MAX_PROGS */

void device_guard_done(struct device_guard *guard)
{
	guard->program_fd = close_fd(guard->program_fd);
	guard->rules_fd = close_fd(guard->rules_fd);
}

int device_guard_is_attached(const struct device_guard *guard, int cgroup_fd, struct err *err)
{
	__u32 ids[PROGRAMS_MAX] = { 0 };
	__u32 count = PROGRAMS_MAX;
	__u32 flags = 0;

	if (bpf_prog_query(cgroup_fd, BPF_CGROUP_DEVICE, 0, &flags, ids, &count) < 0)
		return err_set_errno(err, errno, "cannot query the cgroup's device programs");
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == guard->id)
			return 1;
	return 0;
}

/*
 * ALLOW_MULTI: nothing below can replace the program, and nobody can detach it without its descriptor. No link: only
 * the cgroup keeps it, and the runtimes' code that detaches programs fails on links. The kernel refuses a second
 * attachment of the same program with EINVAL.
 */
int device_guard_attach(const struct device_guard *guard, int cgroup_fd, struct err *err)
{
	int attached = bpf_prog_attach(guard->program_fd, cgroup_fd, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI);
	int saved = errno;
	int r;

	if (attached < 0 && saved != EINVAL)
		return err_set_errno(err, saved, "cannot attach the device guard to the cgroup");
	r = device_guard_is_attached(guard, cgroup_fd, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set_errno(err, attached < 0 ? saved : EIO,
				     "the device guard is not on the cgroup after attaching it");
	return attached < 0 ? 0 : 1;
}

int device_guard_detach(const struct device_guard *guard, int cgroup_fd, struct err *err)
{
	if (bpf_prog_detach2(guard->program_fd, cgroup_fd, BPF_CGROUP_DEVICE) < 0)
		return err_set_errno(err, errno, "cannot detach the device guard from the cgroup");
	return 0;
}

int device_guard_read(const struct device_guard *guard, uint64_t cgroup, struct device_rules *ret, struct err *err)
{
	if (bpf_map_lookup_elem(guard->rules_fd, &cgroup, ret) < 0)
		return err_set_errno(err, errno, "cannot read the cgroup's device rules");
	return 0;
}

bool device_rules_equal(const struct device_rules *a, const struct device_rules *b)
{
	return a->ready == DEVICE_GUARD_READY && a->ready == b->ready && a->n_rules == b->n_rules &&
	       a->n_rules <= DEVICE_GUARD_RULES_MAX && memcmp(a->rules, b->rules, a->n_rules * sizeof(a->rules[0])) == 0;
}

int device_guard_write(const struct device_guard *guard, uint64_t cgroup, const struct device_rules *rules, struct err *err)
{
	struct device_rules back;
	int r;

	/* Only replaces: the entry was made with the attachment. */
	if (bpf_map_update_elem(guard->rules_fd, &cgroup, rules, BPF_EXIST) < 0)
		return err_set_errno(err, errno, "cannot write the cgroup's device rules");
	r = device_guard_read(guard, cgroup, &back, err);
	if (r < 0)
		return r;
	if (!device_rules_equal(&back, rules))
		return err_set(err, EIO, "the cgroup's device rules do not read back as written");
	return 0;
}
