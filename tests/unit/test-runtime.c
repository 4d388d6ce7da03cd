/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrapper through the program itself: CGDELEG_RUNTIME. What stands in for the real runtime is a shell that
 * prints what it was given.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
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
	{ WORDS("--help"), 0, "usage: cgdeleg-runtime --handler" },
	{ WORDS("-h"), 0, "usage: cgdeleg-runtime --handler" },
	{ WORDS("--help", "x"), 2, "there is no option '--help'" },
	{ WORDS(NULL), 2, USAGE },
	{ WORDS("--", "create"), 2, USAGE },
	{ WORDS("--handler", "h", "--", "create"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "sh", "--"), 2, USAGE },
	{ WORDS("--handler", "", "--runtime", "/bin/sh", "--"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/bin/sh", "--hook", "h", "--"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/bin/sh", "create"), 2, USAGE },
	{ WORDS("--handler", "h", "--runtime", "/bin/sh", "--debug", "--"), 2, USAGE },
	{ WORDS("--handlr", "h", "--runtime", "/bin/sh", "--"), 2,
	  "cgdeleg-runtime: error [arguments]: there is no option '--handlr', did you mean '--handler'?\n" USAGE },
	{ WORDS("--handler", "h", "--runtime", "/nonexistent", "--"), 1,
	  "cgdeleg-runtime: error [runtime]: cannot execute the runtime '/nonexistent'" },
	/* everything as it came: exit code, environment, descriptors, working directory, program name */
	{ WORDS(SHELL, "/dev/fd/9", "a b", ""), 7, "/bin/sh|/dev/fd/9|a b||KEPT|/tmp|from nine" },
	/* not executed when the hook cannot be added */
	{ WORDS(SHELL, "create", "--bundle", "/nonexistent", "id"), 1,
	  "cgdeleg-runtime: error [runtime]: bundle '/nonexistent': cannot open the bundle" },
	{ WORDS(SHELL, "--unknown", "create"), 1, "write '--unknown=VALUE'" },
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

static const struct {
	const char *args[14];
	int code;
	const char *json, *text; /* what the log begins with; as text after the time */
} logged[] = {
	{ WORDS(SHELL, "create", "--bundle", "/\"x"), 1,
	  "{\"level\":\"error\",\"msg\":\"cgdeleg-runtime: error [runtime]: bundle '/\\\"x': cannot open",
	  "\" level=error msg=\"cgdeleg-runtime: error [runtime]: bundle '/\\\"x': cannot open" },
	{ WORDS("--handlr", "h", "--runtime", "/bin/sh", "--", "create"), 2,
	  "{\"level\":\"error\",\"msg\":\"cgdeleg-runtime: error [arguments]: there is no option '--handlr'",
	  "\" level=error msg=\"cgdeleg-runtime: error [arguments]: there is no option '--handlr'" },
	{ WORDS(SHELL, "--unknown", "create"), 1,
	  "{\"level\":\"error\",\"msg\":\"cgdeleg-runtime: error [runtime]: cgdeleg-runtime does not know the option '--unknown'",
	  "does not know the option '--unknown'" },
};

/* The words with --log and --log-format after the "--". */
static void with_log(const char *const *words, const char *path, const char *format_name, const char **ret)
{
	size_t n = 0;

	for (; *words; words++) {
		ret[n++] = *words;
		if (strcmp(*words, "--") == 0) {
			ret[n++] = "--log";
			ret[n++] = path;
			ret[n++] = "--log-format";
			ret[n++] = format_name;
		}
	}
	ret[n] = NULL;
}

/* Engines show the runtime's log, not its standard error: also where the engine's command line for us is wrong. */
TEST(test_log)
{
	for (size_t i = 0; i < 2 * ELEMENTS(logged); i++) {
		const bool json = i % 2 == 0;
		const char *want = json ? logged[i / 2].json : logged[i / 2].text;
		char path[] = "/tmp/cgdeleg-unit.XXXXXX", said[1024], log[1024];
		const char *args[20];
		int fd = mkstemp(path);

		with_log(logged[i / 2].args, path, json ? "json" : "text", args);
		assert_int_equal(run(args, said, sizeof(said)), logged[i / 2].code);
		assert_true(file_read_fd(fd, log, sizeof(log)) >= 0);
		(void)close(fd);
		(void)unlink(path);
		if (json ? strncmp(log, want, strlen(want)) != 0 : strncmp(log, "time=\"2", 7) != 0 || !strstr(log, want))
			fail_msg("%zu: the log says \"%s\"", i, log);
		if (json && !strstr(log, "Z\"}\n"))
			fail_msg("no time at the end of \"%s\"", log);
	}
}

/* What somebody may have put in the place of the log: not written, and not waited for. */
TEST(test_log_in_the_way)
{
	enum { LINK, HARD_LINK, FIFO, FOREIGN, OWN, KINDS };
	const char *const words[] = { SHELL, "--unknown", "create", NULL };

	for (int kind = LINK; kind < KINDS; kind++) {
		char dir[] = "/tmp/cgdeleg-unit.XXXXXX", path[64], target[64], said[1024], log[1024] = "";
		_cleanup_close_ int fd = -EBADF;
		const char *args[20];

		if (kind == FOREIGN && geteuid() != 0)
			continue;
		assert_non_null(mkdtemp(dir));
		(void)snprintf(path, sizeof(path), "%s/log", dir);
		(void)snprintf(target, sizeof(target), "%s/target", dir);
		fd = open(kind == FOREIGN || kind == OWN ? path : target, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		if (kind == LINK)
			assert_int_equal(symlink(target, path), 0);
		if (kind == HARD_LINK)
			assert_int_equal(link(target, path), 0);
		if (kind == FIFO)
			assert_int_equal(mkfifo(path, 0600), 0);
		if (kind == FOREIGN)
			assert_int_equal(fchown(fd, 12345, 12345), 0);
		with_log(words, path, "json", args);
		(void)alarm(60); /* a bound for a test that fails */
		assert_int_equal(run(args, said, sizeof(said)), 1);
		(void)alarm(0);
		assert_non_null(strstr(said, "error [runtime]"));
		assert_true(file_read_fd(fd, log, sizeof(log)) >= 0);
		if (!log[0] != (kind != OWN))
			fail_msg("%d: the log says \"%s\"", kind, log);
		(void)unlink(path);
		(void)unlink(target);
		(void)rmdir(dir);
	}
}
