/* SPDX-License-Identifier: Apache-2.0 */
/* Guard - stands in for the pinned programs: which are pinned stands in the tree's file sys/fs/bpf/guards, the words
 * "device" and "grant", or "fault" or "busy"; without it none are. Of a grant guard that is not pinned it says that this
 * kernel cannot, unless there is the word "untried"; of a device guard, if there is the word "cannot". There is one
 * cgroup. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/attached.h"
#include "bpf/guard.h"

struct fake_guard {
	bool device, grant;		/* attached */
	bool other_device, other_grant; /* another build's are */
	bool older_grant;		/* one's with fewer programs is */
	unsigned missing;		/* of the grant guard that is attached; a bit for each enum guard_program */
	struct device_rules rules;
	uint64_t flags;
	struct guard_grant counts;
	/* The next call of that kind fails with EIO; attaching has then happened, or not. */
	bool fail_attach, half_attach, fail_write, fail_grant, fail_tell, fail_read, fail_detach, fail_query;
	uint64_t armed; /* the cgroup that the grant guard was told of; attaching does not tell it */
};

extern struct fake_guard fake_guard;
