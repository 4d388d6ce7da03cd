/* SPDX-License-Identifier: Apache-2.0 */
/* Usage, budgets - each budget that a policy sets, beside what is used of it. See usage.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/usage-part.h"

/* Those that count for everybody come first, then one namespace after the other. */
static int compare_entries(const void *left, const void *right)
{
	const struct budget_entry *a = left, *b = right;
	const int known = (a->handler[0] != '\0') - (b->handler[0] != '\0');

	return known ? known : strncmp(a->namespace, b->namespace, sizeof(a->namespace));
}

/* A setting counts as a ceiling of the same file does. */
static uint64_t allowed_by(const struct section *section, enum budget_kind kind)
{
	const struct setting *setting = section_get(section, budgets[kind].key);
	const bool is_node = !section || section->kind == SECTION_DEFAULTS;
	const char *initial = is_node ? keys[budgets[kind].key].initial : NULL;
	uint64_t number = LIMIT_MAX;
	struct usage usage;

	if (setting && budgets[kind].file) {
		usage_init(&usage);
		usage_note(&usage, budgets[kind].file, &setting->limit);
		return *(const uint64_t *)((const char *)&usage + budgets[kind].offset);
	}
	if (setting)
		return setting->limit.number;
	if (initial && strcmp(initial, "max") != 0)
		(void)text_to_u64(initial, &number);
	return number;
}

static void tell_one(struct budget_use *use, const struct usage *sum, budget_fn tell, void *userdata)
{
	use->used = *(const uint64_t *)((const char *)sum + budgets[use->kind].offset);
	tell(use, userdata);
}

/* The sums of one section, namespace by namespace. An entry that may be of any namespace counts in each. */
static void tell_namespaces(struct budget_use *use, const struct budget_entry *entries, size_t n, budget_fn tell,
			    void *userdata)
{
	size_t first = 0, end;

	while (first < n && !entries[first].handler[0])
		first++;
	for (size_t i = first; i < n; i = end) {
		struct usage sum, common;

		for (end = i + 1; end < n && strcmp(entries[end].namespace, entries[i].namespace) == 0; end++)
			;
		sum = usage_sum(&entries[i], end - i, 0, use->section, NULL);
		if (sum.grants == 0)
			continue;
		common = usage_sum(entries, first, 0, use->section, NULL);
		usage_add(&sum, &common);
		use->namespace = entries[i].namespace;
		tell_one(use, &sum, tell, userdata);
	}
}

static void tell_section(const struct section *section, const struct budget_entry *entries, size_t n, budget_fn tell,
			 void *userdata)
{
	const bool per_namespace = section_has_word(section, KEY_PER, "namespace");
	const struct usage all = usage_sum(entries, n, 0, section, NULL);

	for (int kind = 0; kind < BUDGET_KINDS; kind++) {
		struct budget_use use = { .kind = (enum budget_kind)kind, .section = section };

		use.allowed = allowed_by(section, use.kind);
		if (use.allowed == LIMIT_MAX)
			continue;
		/* The kernel's cgroup ids are the whole node's. */
		if (per_namespace && !(section->kind == SECTION_DEFAULTS && kind == BUDGET_DESCENDANTS))
			tell_namespaces(&use, entries, n, tell, userdata);
		else
			tell_one(&use, &all, tell, userdata);
	}
}

void usage_each(const struct ruleset *rules, struct budget_entry *entries, size_t n, budget_fn tell, void *userdata)
{
	static const enum section_kind kinds[] = { SECTION_HANDLER, SECTION_RULE };

	if (n > 0)
		qsort(entries, n, sizeof(*entries), compare_entries);
	tell_section(rules->sections[SECTION_DEFAULTS], entries, n, tell, userdata);
	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		for (const struct section *s = rules->sections[kinds[i]]; s; s = s->next)
			tell_section(s, entries, n, tell, userdata);
}
