/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - what the mounts of a container mean, and the words for other ways to a cgroup. See gather.h. */
#include <stdio.h>

#include "base/text.h"
#include "cgdeleg/grant/gather.h"

static const char *describe_other(struct target *target)
{
	const struct other_cgroup *other = &target->mount.other;
	char point[96], root[96], more[32] = "";

	if (other->n == 0)
		return NULL;
	if (other->n > 1)
		(void)snprintf(more, sizeof(more), ", and %u more", other->n - 1);
	(void)snprintf(target->other_cgroup, sizeof(target->other_cgroup), "%s '%s' is mounted at '%s'%s%s",
		       other->type, text_escape(other->root, root, sizeof(root)),
		       text_escape(other->point, point, sizeof(point)), other->hidden ? ", under its own" : "", more);
	return target->other_cgroup;
}

void gather_mount(struct target *target, struct facts *facts)
{
	facts->nsdelegate = target->mount.nsdelegate ? TRI_YES : TRI_NO;
	facts->bpffs = target->mount.bpffs;
	facts->bpf_token = target->mount.bpf_token;
	facts->other_cgroup = describe_other(target);
}
