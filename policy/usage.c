/* SPDX-License-Identifier: Apache-2.0 */
/* Usage - what grants may use together. See usage.h. */
#include "policy/usage.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"
#include "policy/usage-part.h"

/* Whose grants are added up. */
struct scope {
	const struct section *section; /* [defaults] or NULL: the node's; else those of that handler or rule */
	const char *namespace;	       /* NULL: of all namespaces */
};

static bool is_node(const struct scope *scope)
{
	return !scope->section || scope->section->kind == SECTION_DEFAULTS;
}

static uint64_t amount(const struct usage *usage, size_t offset)
{
	return *(const uint64_t *)((const char *)usage + offset);
}

void usage_init(struct usage *ret)
{
	*ret = (struct usage) {
		.grants = 1, .descendants = LIMIT_MAX, .memory = LIMIT_MAX, .pids = LIMIT_MAX, .cpu = LIMIT_MAX
	};
}

/* Thousandths of a core, rounded up. */
static uint64_t millicores(const struct limit_value *value)
{
	const unsigned __int128 scaled = (unsigned __int128)value->number * 1000;

	if (value->number == LIMIT_MAX || value->period == 0)
		return LIMIT_MAX;
	return (uint64_t)((scaled + value->period - 1) / value->period);
}

void usage_note(struct usage *usage, const char *file, const struct limit_value *value)
{
	for (size_t i = 0; i < ELEMENTS(budgets); i++)
		if (budgets[i].file && strcmp(budgets[i].file, file) == 0)
			*(uint64_t *)((char *)usage + budgets[i].offset) =
				strcmp(file, "cpu.max") == 0 ? millicores(value) : value->number;
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
	return a > LIMIT_MAX - b ? LIMIT_MAX : a + b;
}

void usage_add(struct usage *sum, const struct usage *more)
{
	sum->grants = add_up(sum->grants, more->grants);
	sum->descendants = add_up(sum->descendants, more->descendants);
	sum->memory = add_up(sum->memory, more->memory);
	sum->pids = add_up(sum->pids, more->pids);
	sum->cpu = add_up(sum->cpu, more->cpu);
}

/* An entry that does not say whose it is counts for everybody. Names of sections are never longer than a member. */
static bool counts(const struct budget_entry *entry, const struct scope *scope)
{
	if (entry->id == 0 || !entry->handler[0])
		return entry->id != 0;
	if (scope->namespace && strncmp(entry->namespace, scope->namespace, sizeof(entry->namespace) - 1) != 0)
		return false;
	if (is_node(scope))
		return true;
	if (scope->section->kind == SECTION_RULE && !entry->rule[0])
		return section_has_word(scope->section, KEY_HANDLER, entry->handler);
	return strcmp(scope->section->name, scope->section->kind == SECTION_RULE ? entry->rule : entry->handler) == 0;
}

struct usage usage_sum(const struct budget_entry *entries, size_t n, uint64_t but, const struct section *section,
		       const char *namespace)
{
	const struct scope scope = { section, namespace };
	struct usage sum = { 0 };

	for (size_t i = 0; i < n; i++)
		if (entries[i].id != but && counts(&entries[i], &scope))
			usage_add(&sum, &entries[i].usage);
	return sum;
}

/* The amount that the section sets. Each section's budgets hold by themselves: a rule's does not replace its
 * handler's. Only the node has one that is built in. */
static uint64_t read_budget(const struct scope *scope, const struct setting *setting, size_t i)
{
	const char *initial = is_node(scope) ? keys[budgets[i].key].initial : NULL;
	uint64_t number = LIMIT_MAX;

	if (setting)
		return budgets[i].file && strcmp(budgets[i].file, "cpu.max") == 0 ? millicores(&setting->limit)
										  : setting->limit.number;
	/* The table's is a number or "max". */
	return initial && strcmp(initial, "max") != 0 && text_to_u64(initial, &number) < 0 ? 0 : number;
}

static const char *show(const char *file, uint64_t number, char *buf, size_t size)
{
	if (number == LIMIT_MAX)
		(void)snprintf(buf, size, "no bound");
	else if (file && strcmp(file, "cpu.max") == 0)
		(void)snprintf(buf, size, "%llu.%03llu cores", (unsigned long long)number / 1000,
			       (unsigned long long)number % 1000);
	else
		(void)snprintf(buf, size, "%llu", (unsigned long long)number);
	return buf;
}

/* "[handler ci], namespace 'a'" */
static const char *show_scope(const struct scope *scope, char *buf, size_t size)
{
	char escaped[100];
	int n = is_node(scope)
			? snprintf(buf, size, "this node")
			: snprintf(buf, size, "[%s %s]", section_kind_name(scope->section->kind), scope->section->name);

	if (n > 0 && (size_t)n < size && scope->namespace)
		(void)snprintf(buf + n, size - (size_t)n, ", namespace '%s'",
			       text_escape(scope->namespace, escaped, sizeof(escaped)));
	return buf;
}

/* Did the profile have such a ceiling, which could not be set? */
static bool is_skipped(const struct request *request, const char *file)
{
	return section_limit(request->profile, file) && !facts_file(request->facts, file);
}

static void refuse_over(struct request *request, size_t i, const struct scope *scope, uint64_t used, uint64_t own,
			uint64_t most)
{
	const struct setting *line = section_get(scope->section, budgets[i].key);
	const char *file = budgets[i].file, *name = keys[budgets[i].key].name;
	char a[40], b[40], c[40], whose[200];

	(void)show_scope(scope, whose, sizeof(whose));
	(void)show(file, most, a, sizeof(a));
	(void)show(file, own, c, sizeof(c));
	if (own == LIMIT_MAX && is_skipped(request, file))
		request_refuse(
			request, REASON_BUDGET, line,
			"%s is %s for %s, and this container's %s cannot be counted, because its cgroup has no such file: enable the controller in the cgroup above",
			name, a, whose, file);
	else if (own == LIMIT_MAX)
		request_refuse(
			request, REASON_BUDGET, line,
			"%s is %s for %s, but this container has no ceiling of %s that could be counted; set one in its profile",
			name, a, whose, file);
	else if (own > most && !file)
		request_refuse(request, REASON_BUDGET, line,
			       "%s is %s for %s, so no container can be granted anything; raise it", name, a, whose);
	else if (own > most)
		request_refuse(
			request, REASON_BUDGET, line,
			"%s is %s for %s, and this container alone would add %s, its ceiling of %s; raise the budget or lower the ceiling",
			name, a, whose, c, file);
	else
		request_refuse(
			request, REASON_BUDGET, line,
			"%s is %s for %s, of which %s %s delegated, and this container would add %s; end other containers or raise the budget",
			name, a, whose, show(file, used, b, sizeof(b)), used == 1 ? "is" : "are", c);
}

/* False: how much is delegated is not known, and nothing more needs to be asked. */
static bool require_budget(struct request *request, size_t i, const struct scope *scope)
{
	const struct setting *setting = section_get(scope->section, budgets[i].key);
	const uint64_t most = read_budget(scope, setting, i);
	const uint64_t own = amount(&request->decision->usage, budgets[i].offset);
	const struct facts *facts = request->facts;
	struct usage sum;

	if (most == LIMIT_MAX)
		return true;
	if (facts->grants_known != TRI_YES) {
		request_refuse(request, REASON_UNKNOWN, setting,
			       "it is not known how much is delegated on this node, so %s cannot be checked",
			       keys[budgets[i].key].name);
		return false;
	}
	sum = usage_sum(facts->grants, facts->n_grants, facts->cgroup_id, scope->section, scope->namespace);
	if (own > most || amount(&sum, budgets[i].offset) > most - own)
		refuse_over(request, i, scope, amount(&sum, budgets[i].offset), own, most);
	return true;
}

/* The kernel's cgroup ids are the whole node's, so that one bound stays the node's in any case. A container whose
 * namespace is not known counts with all others of which that is true. */
static const char *namespace_of(const struct request *request, const struct section *section, enum key_id key)
{
	const char *namespace = request->decision->who.namespace;

	if (!section_has_word(section, KEY_PER, "namespace") ||
	    (section == request->defaults && key == KEY_MAX_TOTAL_DESCENDANTS))
		return NULL;
	return namespace ? namespace : "";
}

/* Granted to this very container already: it is counted, and nothing is added. */
void request_budgets(struct request *request)
{
	const struct section *sections[] = { request->defaults, request->handler, request->rule };
	struct decision *d = request->decision;

	usage_init(&d->usage);
	for (size_t i = 0; i < d->n_ceilings; i++)
		usage_note(&d->usage, d->ceilings[i].file, &d->ceilings[i].value);
	for (size_t s = 0; s < ELEMENTS(sections) && !request->facts->granted; s++)
		for (size_t i = 0; i < ELEMENTS(budgets); i++) {
			struct scope scope = { sections[s], namespace_of(request, sections[s], budgets[i].key) };

			if ((s == 0 || sections[s]) && !require_budget(request, i, &scope))
				return;
		}
}
