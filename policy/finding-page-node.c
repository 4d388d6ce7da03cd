/* SPDX-License-Identifier: Apache-2.0 */
/* Finding page, node - what of this node and its engines does not fit the policy. See finding-page.h. */
#include "base/cleanup.h"
#include "policy/finding-page.h"

static const struct finding_page pages[] = {
	{ FINDING_HOST_OPTION_MISSING, "CGD301", FINDING_FAULT, "an option of the host's cgroup2 is missing",
	  "The policy needs a mount option that the host's cgroup2 does not have now. Any plain mount of cgroup2 on the host clears these options. Depending on the option, containers are refused, or a protection is gone.",
	  "Run the mount command of the message, and find out what mounted cgroup2: `cgdeleg watch` names it.", NULL,
	  NULL },
	{ FINDING_HOST_OPTION_UNKNOWN, "CGD302", FINDING_NOTE, "an option that cannot be compared",
	  "The policy names an option of cgroup2 that this kernel does not have, or the host's cgroup2 cannot be seen from here.",
	  "Keep the line for nodes with a newer kernel, or take it out. Run `cgdeleg check` on the node.", NULL, NULL },
	{ FINDING_IDS_SHARED, "CGD303", FINDING_RISK, "grants that share host ids",
	  "Two containers with grants have host ids in common: the root of each owns the other's cgroup, and can change it where it can see it.",
	  "Set shared_ids = refuse, and give each container a range of ids of its own (--userns=auto, hostUsers: false).",
	  NULL, NULL },
};

const struct finding_pages finding_pages_node = { pages, ELEMENTS(pages) };
