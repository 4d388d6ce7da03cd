/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity - what this node has, and the policy's ceilings beside it. See capacity.h. */
#include "cgdeleg/node/capacity.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "policy/annotation.h"

#define COST_CGROUPS  1000  /* of one container: beyond it a scrape of the kubelet's takes minutes, see docs/costs.md */
#define KERNEL_BYTES  14000 /* of one cgroup */
#define KUBELET_BYTES 160000 /* of one cgroup, in the kubelet's cAdvisor */
#define KUBELET_LINES 36     /* of one cgroup, in each scrape */

static uint64_t read_number(int root_fd, const char *path)
{
	char text[64];
	uint64_t number;

	if (file_read_at(root_fd, path, text, sizeof(text)) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return text_to_u64(text, &number) < 0 ? 0 : number;
}

/* "0-3,7" */
static uint64_t count_cpus(const char *text)
{
	uint64_t count = 0;

	while (isdigit((unsigned char)*text)) {
		char *end;
		const unsigned long first = strtoul(text, &end, 10),
				    last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		if (last < first)
			return 0;
		count += last - first + 1;
		text = *end == ',' ? end + 1 : end;
	}
	return count;
}

void capacity_read(const char *root, struct capacity *ret)
{
	_cleanup_close_ int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t threads;
	char text[8192];
	const char *at;

	*ret = (struct capacity) { 0 };
	if (fd < 0)
		return;
	if (file_read_at(fd, "proc/meminfo", text, sizeof(text)) > 0 && (at = strstr(text, "MemTotal:")))
		ret->memory = strtoull(at + strlen("MemTotal:"), NULL, 10) * 1024;
	ret->pids = read_number(fd, "proc/sys/kernel/pid_max");
	threads = read_number(fd, "proc/sys/kernel/threads-max");
	if (threads && threads < ret->pids)
		ret->pids = threads;
	if (file_read_at(fd, "sys/devices/system/cpu/online", text, sizeof(text)) > 0)
		ret->cpus = count_cpus(text);
}

/* What a ceiling is compared with. */
struct compared {
	const char *file, *noun;
	enum finding_severity above; /* of a ceiling above it: what has no bound then can take down the node, or not */
	size_t offset;		     /* in struct capacity */
	enum key_id budget;
};

static const struct compared compared[] = {
	{ "memory.max", "bytes of memory", FINDING_RISK, offsetof(struct capacity, memory), KEY_BUDGET_MEMORY },
	{ "pids.max", "processes", FINDING_RISK, offsetof(struct capacity, pids), KEY_BUDGET_PIDS },
	{ "cpu.max", "processors", FINDING_NOTE, offsetof(struct capacity, cpus), KEY_BUDGET_CPU },
};

static void tell_as(const struct setting *line, enum finding_id kind, enum finding_severity severity, const char *text,
		    const char *remedy, finding_fn tell, void *userdata)
{
	const struct finding finding = {
		.id = finding_page(kind)->id, .severity = severity, .place = line->origin, .text = text, .remedy = remedy
	};

	tell(&finding, userdata);
}

/* In the unit of struct capacity, rounded up; LIMIT_MAX: none. */
static uint64_t amount(const struct setting *line, const struct compared *c)
{
	const struct limit_value *value = &line->limit;

	if (c->budget != KEY_BUDGET_CPU || value->number == LIMIT_MAX || value->period == 0)
		return value->number;
	return (value->number + value->period - 1) / value->period;
}

static void compare(const struct ruleset *rules, const struct section *profile, const struct compared *c, uint64_t has,
		    finding_fn tell, void *userdata)
{
	const struct setting *line = section_limit(profile, c->file);
	const struct section *defaults = ruleset_find(rules, SECTION_DEFAULTS, "");
	const struct setting *most = section_get(defaults, KEY_MAX_DELEGATED);
	const uint64_t one = line ? amount(line, c) : LIMIT_MAX, times = most ? most->limit.number : LIMIT_MAX;
	char text[300];

	if (!line || has == 0 || one == LIMIT_MAX)
		return;
	if (one > has) {
		(void)snprintf(text, sizeof(text), "%s = %s is above this node's %llu %s, so it bounds nothing here",
			       c->file, line->value, (unsigned long long)has, c->noun);
		tell_as(line, FINDING_CEILING_ABOVE_NODE, c->above, text, "lower it, or leave it for larger nodes",
			tell, userdata);
	} else if (times != LIMIT_MAX && times > 1 && one > has / times && !section_get(defaults, c->budget)) {
		(void)snprintf(text, sizeof(text), "%s = %s, %llu times (max_delegated), is above this node's %llu %s",
			       c->file, line->value, (unsigned long long)times, (unsigned long long)has, c->noun);
		tell_as(line, FINDING_CEILINGS_TOGETHER, FINDING_NOTE, text,
			"set a budget for all grants together, or lower max_delegated", tell, userdata);
	}
}

/* Does a handler whose engine a kubelet uses give that profile? */
static bool is_kubelets(const struct ruleset *rules, const struct section *profile)
{
	for (const struct section *handler = rules->sections[SECTION_HANDLER]; handler; handler = handler->next) {
		const struct setting *engine = section_get(handler, KEY_ENGINE);
		bool gives = section_has_word(handler, KEY_PROFILE, profile->name) ||
			     section_has_word(handler, KEY_PROFILES, profile->name);

		for (const struct section *rule = rules->sections[SECTION_RULE]; rule; rule = rule->next)
			gives |= section_has_word(rule, KEY_HANDLER, handler->name) &&
				 (section_has_word(rule, KEY_PROFILE, profile->name) ||
				  section_has_word(rule, KEY_PROFILES, profile->name));
		if (gives && engine && identity_is_stated(engine_find(engine->value)))
			return true;
	}
	return false;
}

static void weigh(const struct ruleset *rules, const struct section *profile, finding_fn tell, void *userdata)
{
	const struct setting *line = section_limit(profile, "cgroup.max.descendants");
	const uint64_t n = line ? line->limit.number : 0;
	char text[300];

	/* "max" is a risk of its own. */
	if (n == LIMIT_MAX || n < COST_CGROUPS)
		return;
	if (is_kubelets(rules, profile))
		(void)snprintf(
			text, sizeof(text),
			"one container may make %llu cgroups: up to %llu MB of the kernel's memory, %llu MB of the kubelet's, and %llu lines in each of its scrapes",
			(unsigned long long)n, (unsigned long long)(n * KERNEL_BYTES / 1000000),
			(unsigned long long)(n * KUBELET_BYTES / 1000000), (unsigned long long)(n * KUBELET_LINES));
	else
		(void)snprintf(text, sizeof(text),
			       "one container may make %llu cgroups: up to %llu MB of the kernel's memory",
			       (unsigned long long)n, (unsigned long long)(n * KERNEL_BYTES / 1000000));
	tell_as(line, FINDING_GRANT_COST, FINDING_NOTE, text, "lower it to what the payload needs", tell, userdata);
}

void capacity_findings(const struct ruleset *rules, const struct capacity *node, finding_fn tell, void *userdata)
{
	for (const struct section *profile = rules->sections[SECTION_PROFILE]; profile; profile = profile->next) {
		for (size_t i = 0; i < ELEMENTS(compared); i++)
			compare(rules, profile, &compared[i],
				*(const uint64_t *)((const char *)node + compared[i].offset), tell, userdata);
		weigh(rules, profile, tell, userdata);
	}
}
