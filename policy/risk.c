/* SPDX-License-Identifier: Apache-2.0 */
/* Risk - settings that are valid but have a price. See risk.h. */
#include "policy/risk.h"

#include <string.h>

#include "base/cleanup.h"

static const struct risk risks[] = {
	{ KEY_REQUIRE_USERNS, NULL, "false",
	  "require_userns = false: file ownership protects nothing where the container's root is the host's; only the grant guard is left, and it is then required" },
	{ KEY_GUARD, NULL, "off", "guard = off: nothing guards pressure files and bpf(2) in the subtree" },
	{ KEY_DEVICE_BPF, NULL, "runtime", "device_bpf = runtime: a container without any device program is granted" },
	{ KEY_PRESSURE, NULL, "allow",
	  "pressure = allow: triggers on *.pressure files start kernel threads outside the container's limits" },
	{ KEY_MAX_TOTAL_DESCENDANTS, NULL, "max",
	  "max_total_descendants = max: all grants together can use up the kernel's 65535 memory cgroup ids" },
	{ KEY_AUDIT, NULL, "prefer", "audit = prefer: a grant is made even when it cannot be recorded" },
	{ KEY_ON_MISSING_LIMIT, NULL, "skip",
	  "on_missing_limit = skip: a container may run without a ceiling that its profile names" },
	{ KEY_LIMIT, "cgroup.max.descendants", "max",
	  "cgroup.max.descendants = max: one container can use up the host's memory and its 65535 memory cgroup ids" },
	{ KEY_LIMIT, "cgroup.max.depth", "max",
	  "cgroup.max.depth = max: removing a deep tree can hold the host's cgroup lock for long" },
};

static bool matches(const struct risk *risk, const struct setting *setting)
{
	return setting->key->id == risk->key && strcmp(setting->value, risk->value) == 0 &&
	       (!risk->name || strcmp(setting->name, risk->name) == 0);
}

/* The findings have no list of their own: the n-th one is found by counting. */
const struct risk *risk_next(const struct ruleset *rules, size_t *at, struct origin *ret)
{
	size_t n = 0;

	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = rules->sections[kind]; s; s = s->next)
			for (const struct setting *p = s->settings; p; p = p->next)
				for (size_t i = 0; i < ELEMENTS(risks); i++) {
					if (!matches(&risks[i], p) || n++ < *at)
						continue;
					*at = n;
					*ret = p->origin;
					return &risks[i];
				}
	return NULL;
}
