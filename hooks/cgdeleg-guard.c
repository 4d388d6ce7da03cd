/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg-guard - loads and pins the BPF guards when a hook finds none: no arguments, no environment.
 *
 * `cgdeleg guard load` does the same once per boot, through its unit. The hook itself links no loader.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/spawn.h"
#include "bpf/guard-load.h"

int main(void)
{
	struct guard_load load;
	struct err err = { 0 };
	_cleanup_close_ int sys_fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)umask(077);
	if (sys_fd < 0)
		(void)err_set_errno(&err, errno, "cannot open '/sys'");
	if (sys_fd >= 0 && guard_load(sys_fd, &load, &err) >= 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return err_is_passing(err.code) ? SPAWN_TRY_AGAIN : 1;
}
