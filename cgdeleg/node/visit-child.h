/* SPDX-License-Identifier: Apache-2.0 */
/* Visit - the child's side, and the packets between the two. See visit.h. */
#pragma once

#include "cgdeleg/node/visit.h"

/* From the child: the answer to an attempt, or one of the two words below. */
struct packet {
	uint32_t attempt; /* index, PACKET_ENTERED or PACKET_FAILED */
	int32_t error;
	uint64_t numbers[2];
};

#define PACKET_ENTERED UINT32_MAX	/* it has dropped everything, and waits */
#define PACKET_FAILED  (UINT32_MAX - 1) /* it could not; numbers[0] is an enum visit_step */

/* What the child does before it waits. */
enum visit_step { STEP_SECLUDE, STEP_DESCRIPTORS, STEP_GROUPS, STEP_ENTER, STEP_IDS, STEP_CAPABILITIES, VISIT_STEPS };

#define VISIT_SOCKET 3 /* the child's descriptor to the parent */

struct errand {
	const struct visit *visit;
	int socket;
	pid_t parent;
	uint64_t capabilities;	 /* those that the container's root may have */
	bool enters[NAMESPACES]; /* which of the container's namespaces are not this process's own */
};

/* The parent's last part: waits for the end of the child, `ms` milliseconds at most after its SIGKILL, which it gets at once
 * where `kill_it`, else after the same time. What then has not ended is left, and visit->why says so. */
void visit_end(struct visit *visit, pid_t pid, int pidfd, bool kill_it, int ms);

/* The child's whole life. */
_Noreturn void visit_be_child(const struct errand *errand);
