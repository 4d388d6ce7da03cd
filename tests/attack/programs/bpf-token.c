/* SPDX-License-Identifier: Apache-2.0 */
/* bpf-token - can a bpffs of one's own give the right to load a device program? */
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/attack/programs/answer.h"
#include "tests/attack/programs/device-program.h"

#define COMMAND_TOKEN_CREATE 36 /* BPF_TOKEN_CREATE, kernel 6.9 */

/* What linux/bpf.h of older systems does not have. */
struct token_attr {
	uint32_t flags, bpffs_fd;
};

static long delegated_mount(void)
{
	int fs = (int)syscall(SYS_fsopen, "bpf", 0);

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "delegate_progs", "any", 0) < 0)
		return -1;
	return syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static long token(const char *bpffs)
{
	struct token_attr token = { .bpffs_fd = (uint32_t)open(bpffs, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	union bpf_attr attr = { 0 };

	memcpy(&attr, &token, sizeof(token));
	return bpf(COMMAND_TOKEN_CREATE, &attr);
}

int main(void)
{
	long fd;

	if (mkdir("/tmp/bpf", 0755) < 0 && errno != EEXIST)
		cannot("/tmp/bpf");
	(void)!unshare(CLONE_NEWNS);
	answer("mount with delegation", delegated_mount());
	if (mount("none", "/tmp/bpf", "bpf", 0, NULL) < 0) {
		answer("mount", -1);
		return 0;
	}
	fd = token("/tmp/bpf");
	answer("token", fd);
	answer("load with it", load_device_program(1, (int)fd));
	return 0;
}
