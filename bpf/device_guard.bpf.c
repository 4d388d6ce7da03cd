/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Device guard - may a process of this cgroup make or open this device?
 *
 * A second lock beside the container runtime's: the kernel asks every program from the process's cgroup up to the root,
 * and one that says no is enough. Without rules the program says no to everything (device_guard_abi.h), so the moment
 * between attaching it and writing the rules is worth nothing to anybody.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/device_guard_abi.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct device_rules);
} device_rules SEC(".maps");

struct request {
	__u32 type, access, major, minor;
};

static __always_inline int rule_matches(const struct device_rule *rule, const struct request *ask)
{
	return (rule->types & ask->type) && (rule->major == DEVICE_GUARD_ANY || rule->major == ask->major) &&
	       (rule->minor == DEVICE_GUARD_ANY || rule->minor == ask->minor);
}

/* The bits of access that the rules allow for this device. */
static __always_inline __u32 allowed_access(const struct device_rules *rules, const struct request *ask)
{
	__u32 allowed = 0;

	for (__u32 i = 0; i < DEVICE_GUARD_RULES_MAX && i < rules->n_rules; i++) {
		const struct device_rule *rule = &rules->rules[i];

		if (!rule_matches(rule, ask))
			continue;
		if (rule->allow)
			allowed |= rule->access;
		else
			allowed &= ~(__u32)rule->access;
	}
	return allowed;
}

static __always_inline void remember(struct device_rules *rules, const struct request *ask)
{
	__u64 n = __sync_fetch_and_add(&rules->refused, 1);
	struct device_refusal *slot = &rules->refusals[n & (DEVICE_GUARD_REFUSALS - 1)];

	slot->when = bpf_ktime_get_ns();
	slot->major = ask->major;
	slot->minor = ask->minor;
	slot->type = ask->type;
	slot->access = ask->access;
	slot->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(slot->comm, sizeof(slot->comm));
}

/* 1: this program has no objection. 0: EPERM. */
SEC("cgroup/dev")
int device_guard(struct bpf_cgroup_dev_ctx *ctx)
{
	struct device_rules *rules = bpf_get_local_storage(&device_rules, 0);
	struct request ask = { .type = ctx->access_type & 0xffff,
			       .access = ctx->access_type >> 16,
			       .major = ctx->major,
			       .minor = ctx->minor };

	if (rules->ready == DEVICE_GUARD_READY && !(ask.access & ~allowed_access(rules, &ask)))
		return 1;
	remember(rules, &ask);
	return 0;
}
