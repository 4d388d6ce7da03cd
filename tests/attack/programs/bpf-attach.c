/* SPDX-License-Identifier: Apache-2.0 */
/* bpf-attach SOCKET CGROUP [stay] - what can be done on CGROUP with a device program that somebody outside has
 * lent, and with none? What was attached is taken back at once, or stays. */
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/attack/programs/answer.h"
#include "tests/attack/programs/device-program.h"

static long link_to(int cgroup, int program)
{
	union bpf_attr attr = { .link_create = { .prog_fd = (uint32_t)program,
						 .target_fd = (uint32_t)cgroup,
						 .attach_type = BPF_CGROUP_DEVICE } };

	return bpf(BPF_LINK_CREATE, &attr);
}

/* A bpffs of one's own, in a mount namespace of one's own. */
static long pin(int program)
{
	union bpf_attr attr = { .pathname = (uintptr_t) "/tmp/pin/program", .bpf_fd = (uint32_t)program };

	if (mkdir("/tmp/pin", 0755) < 0 && errno != EEXIST)
		cannot("/tmp/pin");
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp/pin", "bpf", 0, NULL) < 0)
		return -1;
	return bpf(BPF_OBJ_PIN, &attr);
}

static void attach(const char *act, int cgroup, int program, uint32_t flags, bool stay)
{
	if (answer(act, attach_device_program(cgroup, program, flags, -1)) == 0 && !stay)
		detach_device_program(cgroup, program);
}

int main(int argc, char **argv)
{
	int program = argc >= 3 ? borrow(argv[1]) : -1;
	int cgroup = argc >= 3 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool stay = argc == 4;

	if (program < 0 || cgroup < 0)
		cannot("bpf-attach");
	answer("detach without naming one", detach_device_program(cgroup, -1));
	answer("detach the lent one", detach_device_program(cgroup, program));
	answer("replace", attach_device_program(cgroup, program, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, program));
	attach("attach", cgroup, program, 0, stay);
	attach("attach, override", cgroup, program, BPF_F_ALLOW_OVERRIDE, stay);
	attach("attach, multi", cgroup, program, BPF_F_ALLOW_MULTI, stay);
	answer("link", link_to(cgroup, program)); /* goes with its descriptor, when we end */
	answer("pin", pin(program));
	return 0;
}
