/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF calls - what the hook needs of <bpf/bpf.h>, with libbpf's prototypes: Debian's libbpf.a is glibc's. Each is one
 * bpf(2); what loads and relocates programs stays libbpf's. Returns as libbpf 1.x: -1 or -errno with errno set.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(int cmd, union bpf_attr *attr)
{
	const long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

int bpf_obj_get(const char *pathname)
{
	union bpf_attr attr = { .pathname = (uintptr_t)pathname };

	return call(BPF_OBJ_GET, &attr);
}

int bpf_obj_get_info_by_fd(int bpf_fd, void *info, __u32 *info_len)
{
	union bpf_attr attr = { .info = { .bpf_fd = (__u32)bpf_fd, .info_len = *info_len, .info = (uintptr_t)info } };
	const int r = call(BPF_OBJ_GET_INFO_BY_FD, &attr);

	if (r >= 0)
		*info_len = attr.info.info_len;
	return r;
}

int bpf_prog_attach(int prog_fd, int attachable_fd, enum bpf_attach_type type, unsigned int flags)
{
	union bpf_attr attr = { .target_fd = (__u32)attachable_fd,
				.attach_bpf_fd = (__u32)prog_fd,
				.attach_type = type,
				.attach_flags = flags };

	return call(BPF_PROG_ATTACH, &attr);
}

int bpf_prog_detach2(int prog_fd, int attachable_fd, enum bpf_attach_type type)
{
	union bpf_attr attr = { .target_fd = (__u32)attachable_fd, .attach_bpf_fd = (__u32)prog_fd, .attach_type = type };

	return call(BPF_PROG_DETACH, &attr);
}

int bpf_prog_query_opts(int target_fd, enum bpf_attach_type type, struct bpf_prog_query_opts *opts)
{
	union bpf_attr attr = { .query = { .target_fd = (__u32)target_fd,
					   .attach_type = type,
					   .query_flags = opts->query_flags,
					   .prog_ids = (uintptr_t)opts->prog_ids,
					   .prog_cnt = opts->prog_cnt,
					   .prog_attach_flags = (uintptr_t)opts->prog_attach_flags } };
	const int r = call(BPF_PROG_QUERY, &attr);

	opts->attach_flags = attr.query.attach_flags;
	opts->prog_cnt = attr.query.prog_cnt;
	return r;
}

int bpf_prog_query(int target_fd, enum bpf_attach_type type, __u32 query_flags, __u32 *attach_flags, __u32 *prog_ids,
		   __u32 *prog_cnt)
{
	struct bpf_prog_query_opts opts = {
		.sz = sizeof(opts), .query_flags = query_flags, .prog_ids = prog_ids, .prog_cnt = *prog_cnt
	};
	const int r = bpf_prog_query_opts(target_fd, type, &opts);

	if (attach_flags)
		*attach_flags = opts.attach_flags;
	*prog_cnt = opts.prog_cnt;
	return r;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	union bpf_attr attr = { .map_fd = (__u32)fd, .key = (uintptr_t)key, .value = (uintptr_t)value };

	return call(BPF_MAP_LOOKUP_ELEM, &attr);
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	union bpf_attr attr = { .map_fd = (__u32)fd, .key = (uintptr_t)key, .value = (uintptr_t)value, .flags = flags };

	return call(BPF_MAP_UPDATE_ELEM, &attr);
}

int bpf_prog_get_fd_by_id(__u32 id)
{
	union bpf_attr attr = { .prog_id = id };

	return call(BPF_PROG_GET_FD_BY_ID, &attr);
}

int bpf_map_get_fd_by_id(__u32 id)
{
	union bpf_attr attr = { .map_id = id };

	return call(BPF_MAP_GET_FD_BY_ID, &attr);
}
