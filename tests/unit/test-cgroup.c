/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup: paths as the kernel writes them, directories by descriptor, and which files may change hands. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "cgdeleg/kernel/cgroup.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

TEST(test_parse_path)
{
	static const struct {
		const char *text, *path, *want;
	} cases[] = {
		{ "0::/a/b\n", "/a/b", NULL },
		{ "0::/\n", "/", NULL },
		{ "0::/a", "/a", NULL },
		{ "12:cpu,cpuacct:/v1\n1:name=systemd:/x\n0::/a b\n", "/a b", NULL },
		{ "0::/a\n0::/b\n", "/a", NULL },
		{ "0::/../up\n", "/../up", NULL },
		{ "", NULL, "the process is not in a cgroup v2 hierarchy" },
		{ "12:cpu:/v1\n", NULL, "not in a cgroup v2 hierarchy" },
		{ "0::\n", NULL, "not in a cgroup v2 hierarchy" },
		{ "0::a\n", NULL, "not in a cgroup v2 hierarchy" },
		{ "10::/a\n", NULL, "not in a cgroup v2 hierarchy" },
		{ "0::/1234567\n", "/1234567", NULL },
		{ "0::/12345678\n", NULL, "the cgroup's path is too long" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		char path[9] = "";

		CHECK(cases[i].text, cgroup_parse_path(cases[i].text, path, sizeof(path), &why), cases[i].want);
		if (cases[i].path)
			check_string(cases[i].text, path, cases[i].path);
	}
}

TEST(test_is_within)
{
	static const struct {
		const char *path, *root;
		bool within;
	} cases[] = {
		{ "/a", "/a", true },	    { "/a/b", "/a", true },	{ "/ab", "/a", false }, { "/a", "/a/b", false },
		{ "/", "/a", false },	    { "/a", "/", true },	{ "/", "/", true },	{ "/b/a", "/a", false },
		{ "/a/b/c", "/a/b", true }, { "/a/bc", "/a/b", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (cgroup_is_within(cases[i].path, cases[i].root) != cases[i].within)
			fail_msg("'%s' within '%s' is not %d", cases[i].path, cases[i].root, cases[i].within);
}

TEST(test_delegated)
{
	static const struct {
		const char *list, *files, *delegated, *unrecognised, *want; /* list NULL: the file is not there */
	} cases[] = {
		{ "cgroup.procs\\nmemory.reclaim", "cgroup.procs memory.reclaim memory.max",
		  "cgroup.procs memory.reclaim", "", NULL },
		{ "cgroup.procs\\nmemory.reclaim", "cgroup.procs", "cgroup.procs", "", NULL },
		{ "cgroup.procs", "cgroup.procs cgroup.threads", "cgroup.procs", "", NULL },
		{ "cgroup.procs\\nmemory.max\\nnew.file", "cgroup.procs memory.max new.file", "cgroup.procs",
		  "memory.max new.file", NULL },
		{ "", "cgroup.procs", "", "", NULL },
		{ NULL, "cgroup.procs cgroup.threads cgroup.subtree_control memory.oom.group",
		  "cgroup.procs cgroup.subtree_control cgroup.threads", "", NULL },
		{ "cgroup.procs\\n../../x", "cgroup.procs", NULL, NULL, "delegate' holds a name with '/': '../../x'" },
		{ "/etc/shadow", "cgroup.procs", NULL, NULL, "holds a name with '/'" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(host_done) struct host host = HOST_CLOSED;
		_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
		const char *files = cases[i].files;
		struct cgroup_delegated delegated;
		char line[512], word[64], got[256] = "";
		int r;

		tree_new(&tree, tree_container);
		tree_edit(&tree, "- sys/kernel/cgroup/delegate\n- sys/fs/cgroup/ci/box\nsys/fs/cgroup/ci/box/");
		(void)snprintf(line, sizeof(line), "sys/kernel/cgroup/delegate = %s", cases[i].list);
		if (cases[i].list)
			tree_edit(&tree, line);
		while (text_next_word(&files, word, sizeof(word)) > 0) {
			(void)snprintf(line, sizeof(line), "sys/fs/cgroup/ci/box/%s = x", word);
			tree_edit(&tree, line);
		}
		tree_host(&tree, &host);
		_cleanup_close_ int fd = cgroup_open(&host, "/ci/box", NULL, &why);

		assert_int_equal(cgroup_list(fd, &listing), 0);
		r = cgroup_delegated(&host, &listing, &delegated, &why);
		check_result(cases[i].list ? cases[i].list : "no list", r, &why, cases[i].want);
		for (const char **d = delegated.recognised; !cases[i].want && *d; d++)
			(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", *got ? " " : "", *d);
		if (!cases[i].want) {
			check_string(cases[i].list, got, cases[i].delegated);
			check_string(cases[i].list, delegated.unrecognised, cases[i].unrecognised);
		}
	}
}

TEST(test_open)
{
	static const struct {
		const char *name, *edits, *path, *want;
	} cases[] = {
		{ "there", "", "/ci/box", NULL },
		{ "not there", "", "/ci/none", "cannot open the cgroup '/ci/none'" },
		{ "root", "", "/", "the container's cgroup is the root cgroup: its config.json must name" },
		{ "nothing", "", "", "is the root cgroup" },
		{ "a link", "sys/fs/cgroup/l -> ci/box", "/l", "cannot open the cgroup '/l'" },
		{ "a link on the way", "sys/fs/cgroup/l -> ci", "/l/box", "cannot open the cgroup '/l/box'" },
		{ "out of it", "", "/ci/../../fs", "cannot open the cgroup '/ci/../../fs'" },
		{ "back to the root", "", "/ci/..", "is the root cgroup" },
		{ "a file", "", "/ci/box/cgroup.procs", "cannot open the cgroup" },
		{ "hostile", "", "/\033[2J", "cannot open the cgroup '/\\x1b[2J'" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(host_done) struct host host = HOST_CLOSED;

		tree_new(&tree, tree_container);
		tree_edit(&tree, cases[i].edits);
		tree_host(&tree, &host);
		_cleanup_close_ int fd = cgroup_open(&host, cases[i].path, NULL, &why);

		check_result(cases[i].name, fd, &why, cases[i].want);
	}
}

/* On the real machine a directory that is not cgroup2 is refused. */
TEST(test_open_live)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host = HOST_CLOSED;

	tree_new(&tree, tree_container);
	tree_host(&tree, &host);
	host.cgroup_dev++;
	CHECK("tmpfs", cgroup_open(&host, "/ci/box", NULL, &why), "'/ci/box' is not in the cgroup2 file system");
	CHECK("host", host_open(tree.root, &real_machine, &host, &why), "is not procfs; mount it");
}

TEST(test_host)
{
	static const struct {
		const char *edits, *want;
	} cases[] = {
		{ "proc/\nsys/fs/cgroup/", NULL },
		{ "sys/fs/cgroup/", "cannot open 'proc' below '" },
		{ "proc/", "cannot open 'sys' below '" },
		{ "proc/\nsys/fs/", "no cgroup2 at 'sys/fs/cgroup' or 'sys/fs/cgroup/unified' below '" },
	};
	struct host host = HOST_CLOSED;

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;

		tree_new(&tree, cases[i].edits);
		CHECK(cases[i].edits, host_open(tree.root, tree_machine(&tree), &host, &why), cases[i].want);
		host_done(&host);
		host_done(&host); /* once more does no harm */
		assert_true(host.proc_fd < 0 && host.cgroup_fd < 0 && host.sys_fd < 0);
	}
	CHECK("no root", host_open("/nonexistent", &real_machine, &host, &why), "cannot open 'proc' below '/nonexistent'");
}

static int list_after(const struct tree *tree, int n_files, int n_dirs, struct cgroup_listing *ret)
{
	_cleanup_close_ int fd = openat(tree->fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];

	memset(name, 'n', sizeof(name));
	name[NAME_MAX] = '\0';
	for (int i = 0; i < n_files + n_dirs; i++) {
		memcpy(name, format("%04d", i), 4);
		if (i < n_files)
			(void)close(openat(fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		else
			(void)mkdirat(fd, name, 0700);
	}
	return cgroup_list(fd, ret);
}

/* As many names as there may be, each as long as it may be, and one more of either kind. */
TEST(test_list)
{
	static const struct {
		int files, dirs, want;
	} cases[] = {
		{ 0, 0, 0 },
		{ CGROUP_NAMES_MAX, CGROUP_NAMES_MAX, 0 },
		{ CGROUP_NAMES_MAX + 1, 0, -E2BIG },
		{ 0, CGROUP_NAMES_MAX + 1, -E2BIG },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };

		tree_new(&tree, "c/");
		assert_int_equal(list_after(&tree, cases[i].files, cases[i].dirs, &listing), cases[i].want);
		if (cases[i].want)
			continue;
		assert_int_equal(listing.n_files, cases[i].files);
		assert_int_equal(listing.n_children, cases[i].dirs);
		assert_null(listing.files[listing.n_files]);
		assert_null(listing.children[listing.n_children]);
		if (cases[i].files)
			assert_int_equal(strlen(listing.files[CGROUP_NAMES_MAX - 1]), NAME_MAX);
	}
}

static bool is_interrupted;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_getdents64 && is_interrupted)
		c = 280; /* bytes of the longest entry */
	return __real_syscall(number, a, b, c, d, e, f);
}

/* With a signal pending the kernel returns what it has so far, however much room is left. */
TEST(test_list_interrupted)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };

	tree_new(&tree, "c/");
	is_interrupted = true;
	assert_int_equal(list_after(&tree, 20, 10, &listing), 0);
	is_interrupted = false;
	assert_int_equal(listing.n_files, 20);
	assert_int_equal(listing.n_children, 10);
}

TEST(test_read_procs)
{
	static const struct {
		const char *text;
		ssize_t want;
		pid_t first;
	} cases[] = {
		{ "", 0, 0 },
		{ " 4711", -EBADMSG, 0 },
		{ "4711", 1, 4711 },
		{ "0\\n4711", 2, 0 },
		{ "1\\n2\\n3", 3, 1 },
		{ "1\\n2\\n3\\n4", -E2BIG, 0 },
		{ "x", -EBADMSG, 0 },
		{ "-1", -EBADMSG, 0 },
		{ "2147483647", 1, INT_MAX },
		{ "2147483648", -EBADMSG, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "1\\n\\n2", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		char line[128];
		pid_t pids[3] = { 0 };
		ssize_t n;

		tree_new(&tree, "");
		(void)snprintf(line, sizeof(line), "cgroup.procs = %s", cases[i].text);
		tree_edit(&tree, *cases[i].text ? line : "cgroup.procs =");
		n = cgroup_read_procs(tree.fd, pids, ELEMENTS(pids));
		if (cases[i].want < 0 ? n >= 0 : n != cases[i].want)
			fail_msg("'%s': %zd, %zd was expected", cases[i].text, n, cases[i].want);
		if (n > 0)
			assert_int_equal(pids[0], cases[i].first);
	}
}

/* More than is read at all: how many is known, and not which. */
TEST(test_read_too_many_procs)
{
	static const char line[] = "4194304\n"; /* the largest pid that a kernel gives */
	const size_t lines[] = { CGROUP_PIDS_MAX, CGROUP_PIDS_MAX + 1, 3 * CGROUP_PIDS_MAX };
	static pid_t pids[CGROUP_PIDS_MAX];

	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_close_ int fd = -EBADF;

		tree_new(&tree, "");
		fd = openat(tree.fd, "cgroup.procs", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		for (size_t k = 0; k < lines[i]; k++)
			assert_int_equal(write(fd, line, sizeof(line) - 1), sizeof(line) - 1);
		pids[0] = 7;
		if (lines[i] <= CGROUP_PIDS_MAX) {
			assert_int_equal(cgroup_read_procs(tree.fd, pids, ELEMENTS(pids)), lines[i]);
			assert_int_equal(pids[lines[i] - 1], 4194304);
			continue;
		}
		assert_int_equal(cgroup_read_procs(tree.fd, pids, ELEMENTS(pids)), -E2BIG);
		assert_int_equal(pids[0], 7); /* as it was, which is what the header says */
	}
}
