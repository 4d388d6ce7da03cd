/* SPDX-License-Identifier: Apache-2.0 */
/* What a node has, and ceilings beside it. */
#include "cgdeleg/node/capacity.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static const struct {
	const char *lines;
	struct capacity node;
} nodes[] = {
	{ "proc/meminfo = MemTotal:        2048 kB\\nMemFree:   1 kB\nproc/sys/kernel/pid_max = 4194304\n"
	  "proc/sys/kernel/threads-max = 15000\nsys/devices/system/cpu/online = 0-3,7\n",
	  { 2097152, 15000, 5 } },
	{ "proc/sys/kernel/pid_max = 32768\nproc/sys/kernel/threads-max = 99999\nsys/devices/system/cpu/online = 0\n",
	  { 0, 32768, 1 } },
	{ "sys/devices/system/cpu/online = 3-1\nproc/meminfo = MemFree: 5 kB\nproc/sys/kernel/pid_max = x\n", { 0, 0, 0 } },
	{ "", { 0, 0, 0 } },
};

TEST(test_read)
{
	for (size_t i = 0; i < ELEMENTS(nodes); i++) {
		struct tree tree;
		struct capacity node;

		tree_new(&tree, nodes[i].lines);
		capacity_read(tree.root, &node);
		if (memcmp(&node, &nodes[i].node, sizeof(node)) != 0)
			fail_msg("%zu: %llu %llu %llu", i, (unsigned long long)node.memory,
				 (unsigned long long)node.pids, (unsigned long long)node.cpus);
		tree_free(&tree);
	}
}

#define POLICY(defaults, profile)                                                                                      \
	"[defaults]\n" defaults "[profile p]\ncgroup.max.descendants = 100\n" profile "[handler h]\nengine = docker\n" \
	"profile = p\ncgroup_writable = true\n"
#define KUBELET "[handler k]\nengine = containerd\nprofile = q\ncgroup_writable = true\n"

static const struct {
	const char *policy, *found;
} policies[] = {
	{ POLICY("", "memory.max = 4G\npids.max = 1000\ncpu.max = 4\n"), "" },
	{ POLICY("", "memory.max = 4097M\n"),
	  "CGD304 4: memory.max = 4097M is above this node's 4294967296 bytes of memory, so it bounds nothing here; lower it, or leave "
	  "it for larger nodes\n" },
	{ POLICY("", "pids.max = 1001\n"),
	  "CGD304 4: pids.max = 1001 is above this node's 1000 processes, so it bounds nothing here; "
	  "lower it, or leave it for larger nodes\n" },
	{ POLICY("", "cpu.max = 4.5\n"),
	  "CGD304 4: cpu.max = 4.5 is above this node's 4 processors, so it bounds nothing here; lower "
	  "it, or leave it for larger nodes\n" },
	{ POLICY("", "memory.max = max\npids.max = max\ncpu.max = max\n"), "" },
	{ POLICY("max_delegated = 4\n", "memory.max = 1G\n"), "" },
	{ POLICY("max_delegated = 4\n", "memory.max = 1025M\n"),
	  "CGD305 5: memory.max = 1025M, 4 times (max_delegated), is above this node's 4294967296 bytes of memory; set a budget for all "
	  "grants together, or lower max_delegated\n" },
	{ POLICY("max_delegated = 4\nbudget.memory.max = 4G\n", "memory.max = 1025M\n"), "" },
	{ POLICY("max_delegated = 1\n", "memory.max = 4G\n"), "" },
	{ "[profile p]\ncgroup.max.descendants = 999\n[profile q]\ncgroup.max.descendants = 10000\n[profile r]\n"
	  "cgroup.max.descendants = 10000\n" KUBELET,
	  "CGD306 4: one container may make 10000 cgroups: up to 140 MB of the kernel's memory, 1600 MB of the kubelet's, and 360000 "
	  "lines in each of its scrapes; lower it to what the payload needs\n"
	  "CGD306 6: one container may make 10000 cgroups: up to 140 MB of the kernel's memory; lower it to what the payload needs\n" },
	{ "[profile q]\ncgroup.max.descendants = max\n" KUBELET, "" },
};

static void note(const struct finding *finding, void *userdata)
{
	char *text = userdata;
	const size_t used = strlen(text);

	(void)snprintf(text + used, 2048 - used, "%s %u: %s; %s\n", finding->id, finding->place.line, finding->text,
		       finding->remedy);
}

TEST(test_findings)
{
	const struct capacity node = { UINT64_C(4) << 30, 1000, 4 }, unknown = { 0 };

	for (size_t i = 0; i < ELEMENTS(policies); i++) {
		struct ruleset rules;
		char text[2048] = "";

		CHECK("load", ruleset_load_text("p", policies[i].policy, strlen(policies[i].policy), &rules, &why), NULL);
		if (ruleset_is_broken(&rules))
			fail_msg("%zu: %s", i, rules.complaints->text);
		capacity_findings(&rules, &node, note, text);
		check_string(policies[i].policy, text, policies[i].found);
		text[0] = '\0';
		capacity_findings(&rules, &unknown, note, text);
		assert_null(strstr(text, "CGD304"));
		assert_null(strstr(text, "CGD305"));
		ruleset_done(&rules);
	}
}
