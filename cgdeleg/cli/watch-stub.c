/* SPDX-License-Identifier: Apache-2.0 */
/* cgdeleg watch - in a build without libsystemd, whose event loop it is made of. See cli.h. */
#include <stdio.h>

#include "cgdeleg/cli/cli.h"

static int run_watch(int argc, char **argv)
{
	int code;

	if (!cli_parse(argc, argv, &watch_verb, NULL, &code))
		return code;
	fputs("cgdeleg: watch: this cgdeleg was built without libsystemd, which watch needs\n", stderr);
	return EXIT_FAULT;
}

const struct verb watch_verb = {
	.name = "watch",
	.run = run_watch,
	.summary = "keep the limits of delegated cgroups within their ceilings (not in this build)",
	.about = "This cgdeleg was built without libsystemd, which watch needs.",
};
