/* SPDX-License-Identifier: Apache-2.0 */
/* hooks/runtime-args.c: the forms in which engines call runtimes, and those that could hide a container. */
#include "hooks/runtime-args.h"

#include "tests/unit/check.h"

static const struct {
	const char *argv[16];
	const char *verb; /* NULL: none */
	bool starts;
	const char *bundle, *log;
	bool log_json;
} good[] = {
	/* containerd's shim, as Docker and the CRI plugin have it */
	{ WORDS("--root", "/run/r", "--log", "/b/log.json", "--log-format", "json", "--systemd-cgroup", "create",
		"--bundle", "/b", "--pid-file", "/b/init.pid", "id"),
	  "create", true, "/b", "/b/log.json", true },
	{ WORDS("--root", "/run/r", "--log", "/b/log.json", "--log-format", "json", "exec", "--process", "/tmp/p", "id",
		"create", "--bundle", "/x"),
	  "exec", false, ".", "/b/log.json", true },
	/* conmon, for podman */
	{ WORDS("--log=/l", "--log-format=text", "--root=/r", "create", "--bundle=/b", "id"), "create", true, "/b",
	  "/l", false },
	{ WORDS("create", "-b", "/b", "id"), "create", true, "/b", NULL, false },
	{ WORDS("create", "id"), "create", true, ".", NULL, false },
	{ WORDS("create", "id", "--bundle", "/b"), "create", true, "/b", NULL, false },
	{ WORDS("run", "--bundle", "/a", "--bundle", "/b", "id"), "run", true, "/b", NULL, false },
	{ WORDS("restore", "--image-path", "--bundle", "--bundle", "/b", "id"), "restore", true, "/b", NULL, false },
	{ WORDS("create", "--console-socket", "-b", "--bundle", "/b", "id"), "create", true, "/b", NULL, false },
	{ WORDS("create", "--pidfd-socket", "-b", "--bundle", "/b", "id"), "create", true, "/b", NULL, false },
	{ WORDS("run", "-d", "-b", "/b", "id"), "run", true, "/b", NULL, false },
	{ WORDS("create", "--a-flag-of-tomorrow", "-b", "/b", "id"), "create", true, "/b", NULL, false },
	{ WORDS("create", "-b", "/b", "--", "--bundle", "/x"), "create", true, "/b", NULL, false },
	/* a value that looks like a verb */
	{ WORDS("--root", "create", "delete", "id"), "delete", false, ".", NULL, false },
	{ WORDS("--root", "delete", "create", "id"), "create", true, ".", NULL, false },
	{ WORDS("-root", "/r", "create", "-b", "/b"), "create", true, "/b", NULL, false },
	{ WORDS("--future=x", "state", "id"), "state", false, ".", NULL, false },
	{ WORDS("--version"), NULL, false, ".", NULL, false },
	{ WORDS("features"), "features", false, ".", NULL, false },
	{ WORDS("created"), "created", false, ".", NULL, false },
	{ WORDS(NULL), NULL, false, ".", NULL, false },
	/* the runtime complains */
	{ WORDS("--root"), NULL, false, ".", NULL, false },
	{ WORDS("create", "--bundle"), "create", true, ".", NULL, false },
};

static const struct {
	const char *argv[8];
	const char *said;
} bad[] = {
	{ { "--future", "x", "create" }, "write '--future=VALUE'" },
	{ { "-x", "create" }, "write '-x=VALUE'" },
	{ { "create", "-b=/b", "id" }, "'-b=/b' of 'create'" },
	{ { "create", "-b/b", "id" }, "--bundle DIR" },
	{ { "create", "--bun", "/b" }, "'--bun'" },
	{ { "create", "--bun=/b" }, "'--bun=/b'" },
	{ { "create", "--config", "/c" }, "'--config'" },
	{ { "run", "--config=/c" }, "'--config=/c' of 'run'" },
	{ { "run", "-f", "/c" }, "'-f'" },
	{ { "run", "-f/c" }, "'-f/c'" },
	{ { "create", "-bundle", "/b", "id" }, "'-bundle' of 'create'" },
	{ { "create", "-bundle=/b", "id" }, "'-bundle=/b' of 'create'" },
	{ { "run", "-db", "/b", "id" }, "'-db' of 'run'" },
	{ { "run", "-db/b", "id" }, "'-db/b' of 'run'" },
	{ { "run", "-d=true", "id" }, "'-d=true' of 'run'" },
	{ { "--", "create", "--bundle", "/b" }, "'--' before the runtime's verb" },
	{ { "--root", "/r", "--", "run", "id" }, "'--' before the runtime's verb" },
};

static void same(const char *got, const char *wanted, size_t i, const char *what)
{
	if ((got == NULL) != (wanted == NULL) || (got && strcmp(got, wanted) != 0))
		fail_msg("case %zu: %s is '%s', not '%s'", i, what, got ? got : "(none)", wanted ? wanted : "(none)");
}

TEST(test_good)
{
	for (size_t i = 0; i < ELEMENTS(good); i++) {
		struct runtime_args args;
		struct err err = { 0 };

		if (runtime_args_parse((char **)(uintptr_t)good[i].argv, &args, &err) < 0)
			fail_msg("case %zu: %s", i, err.text);
		same(args.verb, good[i].verb, i, "the verb");
		same(args.bundle, good[i].bundle, i, "the bundle");
		same(args.log, good[i].log, i, "the log");
		if (args.starts != good[i].starts || args.log_json != good[i].log_json)
			fail_msg("case %zu: starts %d, log_json %d", i, args.starts, args.log_json);
	}
}

TEST(test_bad)
{
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		struct runtime_args args;
		struct err err = { 0 };

		if (runtime_args_parse((char **)(uintptr_t)bad[i].argv, &args, &err) >= 0)
			fail_msg("case %zu was taken", i);
		if (!strstr(err.text, bad[i].said))
			fail_msg("case %zu: \"%s\"", i, err.text);
	}
}
