/* SPDX-License-Identifier: Apache-2.0 */
/* Running: a container by its id, from what runc, crun and youki keep. */
#include "cgdeleg/cli/running.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static const char machine[] =
	"run/runc/abc123/state.json = {\"init_process_pid\":11,\"config\":{\"labels\":[\"a=b\",\"bundle=/b/one\"]}}\n"
	"run/crun/abd456/status = {\"pid\":12,\"bundle\":\"/b/two\"}\n"
	"run/crun/abc123456/status = {\"pid\":13,\"bundle\":\"/b/longer\"}\n"
	"run/youki/yyy/state.json = {\"pid\":14,\"bundle\":\"/b/three\"}\n"
	"run/containerd/runc/k8s.io/fff/state.json = {\"init_process_pid\":15,\"config\":{\"labels\":[\"bundle=/b/four\"]}}\n"
	"run/containerd/runc/k8s.io/ggg/status = {\"pid\":16,\"bundle\":\"/b/five\"}\n"
	"run/docker/runtime-runc/moby/ddd/state.json = {\"init_process_pid\":17,\"config\":{\"labels\":[\"bundle=/b/six\"]}}\n"
	"run/runc/nnn/state.json = {\"init_process_pid\":18,\"config\":{\"labels\":[\"a=b\"]}}\n"
	"run/runc/bbb/state.json = {\"init_process_pid\n";

TEST(test_find)
{
	static const struct {
		const char *id, *want, *bundle;
		pid_t pid;
		int code;
	} cases[] = {
		{ "abc123", NULL, "/b/one", 11, 0 }, /* the whole of one id, and the beginning of another */
		{ "abd", NULL, "/b/two", 12, 0 },
		{ "abc1234", NULL, "/b/longer", 13, 0 },
		{ "y", NULL, "/b/three", 14, 0 },
		{ "fff", NULL, "/b/four", 15, 0 },
		{ "g", NULL, "/b/five", 16, 0 },
		{ "ddd", NULL, "/b/six", 17, 0 },
		{ "ab", "'ab' is the beginning of more than one id", .code = -ENOTUNIQ },
		{ "zzz", "there is no container 'zzz' on this node", .code = -ENOENT },
		{ "nnn", "does not say where the bundle is", .code = -EBADMSG },
		{ "bbb", "state.json", .code = -EBADMSG },
		{ "*", "'*' is not the id of a container", .code = -EINVAL },
		{ "a/../b", "is not the id of a container", .code = -EINVAL },
		{ "..", "is not the id of a container", .code = -EINVAL },
		{ "", "is not the id of a container", .code = -EINVAL },
	};
	struct tree tree;

	tree_new(&tree, machine);
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct running running = { .bundle = "" };

		CHECK(cases[i].id, running_find(tree.root, NULL, cases[i].id, &running, &why), cases[i].want);
		if (cases[i].want)
			assert_int_equal(why.code, -cases[i].code);
		else
			assert_true(strcmp(running.bundle, cases[i].bundle) == 0 && running.pid == cases[i].pid);
	}
	/* In the runtime's own root, and only there. */
	for (size_t i = 0; i < 2; i++) {
		struct running running;

		CHECK("root", running_find(tree.root, i ? "/run/crun" : "/run/runc", "abc1", &running, &why), NULL);
		assert_string_equal(running.id, i ? "abc123456" : "abc123");
	}
	tree_free(&tree);
}
