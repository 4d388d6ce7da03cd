/* SPDX-License-Identifier: Apache-2.0 */
/* foreign CGROUP PID... - can a process of somebody else's, whose number is known, be pulled into CGROUP? */
#include "tests/attack/programs/answer.h"

int main(int argc, char **argv)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.threads" };
	char path[256];

	if (argc < 3)
		return 2;
	for (int i = 2; i < argc; i++) {
		for (int f = 0; f < 2; f++) {
			snprintf(path, sizeof(path), "%s/%s", argv[1], files[f]);
			answer_of(put_at(AT_FDCWD, path, argv[i]), "process %d, %s", i - 1, files[f]);
		}
	}
	return 0;
}
