/* SPDX-License-Identifier: Apache-2.0 */
/* Tree - a machine as a temporary directory. See tree.h. */
#include "tests/unit/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/kernel/cgroup.h"

const char tree_container[] =
	"proc/self/ns/mnt -> mnt:[1]\n"
	"proc/self/ns/cgroup:[1] =\n"
	"proc/self/ns/cgroup -> cgroup:[1]\n"
	"proc/self/ns/user -> user:[4026531837]\n"
	"proc/self/ns/pid -> pid:[1]\n"
	"proc/self/fd -> /proc/self/fd\n"
	"proc/self/cgroup = 0::/system.slice/engine.service\n"
	"proc/4711/ns/mnt -> mnt:[2]\n"
	"proc/4711/ns/cgroup -> cgroup:[2]\n"
	"proc/4711/ns/user -> user:[2]\n"
	"proc/4711/ns/pid -> pid:[2]\n"
	"proc/4711/cgroup = 0::/ci/box\n"
	"proc/4711/stat = 4711 (a b) c) S 1 4711 4711 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 777 9 10\n"
	"proc/4711/uid_map =          0     100000      65536\n"
	"proc/4711/gid_map =          0     100000      65536\n"
	"proc/4711/mountinfo = 21 1 8:1 / / rw,relatime - ext4 /dev/root rw\\n"
	"22 21 0:29 /ci/box /bundle/rootfs/sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n"
	"sys/kernel/cgroup/delegate = cgroup.procs\\ncgroup.threads\\ncgroup.subtree_control\\n"
	"memory.oom.group\\nmemory.reclaim\n"
	"sys/fs/bpf/guards = device\n"
	"sys/fs/cgroup/cgroup.procs = 1\n"
	"sys/fs/cgroup/system.slice/engine.service/cgroup.procs = 900\n"
	"sys/fs/cgroup/ci/cgroup.procs =\n"
	"sys/fs/cgroup/ci/box/device.programs = multi 7\n"
	"sys/fs/cgroup/ci/box/cgroup.procs = 4711\n"
	"sys/fs/cgroup/ci/box/cgroup.threads = 4711\n"
	"sys/fs/cgroup/ci/box/cgroup.subtree_control =\n"
	"sys/fs/cgroup/ci/box/cgroup.controllers = cpu memory pids\n"
	"sys/fs/cgroup/ci/box/cgroup.type = domain\n"
	"sys/fs/cgroup/ci/box/cgroup.max.descendants = max\n"
	"sys/fs/cgroup/ci/box/cgroup.max.depth = max\n"
	"sys/fs/cgroup/ci/box/memory.max = max\n"
	"sys/fs/cgroup/ci/box/memory.oom.group = 0\n"
	"sys/fs/cgroup/ci/box/pids.max = 500\n"
	"sys/fs/cgroup/ci/box/cpu.max = max 100000\n"
	"bundle/rootfs/\n";

static void die(const char *what, const char *path)
{
	fprintf(stderr, "tree: cannot %s '%s': %s\n", what, path, strerror(errno));
	abort();
}

void tree_new(struct tree *ret, const char *lines)
{
	(void)snprintf(ret->root, sizeof(ret->root), "/tmp/cgdeleg-tree.XXXXXX");
	if (!mkdtemp(ret->root))
		die("make", ret->root);
	ret->fd = open(ret->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		die("open", ret->root);
	tree_edit(ret, lines);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static void remove_below(const struct tree *tree, const char *path)
{
	char full[PATH_MAX];

	(void)snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	if (nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		die("remove", full);
}

void tree_free(struct tree *tree)
{
	remove_below(tree, "");
	tree->fd = close_fd(tree->fd);
}

static void make_parents(const struct tree *tree, char *path)
{
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(tree->fd, path, 0755) < 0 && errno != EEXIST)
			die("make", path);
		*slash = '/';
	}
}

static void put_file(const struct tree *tree, const char *path, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *copy = strdup(text);
	size_t len = 0;

	for (const char *p = text; *p; p++) {
		bool newline = p[0] == '\\' && p[1] == 'n';

		copy[len++] = newline ? '\n' : *p;
		p += newline;
	}
	if (len > 0)
		copy[len++] = '\n'; /* in the place of the NUL */
	(void)unlinkat(tree->fd, path, 0);
	fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || pwrite(fd, copy, len, 0) != (ssize_t)len) /* not write(2): fake-kernel.h */
		die("write", path);
}

static void put_link(const struct tree *tree, const char *path, const char *to)
{
	(void)unlinkat(tree->fd, path, 0);
	if (symlinkat(to, tree->fd, path) < 0)
		die("link", path);
}

static void put_named(const struct tree *tree, const char *path, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(tree->fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, name, text, strlen(text), 0) < 0)
		die("set the attribute of", path);
}

static void put_attribute(const struct tree *tree, const char *path, const char *text)
{
	put_named(tree, path, ATTRIBUTE_NAME, text);
}

static void put_delegate(const struct tree *tree, const char *path, const char *text)
{
	put_named(tree, path, "trusted.delegate", text);
}

static void put_owner(const struct tree *tree, const char *path, const char *ids)
{
	unsigned uid, gid;

	if (sscanf(ids, "%u %u", &uid, &gid) != 2 || fchownat(tree->fd, path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		die("chown", path);
}

static void edit_line(const struct tree *tree, char *line)
{
	static const struct {
		const char *sign;
		void (*put)(const struct tree *tree, const char *path, const char *text);
	} kinds[] = {
		{ " -> ", put_link }, { " = ", put_file }, { " @ ", put_attribute }, { " @delegate ", put_delegate },
		{ " : ", put_owner },
	};
	size_t len = strlen(line);

	if (strncmp(line, "- ", 2) == 0) {
		remove_below(tree, line + 2);
		return;
	}
	if (len > 2 && strcmp(line + len - 2, " =") == 0) {
		line[len - 2] = '\0';
		make_parents(tree, line);
		put_file(tree, line, "");
		return;
	}
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		char *sign = strstr(line, kinds[i].sign);

		if (!sign)
			continue;
		*sign = '\0';
		make_parents(tree, line);
		kinds[i].put(tree, line, sign + strlen(kinds[i].sign));
		return;
	}
	make_parents(tree, line);
}

void tree_edit(const struct tree *tree, const char *lines)
{
	_cleanup_free_ char *copy = strdup(lines);
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[0] != '#')
			edit_line(tree, line);
}

const char *tree_get(const struct tree *tree, const char *path)
{
	static struct kept {
		struct kept *before;
		char text[16384];
	} * last;
	struct kept *kept = calloc(1, sizeof(*kept));
	char *buf = kept->text;
	ssize_t n = file_read_at(tree->fd, path, buf, sizeof(kept->text));

	kept->before = last;
	last = kept;
	if (n < 0)
		(void)snprintf(buf, sizeof(kept->text), "(%s)", strerror((int)-n));
	else if (n > 0 && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return buf;
}

/* The tree whose machine is in use, and the process whose cgroup namespace may be entered: the kernel's part. */
static struct {
	const struct tree *tree;
	pid_t pid;
	bool inside;
} scene;

/* Of a process that lives: this one. */
static int open_process(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	scene.pid = pid;
	return fd < 0 ? -errno : fd;
}

/* What the process sees of its cgroup from within its namespace, whose root is cgroupns-root or else that very cgroup. */
static void show_inside(const struct tree *tree, const char *dir)
{
	char from[64], to[64], text[2 * PATH_MAX], root[PATH_MAX], cgroup[PATH_MAX];
	const char *inside = cgroup;

	(void)snprintf(from, sizeof(from), "%s/cgroup", dir);
	(void)snprintf(to, sizeof(to), "%s/cgroupns-root", dir);
	if (file_read_at(tree->fd, from, text, sizeof(text)) < 0 ||
	    cgroup_parse_path(text, cgroup, sizeof(cgroup), NULL) < 0)
		return;
	if (file_read_at(tree->fd, to, root, sizeof(root)) < 0)
		memcpy(root, cgroup, sizeof(root));
	root[strcspn(root, "\n")] = '\0';
	(void)snprintf(to, sizeof(to), "%s/cgroup.outside", dir);
	if (renameat(tree->fd, from, tree->fd, to) < 0)
		die("rename", from);
	if (cgroup_is_within(cgroup, root))
		inside = cgroup[strlen(root)] ? cgroup + strlen(root) : "/";
	(void)snprintf(text, sizeof(text), "0::%s%s", inside == cgroup ? "/.." : "", inside);
	put_file(tree, from, text);
}

/*
 * A pidfd leads into the container's cgroup namespace, the file of the hook's own back. In there /proc/self/ns/cgroup is
 * another link, and /proc/<pid>/cgroup says another path.
 */
static int enter_cgroupns(int fd)
{
	const struct tree *tree = scene.tree;
	char dir[32], path[64], kept[64];
	struct stat st;

	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) != scene.inside)
		return -EINVAL;
	scene.inside = !scene.inside;
	put_link(tree, "proc/self/ns/cgroup", scene.inside ? "cgroup:[2]" : "cgroup:[1]");
	(void)snprintf(dir, sizeof(dir), "proc/%d", scene.pid);
	if (scene.inside) {
		show_inside(tree, dir);
		return 0;
	}
	(void)snprintf(path, sizeof(path), "%s/cgroup", dir);
	(void)snprintf(kept, sizeof(kept), "%s/cgroup.outside", dir);
	return renameat(tree->fd, kept, tree->fd, path) < 0 && errno != ENOENT ? -errno : 0;
}

/* As a kernel without file handles. */
static int open_cgroup(int cgroup2_fd, uint64_t id, int flags)
{
	(void)cgroup2_fd;
	(void)id;
	(void)flags;
	return -EOPNOTSUPP;
}

const struct machine *tree_machine(const struct tree *tree)
{
	static struct machine machine = { .open_process = open_process,
					  .enter_cgroupns = enter_cgroupns,
					  .open_cgroup = open_cgroup };
	struct statfs fs;

	if (fstatfs(tree->fd, &fs) < 0)
		die("stat the file system of", tree->root);
	scene.tree = tree;
	scene.inside = false;
	machine.owner = geteuid();
	machine.group = getegid();
	machine.proc_magic = machine.cgroup_magic = (unsigned long)fs.f_type;
	return &machine;
}

void tree_host(const struct tree *tree, struct host *ret)
{
	struct err err = { 0 };

	*ret = (struct host)HOST_CLOSED;
	if (host_open(tree->root, tree_machine(tree), ret, &err) < 0) {
		fprintf(stderr, "tree: %s\n", err.text);
		abort();
	}
}
