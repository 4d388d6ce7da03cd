/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device - stands in for what bpf/device.h has, where the cgroup is a temporary directory: the file device.programs in
 * it says "multi ID", "replaceable ID" or "fault"; without it there is no program.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "bpf/device.h"

int device_query(int cgroup_fd, struct device_programs *ret, struct err *err)
{
	char text[64], kind[32];
	ssize_t n = file_read_at(cgroup_fd, "device.programs", text, sizeof(text));
	unsigned id = 0;

	*ret = (struct device_programs) { 0 };
	if (n == -ENOENT)
		return 0;
	if (n < 0 || sscanf(text, "%31s %u", kind, &id) != 2)
		return err_set(err, EIO, "cannot query the cgroup's device programs");
	ret->count = 1;
	ret->multi = strcmp(kind, "multi") == 0;
	ret->id = id;
	return 0;
}
