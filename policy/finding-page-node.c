/* SPDX-License-Identifier: Apache-2.0 */
/* Finding page, node - what of this node and its engines does not fit the policy. See finding-page.h. */
#include "base/cleanup.h"
#include "policy/finding-page.h"

static const struct finding_page pages[] = {
	{ FINDING_HOST_OPTION_MISSING, "CGD301", FINDING_FAULT, "an option of the host's cgroup2 is missing",
	  "The policy needs a mount option that the host's cgroup2 does not have now. Any plain mount of cgroup2 on the host clears these options. Then the hook refuses containers, or a protection is gone: which of the two depends on the option.",
	  "Run the mount command that the message has. Then find out what mounted cgroup2: `cgdeleg watch`, if it runs, names the process if it can.",
	  NULL, NULL },
	{ FINDING_HOST_OPTION_UNKNOWN, "CGD302", FINDING_NOTE, "an option that cannot be compared",
	  "The policy names an option of cgroup2 that this kernel does not have, or the host's cgroup2 cannot be seen from here.",
	  "If the kernel lacks the option, keep the line for nodes with a newer kernel, or remove it. If you cannot see the host's cgroup2 here, run `cgdeleg check` on the node itself.",
	  NULL, NULL },
	{ FINDING_IDS_SHARED, "CGD303", FINDING_RISK, "grants that share host ids",
	  "Two containers with grants have host ids in common: the root of each owns the other's cgroup, and can change it where it can see it.",
	  "Set shared_ids = refuse, and give each container a range of ids of its own (--userns=auto, hostUsers: false).",
	  NULL, NULL },
	{ FINDING_CEILING_ABOVE_NODE, "CGD304", FINDING_RISK, "a ceiling above what this node has",
	  "A ceiling that is higher than the node's memory, processes or processors bounds nothing. Too much memory or too many processes can stop the node: that is a risk. More processors than the node has only make it slow: that is a note.",
	  "Lower the ceiling below what the node can spare, or leave the line for larger nodes that share this policy.",
	  NULL, NULL },
	{ FINDING_CEILINGS_TOGETHER, "CGD305", FINDING_NOTE, "ceilings that together are above what this node has",
	  "As many containers as max_delegated allows may together use more than the node has. Each of them is bounded, and the node is not. That is a choice: most containers use less than they may.",
	  "Set budget.memory.max, budget.pids.max or budget.cpu.max to what all grants of the node may use together, or lower max_delegated.",
	  NULL, NULL },
	{ FINDING_GRANT_COST, "CGD306", FINDING_NOTE, "many cgroups for one container",
	  "Each cgroup costs about 14 KB of the kernel's memory. On a Kubernetes node each also costs cAdvisor, a part of the kubelet, about 160 KB, and 36 lines each time when Prometheus reads its metrics: with 2,000 cgroups that may take longer than a minute. The container's own memory limit covers none of the kubelet's part.",
	  "Set cgroup.max.descendants to what the payload needs: about ten for a build in containers, a few hundred for a service manager.",
	  NULL, NULL },
};

const struct finding_pages finding_pages_node = { pages, ELEMENTS(pages) };
