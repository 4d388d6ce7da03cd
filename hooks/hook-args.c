/* SPDX-License-Identifier: Apache-2.0 */
/* Hook args - the words of the hook's command line. See hook-args.h. */
#include "hooks/hook-args.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "hooks/options.h"

/* Seconds. As long as runc waits for systemd, and below the 30 that the hook descriptors give: a node that starts
 * many containers at once has systemd answer late. The least leaves time for taking everything back. */
#define DEADLINE       "28"
#define DEADLINE_LEAST 5
#define DEADLINE_MOST  600

/* A hook's `args` begin with the program's name, as every argv does. It is easily left out, and then each word that follows
 * is taken for the one before it: a complaint about those would name the wrong one. */
int hook_args_name(char *const *argv, struct err *err)
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

int hook_args_read(char *const *argv, struct hook_args *ret, struct err *err)
{
	struct run_args *run = &ret->run;
	const struct option_row rows[] = {
		{ "--handler", &run->handler, .required = true }, { "--policy", &run->policy, .path = true },
		{ "--audit", &run->audit, .path = true },	  { "--run", &run->run, .path = true },
		{ "--helpers", &run->helpers, .path = true },	  { "--root", &ret->root, .path = true },
		{ "--deadline", &ret->deadline, .path = false },
	};
	int n;

	*ret = (struct hook_args) {
		.run = { .policy = POLICY_DIRECTORY, .audit = AUDIT_DIRECTORY, .run = BUDGET_DIRECTORY },
		.root = "/",
		.deadline = DEADLINE,
	};
	if (!argv[1] || strcmp(argv[1], "createRuntime") != 0)
		return err_set(err, EINVAL, "the first argument must be 'createRuntime', not '%.200s'", argv[1] ?: "");
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
