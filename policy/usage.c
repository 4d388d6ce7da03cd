/* SPDX-License-Identifier: Apache-2.0 */
/* Usage - what grants may use together. See usage.h. */
#include "policy/usage.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"

/* Where a budget is set, and what it bounds. Every ceiling that is summed up has one row. */
static const struct {
	enum key_id key;
	bool node;	  /* over all handlers' grants; else over this handler's */
	const char *file; /* whose ceilings; NULL: the number of grants */
	size_t offset;	  /* in struct usage */
} budgets[] = {
	{ KEY_MAX_TOTAL_DESCENDANTS, true, "cgroup.max.descendants", offsetof(struct usage, descendants) },
	{ KEY_MAX_DELEGATED, false, NULL, offsetof(struct usage, grants) },
	{ KEY_BUDGET_MEMORY, false, "memory.max", offsetof(struct usage, memory) },
	{ KEY_BUDGET_PIDS, false, "pids.max", offsetof(struct usage, pids) },
	{ KEY_BUDGET_CPU, false, "cpu.max", offsetof(struct usage, cpu) },
};

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

/* The amount that the policy sets, or that is built in. */
static uint64_t read_budget(const struct request *request, size_t i)
{
	const struct setting *setting = request_setting(request, budgets[i].key);
	const char *initial = keys[budgets[i].key].initial;
	uint64_t number = LIMIT_MAX;

	if (setting)
		return budgets[i].file && strcmp(budgets[i].file, "cpu.max") == 0 ? millicores(&setting->limit)
										  : setting->limit.number;
	/* The table's is a number. */
	return initial && text_to_u64(initial, &number) < 0 ? 0 : number;
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

static void refuse_over(struct request *request, size_t i, uint64_t used, uint64_t own, uint64_t most)
{
	const char *file = budgets[i].file;
	const struct setting *line = request_setting(request, budgets[i].key);
	char a[40], b[40], c[40];

	if (own == LIMIT_MAX)
		request_refuse(
			request, REASON_BUDGET, line,
			"%s is %s, but this container has no ceiling of %s that could be counted; set one in its profile, and do not let on_missing_limit skip it",
			keys[budgets[i].key].name, show(file, most, a, sizeof(a)), file);
	else
		request_refuse(
			request, REASON_BUDGET, line,
			"%s is %s, of which %s %s delegated, and this container would add %s; end other containers or raise the budget",
			keys[budgets[i].key].name, show(file, most, a, sizeof(a)), show(file, used, b, sizeof(b)),
			used == 1 ? "is" : "are", show(file, own, c, sizeof(c)));
}

/* Granted to this very container already: it is counted, and nothing is added. */
void request_budgets(struct request *request)
{
	const struct facts *facts = request->facts;
	struct decision *d = request->decision;

	usage_init(&d->usage);
	for (size_t i = 0; i < d->n_ceilings; i++)
		usage_note(&d->usage, d->ceilings[i].file, &d->ceilings[i].value);
	for (size_t i = 0; i < ELEMENTS(budgets) && !facts->granted; i++) {
		const struct usage *in_use = budgets[i].node ? &facts->node_usage : &facts->handler_usage;
		uint64_t most = read_budget(request, i);
		uint64_t own = amount(&d->usage, budgets[i].offset);
		uint64_t used = amount(in_use, budgets[i].offset);

		if (most == LIMIT_MAX)
			continue;
		if (facts->usage_known != TRI_YES) {
			request_refuse(request, REASON_UNKNOWN, NULL,
				       "how much is delegated on this node is not known, so %s cannot be checked",
				       keys[budgets[i].key].name);
			return;
		}
		if (own > most || used > most - own)
			refuse_over(request, i, used, own, most);
	}
}
