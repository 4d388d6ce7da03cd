/* SPDX-License-Identifier: Apache-2.0 */
/* dying ROUNDS - do cgroups that were removed stay in the kernel, beside the ceiling on cgroups? Each is left
 * with one charged page of a file. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/attack/programs/answer.h"

static char files[] = "/tmp/dyingXXXXXX"; /* new ones: a page that is there is charged to somebody already */

/* In the child cgroup: a page of a file of its own, which stays charged to it. */
static void charge(int top, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	if (put_at(top, path, "0") < 0)
		cannot(path);
	snprintf(path, sizeof(path), "%s/%s", files, name);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, path, sizeof(path)) < 0)
		cannot(path);
}

static long one(int top, long i)
{
	char name[32];
	pid_t pid;

	snprintf(name, sizeof(name), "dying%ld", i);
	if (mkdirat(top, name, 0755) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		charge(top, name);
		exit(0);
	}
	waitpid(pid, NULL, 0);
	/* The last process's exit may still be on its way out of the cgroup. */
	for (int n = 0; n < 1000; n++) {
		if (unlinkat(top, name, AT_REMOVEDIR) == 0)
			return 0;
		usleep(1000);
	}
	return -1;
}

int main(int argc, char **argv)
{
	int top = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	long rounds = argc > 1 ? number(argv[1]) : 0, done = 0, r = 0;

	if (top < 0 || !mkdtemp(files))
		cannot("/sys/fs/cgroup");
	while (done < rounds && (r = one(top, done)) == 0)
		done++;
	answer("make and remove", r);
	count("rounds", done);
	return 0;
}
