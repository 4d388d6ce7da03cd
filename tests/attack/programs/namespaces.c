/* SPDX-License-Identifier: Apache-2.0 */
/* namespaces FILE=TEXT... - are the container's own ceilings refused to a process in namespaces that it made? */
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/attack/programs/answer.h"

static void ask(const char *name, int flags, int top, int n, char **acts)
{
	char line[512];

	if (put_at(top, "spaces/cgroup.procs", "0") < 0)
		cannot("spaces/cgroup.procs");
	snprintf(line, sizeof(line), "%s: unshare", name);
	if (unshare(flags) < 0) {
		answer(line, -1);
		return;
	}
	for (int i = 0; i < n; i++) {
		char *text = strchr(acts[i], '=');

		snprintf(line, sizeof(line), "%s: %s", name, acts[i]);
		*text = '\0';
		answer(line, put_at(top, acts[i], text + 1));
		*text = '=';
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int flags;
	} kinds[] = { { "cgroup", CLONE_NEWCGROUP }, { "user and cgroup", CLONE_NEWUSER | CLONE_NEWCGROUP } };
	int top = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (top < 0 || (mkdirat(top, "spaces", 0755) < 0 && errno != EEXIST))
		cannot("spaces");
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			ask(kinds[i].name, kinds[i].flags, top, argc - 1, argv + 1);
			return 0;
		}
		waitpid(pid, NULL, 0);
	}
	return unlinkat(top, "spaces", AT_REMOVEDIR) < 0;
}
