/* SPDX-License-Identifier: Apache-2.0 */
/* Keys - the table. Checking a value against it is key-check.c. See keys.h. */
#include "policy/keys.h"

#include <string.h>

#include "policy/annotation.h"

#define D (1U << SECTION_DEFAULTS)
#define P (1U << SECTION_PROFILE)
#define H (1U << SECTION_HANDLER)
#define R (1U << SECTION_RULE)

static const char *const on_refusal_words[] = { "fail", "readonly", NULL };
static const char *const on_missing_limit_words[] = { "refuse", "skip", NULL };
static const char *const owner_words[] = { "root", "process", NULL };
static const char *const device_bpf_words[] = { "withhold", "runtime", NULL };
static const char *const guard_words[] = { "require", "prefer", "off", NULL };
static const char *const pressure_words[] = { "deny", "allow", NULL };
static const char *const audit_words[] = { "require", "prefer", NULL };
static const char *const yes_no_words[] = { "yes", "no", NULL };

const struct key keys[KEY_ID_MAX] = {
	[KEY_REQUIRE_USERNS] = { .id = KEY_REQUIRE_USERNS,
				 .name = "require_userns",
				 .kind = KEY_BOOL,
				 .sections = D | H,
				 .initial = "true",
				 .help = "grant only to a user namespace that cannot reach host id 0" },
	[KEY_ON_REFUSAL] = { .id = KEY_ON_REFUSAL,
			     .name = "on_refusal",
			     .kind = KEY_WORD,
			     .sections = D | H,
			     .words = on_refusal_words,
			     .initial = "fail",
			     .help = "a refused container is not created, or runs without the grant" },
	[KEY_ON_MISSING_LIMIT] = { .id = KEY_ON_MISSING_LIMIT,
				   .name = "on_missing_limit",
				   .kind = KEY_WORD,
				   .sections = D | P | H,
				   .words = on_missing_limit_words,
				   .initial = "refuse",
				   .help = "what to do when a ceiling's file is missing" },
	[KEY_NEST] = { .id = KEY_NEST,
		       .name = "nest",
		       .kind = KEY_LEAF,
		       .sections = D | P | H,
		       .initial = "none",
		       .help = "the leaf for the container's processes" },
	[KEY_ENABLE_CONTROLLERS] = { .id = KEY_ENABLE_CONTROLLERS,
				     .name = "enable_controllers",
				     .kind = KEY_CONTROLLERS,
				     .sections = D | P | H,
				     .initial = "cpu memory pids io",
				     .help = "controllers to enable above the leaf" },
	[KEY_OWNER] = { .id = KEY_OWNER,
			.name = "owner",
			.kind = KEY_WORD,
			.sections = D | P | H | R,
			.words = owner_words,
			.initial = "root",
			.help = "who gets the cgroup" },
	[KEY_DEVICE_BPF] = { .id = KEY_DEVICE_BPF,
			     .name = "device_bpf",
			     .kind = KEY_WORD,
			     .sections = D | P | H,
			     .words = device_bpf_words,
			     .initial = "withhold",
			     .help = "whether the cgroup must have a device program" },
	[KEY_GUARD] = { .id = KEY_GUARD,
			.name = "guard",
			.kind = KEY_WORD,
			.sections = D | P | H,
			.words = guard_words,
			.initial = "prefer",
			.help = "whether the grant guard is needed" },
	[KEY_PRESSURE] = { .id = KEY_PRESSURE,
			   .name = "pressure",
			   .kind = KEY_WORD,
			   .sections = D | P | H,
			   .words = pressure_words,
			   .initial = "deny",
			   .help = "whether the grant guard allows writing to *.pressure" },
	[KEY_AUDIT] = { .id = KEY_AUDIT,
			.name = "audit",
			.kind = KEY_WORD,
			.sections = D,
			.words = audit_words,
			.initial = "require",
			.help = "whether a grant needs an audit record" },
	[KEY_AUDIT_SYNC] = { .id = KEY_AUDIT_SYNC,
			     .name = "audit_sync",
			     .kind = KEY_WORD,
			     .sections = D,
			     .words = yes_no_words,
			     .initial = "no",
			     .help = "fsync the audit record before the grant" },
	[KEY_MAX_TOTAL_DESCENDANTS] = { .id = KEY_MAX_TOTAL_DESCENDANTS,
					.name = "max_total_descendants",
					.kind = KEY_COUNT,
					.sections = D,
					.initial = "16384",
					.help = "the most that cgroup.max.descendants of all grants of the node may add up to" },
	[KEY_ENGINE] = { .id = KEY_ENGINE,
			 .name = "engine",
			 .kind = KEY_WORD,
			 .sections = H,
			 .words = engine_names,
			 .help = "whose annotations say who a container is; mandatory" },
	[KEY_CGROUP_WRITABLE] = { .id = KEY_CGROUP_WRITABLE,
				  .name = "cgroup_writable",
				  .kind = KEY_BOOL,
				  .sections = H | R,
				  .help = "grant, forbid, or (absent) grant when asked" },
	[KEY_APPROVED_ANNOTATIONS] = { .id = KEY_APPROVED_ANNOTATIONS,
				       .name = "approved_annotations",
				       .kind = KEY_ANNOTATIONS,
				       .sections = H,
				       .help = "the annotation keys that count" },
	[KEY_PROFILE] = { .id = KEY_PROFILE,
			  .name = "profile",
			  .kind = KEY_NAME,
			  .sections = H | R,
			  .help = "the profile whose ceilings and settings apply" },
	[KEY_PROFILES] = { .id = KEY_PROFILES,
			   .name = "profiles",
			   .kind = KEY_NAMES,
			   .sections = H | R,
			   .help = "the profiles that an annotation may choose" },
	[KEY_MAX_DELEGATED] = { .id = KEY_MAX_DELEGATED,
				.name = "max_delegated",
				.kind = KEY_COUNT,
				.sections = H,
				.help = "how many grants the handler may have at a time" },
	[KEY_BUDGET_MEMORY] = { .id = KEY_BUDGET_MEMORY,
				.name = "budget.memory.max",
				.kind = KEY_BUDGET,
				.sections = H,
				.help = "the most that memory.max of the handler's grants may add up to" },
	[KEY_BUDGET_PIDS] = { .id = KEY_BUDGET_PIDS,
			      .name = "budget.pids.max",
			      .kind = KEY_BUDGET,
			      .sections = H,
			      .help = "the most that pids.max of the handler's grants may add up to" },
	[KEY_BUDGET_CPU] = { .id = KEY_BUDGET_CPU,
			     .name = "budget.cpu.max",
			     .kind = KEY_BUDGET,
			     .sections = H,
			     .help = "the most that cpu.max of the handler's grants may add up to" },
	[KEY_HANDLER] = { .id = KEY_HANDLER,
			  .name = "handler",
			  .kind = KEY_NAMES,
			  .sections = R,
			  .help = "the handlers that the rule refines; mandatory" },
	[KEY_NAMESPACES] = { .id = KEY_NAMESPACES,
			     .name = "namespaces",
			     .kind = KEY_PATTERNS,
			     .sections = R,
			     .help = "Kubernetes namespaces" },
	[KEY_PODS] = { .id = KEY_PODS, .name = "pods", .kind = KEY_PATTERNS, .sections = R, .help = "pod names" },
	[KEY_CONTAINERS] = { .id = KEY_CONTAINERS,
			     .name = "containers",
			     .kind = KEY_PATTERNS,
			     .sections = R,
			     .help = "container names within the pod" },
	[KEY_IMAGES] = { .id = KEY_IMAGES,
			 .name = "images",
			 .kind = KEY_PATTERNS,
			 .sections = R,
			 .help = "image names as the engine writes them" },
	[KEY_LIMIT] = { .id = KEY_LIMIT,
			.name = "<limit>",
			.kind = KEY_LIMIT_VALUE,
			.sections = P,
			.help = "a ceiling, by the name of the kernel's file" },
};

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
