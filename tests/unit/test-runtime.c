/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrapper through the program itself: CGDELEG_RUNTIME. What stands in for the real runtime is a shell that
 * prints what it was given.
 */
#include <sys/wait.h>

#include "base/file.h"
#include "tests/unit/check.h"

#define USAGE "usage: cgdeleg-runtime --handler NAME"
#define SHELL "--handler", "h", "--runtime", "/bin/sh", "--"

static const struct {
	const char *args[14];
	int code;
	const char *said; /* part of what is said, by it or by the shell */
} cases[] = {
	{ WORDS("--version"), 0, "cgdeleg-runtime " },
	{ WORDS(NULL), 2, USAGE },
	{ WORDS("--help"), 2, USAGE },
	{ WORDS("--", "create"), 2, USAGE },
	{ WORDS("--handler", "h", "--", "create"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "sh", "--"), 2, USAGE },
	{ WORDS("--handler", "", "--runtime", "/bin/sh", "--"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/bin/sh", "--hook", "h", "--"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/bin/sh", "create"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/bin/sh", "--debug", "--"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/nonexistent", "--"), 1,
	  "cgdeleg-runtime: cannot execute the runtime '/nonexistent'" },
	/* everything as it came: exit code, environment, descriptors, working directory, program name */
	{ WORDS(SHELL, "/dev/fd/9", "a b", ""), 7, "/bin/sh|/dev/fd/9|a b||KEPT|/tmp|from nine" },
	/* not executed when the hook cannot be added */
	{ WORDS(SHELL, "create", "--bundle", "/nonexistent", "id"), 1,
	  "cgdeleg-runtime: bundle '/nonexistent': cannot open the bundle" },
	{ WORDS(SHELL, "--unknown", "create"), 1, "write it as '--unknown=VALUE'" },
};

static const char script[] = "IFS='|'; read -r line <&8\n"
			     "printf '%s|%s|%s|%s|%s|%s|%s' /bin/sh \"$0\" \"$@\" \"$KEPT\" \"$PWD\" \"$line\"\n"
			     "exit 7\n";

/* A descriptor that is at its beginning and holds the text. */
static void give(int at, const char *text)
{
	char name[] = "/tmp/cgdeleg-unit.XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) < 0 || file_write_fd(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    dup2(fd, at) < 0)
		_exit(97);
}

static int run(const char *const *args, char *buf, size_t size)
{
	const char *argv[16] = { "cgdeleg-runtime" };
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		if (dup2(fds[1], 1) < 0 || dup2(fds[1], 2) < 0 || chdir("/tmp") < 0 || setenv("KEPT", "KEPT", 1) < 0)
			_exit(99);
		give(8, "from nine\n");
		give(9, script);
		execv(getenv("CGDELEG_RUNTIME"), (char **)(uintptr_t)argv);
		_exit(98);
	}
	(void)close(fds[1]);
	while ((n = read(fds[0], buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(test_arguments)
{
	if (!getenv("CGDELEG_RUNTIME"))
		fail_msg("CGDELEG_RUNTIME must name the program");
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		char said[1024];
		int code = run(cases[i].args, said, sizeof(said));

		if (code != cases[i].code || !strstr(said, cases[i].said))
			fail_msg("case %zu: exit code %d, \"%s\"", i, code, said);
	}
}

/* Engines show the runtime's log, not its standard error. */
TEST(test_log)
{
	static const char *const formats[] = { "json", "text" };

	for (size_t i = 0; i < ELEMENTS(formats); i++) {
		char path[] = "/tmp/cgdeleg-unit.XXXXXX";
		const char *args[] = { SHELL,	   "--log", path, "--log-format", formats[i], "create",
				       "--bundle", "/\"x",  NULL };
		char said[1024], log[1024];
		int fd = mkstemp(path);

		assert_int_equal(run(args, said, sizeof(said)), 1);
		assert_true(file_read_fd(fd, log, sizeof(log)) > 0);
		(void)close(fd);
		(void)unlink(path);
		if (i == 0 && !strstr(log, "{\"level\":\"error\",\"msg\":\"bundle '/\\\"x': cannot open"))
			fail_msg("the log says \"%s\"", log);
		if (i == 1 && strcmp(log, said) != 0)
			fail_msg("the log says \"%s\", standard error \"%s\"", log, said);
	}
}
