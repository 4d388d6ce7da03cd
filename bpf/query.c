/* SPDX-License-Identifier: Apache-2.0 */
/* Query - BPF_PROG_QUERY with a short attribute. See query.h. */
#include "bpf/query.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHORT	  32 /* bytes: up to prog_cnt, all that there was before Linux 5.19; runc passes as many */
#define UNTOUCHED 0xA5

int query_overruns(int cgroup_fd)
{
	union {
		union bpf_attr attr;
		unsigned char bytes[sizeof(union bpf_attr)];
	} buf;

	memset(&buf, UNTOUCHED, sizeof(buf));
	memset(&buf, 0, SHORT);
	buf.attr.query.target_fd = (unsigned)cgroup_fd;
	buf.attr.query.attach_type = BPF_CGROUP_DEVICE;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &buf, SHORT) < 0)
		return -errno;
	for (size_t i = SHORT; i < sizeof(buf); i++)
		if (buf.bytes[i] != UNTOUCHED)
			return 1;
	return 0;
}
