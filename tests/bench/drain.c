/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a hook can do: crun dies of SIGPIPE when nobody reads the state. */
#include <unistd.h>

int main(void)
{
	char buf[4096];

	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
	return 0;
}
