/* SPDX-License-Identifier: Apache-2.0 */
/* Guard kernel - where a hook's dentry is, in types of kernels that were and of one that nobody has seen. */
#include "bpf/guard-kernel.h"

#include <bpf/btf.h>
#include <errno.h>

#include "tests/unit/check.h"

/* The argument's words: the names of structures that it points to, a number, or a pointer to one. */
struct kernel_case {
	const char *name;
	const char *arguments[4]; /* NULL: no more; "int": a number, "**": a pointer to a pointer to a dentry */
	int want;
	const char *complaint;
};

static const struct kernel_case cases[] = {
	{ "6.1", { "dentry", "iattr" }, 0, NULL },
	{ "6.9", { "mnt_idmap", "dentry", "iattr" }, 1, NULL },
	{ "later", { "int", "mnt_idmap", "dentry" }, 2, NULL },
	{ "without", { "mnt_idmap", "inode" }, -ENOTSUP, "inode_setattr has no dentry" },
	{ "of another kind", { "int", "**" }, -ENOTSUP, "inode_setattr has no dentry" },
	{ "nothing", { NULL }, -ENOTSUP, "inode_setattr has no dentry" },
};

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

static struct btf *kernel_with(const char *hook, const struct kernel_case *c)
{
	struct btf *btf = btf__new_empty();
	int types[ELEMENTS(c->arguments)];
	int prototype;

	assert_non_null(btf);
	for (size_t i = 0; i < ELEMENTS(types) && c->arguments[i]; i++) {
		types[i] = add_argument(btf, c->arguments[i]);
		assert_true(types[i] > 0);
	}
	prototype = btf__add_func_proto(btf, 0);
	for (size_t i = 0; i < ELEMENTS(types) && c->arguments[i]; i++)
		assert_int_equal(btf__add_func_param(btf, "a", types[i]), 0);
	assert_true(btf__add_func(btf, hook, BTF_FUNC_GLOBAL, prototype) > 0);
	return btf;
}

TEST(test_dentry)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct btf *btf = kernel_with("bpf_lsm_inode_setattr", &cases[i]);
		struct err err = { 0 };
		int r = guard_kernel_dentry(btf, "inode_setattr", &err);

		if (r != cases[i].want)
			fail_msg("%s: %d", cases[i].name, r);
		if (cases[i].complaint && !strstr(err.text, cases[i].complaint))
			fail_msg("%s: %s", cases[i].name, err.text);
		btf__free(btf);
	}
}

TEST(test_no_hook)
{
	struct btf *btf = kernel_with("bpf_lsm_inode_setxattr", &cases[1]);
	struct err err = { 0 };

	assert_int_equal(guard_kernel_dentry(btf, "inode_setattr", &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "inode_setattr does not exist for BPF programs"));
	btf__free(btf);
}
