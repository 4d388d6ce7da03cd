/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg-guard - loads and pins the BPF guards when a hook finds none: no arguments, no environment. A word of any kind is
 * somebody who tries it by hand, and loads nothing.
 *
 * `cgdeleg guard load` does the same once per boot, through its unit. The hook itself links no loader.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/journal.h"
#include "base/spawn.h"
#include "bpf/guard-load.h"
#include "version.h"

static const char usage[] = "usage: cgdeleg-guard\n       cgdeleg-guard --help | --version\n\n"
			    "Loads and pins the BPF guards; the hook executes it. By hand use: cgdeleg guard load\n";

/* -1: there are no words; else the exit code. */
static int answer(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc < 2)
		return -1;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("cgdeleg-guard " CGDELEG_VERSION) < 0;
	(void)err_set(&err, EINVAL, "error [arguments]: cgdeleg-guard takes no arguments, and was given '%.200s'",
		      argv[1]);
	(void)fprintf(stderr, "%s\n%s", err.text, usage);
	journal_error("cgdeleg-guard", "arguments", err.text);
	return 2;
}

int main(int argc, char **argv)
{
	const int answered = answer(argc, argv);
	struct guard_load load;
	struct err err = { 0 };
	_cleanup_close_ int sys_fd = -EBADF;

	if (answered >= 0)
		return answered;
	sys_fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)umask(077);
	if (sys_fd < 0)
		(void)err_set_errno(&err, errno, "cannot open '/sys'");
	if (sys_fd >= 0 && guard_load(sys_fd, &load, &err) >= 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return err_is_passing(err.code) ? SPAWN_TRY_AGAIN : 1;
}
