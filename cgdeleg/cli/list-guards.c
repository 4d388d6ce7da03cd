/* SPDX-License-Identifier: Apache-2.0 */
/* List, guards - what the BPF guards of a cgroup say. See list.h. */
#include <stdio.h>
#include <string.h>

#include "cgdeleg/cli/list.h"
#include "cgdeleg/kernel/devices.h"

/* Asked once, whichever column is first. */
static const enum guard_state *attached(struct sample *sample)
{
	struct sample_guards *guards = &sample->guards;

	if (guards->attached == SAMPLE_UNASKED)
		guards->attached = inspect_guards(&sample->reader->names, sample->fd, guards->states, NULL) < 0
					   ? SAMPLE_UNKNOWN
					   : SAMPLE_KNOWN;
	return guards->attached == SAMPLE_KNOWN ? guards->states : NULL;
}

/* Of this build's guard alone: only its map's layout is known, and only its pin opened. */
static const struct device_rules *device_rules(struct sample *sample)
{
	const struct device_guard *guard = &sample->reader->pinned->device;
	struct sample_guards *guards = &sample->guards;

	if (guards->device == SAMPLE_UNASKED)
		guards->device =
			guard->rules_fd >= 0 && device_guard_read(guard, sample->grant->id, &guards->rules, NULL) >= 0
				? SAMPLE_KNOWN
				: SAMPLE_UNKNOWN;
	return guards->device == SAMPLE_KNOWN ? &guards->rules : NULL;
}

static const struct guard_grant *guard_grant(struct sample *sample)
{
	const struct grant_guard *guard = &sample->reader->pinned->grant;
	struct sample_guards *guards = &sample->guards;

	if (guards->grant == SAMPLE_UNASKED)
		guards->grant = guard->grants_fd >= 0 && grant_guard_read(guard, sample->fd, &guards->counts, NULL) >= 0
					? SAMPLE_KNOWN
					: SAMPLE_UNKNOWN;
	return guards->grant == SAMPLE_KNOWN ? &guards->counts : NULL;
}

/* What was not there at the grant is not missing; an older attribute does not say so of the device guard. */
void read_guard(struct sample *sample, struct cell *ret)
{
	static const char *const names[] = { [DEVICE_GUARD] = "device", [GRANT_GUARD] = "grant" };
	static const char *const words[] = {
		[GUARD_GONE] = " missing", [GUARD_IN_PART] = " incomplete", [GUARD_IN_FORCE] = ""
	};
	const enum guard_state *now = attached(sample);
	const struct attribute *then = &sample->grant->attribute;
	char text[64] = "";
	size_t used = 0;

	if (!now || !then->present)
		return;
	for (int kind = 0; kind < GUARD_KINDS; kind++) {
		const bool had = inspect_had_guard(then, (enum guard_kind)kind);

		ret->number += had && now[kind] != GUARD_IN_FORCE;
		if (had || now[kind] != GUARD_GONE)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s", used > 0 ? ", " : "",
						 names[kind], words[now[kind]]);
	}
	cell_set_text(ret, *text ? text : "none");
}

void read_device_refusals(struct sample *sample, struct cell *ret)
{
	const struct device_rules *rules = device_rules(sample);

	ret->known = rules;
	ret->number = rules ? rules->refused : 0;
}

void read_last_refusal(struct sample *sample, struct cell *ret)
{
	const struct device_rules *rules = device_rules(sample);
	const struct device_refusal *last;
	char text[64], words[96];

	if (!rules || rules->refused == 0)
		return;
	last = &rules->refusals[(rules->refused - 1) % DEVICE_GUARD_REFUSALS];
	(void)snprintf(words, sizeof(words), "%s %.*s", devices_format_refusal(last, text, sizeof(text)),
		       DEVICE_GUARD_COMM_SIZE, last->comm);
	cell_set_text(ret, words); /* the task chose its name itself */
}

void read_guard_refusals(struct sample *sample, struct cell *ret)
{
	const struct guard_grant *grant = guard_grant(sample);

	ret->known = grant;
	for (int i = 0; grant && i < GUARD_RULE_MAX; i++)
		ret->number += grant->refused[i];
}

void read_guard_rules(struct sample *sample, struct cell *ret)
{
	static const char *const rules[GUARD_RULE_MAX] = {
		[GUARD_RULE_BPF] = "bpf",	  [GUARD_RULE_PRESSURE] = "pressure",	[GUARD_RULE_ROOT] = "root",
		[GUARD_RULE_OUTSIDE] = "outside", [GUARD_RULE_ATTRIBUTE] = "attribute", [GUARD_RULE_OOMD] = "oomd",
	};
	const struct guard_grant *grant = guard_grant(sample);
	char text[GUARD_RULE_MAX * 32] = "";
	size_t used = 0;

	for (int i = 0; grant && i < GUARD_RULE_MAX; i++)
		if (grant->refused[i] > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%llu", used > 0 ? " " : "",
						 rules[i], (unsigned long long)grant->refused[i]);
	cell_set_text(ret, text);
}
