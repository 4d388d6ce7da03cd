/* SPDX-License-Identifier: Apache-2.0 */
/* Find: one grant by its id, pod or container, or the beginning of one; never one of two. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cgdeleg/node/find.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define C "sys/fs/cgroup/"
#define RECORD(id, pod, name)                                                               \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"\",\"handler\":\"\",\"profile\":\"\"" \
	",\"namespace\":\"ci\",\"pod\":\"" pod "\",\"name\":\"" name "\",\"line\":\"\""     \
	",\"method\":\"\",\"leaf\":\"\",\"since\":1,\"guarded\":true,\"scope\":false,\"ceilings\":{}}\n"

static const char machine[] = "proc/\n" C "kube/a/\n" C "kube/b/\n" C "kube/c/\n" C "kube/d/\n" C "kube/later/\n" C
			      "kube/a" RECORD("0123456789ab", "runner-1", "build") C
	"kube/b" RECORD("01ff", "runner-1", "dind") C "kube/c" RECORD("runner", "other", "build2") C
	"kube/d" RECORD("77", "web", "x\\u001b[2J") C "kube/later @ {\"v\":7}\n";

TEST_AS_ROOT(test_words)
{
	static const struct {
		const char *word, *path; /* path NULL: an error that has `part` in it */
		const char *part;
	} cases[] = {
		{ "0123456789ab", "/kube/a", NULL },
		{ "0123", "/kube/a", NULL },
		{ "01f", "/kube/b", NULL },
		{ "01", NULL, "01ff (ci/runner-1/dind)" },
		{ "web", "/kube/d", NULL },
		{ "we", "/kube/d", NULL },
		/* The whole name is better than the beginning of another. */
		{ "build", "/kube/a", NULL },
		{ "buil", NULL, "fits 2 delegated cgroups" },
		/* A whole id is better than a pod's beginning. */
		{ "runner", "/kube/c", NULL },
		{ "runner-1", NULL, "fits 2 delegated cgroups" },
		{ "ci/runner-1/dind", "/kube/b", NULL },
		{ "ci/web", "/kube/d", NULL },
		{ "ci/runner-1", NULL, "name one of them by its id" },
		{ "xx/web", NULL, "none of the 5 delegated cgroups" },
		{ "/kube/later", "/kube/later", NULL },
		{ "/sys/fs/cgroup/kube/b", "/kube/b", NULL },
		{ "/kube", NULL, "none of the 5" },
		{ "", NULL, "none of the 5" },
		{ "77\033", NULL, "'77\\x1b'" },
		{ "x\033[2J", "/kube/d", NULL },
	};
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;

	tree_new(&tree, machine);
	tree_host(&tree, &host);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(found_done) struct found found = FOUND_NONE;
		struct err err = { 0 };
		struct stat st;
		const int r = grant_find(&host, cases[i].word, &found, &err);

		check_result(cases[i].word, r, &err, cases[i].part);
		if (cases[i].path) {
			assert_string_equal(found.path, cases[i].path);
			assert_int_equal(fstat(found.fd, &st), 0);
			assert_int_equal(found.id, st.st_ino);
		} else {
			assert_true(r == -ENOENT || r == -EEXIST);
			assert_true(found.fd < 0 && !found.path);
		}
	}
}
