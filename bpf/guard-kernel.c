/* SPDX-License-Identifier: Apache-2.0 */
/* Guard kernel - where a hook has its arguments. See guard-kernel.h. */
#include "bpf/guard-kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/grant_guard_abi.h"

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

int guard_kernel_dentry(const struct btf *kernel, const char *hook, struct err *err)
{
	const struct btf_type *prototype = NULL;
	char name[64];
	int id;

	(void)snprintf(name, sizeof(name), "bpf_lsm_%s", hook);
	id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
	if (id >= 0)
		prototype = btf__type_by_id(kernel, btf__type_by_id(kernel, (__u32)id)->type);
	for (__u32 i = 0; prototype && i < btf_vlen(prototype); i++)
		if (is_pointer_to_dentry(kernel, btf_params(prototype)[i].type))
			return (int)i;
	return err_set(err, ENOTSUP, "this kernel's hook %s %s", hook,
		       prototype ? "has no dentry" : "does not exist for BPF programs");
}

/* This is so since 5.12. The programs rely on it, and the verifier's own message would be harder to read. */
static int check_xattr_hooks(const struct btf *kernel, struct err *err)
{
	static const char *const hooks[] = { "inode_setxattr", "inode_removexattr" };

	for (size_t i = 0; i < ELEMENTS(hooks); i++) {
		int place = guard_kernel_dentry(kernel, hooks[i], err);

		if (place != 1)
			return place < 0
				       ? place
				       : err_set(err, ENOTSUP,
						 "this kernel's hook %s has its dentry as argument %d, the second was expected",
						 hooks[i], place + 1);
	}
	return 0;
}

int guard_kernel_prepare(struct bpf_object *object, struct err *err)
{
	_cleanup_(cleanup_btf) struct btf *kernel = btf__load_vmlinux_btf();
	struct bpf_map *map = bpf_object__find_map_by_name(object, GUARD_KERNEL_SECTION);
	struct guard_kernel told = { 0 };
	int r;

	if (!kernel)
		return err_set_errno(err, errno, "cannot read the kernel's types (BTF)");
	r = guard_kernel_dentry(kernel, "inode_setattr", err);
	if (r > 1)
		return err_set(
			err, ENOTSUP,
			"this kernel's hook inode_setattr has its dentry as argument %d, the first or second was expected",
			r + 1);
	if (r < 0)
		return r;
	told.setattr_dentry = (__u32)r;
	r = check_xattr_hooks(kernel, err);
	if (r < 0)
		return r;
	if (!map)
		return err_set(err, ENOENT, "the object has no section " GUARD_KERNEL_SECTION);
	if (bpf_map__set_initial_value(map, &told, sizeof(told)) < 0)
		return err_set_errno(err, errno, "cannot write the object's section " GUARD_KERNEL_SECTION);
	return 0;
}
