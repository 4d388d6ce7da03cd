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
#include "hooks/hook-args.h"
#include "hooks/libc/heap.h"
#include "version.h"

static const char usage[] = "usage: cgdeleg-hook createRuntime --handler NAME [--policy DIR] [--audit DIR]\n"
			    "                                  [--run DIR] [--helpers DIR] [--root DIR]\n"
			    "                                  [--deadline SECONDS]\n"
			    "       cgdeleg-hook --version\n";

/* One write: runtimes pass standard error on piecewise. */
static void say(const char *text, const char *more)
{
	char line[1024];
	int len = snprintf(line, sizeof(line), "cgdeleg: %s\n%s", text, more);

	_Static_assert(sizeof("cgdeleg: \n") + ERR_TEXT_SIZE + sizeof(usage) <= sizeof(line), "a sentence could be cut");

	(void)signal(SIGPIPE, SIG_IGN);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nobody listens; the audit record has it */
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
	struct hook_args args;
	struct err err = { 0 };

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("cgdeleg-hook " CGDELEG_VERSION) < 0;
	if (privilege_scrub(&err) < 0) {
		refuse(&err, "start", "");
		return 1;
	}
	if (hook_args_name(argv, &err) < 0) {
		refuse(&err, "arguments", "");
		return 2;
	}
	if (hook_args_read(argv, &args, &err) < 0) {
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
	args.run.load_guards = true;
	args.run.deadline_ms = set_deadline((unsigned)args.seconds);
	return run(&args.run, args.root);
}
