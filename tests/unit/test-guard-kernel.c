/* SPDX-License-Identifier: Apache-2.0 */
/* Guard kernel - where a hook's dentry is, in types of kernels that were and of one that nobody has seen. */
#include "bpf/guard-kernel.h"

#include <bpf/btf.h>
#include <errno.h>

#include "bpf/cannot.h"
#include "tests/unit/check.h"

/* The argument's words: the names of structures that it points to, a number, or a pointer to one. */
struct kernel_case {
	const char *name;
	const char *arguments[4]; /* NULL: no more; "int": a number, "**": a pointer to a pointer to a dentry */
	int want;		  /* KERNEL_CANNOT, or 0 and the place: */
	__u32 place;
	const char *complaint;
};

static const struct kernel_case cases[] = {
	{ "6.1", { "dentry", "iattr" }, 0, 0, NULL },
	{ "6.9", { "mnt_idmap", "dentry", "iattr" }, 0, 1, NULL },
	{ "later", { "int", "mnt_idmap", "dentry" }, KERNEL_CANNOT, 0, "has its dentry as argument 3" },
	{ "without", { "mnt_idmap", "inode" }, KERNEL_CANNOT, 0, "inode_setattr has no dentry" },
	{ "of another kind", { "int", "**" }, KERNEL_CANNOT, 0, "inode_setattr has no dentry" },
	{ "nothing", { NULL }, KERNEL_CANNOT, 0, "inode_setattr has no dentry" },
};

static const struct kernel_case xattr = { "6.1", { "mnt_idmap", "dentry" }, 0, 0, NULL };

static int add_argument(struct btf *btf, const char *word)
{
	int integer, structure;

	if (strcmp(word, "int") == 0) {
		integer = btf__find_by_name_kind(btf, "int", BTF_KIND_INT);
		return integer > 0 ? integer : btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	}
	structure = btf__add_struct(btf, strcmp(word, "**") == 0 ? "dentry" : word, 8);
	structure = btf__add_ptr(btf, structure);
	return strcmp(word, "**") == 0 ? btf__add_ptr(btf, structure) : structure;
}

static void add_hook(struct btf *btf, const char *hook, const struct kernel_case *c)
{
	int types[ELEMENTS(c->arguments)];
	int prototype;

	for (size_t i = 0; i < ELEMENTS(types) && c->arguments[i]; i++) {
		types[i] = add_argument(btf, c->arguments[i]);
		assert_true(types[i] > 0);
	}
	prototype = btf__add_func_proto(btf, 0);
	for (size_t i = 0; i < ELEMENTS(types) && c->arguments[i]; i++)
		assert_int_equal(btf__add_func_param(btf, "a", types[i]), 0);
	assert_true(btf__add_func(btf, hook, BTF_FUNC_GLOBAL, prototype) > 0);
}

/* `newest` is the last attach type that the kernel knows; NULL: its types are not in there. */
static struct btf *kernel_with(const char *newest)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	if (!newest)
		return btf;
	assert_true(btf__add_enum(btf, "bpf_attach_type", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "BPF_CGROUP_INET_INGRESS", 0), 0);
	assert_int_equal(btf__add_enum_value(btf, newest, 1), 0);
	return btf;
}

static void check_types(const char *name, const struct btf *btf, int want, __u32 place, const char *complaint)
{
	struct guard_kernel told = { 0 };
	struct err err = { 0 };
	int r = guard_kernel_check_types(btf, &told, &err);

	if (r != want || (r == 0 && told.setattr_dentry != place))
		fail_msg("%s: %d, %u: %s", name, r, told.setattr_dentry, err.text);
	if (complaint && !strstr(err.text, complaint))
		fail_msg("%s: %s", name, err.text);
}

TEST(test_dentry)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct btf *btf = kernel_with("BPF_LSM_CGROUP");

		add_hook(btf, "bpf_lsm_inode_setattr", &cases[i]);
		add_hook(btf, "bpf_lsm_inode_setxattr", &xattr);
		add_hook(btf, "bpf_lsm_inode_removexattr", &xattr);
		check_types(cases[i].name, btf, cases[i].want, cases[i].place, cases[i].complaint);
		btf__free(btf);
	}
}

/* What the kernel's types prove, and what they leave open. */
TEST(test_kernels)
{
	static const struct {
		const char *newest;
		const char *hooks[3];
		int want;
		const char *complaint;
	} kernels[] = {
		{ "BPF_LSM_CGROUP", { "setattr", "setxattr", "removexattr" }, 0, NULL },
		{ NULL, { "setattr", "setxattr", "removexattr" }, 0, NULL }, /* the attempt to load decides */
		{ "BPF_PERF_EVENT", { "setattr", "setxattr", "removexattr" }, KERNEL_CANNOT, "Linux 6.0" },
		{ "BPF_LSM_CGROUP",
		  { "setxattr", "removexattr" },
		  KERNEL_CANNOT,
		  "inode_setattr does not exist for BPF programs" },
		{ "BPF_LSM_CGROUP",
		  { "setattr", "setxattr" },
		  KERNEL_CANNOT,
		  "inode_removexattr does not exist for BPF programs" },
		{ "BPF_LSM_CGROUP", { NULL }, KERNEL_CANNOT, "does not exist" },
	};

	for (size_t i = 0; i < ELEMENTS(kernels); i++) {
		struct btf *btf = kernel_with(kernels[i].newest);

		for (size_t j = 0; j < 3 && kernels[i].hooks[j]; j++)
			add_hook(btf, format("bpf_lsm_inode_%s", kernels[i].hooks[j]), &xattr);
		check_types(format("%zu", i), btf, kernels[i].want, kernels[i].want == 0, kernels[i].complaint);
		btf__free(btf);
	}
}

TEST(test_list)
{
	static const struct {
		const char *list;
		int want;
	} lists[] = {
		{ "lockdown,capability,landlock,bpf\n", 0 },
		{ "bpf,lockdown\n", 0 },
		{ "bpf", 0 },
		{ "lockdown,bpf,yama\n", 0 },
		{ "lockdown,capability,yama\n", KERNEL_CANNOT },
		{ "xbpf,bpfx\n", KERNEL_CANNOT },
		{ "", KERNEL_CANNOT },
	};

	for (size_t i = 0; i < ELEMENTS(lists); i++) {
		struct err err = { 0 };
		int r = guard_kernel_check_list(lists[i].list, &err);

		if (r != lists[i].want || (r && !strstr(err.text, ",bpf")))
			fail_msg("'%s': %d %s", lists[i].list, r, err.text);
	}
}

/* Only if all three say so: a lack of capabilities or memory, or another tool's guard, is a fault. */
TEST(test_forbids)
{
	static const struct {
		struct guard_kernel_tries tries;
		bool want;
	} tried[] = {
		{ { -EPERM, -EPERM, 0 }, true },    { { -EPERM, -EPERM, -EPERM }, false },
		{ { -EPERM, -EINVAL, 0 }, false },  { { -EINVAL, -EPERM, 0 }, false },
		{ { -ENOMEM, -EPERM, 0 }, false },  { { -EPERM, -EPERM, -ENOMEM }, false },
		{ { -EINVAL, -EINVAL, 0 }, false }, { { 0, 0, 0 }, false },
	};

	for (size_t i = 0; i < ELEMENTS(tried); i++)
		assert_int_equal(guard_kernel_forbids(&tried[i].tries), tried[i].want);
	assert_int_equal(guard_kernel_explain(-ENOMEM, NULL), -ENOMEM);
}
