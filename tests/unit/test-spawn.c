/* SPDX-License-Identifier: Apache-2.0 */
/* Spawn: only what is root's is executed, with nothing of ours, and never for longer than it may. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/privilege.h"
#include "base/spawn.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static int64_t in_ms(int64_t ms)
{
	return clock_monotonic_ms() + ms;
}

static int run_shell(const char *script, int64_t ms, struct spawn_result *ret, struct err *err)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	_cleanup_free_ char *shell = realpath("/bin/sh", NULL);
	_cleanup_close_ int fd = -EBADF;

	assert_non_null(shell);
	fd = spawn_open(shell, err);
	return fd < 0 ? fd : spawn_run(fd, argv, 0, in_ms(ms), ret, err);
}

TEST(test_results)
{
	static const struct {
		const char *script, *said;
		int status;
	} cases[] = {
		{ "exit 0", "", 0 },
		{ "echo one sentence >&2; exit 3", "one sentence", 3 },
		{ "echo first >&2; echo second >&2; exit 1", "first", 1 },
		{ "kill -9 $$", "", 128 + SIGKILL },
		{ "echo to nobody", "", 0 },
		/* its words may come after its end, from whom it left behind, and are not waited for */
		{ "(sleep 5; echo late >&2) & exit 4", "", 4 },
		{ "echo \"[$CGDELEG_TEST]\" >&2", "[]", 0 },
		{ "[ -e /proc/self/fd/77 ] && echo open >&2; exit 0", "", 0 },
		{ "while read -r a b; do [ $a != CapEff: ] && [ $a != CapPrm: ] || echo $b >&2; done </proc/self/status",
		  "0000000000000000", 0 },
	};

	assert_int_equal(setenv("CGDELEG_TEST", "inherited", 1), 0);
	assert_int_equal(dup2(STDERR_FILENO, 77), 77);
	(void)signal(SIGCHLD, SIG_IGN); /* as a runtime may leave it */
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct spawn_result result;

		CHECK(cases[i].script, run_shell(cases[i].script, 60000, &result, &why), NULL);
		check_string(cases[i].script, result.said, cases[i].said);
		assert_int_equal(result.status, cases[i].status);
	}
	(void)close(77);
	assert_ptr_equal(signal(SIGCHLD, SIG_DFL), SIG_IGN); /* and finds it */
}

/* More than a pipe holds, and than there is room for: the writer comes to its end. */
TEST(test_many_words)
{
	struct spawn_result result;

	CHECK("many",
	      run_shell("i=0; while [ $i -lt 3000 ]; do printf '0123456789012345678901234567890123456789' >&2; i=$((i+1)); done; exit 5",
			60000, &result, &why),
	      NULL);
	assert_int_equal(strlen(result.said), SPAWN_SAID_SIZE - 1);
	assert_int_equal(result.status, 5);
}

TEST(test_deadline)
{
	struct spawn_result result;

	CHECK("hangs", run_shell("exec sleep 1000", 100, &result, &why), "waiting for 'sh' failed: Connection timed out");
	assert_int_equal(result.status, 128 + SIGKILL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it has been reaped */
	assert_int_equal(errno, ECHILD);
}

static void copy_shell(const struct tree *tree)
{
	assert_int_equal(system(format("cp -L /bin/sh %s/dir/program", tree->root)), 0); // NOLINT(cert-env33-c)
}

TEST_AS_ROOT(test_owners) /* nothing here can be root's */
{
	static const struct {
		const char *name;
		mode_t directory, mode;
		uid_t uid;
		const char *want;
	} cases[] = {
		{ "program", 0755, 0755, 0, NULL },
		{ "program", 0700, 0500, 0, NULL },
		{ "program", 0775, 0755, 0, "dir/' belongs to uid 0 (mode 0775)" },
		{ "program", 0757, 0755, 0, "dir/' belongs to uid 0 (mode 0757)" },
		{ "program", 0755, 0775, 0, "program' belongs to uid 0 (mode 0775)" },
		{ "program", 0755, 0757, 0, "program' belongs to uid 0 (mode 0757)" },
		{ "program", 0755, 0755, 1, "program' belongs to uid 1 (mode 0755)" },
		{ "missing", 0755, 0755, 0, "missing': No such file" },
		{ "link", 0755, 0755, 0, "link' is not a regular file" },
		{ "sub", 0755, 0755, 0, "sub' is not a regular file" },
	};
	_cleanup_(tree_free) struct tree tree;

	tree_new(&tree, "dir/sub/\ndir/link -> program");
	copy_shell(&tree);
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_close_ int fd = -EBADF;

		assert_int_equal(fchmodat(tree.fd, "dir", cases[i].directory, 0), 0);
		assert_int_equal(fchownat(tree.fd, "dir/program", cases[i].uid, 0, 0), 0);
		assert_int_equal(fchmodat(tree.fd, "dir/program", cases[i].mode, 0), 0);
		fd = spawn_open(format("%s/dir/%s", tree.root, cases[i].name), &why);
		check_result(cases[i].name, fd, &why, cases[i].want);
	}
}

/* What was opened is executed, whatever has come to its place. */
TEST_AS_ROOT(test_by_descriptor)
{
	const char *argv[] = { "program", "-c", "exit 6", NULL };
	_cleanup_(tree_free) struct tree tree;
	_cleanup_close_ int fd = -EBADF;
	struct spawn_result result;
	char path[PATH_MAX];

	tree_new(&tree, "dir/");
	copy_shell(&tree);
	(void)snprintf(path, sizeof(path), "%s/dir/program", tree.root);
	fd = spawn_open(path, &why);
	check_result("open", fd, &why, NULL);
	assert_int_equal(unlink(path), 0);
	tree_edit(&tree, "dir/program = not a program");
	CHECK("run", spawn_run(fd, argv, 0, in_ms(60000), &result, &why), NULL);
	assert_int_equal(result.status, 6);

	(void)close(fd);
	fd = spawn_open(path, &why);
	CHECK("what cannot be executed", spawn_run(fd, argv, 0, in_ms(60000), &result, &why), NULL);
	assert_int_equal(result.status, 127);
	check_string("said", result.said, "the program cannot be executed");
}

/* A change of file system ids, as for the leaf, may make it dumpable again: the limit then still holds. */
TEST(test_scrub)
{
	int status = 0;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit much = { RLIM_INFINITY, RLIM_INFINITY };
		struct rlimit core = { 1, 1 };

		(void)setrlimit(RLIMIT_CORE, &much);
		_exit(privilege_scrub(NULL) < 0 || getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0 ||
		      prctl(PR_GET_DUMPABLE) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
