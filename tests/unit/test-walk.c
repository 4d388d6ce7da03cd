/* SPDX-License-Identifier: Apache-2.0 */
/* Walk: which cgroups are delegated, and what is known of each. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cgdeleg/kernel/walk.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define C "sys/fs/cgroup/"
#define RECORD(id)                                                                          \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"\",\"handler\":\"\",\"profile\":\"\"" \
	",\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"line\":\"\",\"method\":\"\""      \
	",\"leaf\":\"\",\"since\":1,\"guarded\":true,\"scope\":false,\"ceilings\":{}}\n"

static const char machine[] =
	"proc/\n" C "system.slice/a.service/cgroup.procs =\n" C "kube/pod1/a/inner/\n" C "kube/x.scope/container/\n" C
	"kube/later/\n" C "kube/pod1/a" RECORD("a") C "kube/x.scope/container" RECORD("b")
	/* Below a delegated cgroup nothing is ours to believe. */
	C "kube/pod1/a/inner" RECORD("fake")
	/* An attribute that cannot be read. */
	C "kube/later @ {\"v\":7}\n";

struct noted {
	size_t n;
	char ids[64];
	char paths[256];
	char faults[256];
};

static void append(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);

	(void)snprintf(to + used, size - used, "%s", text);
}

static int note(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct noted *noted = userdata;

	(void)err;
	assert_true(fcntl(fd, F_GETFD) >= 0);
	noted->n++;
	append(noted->ids, sizeof(noted->ids), grant->attribute.id);
	append(noted->paths, sizeof(noted->paths), grant->path);
	append(noted->faults, sizeof(noted->faults), grant->fault.text);
	return 0;
}

static int stop(struct grant *grant, int fd, void *userdata, struct err *err)
{
	(void)grant;
	(void)fd;
	(void)userdata;
	return err_set(err, EINTR, "enough");
}

TEST_AS_ROOT(test_walk) /* attributes in the trusted namespace */
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	struct noted noted = { 0 };
	struct grants_seen seen;

	tree_new(&tree, machine);
	tree_host(&tree, &host);
	CHECK("walk", grants_walk(&host, note, &noted, &seen, &why), NULL);
	assert_int_equal(noted.n, 3);
	assert_int_equal(seen.n_grants, 3);
	assert_int_equal(seen.n_passed, 0);
	/* kube, pod1, a, x.scope, container, later, system.slice, a.service: not "inner". */
	assert_int_equal(seen.n_cgroups, 8);
	assert_non_null(strstr(noted.paths, "/kube/pod1/a"));
	assert_non_null(strstr(noted.paths, "/kube/x.scope/container"));
	assert_null(strstr(noted.ids, "fake"));
	assert_non_null(strstr(noted.faults, "missing"));
	CHECK("visitor's error", grants_walk(&host, stop, NULL, NULL, &why), "enough");
}

/* A chain that is deeper than anything real is passed over, and counted. */
TEST(test_deep)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	struct grants_seen seen;
	char path[1024] = C "deep/";

	tree_new(&tree, "proc/\n");
	for (int i = 0; i < GRANT_DEPTH_MAX + 3; i++)
		append(path, sizeof(path), "d/");
	tree_edit(&tree, path);
	tree_host(&tree, &host);
	CHECK("walk", grants_walk(&host, stop, NULL, &seen, &why), NULL);
	assert_int_equal(seen.n_passed, 1);
	assert_int_equal(seen.n_cgroups, GRANT_DEPTH_MAX);
}

TEST(test_open)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	_cleanup_close_ int fd = -EBADF;
	struct stat st, again;

	tree_new(&tree, "proc/\n" C "a/b/c/\n" C "a/b/d/\n");
	tree_host(&tree, &host);
	assert_int_equal(fstatat(tree.fd, C "a/b/c", &st, 0), 0);
	fd = grant_open(&host, st.st_ino);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &again), 0);
	assert_int_equal(again.st_ino, st.st_ino);
	tree_edit(&tree, "- " C "a/b/c\n");
	assert_int_equal(grant_open(&host, st.st_ino), -ESTALE);
}
