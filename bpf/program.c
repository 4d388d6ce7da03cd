/* SPDX-License-Identifier: Apache-2.0 */
/* Program - what the kernel says of BPF programs. See program.h. */
#include "bpf/program.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/grant_guard.h"

#define PROGRAMS_MAX 640 /* the kernel's 64 for a hook, and its ten LSM hooks */

static int read_info(uint32_t id, struct bpf_prog_info *ret)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	uint32_t size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return fd < 0 || bpf_obj_get_info_by_fd(fd, ret, &size) < 0 ? -errno : 0;
}

int program_name(uint32_t id, char *buf, size_t size)
{
	struct bpf_prog_info info;
	int r = read_info(id, &info);

	if (r >= 0)
		(void)snprintf(buf, size, "%.*s", (int)sizeof(info.name), info.name);
	return r;
}

static bool is_guard(const struct bpf_prog_info *info)
{
	for (size_t i = 0; i < GUARD_PROGRAMS; i++)
		if (strcmp(info->name, guard_program_names[i]) == 0)
			return true;
	return false;
}

ssize_t program_lsm_hooks(int cgroup_fd, uint32_t ret[LSM_HOOKS])
{
	uint32_t ids[PROGRAMS_MAX], flags[PROGRAMS_MAX]; /* which the kernel insists on filling */
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_attach_flags = flags, .prog_cnt = PROGRAMS_MAX);
	ssize_t n = 0;

	if (bpf_prog_query_opts(cgroup_fd, BPF_LSM_CGROUP, &query) < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	for (uint32_t i = 0; i < query.prog_cnt && i < PROGRAMS_MAX; i++) {
		struct bpf_prog_info info;
		ssize_t k = 0;

		if (read_info(ids[i], &info) < 0 || is_guard(&info))
			continue;
		while (k < n && ret[k] != info.attach_btf_id)
			k++;
		if (k == n && n < LSM_HOOKS)
			ret[n++] = info.attach_btf_id;
	}
	return n;
}
