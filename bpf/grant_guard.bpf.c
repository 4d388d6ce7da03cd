/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Grant guard - what a container may not do with the cgroup subtree that it was given.
 *
 * Ownership already keeps a container with a user namespace off the limit files of its own root; there the guard is the
 * second lock. It is the first lock where the container's root is the host's root, which owns its limit files and could
 * let others write them. It is the only lock where the kernel requires no permission: for PSI triggers, and for
 * attaching to or detaching from a cgroup with the descriptor of a program.
 *
 * The programs are attached to the delegation root. They run for each task in that cgroup or below it, whatever
 * namespaces the task is in, and for no other: not for the runtime, the engine or systemd, whose update, pause, kill
 * and exec write from outside. A program of this kind answers 1 (go on) or 0 (EPERM). See grant_guard_abi.h.
 *
 * Not covered: descriptors that somebody outside opened and passed in; and files that a container lends, by descriptor
 * or path, to somebody outside with the same user, because the kernel asks about the task that opens the file.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/grant_guard_abi.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { REFUSE = 0, ALLOW = 1 };

#define CGROUP2_SUPER_MAGIC 0x63677270
#define FMODE_WRITE	    0x2
#define TOKEN_CREATE	    36	/* BPF_TOKEN_CREATE, since 6.9 */
#define NAME_SIZE	    100 /* more than kernel/cgroup/cgroup.c's CGROUP_FILE_NAME_MAX */
#define S_IFMT		    0170000
#define S_IFDIR		    0040000
#define OOMD		    "user.oomd_" /* the attributes that systemd-oomd reads begin with it */

/* Only the members that are used; libbpf finds their offsets in the running kernel by these names. */
#define _kernel_ __attribute__((preserve_access_index))

struct super_block {
	unsigned long s_magic;
} _kernel_;

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	void *i_private; /* kernfs: the struct kernfs_node */
} _kernel_;

struct dentry {
	struct inode *d_inode;
	struct super_block *d_sb;
} _kernel_;

struct file {
	unsigned int f_mode;
	struct inode *f_inode;
} _kernel_;

struct kernfs_node {
	struct kernfs_node *parent; /* before 6.15 */
	const char *name;
	__u64 id;
} _kernel_;

struct kernfs_node___rcu {
	struct kernfs_node *__parent; /* since 6.15 */
} _kernel_;

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct guard_grant);
} guard_grants SEC(".maps");

const volatile struct guard_kernel guard_kernel SEC(GUARD_KERNEL_SECTION);

static int refuse(struct guard_grant *grant, enum guard_rule rule)
{
	__sync_fetch_and_add(&grant->refused[rule], 1);
	return REFUSE;
}

/* --- bpf(2): no loading or taking off of device programs and of programs like the guard, and no token ------ */

static int is_guarded_type(__u32 attach_type)
{
	return attach_type == BPF_CGROUP_DEVICE || attach_type == BPF_LSM_CGROUP;
}

/*
 * The kernel asks whatever capabilities or token the caller has, and `attr` is the kernel's own copy, so neither
 * matters here. A bpf(2) call that a BPF program makes comes here too. A token is refused by its command and not in the
 * hook bpf_token_create: that is asked later, exists only since 6.9, and takes one of the ten hooks that the kernel has
 * for programs of this kind. The commands for links need the descriptor of a link, and no link can be made here.
 */
static int is_forbidden(int cmd, const union bpf_attr *attr)
{
	switch (cmd) {
	case BPF_PROG_LOAD:
		return attr->prog_type == BPF_PROG_TYPE_CGROUP_DEVICE;
	case BPF_PROG_ATTACH:
	case BPF_PROG_DETACH:
		return is_guarded_type(attr->attach_type);
	case BPF_LINK_CREATE:
		return is_guarded_type(attr->link_create.attach_type);
	case TOKEN_CREATE:
		return 1;
	default:
		return 0;
	}
}

/* bpf(cmd, attr, size); 6.15 added a fourth argument. */
SEC("lsm_cgroup/bpf")
int guard_bpf(__u64 *ctx)
{
	if (!is_forbidden((int)ctx[0], (const union bpf_attr *)ctx[1]))
		return ALLOW;
	return refuse(bpf_get_local_storage(&guard_grants, 0), GUARD_RULE_BPF);
}

/* --- where a file of cgroup2 is ------------------------------------------------------------------------- */

enum place {
	PLACE_OUTSIDE,	 /* or unknown: the container may not change it */
	PLACE_ROOT,	 /* a file of the delegation root that belongs to the host */
	PLACE_DELEGATED, /* the delegation root itself, or a file of it that is delegated */
	PLACE_BELOW,
};

static struct kernfs_node *parent_of(struct kernfs_node *node)
{
	struct kernfs_node___rcu *renamed = (void *)node;

	if (bpf_core_field_exists(renamed->__parent))
		return BPF_CORE_READ(renamed, __parent);
	return BPF_CORE_READ(node, parent);
}

static int is_below(struct kernfs_node *cgroup, __u64 root)
{
	for (int level = 0; level < GUARD_DEPTH_MAX && cgroup; level++) {
		cgroup = parent_of(cgroup);
		if (cgroup && BPF_CORE_READ(cgroup, id) == root)
			return 1;
	}
	return 0;
}

/* A macro: the helper needs a constant string, also where nothing is inlined. */
#define is(name, literal) (!bpf_strncmp(name, NAME_SIZE, literal))

/* The same names as in cgdeleg/kernel/cgroup.c: files that a kernel lists as delegatable and that cgdeleg knows. */
static int is_delegated(struct kernfs_node *file)
{
	char name[NAME_SIZE] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, name));
	return is(name, "cgroup.procs") || is(name, "cgroup.threads") || is(name, "cgroup.subtree_control") ||
	       is(name, "memory.oom.group") || is(name, "memory.reclaim");
}

/* A file of the delegation root belongs to the host unless it is known: a file that a future kernel adds counts as a
 * limit until somebody has decided on it. */
static enum place place_of_file(struct kernfs_node *file, __u64 root)
{
	struct kernfs_node *cgroup = parent_of(file);

	if (BPF_CORE_READ(cgroup, id) == root)
		return is_delegated(file) ? PLACE_DELEGATED : PLACE_ROOT;
	return is_below(cgroup, root) ? PLACE_BELOW : PLACE_OUTSIDE;
}

static enum place place_of_cgroup(struct kernfs_node *cgroup, __u64 root)
{
	if (BPF_CORE_READ(cgroup, id) == root)
		return PLACE_DELEGATED;
	return is_below(cgroup, root) ? PLACE_BELOW : PLACE_OUTSIDE;
}

/* --- open(2) for writing, on cgroup2 -------------------------------------------------------------------- */

/* A name that cannot be read counts as one. */
static int is_pressure(struct kernfs_node *file)
{
	const char *name = BPF_CORE_READ(file, name);
	char text[NAME_SIZE], end[sizeof(".pressure")] = {};
	long length = bpf_probe_read_kernel_str(text, sizeof(text), name); /* with the NUL */

	if (length < 0)
		return 1;
	if (length < (long)sizeof(end))
		return 0;
	bpf_probe_read_kernel(end, sizeof(end), name + length - sizeof(end));
	return !bpf_strncmp(end, sizeof(end), ".pressure");
}

/* The *.pressure files of the delegation root are never delegated, whatever the grant says. */
static int check_file(struct kernfs_node *file, struct guard_grant *grant)
{
	switch (place_of_file(file, grant->root)) {
	case PLACE_DELEGATED:
		return ALLOW;
	case PLACE_ROOT:
		return refuse(grant, GUARD_RULE_ROOT);
	case PLACE_BELOW:
		if (!(grant->flags & GUARD_ALLOW_PRESSURE) && is_pressure(file))
			return refuse(grant, GUARD_RULE_PRESSURE);
		return ALLOW;
	default:
		return refuse(grant, GUARD_RULE_OUTSIDE);
	}
}

/* file_open(file): also for an open by handle, or of a descriptor through /proc. */
SEC("lsm_cgroup/file_open")
int guard_file_open(__u64 *ctx)
{
	const struct file *file = (const struct file *)ctx[0];

	if (!(file->f_mode & FMODE_WRITE))
		return ALLOW;
	if (file->f_inode->i_sb->s_magic != CGROUP2_SUPER_MAGIC)
		return ALLOW;
	return check_file(file->f_inode->i_private, bpf_get_local_storage(&guard_grants, 0));
}

/* --- chmod(2), chown(2), utimensat(2), truncate(2), setxattr(2) and their like, on cgroup2 ---------------- */

static int is_on_cgroup2(const struct dentry *dentry)
{
	return dentry->d_sb->s_magic == CGROUP2_SUPER_MAGIC;
}

/* The container may do this to what it may open for writing, and to its cgroups themselves. */
static int check_attributes(const struct dentry *dentry, struct guard_grant *grant)
{
	const struct inode *inode = dentry->d_inode;
	enum place place;

	if (!inode) /* never happens, but the verifier of newer kernels requires the check */
		place = PLACE_OUTSIDE;
	else if ((inode->i_mode & S_IFMT) == S_IFDIR)
		place = place_of_cgroup(inode->i_private, grant->root);
	else
		place = place_of_file(inode->i_private, grant->root);
	if (place == PLACE_DELEGATED || place == PLACE_BELOW)
		return ALLOW;
	return refuse(grant, GUARD_RULE_ATTRIBUTE);
}

static int check_setattr(const struct dentry *dentry)
{
	if (!is_on_cgroup2(dentry))
		return ALLOW;
	return check_attributes(dentry, bpf_get_local_storage(&guard_grants, 0));
}

/* inode_setattr(dentry, attr); 6.9 put the idmap of a mount in front. The verifier knows the constant and ignores the
 * branch in which that argument has another type. It would reject a computed ctx + 8; the barrier keeps the compiler
 * from making one. */
SEC("lsm_cgroup/inode_setattr")
int guard_setattr(__u64 *ctx)
{
	if (guard_kernel.setattr_dentry == 0)
		return check_setattr((const struct dentry *)ctx[0]);
	barrier_var(ctx);
	return check_setattr((const struct dentry *)ctx[1]);
}

/* The host decides whom systemd-oomd spares or prefers. oomd believes the attributes of a cgroup that host root
 * owns. */
static int is_oomd(const char *attribute)
{
	char text[sizeof(OOMD)] = {};

	bpf_probe_read_kernel_str(text, sizeof(text), attribute);
	return !bpf_strncmp(text, sizeof(text), OOMD);
}

static int check_xattr(const struct dentry *dentry, const char *attribute)
{
	struct guard_grant *grant;

	if (!is_on_cgroup2(dentry))
		return ALLOW;
	grant = bpf_get_local_storage(&guard_grants, 0);
	if (is_oomd(attribute))
		return refuse(grant, GUARD_RULE_OOMD);
	return check_attributes(dentry, grant);
}

/* inode_setxattr(idmap, dentry, name, value, size, flags) */
SEC("lsm_cgroup/inode_setxattr")
int guard_setxattr(__u64 *ctx)
{
	return check_xattr((const struct dentry *)ctx[1], (const char *)ctx[2]);
}

/* inode_removexattr(idmap, dentry, name): the host may have set it, on this cgroup or another. */
SEC("lsm_cgroup/inode_removexattr")
int guard_rmxattr(__u64 *ctx)
{
	return check_xattr((const struct dentry *)ctx[1], (const char *)ctx[2]);
}
