/* SPDX-License-Identifier: Apache-2.0 */
/* The hook's command line, through the program itself: CGDELEG_HOOK. */
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/unit/check.h"

#define USAGE	"usage: cgdeleg-hook createRuntime --handler NAME"
#define NOWHERE "--policy", "/nonexistent", "--audit", "/nonexistent/audit"

static const struct {
	const char *args[10];
	int code;
	const char *said; /* part of what it says */
} cases[] = {
	{ WORDS("--version"), 0, "cgdeleg-hook " },
	{ WORDS(NULL), 2, "the first argument must be 'createRuntime', not ''\n" USAGE },
	{ WORDS("--help"), 2, USAGE },
	{ WORDS("--version", "x"), 2, USAGE },
	{ WORDS("createContainer", "--handler", "h"), 2, "must be 'createRuntime', not 'createContainer'\n" USAGE },
	{ WORDS("createRuntime"), 2, "the option '--handler' is missing\n" USAGE },
	{ WORDS("createRuntime", "--handler"), 2, "the option '--handler' has no value\n" USAGE },
	{ WORDS("createRuntime", "--handler", ""), 2, USAGE },
	{ WORDS("createRuntime", "h"), 2, "'h' is neither an option nor the value of one\n" USAGE },
	{ WORDS("createRuntime", "--handler=h"), 2,
	  "'--handler=h' is one argument: write the option '--handler' and its value as two\n" USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--unknown", "x"), 2, "there is no option '--unknown'\n" USAGE },
	{ WORDS("createRuntime", "--handlr", "h"), 2,
	  "cgdeleg: error [arguments]: there is no option '--handlr', did you mean '--handler'?\n" USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--"), 2, "there is no option '--'\n" USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--policy", "relative"), 2,
	  "'--policy' needs an absolute path, not 'relative'\n" USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--audit", "relative"), 2, USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--root", "relative"), 2, USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--deadline", "4"), 2,
	  "'--deadline' needs a number of seconds from 5 to 600, not '4'\n" USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--deadline", "601"), 2, USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--deadline", "8s"), 2, USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--deadline", "-8"), 2, USAGE },
	{ WORDS("createRuntime", "--handler", "h", "--root", "/nonexistent"), 1,
	  "cgdeleg: error [arguments]: cannot change the root directory to '/nonexistent', which --root names" },
	{ WORDS("createRuntime", "--handler", "h", NOWHERE), 1, "cgdeleg: error [state]: container state: empty" },
	{ WORDS("createRuntime", "--handler", "h", "--deadline", "600", NOWHERE), 1,
	  "cgdeleg: error [state]: container state: empty" },
};

/* The whole argv, as a runtime makes it of the hook's `args`. */
static const struct {
	const char *argv[8];
	const char *said;
	bool alone; /* one sentence, without the usage */
} names[] = {
	{ WORDS("createRuntime", "--handler", "h"),
	  "args begin with 'createRuntime', but the program's name comes first", true },
	{ WORDS("createRuntime"), "args begin with 'createRuntime', but", true },
	{ WORDS("--handler", "h"), "args begin with '--handler', but", true },
	{ WORDS("--handler", "h", "createRuntime"), "args begin with '--handler', but", true },
	{ WORDS("--policy", "createRuntime", "--handler", "h", "--run", "r"), "'--run' needs an absolute path, not 'r'",
	  false },
	{ WORDS(""), "args begin with '', but", true },
	{ WORDS("", "createRuntime"), "the option '--handler' is missing", false },
};

/* Runs it with nothing on stdin; stdout and stderr go into buf. Returns the exit code. */
static int run_as(const char *const *argv, char *buf, size_t size)
{
	const char *hook = getenv("CGDELEG_HOOK");
	int fds[2], status = -1;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		if (dup2(null, 0) < 0 || dup2(fds[1], 1) < 0 || dup2(fds[1], 2) < 0)
			_exit(99);
		execv(hook, (char **)(uintptr_t)argv);
		_exit(98);
	}
	(void)close(fds[1]);
	n = read(fds[0], buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *const *args, char *buf, size_t size)
{
	const char *argv[14] = { "cgdeleg-hook" };

	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	return run_as(argv, buf, size);
}

TEST(test_names)
{
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		char said[1024];
		int code = run_as(names[i].argv, said, sizeof(said));

		if (code != 2 || !strstr(said, names[i].said) || (names[i].alone && strstr(said, "usage:")))
			fail_msg("case %zu: exit code %d, \"%s\"", i, code, said);
	}
}

TEST(test_arguments)
{
	if (!getenv("CGDELEG_HOOK"))
		fail_msg("CGDELEG_HOOK must name the program");
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		char said[1024];
		int code = run(cases[i].args, said, sizeof(said));

		if (code != cases[i].code || !strstr(said, cases[i].said))
			fail_msg("case %zu: exit code %d, \"%s\"", i, code, said);
	}
}
