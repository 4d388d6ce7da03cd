/* SPDX-License-Identifier: Apache-2.0 */
/* Finding - settings with a price, and lines that do nothing or refuse everything. See finding.h, finding-part.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/finding-page.h"
#include "policy/finding-part.h"

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

void finding_tell(const struct listener *to, enum finding_id id, const struct origin *place, const char *remedy,
		  const char *fmt, ...)
{
	char text[512];
	const struct finding_page *page = finding_page(id);
	struct finding finding = {
		.id = page->id, .severity = page->severity, .place = *place, .text = text, .remedy = remedy
	};
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		to->tell(&finding, to->userdata);
	va_end(ap);
}

static void find_risks(const struct listener *to, const struct setting *setting)
{
	for (const struct risk *r = risks; r < risks + ELEMENTS(risks); r++) {
		struct finding finding = { finding_page(r->id)->id, FINDING_RISK, setting->origin, 0, r->text, NULL };

		if (setting->key->id == r->key && strcmp(setting->value, r->value) == 0 &&
		    (!r->name || strcmp(setting->name, r->name) == 0))
			to->tell(&finding, to->userdata);
	}
}

/* Whatever stands by itself, in the order of the files. */
static void find_in_sections(const struct listener *to)
{
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = to->rules->sections[kind]; s; s = s->next)
			for (const struct setting *p = s->settings; p; p = p->next)
				find_risks(to, p);
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = to->rules->sections[kind]; s; s = s->next)
			find_limits(to, s);
}

int findings_each(const struct ruleset *rules, finding_fn tell_fn, void *userdata)
{
	struct index index;
	const struct listener to = { rules, &index, tell_fn, userdata };
	/* What is built in holds without the section, too. */
	static const struct section built_in = { .kind = SECTION_DEFAULTS, .name = "" };
	const struct section *defaults = rules->sections[SECTION_DEFAULTS];
	int r = index_make(&index, rules);

	if (r >= 0) {
		find_in_sections(&to);
		find_profiles(&to);
		find_budgets(&to, defaults ? defaults : &built_in);
	}
	for (struct index_handler *h = index.handlers; r >= 0 && h < index.handlers + index.n_handlers; h++) {
		find_grants(&to, h);
		find_image_asks(&to, h->section);
		find_choices(&to, h);
		find_budgets(&to, h->section);
		find_unbounded(&to, h);
	}
	if (r >= 0)
		r = find_rules(&to);
	arena_done(&index.arena);
	for (const struct unread *u = rules->unread; r >= 0 && u; u = u->next)
		finding_tell(&to, FINDING_FILE_UNREAD, &(struct origin) { .file = u->file },
			     "rename it, or move it out of policy.d",
			     "it is not read, because its name does not end in .ini or begins with a dot");
	return r;
}

static const char *const severity_names[FINDING_SEVERITY_MAX] = { "note", "risk", "fault" };

const char *finding_severity_name(enum finding_severity severity)
{
	return severity_names[severity];
}

enum finding_severity finding_severity_find(const char *name)
{
	int i = 0;

	while (i < FINDING_SEVERITY_MAX && strcmp(severity_names[i], name) != 0)
		i++;
	return (enum finding_severity)i;
}
