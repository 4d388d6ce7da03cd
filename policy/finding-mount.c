/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, mount - containers that nobody asks for, and that nothing bounds. See finding-part.h. */
#include <string.h>

#include "base/cleanup.h"
#include "policy/annotation.h"
#include "policy/finding-part.h"

static bool judges(const struct section *section)
{
	const struct setting *setting = section_get(section, KEY_WRITABLE_MOUNT);

	return setting && strcmp(setting->value, "pass") != 0;
}

bool handler_judges_mounts(const struct index_handler *handler)
{
	bool any = judges(handler->section);

	for (const struct index_rule *r = handler->rules; r; r = r->next)
		any = any || judges(r->rule);
	return any;
}

/* The rule's setting, else the handler's, or NULL. */
static const struct setting *in_force(const struct section *rule, const struct section *handler, enum key_id key)
{
	const struct setting *setting = section_get(rule, key);

	return setting ? setting : section_get(handler, key);
}

/* The line by which containers that do not ask pass, whatever their cgroup is; NULL: they do not. `rule` NULL: none
 * matches, and then, if there are some (`by_none`), the handler's cgroup_writable does not count. */
static const struct origin *passes(const struct section *rule, const struct section *handler, bool by_none)
{
	const struct setting *writable = by_none ? NULL : in_force(rule, handler, KEY_CGROUP_WRITABLE);
	const struct setting *mount = in_force(rule, handler, KEY_WRITABLE_MOUNT);

	if ((writable && strcmp(writable->value, "true") == 0) || (mount && strcmp(mount->value, "pass") != 0))
		return NULL;
	return mount ? &mount->origin : rule ? &rule->origin : &handler->origin;
}

static bool is_for_all(const struct section *rule)
{
	return !section_get(rule, KEY_NAMESPACES) && !section_get(rule, KEY_PODS) &&
	       !section_get(rule, KEY_CONTAINERS) && !section_get(rule, KEY_IMAGES);
}

/* The first such line of a handler, in the order in which containers meet its rules. */
static const struct origin *find_pass(const struct index_handler *handler)
{
	for (const struct index_rule *r = handler->rules; r; r = r->next) {
		const struct origin *place = passes(r->rule, handler->section, false);

		if (place || is_for_all(r->rule))
			return place;
	}
	return passes(NULL, handler->section, handler->rules);
}

/* What makes a cgroup writable that nobody has asked for. */
static const char *const ways[ENGINE_MAX] = {
	[ENGINE_CONTAINERD] = "cgroup_writable of its runtime",
	[ENGINE_CRIO] = "the annotation cgroup2-mount-hierarchy-rw.crio.io",
	[ENGINE_PODMAN] = "--systemd or unmask",
	[ENGINE_DOCKER] = "userns-remap or writable-cgroups",
};

void find_unbounded(const struct listener *to, const struct index_handler *row)
{
	const struct section *handler = row->section;
	const struct origin *place = find_pass(row);
	const struct setting *setting = section_get(handler, KEY_ENGINE);
	const enum engine engine = setting ? engine_find(setting->value) : ENGINE_INVALID;

	if (place && engine >= 0)
		finding_tell(to, FINDING_UNBOUNDED, place, "set writable_mount = bound or writable_mount = refuse",
			     "[handler %s] does not bound containers that do not ask; %s, 'privileged', or crun with any user namespace can make their cgroup writable without cgdeleg",
			     handler->name, ways[engine]);
}
