/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg-hook - started by a container runtime as an OCI createRuntime hook.
 *
 * Exit 0: granted whole, not concerned, or refused with the container allowed to run. Exit 1: anything
 * else, with one sentence on standard error; the runtime must then not create the container.
 * Exit 2: the command line, which is the node administrator's, is wrong.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cgdeleg/grant/run.h"
#include "hooks/libc/heap.h"
#include "hooks/options.h"
#include "version.h"

/* Seconds. As long as runc waits for systemd, and below the 30 that the hook descriptors give: a node that starts
 * many containers at once has systemd answer late. The least leaves time for taking everything back. */
#define DEADLINE       "28"
#define DEADLINE_LEAST 5
#define DEADLINE_MOST  600

static const char usage[] = "usage: cgdeleg-hook createRuntime --handler NAME [--policy DIR] [--audit DIR]\n"
			    "                                  [--run DIR] [--helpers DIR] [--root DIR]\n"
			    "                                  [--deadline SECONDS]\n"
			    "       cgdeleg-hook --version\n";

/* One write: runtimes pass standard error on piecewise. */
static void say(const char *text, const char *more)
{
	char line[1024];
	int len = snprintf(line, sizeof(line), "cgdeleg: %s\n%s", text, more);

	(void)signal(SIGPIPE, SIG_IGN);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nobody listens; the audit record has it */
}

struct arguments {
	struct run_args run;
	const char *root, *deadline;
	uint64_t seconds; /* `deadline`, as a number */
};

/* A hook's `args` begin with the program's name, as every argv does. It is easily left out, and then each word that follows
 * is taken for the one before it: a complaint about those would name the wrong one. */
static int check_name(char **argv, struct err *err)
{
	const char *name = argv[0] ?: "";

	if (argv[0] && argv[1] && strcmp(argv[1], "createRuntime") == 0)
		return 0;
	if (name[0] && strcmp(name, "createRuntime") != 0 && strncmp(name, "--", 2) != 0)
		return 0;
	return err_set(
		err, EINVAL,
		"the hook's args begin with '%.100s', but the program's name comes first: \"args\": [\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"NAME\"]",
		name);
}

static int parse_args(char **argv, struct arguments *ret, struct err *err)
{
	struct run_args *run = &ret->run;
	const struct option_row rows[] = {
		{ "--handler", &run->handler, .required = true }, { "--policy", &run->policy, .path = true },
		{ "--audit", &run->audit, .path = true },	  { "--run", &run->run, .path = true },
		{ "--helpers", &run->helpers, .path = true },	  { "--root", &ret->root, .path = true },
		{ "--deadline", &ret->deadline, .path = false },
	};
	int n;

	if (!argv[1] || strcmp(argv[1], "createRuntime") != 0)
		return err_set(err, EINVAL, "the first word must be 'createRuntime', not '%.200s'", argv[1] ?: "");
	n = options_read(argv + 2, rows, ELEMENTS(rows), err);
	if (n < 0)
		return n;
	if (argv[2 + n])
		return err_set(err, EINVAL, "there is no option '--'");
	if (text_to_u64(ret->deadline, &ret->seconds) < 0 || ret->seconds < DEADLINE_LEAST || ret->seconds > DEADLINE_MOST)
		return err_set(err, EINVAL, "'--deadline' needs a number of seconds from %d to %d, not '%.200s'",
			       DEADLINE_LEAST, DEADLINE_MOST, ret->deadline);
	return 0;
}

/* crun drops what a hook says on standard error, unless it is told where to write it. */
static void refuse(struct err *err, const char *reason, const char *more)
{
	(void)err_wrap(err, "error [%s]", reason);
	say(err->text, more);
	journal_error("cgdeleg-hook", reason, err->text);
}

/* The pipeline looks at the clock between steps and undoes what it did; should a system call itself hang,
 * the signal ends the process, which a runtime takes for a failed hook. */
static int64_t set_deadline(unsigned seconds)
{
	sigset_t none;

	/* What the runtime blocked stays blocked across execve(2). */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGALRM, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_IGN); /* RLIMIT_FSIZE: a failed audit write is an error, not an end */
	(void)alarm(seconds + 1);
	return clock_monotonic_ms() + 1000 * (int64_t)seconds;
}

static int run(const struct run_args *args, const char *root)
{
	/* Over a hundred kilobytes of which a run touches a few: the kernel's zero pages cost nothing. */
	static struct trail trail;
	int r;

	trail_init(&trail);
	r = run_create_runtime(args, STDIN_FILENO, &trail);
	if (r < 0 && strcmp(root, "/") != 0)
		(void)err_wrap(&trail.err, "below '%s'", root);
	if (r < 0)
		say(trail.err.text, "");
	/* The kernel takes back memory and descriptors faster than trail_free() would. */
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct arguments args = { .run = { .policy = POLICY_DIRECTORY,
					   .audit = AUDIT_DIRECTORY,
					   .run = BUDGET_DIRECTORY,
					   .load_guards = true },
				  .root = "/",
				  .deadline = DEADLINE };
	struct err err = { 0 };

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("cgdeleg-hook " CGDELEG_VERSION) < 0;
	if (privilege_scrub(&err) < 0) {
		refuse(&err, "start", "");
		return 1;
	}
	if (check_name(argv, &err) < 0) {
		refuse(&err, "arguments", "");
		return 2;
	}
	if (parse_args(argv, &args, &err) < 0) {
		refuse(&err, "arguments", usage);
		return 2;
	}
	/* Where the host's file system is mounted elsewhere, in a node agent's container: all that is named from here on, by
	 * us, by the runtime's state and by mountinfo, is then a path on the host. */
	if (strcmp(args.root, "/") != 0 && (chroot(args.root) < 0 || chdir("/") < 0)) {
		(void)err_set_errno(&err, errno, "cannot change the root directory to '%s', which --root names",
				    args.root);
		refuse(&err, "arguments", "");
		return 1;
	}
	heap_prepare();
	args.run.deadline_ms = set_deadline((unsigned)args.seconds);
	return run(&args.run, args.root);
}
