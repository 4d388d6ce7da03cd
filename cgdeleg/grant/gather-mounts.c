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
	(void)snprintf(target->other_cgroup, sizeof(target->other_cgroup), "%s '%s' is mounted at '%s'%s%s", other->type,
		       text_escape(other->root, root, sizeof(root)), text_escape(other->point, point, sizeof(point)),
		       other->hidden ? ", hidden by the container's own" : "", more);
	return target->other_cgroup;
}

void gather_features(const struct host *host, const struct ruleset *rules, struct target *target, struct facts *facts)
{
	const struct setting *wanted = section_get(ruleset_find(rules, SECTION_DEFAULTS, ""), KEY_HOST_OPTIONS);
	const char *now = facts->host.options;
	bool missing = false;

	for (const struct host_option *o = host_options; now && o < host_options + HOST_OPTIONS; o++)
		missing = missing || (((wanted && text_has_word(wanted->value, o->name)) ||
				       (o->loss == LOSS_DELEGATE && facts->userns != USERNS_PRIVATE)) &&
				      !text_has_word(now, o->name));
	if (missing)
		facts->host.known = host_features(host, target->features, sizeof(target->features));
}

void gather_mount(struct target *target, struct facts *facts)
{
	facts->host = mount_host(&target->mount);
	facts->bpffs = target->mount.bpffs;
	facts->bpf_token = target->mount.bpf_token;
	facts->other_cgroup = describe_other(target);
}
