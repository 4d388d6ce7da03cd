/* SPDX-License-Identifier: Apache-2.0 */
/* Finding - settings with a price, and lines that do nothing or refuse everything. See finding.h. */
#include "policy/finding.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/decide.h"

#define NAME_SIZE 64 /* a section's name, with its NUL */

/* Where findings go. */
struct listener {
	const struct ruleset *rules;
	finding_fn tell;
	void *userdata;
};

/* Settings that are valid and have a price. */
static const struct risk {
	enum finding_id id;
	enum key_id key;
	const char *name;  /* KEY_LIMIT: the file */
	const char *value; /* the value that is a risk */
	const char *text;
} risks[] = {
	{ FINDING_USERNS_NOT_REQUIRED, KEY_REQUIRE_USERNS, NULL, "false",
	  "require_userns = false: file ownership protects nothing where the container's root is the host's; only the grant guard is left, and it is then required" },
	{ FINDING_GUARD_OFF, KEY_GUARD, NULL, "off",
	  "guard = off: nothing guards pressure files and bpf(2) in the subtree" },
	{ FINDING_DEVICE_BPF_RUNTIME, KEY_DEVICE_BPF, NULL, "runtime",
	  "device_bpf = runtime: a container is granted even if no device program is on its cgroup" },
	{ FINDING_PRESSURE_ALLOWED, KEY_PRESSURE, NULL, "allow",
	  "pressure = allow: triggers on *.pressure files start kernel threads outside the container's limits" },
	{ FINDING_TOTAL_UNBOUNDED, KEY_MAX_TOTAL_DESCENDANTS, NULL, "max",
	  "max_total_descendants = max: all grants together can use up the kernel's 65535 memory cgroup ids" },
	{ FINDING_AUDIT_PREFERRED, KEY_AUDIT, NULL, "prefer",
	  "audit = prefer: a grant is made even when it cannot be recorded" },
	{ FINDING_LIMITS_SKIPPED, KEY_ON_MISSING_LIMIT, NULL, "skip",
	  "on_missing_limit = skip: a container may run without a ceiling that its profile names" },
	{ FINDING_DESCENDANTS_UNBOUNDED, KEY_LIMIT, "cgroup.max.descendants", "max",
	  "cgroup.max.descendants = max: one container can use up the host's memory and its 65535 memory cgroup ids" },
	{ FINDING_DEPTH_UNBOUNDED, KEY_LIMIT, "cgroup.max.depth", "max",
	  "cgroup.max.depth = max: removing a deep tree can hold the host's cgroup lock for long" },
};

static void tell(const struct listener *to, enum finding_id id, const struct origin *place, const char *remedy,
		 const char *fmt, ...) _printf_(5, 6);
static void tell(const struct listener *to, enum finding_id id, const struct origin *place, const char *remedy,
		 const char *fmt, ...)
{
	char text[512];
	struct finding finding = { .id = id, .place = *place, .text = text, .remedy = remedy };
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		to->tell(&finding, to->userdata);
	va_end(ap);
}

static void find_risks(const struct listener *to, const struct setting *setting)
{
	for (const struct risk *r = risks; r < risks + ELEMENTS(risks); r++) {
		struct finding finding = { r->id, FINDING_RISK, setting->origin, r->text, NULL };

		if (setting->key->id == r->key && strcmp(setting->value, r->value) == 0 &&
		    (!r->name || strcmp(setting->name, r->name) == 0))
			to->tell(&finding, to->userdata);
	}
}

static void find_idle(const struct listener *to, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const char *list = approved ? approved->value : "";
	bool asked = false;
	char word[256];

	while (!asked && text_next_word(&list, word, sizeof(word)) > 0)
		asked = annotation_asks(word);
	if (!asked && !policy_grants_unasked(to->rules, handler))
		tell(to, FINDING_HANDLER_IDLE, &handler->origin,
		     "approve cgdeleg.io/writable, or set cgroup_writable = true",
		     "[handler %s] grants nothing: none of its approved_annotations asks for a writable cgroup, and neither the handler nor a rule for it has cgroup_writable = true",
		     handler->name);
}

/* A budget counts ceilings, so a container without one is refused. An annotation may supply it. */
static void find_uncounted(const struct listener *to, const struct section *handler, const struct setting *budget,
			   const char *profile)
{
	const char *file = budget->name + strlen("budget.");
	const struct section *section = ruleset_find(to->rules, SECTION_PROFILE, profile);
	const struct setting *limit = section ? section_limit(section, file) : NULL;
	char key[96];

	(void)snprintf(key, sizeof(key), ANNOTATION_PREFIX "%s", file);
	if (section_has_word(handler, KEY_APPROVED_ANNOTATIONS, key))
		return;
	if (section && (!limit || strcmp(limit->value, "max") == 0))
		tell(to, FINDING_BUDGET_UNCOUNTED, &budget->origin, "set it in the profile",
		     "%s refuses every container of profile '%s' (%s:%u), which has no %s to be counted", budget->name,
		     profile, section->origin.file, section->origin.line, file);
	else if (!profile[0])
		tell(to, FINDING_BUDGET_UNCOUNTED, &budget->origin, "give it a profile that sets one",
		     "%s refuses every container to which [handler %s] gives no profile, because without one it has no %s to be counted",
		     budget->name, handler->name, file);
}

/* Does the rule give a container of that handler the profile? */
static bool gives(const struct section *rule, const char *handler)
{
	return section_has_word(rule, KEY_HANDLER, handler) && !section_has_word(rule, KEY_CGROUP_WRITABLE, "false");
}

/* If every rule names a profile, nobody gets the handler's own. */
static bool is_replaced(const struct listener *to, const struct section *handler)
{
	bool any = false;

	for (const struct section *s = to->rules->sections[SECTION_RULE]; s; s = s->next)
		if (gives(s, handler->name)) {
			if (!section_get(s, KEY_PROFILE))
				return false;
			any = true;
		}
	return any;
}

/* Can a container of the handler get that profile? */
static bool is_given(const struct listener *to, const struct section *handler, const char *profile)
{
	const bool chosen = section_has_word(handler, KEY_APPROVED_ANNOTATIONS, ANNOTATION_PROFILE);

	if ((section_has_word(handler, KEY_PROFILE, profile) && !is_replaced(to, handler)) ||
	    (chosen && section_has_word(handler, KEY_PROFILES, profile)))
		return true;
	for (const struct section *s = to->rules->sections[SECTION_RULE]; s; s = s->next)
		if (gives(s, handler->name) && (section_has_word(s, KEY_PROFILE, profile) ||
						(chosen && section_has_word(s, KEY_PROFILES, profile))))
			return true;
	return false;
}

static void find_budgets(const struct listener *to, const struct section *handler)
{
	static const enum key_id budgets[] = { KEY_BUDGET_MEMORY, KEY_BUDGET_PIDS, KEY_BUDGET_CPU };

	for (size_t i = 0; i < ELEMENTS(budgets); i++) {
		const struct setting *budget = section_get(handler, budgets[i]);

		if (!budget || strcmp(budget->value, "max") == 0)
			continue;
		if (!section_get(handler, KEY_PROFILE) && !is_replaced(to, handler))
			find_uncounted(to, handler, budget, "");
		for (const struct section *s = to->rules->sections[SECTION_PROFILE]; s; s = s->next)
			if (is_given(to, handler, s->name))
				find_uncounted(to, handler, budget, s->name);
	}
}

/* Is there an earlier rule that matches every container of that handler? */
static const struct section *taken_by(const struct ruleset *rules, const struct section *rule, const char *handler)
{
	for (const struct section *s = rules->sections[SECTION_RULE]; s != rule; s = s->next)
		if (section_has_word(s, KEY_HANDLER, handler) && !section_get(s, KEY_NAMESPACES) &&
		    !section_get(s, KEY_PODS) && !section_get(s, KEY_CONTAINERS) && !section_get(s, KEY_IMAGES))
			return s;
	return NULL;
}

static void find_shadowed(const struct listener *to, const struct section *rule)
{
	const struct setting *handlers = section_get(rule, KEY_HANDLER);
	const struct section *above = NULL;
	const char *list = handlers ? handlers->value : "";
	char word[NAME_SIZE];

	while (text_next_word(&list, word, sizeof(word)) > 0) {
		above = taken_by(to->rules, rule, word);
		if (!above)
			return;
	}
	if (above)
		tell(to, FINDING_RULE_SHADOWED, &rule->origin, "put the wider rule last",
		     "[rule %s] is never reached: [rule %s] (%s:%u) comes first and matches every container",
		     rule->name, above->name, above->origin.file, above->origin.line);
}

void findings_each(const struct ruleset *rules, finding_fn tell_fn, void *userdata)
{
	const struct listener to = { rules, tell_fn, userdata };

	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = rules->sections[kind]; s; s = s->next)
			for (const struct setting *p = s->settings; p; p = p->next)
				find_risks(&to, p);
	for (const struct section *s = rules->sections[SECTION_HANDLER]; s; s = s->next) {
		find_idle(&to, s);
		find_budgets(&to, s);
	}
	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next)
		find_shadowed(&to, s);
}

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = { "note", "risk", "fault" };

	return names[severity];
}
