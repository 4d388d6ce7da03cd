/* SPDX-License-Identifier: Apache-2.0 */
/* Device program - the shortest program of the device controller, and the calls around it. */
#pragma once

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* r0 = verdict; exit: 1 lets every device pass, 0 none. */
static inline int load_device_program(int verdict, int token)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				.insn_cnt = 2,
				.insns = (uintptr_t)code,
				.license = (uintptr_t) "GPL" };

#ifdef BPF_F_TOKEN_FD
	if (token >= 0) {
		attr.prog_flags = BPF_F_TOKEN_FD;
		attr.prog_token_fd = token;
	}
#else
	(void)token;
#endif
	return bpf(BPF_PROG_LOAD, &attr);
}

static inline int attach_device_program(int cgroup, int program, uint32_t flags, int replaced)
{
	union bpf_attr attr = { .target_fd = (uint32_t)cgroup,
				.attach_bpf_fd = (uint32_t)program,
				.attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = flags,
				.replace_bpf_fd = replaced < 0 ? 0 : (uint32_t)replaced };

	return bpf(BPF_PROG_ATTACH, &attr);
}

/* program < 0: none is named, as only attachments without BPF_F_ALLOW_MULTI accept it. */
static inline int detach_device_program(int cgroup, int program)
{
	union bpf_attr attr = { .target_fd = (uint32_t)cgroup,
				.attach_bpf_fd = program < 0 ? 0 : (uint32_t)program,
				.attach_type = BPF_CGROUP_DEVICE };

	return bpf(BPF_PROG_DETACH, &attr);
}
