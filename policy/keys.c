/* SPDX-License-Identifier: Apache-2.0 */
/* Keys - the table. Checking a value against it is key-check.c. See keys.h. */
#include "policy/keys.h"

#include <string.h>

#include "base/cleanup.h"
#include "policy/annotation.h"
#include "policy/host-option.h"

#define D (1U << SECTION_DEFAULTS)
#define P (1U << SECTION_PROFILE)
#define H (1U << SECTION_HANDLER)
#define R (1U << SECTION_RULE)

static const char *const on_refusal_words[] = { "fail", "readonly", NULL };
static const char *const shared_ids_words[] = { "note", "refuse", NULL };
static const char *const on_missing_limit_words[] = { "refuse", "skip", NULL };
static const char *const owner_words[] = { "root", "process", NULL };
static const char *const device_bpf_words[] = { "withhold", "runtime", NULL };
static const char *const guard_words[] = { "require", "prefer", "off", NULL };
static const char *const pressure_words[] = { "deny", "allow", NULL };
static const char *const audit_words[] = { "require", "prefer", NULL };
static const char *const per_words[] = { "all", "namespace", NULL };
static const char *const writable_mount_words[] = { "pass", "bound", "refuse", NULL };
static const char *const yes_no_words[] = { "yes", "no", NULL };

/* In the order of enum key_id: id, name, kind, sections, words, initial, help. */
const struct key keys[] = {
	{ KEY_REQUIRE_USERNS, "require_userns", KEY_BOOL, D | H, NULL, "true",
	  "grant only to a user namespace that cannot reach host id 0" },
	{ KEY_ON_REFUSAL, "on_refusal", KEY_WORD, D | H, on_refusal_words, "fail",
	  "a refused container is not created, or runs without the grant" },
	{ KEY_SHARED_IDS, "shared_ids", KEY_WORD, D | H, shared_ids_words, "note",
	  "what to do when another grant has host ids of the container's user namespace" },
	{ KEY_ON_MISSING_LIMIT, "on_missing_limit", KEY_LADDER, D | P | H, on_missing_limit_words, "refuse",
	  "what to do when a ceiling's file is missing" },
	{ KEY_NEST, "nest", KEY_LEAF, D | P | H, NULL, "none", "the leaf for the container's processes" },
	{ KEY_ENABLE_CONTROLLERS, "enable_controllers", KEY_CONTROLLERS, D | P | H, NULL, "cpu memory pids io",
	  "controllers to enable above the leaf" },
	{ KEY_OWNER, "owner", KEY_WORD, D | P | H | R, owner_words, "root", "who gets the cgroup" },
	{ KEY_DEVICE_BPF, "device_bpf", KEY_LADDER, D | P | H, device_bpf_words, "withhold",
	  "whether the cgroup must have a device program" },
	{ KEY_GUARD, "guard", KEY_LADDER, D | P | H, guard_words, "prefer", "whether the grant guard is needed" },
	{ KEY_PRESSURE, "pressure", KEY_LADDER, D | P | H, pressure_words, "deny",
	  "whether the grant guard allows writing to *.pressure" },
	{ KEY_AUDIT, "audit", KEY_WORD, D, audit_words, "require", "whether a grant needs an audit record" },
	{ KEY_AUDIT_SYNC, "audit_sync", KEY_WORD, D, yes_no_words, "no", "fsync the audit record before the grant" },
	{ KEY_HOST_OPTIONS, "host_options", KEY_MOUNT_OPTIONS, D, host_option_words, "found",
	  "the options that the host's cgroup2 must have" },
	{ KEY_MAX_TOTAL_DESCENDANTS, "max_total_descendants", KEY_COUNT, D | H | R, NULL, "16384",
	  "the most that cgroup.max.descendants of the section's grants may add up to" },
	{ KEY_ENGINE, "engine", KEY_WORD, H, engine_names, NULL,
	  "the engine, whose annotations say who a container is; mandatory" },
	{ KEY_CGROUP_WRITABLE, "cgroup_writable", KEY_BOOL, H | R, NULL, NULL,
	  "true grants, false forbids; without it a container is granted what it asks for" },
	{ KEY_WRITABLE_MOUNT, "writable_mount", KEY_WORD, H | R, writable_mount_words, "pass",
	  "what happens to a container that did not ask and whose cgroup is writable all the same" },
	{ KEY_APPROVED_ANNOTATIONS, "approved_annotations", KEY_ANNOTATIONS, H, NULL, NULL,
	  "the annotation keys that count" },
	{ KEY_PROFILE, "profile", KEY_NAME, H | R, NULL, NULL, "the profile whose ceilings and settings apply" },
	{ KEY_PROFILES, "profiles", KEY_NAMES, H | R, NULL, NULL, "the profiles that an annotation may choose" },
	{ KEY_MAX_DELEGATED, "max_delegated", KEY_COUNT, D | H | R, NULL, "max",
	  "how many grants the section may have at a time" },
	{ KEY_BUDGET_MEMORY, "budget.memory.max", KEY_BUDGET, D | H | R, NULL, "max",
	  "the most that memory.max of the section's grants may add up to" },
	{ KEY_BUDGET_PIDS, "budget.pids.max", KEY_BUDGET, D | H | R, NULL, "max",
	  "the most that pids.max of the section's grants may add up to" },
	{ KEY_BUDGET_CPU, "budget.cpu.max", KEY_BUDGET, D | H | R, NULL, "max",
	  "the most that cpu.max of the section's grants may add up to" },
	{ KEY_PER, "per", KEY_WORD, D | H | R, per_words, "all",
	  "whether the section's budgets are for all its grants, or for those of each namespace" },
	{ KEY_HANDLER, "handler", KEY_NAMES, R, NULL, NULL, "the handlers that the rule refines; mandatory" },
	{ KEY_NAMESPACES, "namespaces", KEY_PATTERNS, R, NULL, NULL, "Kubernetes namespaces" },
	{ KEY_PODS, "pods", KEY_PATTERNS, R, NULL, NULL, "pod names" },
	{ KEY_CONTAINERS, "containers", KEY_PATTERNS, R, NULL, NULL, "container names within the pod" },
	{ KEY_IMAGES, "images", KEY_PATTERNS, R, NULL, NULL, "image names as the engine writes them" },
	{ KEY_LIMIT, "<limit>", KEY_LIMIT_VALUE, P, NULL, NULL, "a ceiling, by the name of the kernel's file" },
};

_Static_assert(ELEMENTS(keys) == KEY_ID_MAX, "a key has no row");

const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < KEY_LIMIT; i++)
		if (keys[i].name[0] == name[0] && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return limit_type_find(name) ? &keys[KEY_LIMIT] : NULL;
}

static const char *const section_names[SECTION_KIND_MAX] = {
	[SECTION_DEFAULTS] = "defaults",
	[SECTION_PROFILE] = "profile",
	[SECTION_HANDLER] = "handler",
	[SECTION_RULE] = "rule",
};

const char *section_kind_name(enum section_kind kind)
{
	return kind >= 0 && kind < SECTION_KIND_MAX ? section_names[kind] : "invalid";
}

enum section_kind section_kind_find(const char *name)
{
	for (int i = 0; i < SECTION_KIND_MAX; i++)
		if (section_names[i][0] == name[0] && strcmp(section_names[i], name) == 0)
			return (enum section_kind)i;
	return SECTION_KIND_INVALID;
}
