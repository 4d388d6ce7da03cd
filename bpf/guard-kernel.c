/* SPDX-License-Identifier: Apache-2.0 */
/* Guard kernel - where a hook has its arguments. See guard-kernel.h. */
#include "bpf/guard-kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "bpf/cannot.h"

static void cleanup_btf(struct btf **btf)
{
	btf__free(*btf);
}

static bool is_pointer_to_dentry(const struct btf *kernel, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(kernel, id);

	if (!type || !btf_is_ptr(type))
		return false;
	type = btf__type_by_id(kernel, type->type);
	return type && btf_is_struct(type) && strcmp(btf__name_by_offset(kernel, type->name_off), "dentry") == 0;
}

/* Which argument of that hook is a struct dentry *. */
static int find_dentry(const struct btf *kernel, const char *hook, __u32 *ret, struct err *err)
{
	const struct btf_type *prototype = NULL;
	char name[64];
	int id;

	(void)snprintf(name, sizeof(name), "bpf_lsm_%s", hook);
	id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
	if (id >= 0)
		prototype = btf__type_by_id(kernel, btf__type_by_id(kernel, (__u32)id)->type);
	for (__u32 i = 0; prototype && i < btf_vlen(prototype); i++)
		if (is_pointer_to_dentry(kernel, btf_params(prototype)[i].type)) {
			*ret = i;
			return 0;
		}
	(void)err_set(err, ENOTSUP, "this kernel's hook %s %s", hook,
		      prototype ? "has no dentry" : "does not exist for BPF programs");
	return KERNEL_CANNOT;
}

/* The programs rely on these places, and the verifier's own message would be harder to read. */
static int check_hooks(const struct btf *kernel, struct guard_kernel *ret, struct err *err)
{
	static const struct {
		const char *name;
		__u32 least, most; /* the argument that is the dentry, from 0 */
	} hooks[] = {
		{ "inode_setattr", 0, 1 }, /* 0, since 6.9 it is 1 */
		{ "inode_setxattr", 1, 1 },
		{ "inode_removexattr", 1, 1 },
	};

	for (size_t i = 0; i < ELEMENTS(hooks); i++) {
		__u32 place = 0;
		int r = find_dentry(kernel, hooks[i].name, &place, err);

		if (r != 0)
			return r;
		if (place < hooks[i].least || place > hooks[i].most) {
			(void)err_set(
				err, ENOTSUP,
				"this kernel's hook %s has its dentry as argument %u, where these guards do not expect it",
				hooks[i].name, place + 1);
			return KERNEL_CANNOT;
		}
		if (i == 0)
			ret->setattr_dentry = place;
	}
	return 0;
}

int guard_kernel_check_types(const struct btf *kernel, struct guard_kernel *ret, struct err *err)
{
	const int id = btf__find_by_name_kind(kernel, "bpf_attach_type", BTF_KIND_ENUM);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(kernel, (__u32)id);
	bool lacking = type;

	/* The list of attach types is part of the kernel's interface, so a name that is not in it is no accident. */
	for (__u32 i = 0; type && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(kernel, btf_enum(type)[i].name_off), "BPF_LSM_CGROUP") == 0)
			lacking = false;
	if (!lacking)
		return check_hooks(kernel, ret, err);
	(void)err_set(err, ENOTSUP,
		      "this kernel has no BPF LSM programs for cgroups (BPF_LSM_CGROUP); they came with Linux 6.0");
	return KERNEL_CANNOT;
}

int guard_kernel_check_list(const char *list, struct err *err)
{
	const int len = (int)strcspn(list, "\n");

	for (const char *at = list; (at = strstr(at, "bpf")) != NULL; at += strlen("bpf"))
		if ((at == list || at[-1] == ',') && strchr(",\n", at[strlen("bpf")]))
			return 0;
	(void)err_set(
		err, ENOTSUP,
		"this kernel does not run BPF LSM programs: it was booted with the security modules '%.*s'; boot it with lsm=%.*s,bpf",
		len, list, len, list);
	return KERNEL_CANNOT;
}

/* Without securityfs, nothing can be said: the canary decides. */
static int check_list(int sys_fd, struct err *err)
{
	_cleanup_close_ int fd = file_open_beneath(sys_fd, "kernel/security/lsm", O_RDONLY);
	char list[512];
	ssize_t n;

	if (fd == -ENOENT || (fd >= 0 && !file_is_in(fd, SECURITYFS_MAGIC)))
		return 0;
	n = fd < 0 ? fd : file_read_fd(fd, list, sizeof(list));
	return n < 0 ? err_set_errno(err, (int)n, "cannot read '/sys/kernel/security/lsm'")
		     : guard_kernel_check_list(list, err);
}

static int load_types(int sys_fd, struct btf **ret, struct err *err)
{
	int error;

	*ret = btf__load_vmlinux_btf();
	if (*ret)
		return 0;
	error = errno;
	if (!file_is_in(sys_fd, SYSFS_MAGIC) || faccessat(sys_fd, "kernel/btf/vmlinux", F_OK, 0) == 0 || errno != ENOENT)
		return err_set_errno(err, error, "cannot read the kernel's types (BTF)");
	(void)err_set(err, ENOTSUP,
		      "this kernel was built without BTF (CONFIG_DEBUG_INFO_BTF), which the grant guard needs");
	return KERNEL_CANNOT;
}

static int try_program(enum bpf_prog_type type, enum bpf_attach_type attach)
{
	/* "return 1". No function has the type id 1: where programs may be attached to functions, that is the error. */
	static const struct bpf_insn instructions[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
							{ .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach,
		    .attach_btf_id = type == BPF_PROG_TYPE_KPROBE ? 0 : 1);
	const int fd = bpf_prog_load(type, NULL, "GPL", instructions, ELEMENTS(instructions), &options);
	const int r = fd < 0 ? -errno : 0;

	(void)close_fd(fd);
	return r;
}

bool guard_kernel_forbids(const struct guard_kernel_tries *tries)
{
	return tries->lsm == -EPERM && tries->tracing == -EPERM && tries->kprobe == 0;
}

int guard_kernel_explain(int error, struct err *err)
{
	struct guard_kernel_tries tries;

	if (error != -EPERM)
		return error;
	tries = (struct guard_kernel_tries) { .lsm = try_program(BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP),
					      .tracing = try_program(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY),
					      .kprobe = try_program(BPF_PROG_TYPE_KPROBE, 0) };
	if (!guard_kernel_forbids(&tries))
		return error;
	(void)err_set(
		err, ENOTSUP,
		"this kernel lets nobody attach BPF programs to its functions: it refuses the smallest one with EPERM, although it loads another that needs the same capabilities");
	return KERNEL_CANNOT;
}

int guard_kernel_prepare(struct bpf_object *object, struct err *err)
{
	_cleanup_close_ int sys_fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(cleanup_btf) struct btf *kernel = NULL;
	struct bpf_map *map = bpf_object__find_map_by_name(object, GUARD_KERNEL_SECTION);
	struct guard_kernel told = { 0 };
	int r;

	if (sys_fd < 0)
		return err_set_errno(err, errno, "cannot open '/sys'");
	r = check_list(sys_fd, err);
	if (r == 0)
		r = load_types(sys_fd, &kernel, err);
	if (r == 0)
		r = guard_kernel_check_types(kernel, &told, err);
	if (r != 0)
		return r;
	if (!map)
		return err_set(err, ENOENT, "the object has no section " GUARD_KERNEL_SECTION);
	if (bpf_map__set_initial_value(map, &told, sizeof(told)) < 0)
		return err_set_errno(err, errno, "cannot write the object's section " GUARD_KERNEL_SECTION);
	return 0;
}
