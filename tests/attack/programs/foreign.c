/* SPDX-License-Identifier: Apache-2.0 */
/* foreign CGROUP PID... - can a process of somebody else's, whose number is known, be pulled into CGROUP? */
#include "tests/attack/programs/answer.h"

int main(int argc, char **argv)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.threads" };
	char path[256], act[64];

	if (argc < 3)
		return 2;
	for (int i = 2; i < argc; i++) {
		for (int f = 0; f < 2; f++) {
			snprintf(path, sizeof(path), "%s/%s", argv[1], files[f]);
			snprintf(act, sizeof(act), "process %d, %s", i - 1, files[f]);
			answer(act, put_at(AT_FDCWD, path, argv[i]));
		}
	}
	return 0;
}
