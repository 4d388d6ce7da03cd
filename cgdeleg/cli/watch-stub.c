/* SPDX-License-Identifier: Apache-2.0 */
/* cgdeleg watch - in a build without libsystemd, whose event loop it is made of. See cli.h. */
#include <stdio.h>

#include "cgdeleg/cli/cli.h"

int watch_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs("cgdeleg: watch: this cgdeleg was built without libsystemd, which watch needs\n", stderr);
	return EXIT_FAULT;
}
