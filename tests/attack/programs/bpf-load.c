/* SPDX-License-Identifier: Apache-2.0 */
/* bpf-load - can a device program be loaded, or one of somebody else's be had? */
#include "tests/attack/programs/answer.h"
#include "tests/attack/programs/device-program.h"

/* The first number at which `command` gives a descriptor; else the last answer. */
static long get_any(int command)
{
	long r = -1;

	for (uint32_t id = 1; id <= 512 && r < 0; id++) {
		union bpf_attr attr = { .start_id = id };

		r = bpf(command, &attr);
	}
	return r;
}

static long query(int top)
{
	union bpf_attr attr = { .query = { .target_fd = (uint32_t)top, .attach_type = BPF_CGROUP_DEVICE } };

	return bpf(BPF_PROG_QUERY, &attr);
}

int main(void)
{
	int top = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		cannot("/sys/fs/cgroup");
	answer("load", load_device_program(1, -1));
	answer("program by its number", get_any(BPF_PROG_GET_FD_BY_ID));
	answer("link by its number", get_any(BPF_LINK_GET_FD_BY_ID));
	answer("map by its number", get_any(BPF_MAP_GET_FD_BY_ID));
	answer("query", query(top));
	return 0;
}
