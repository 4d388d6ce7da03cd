/* SPDX-License-Identifier: Apache-2.0 */
/* Device - the BPF programs of the device controller on one cgroup. See device.h. */
#include "bpf/device.h"

#include <bpf/bpf.h>
#include <errno.h>

#define PROGRAMS_MAX 64 /* the kernel's own BPF_CGROUP_MAX_PROGS */

int device_query(int cgroup_fd, struct device_programs *ret, struct err *err)
{
	__u32 ids[PROGRAMS_MAX] = { 0 };
	__u32 count = PROGRAMS_MAX;
	__u32 flags = 0;
	int r = bpf_prog_query(cgroup_fd, BPF_CGROUP_DEVICE, 0, &flags, ids, &count);

	if (r < 0)
		return err_set_errno(err, errno, "cannot query the cgroup's device programs");
	ret->count = count;
	ret->multi = flags & BPF_F_ALLOW_MULTI;
	ret->id = count > 0 ? ids[0] : 0;
	return 0;
}
