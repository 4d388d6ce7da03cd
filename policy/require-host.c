/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Require, host - what must be true of the host's cgroup2 before anything is given to a container. See request.h.
 *
 * Its options can vanish while the host runs (see host-option.h), so they are facts of each run. What each does to a
 * grant:
 *
 *     nsdelegate                 A container without user namespace rests on it, and is refused without it, whatever
 *                                host_options says. One with a user namespace rests on the ownership of the files, which
 *                                is the stronger boundary: refusing it would gain nothing, and let whoever can mount
 *                                cgroup2 stop the node's containers. So for that one it is a note.
 *     memory_hugetlb_accounting  Without it memory.max is not the ceiling that the policy means. Most hosts do not have
 *                                it, and there memory.max never was more: so a grant is refused only where host_options
 *                                names it. Not where nothing is counted less: no ceiling of memory.max, or one on each
 *                                of the cgroup's hugetlb.*.max.
 *     the others                 loosen no ceiling: notes, where host_options names them.
 *
 * An option that this kernel does not have cannot be lost, and counts for nothing here; `cgdeleg check` says so.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"

/* Adds the reason, and after its words the remedy, whole or not at all: half a command would take options away. */
static void add_reason(struct request *request, enum reason_kind kind, enum reason_code code,
		       const struct setting *line, const char *name, const char *words)
{
	const struct host_mount *host = &request->facts->host;
	const char *const lists[] = { name, request_value(request, KEY_HOST_OPTIONS), host->options };
	char text[REASON_TEXT_SIZE];
	const size_t len = (size_t)snprintf(text, sizeof(text), "the host's cgroup2 lacks %s, %s; ", name, words);

	if (len < sizeof(text))
		(void)host_option_remedy(host, lists, ELEMENTS(lists), text + len, sizeof(text) - len);
	request_reason(request, kind, code, line, "%s", text);
}

void request_nsdelegate(struct request *request, const struct setting *line)
{
	const struct host_mount *host = &request->facts->host;

	if (!host->options)
		request_refuse(
			request, REASON_UNKNOWN, NULL,
			"it is not known whether the host's cgroup2 is mounted with nsdelegate, and what is not known is not granted");
	else if (!text_has_word(host->options, "nsdelegate"))
		add_reason(request, REASON_REFUSES, REASON_NSDELEGATE_MISSING, line, "nsdelegate",
			   "and the container has no user namespace of its own");
}

/* Is there a ceiling on that file? */
static bool is_bounded(const struct decision *d, const char *file)
{
	for (size_t i = 0; i < d->n_ceilings; i++)
		if (strcmp(d->ceilings[i].file, file) == 0)
			return d->ceilings[i].value.number != LIMIT_MAX;
	return false;
}

static bool are_huge_pages_bounded(const struct request *request)
{
	const char *const *file = request->facts->files;
	bool any = false;

	for (; file && *file; file++) {
		const char *end = strrchr(*file, '.');

		if (strncmp(*file, "hugetlb.", strlen("hugetlb.")) != 0 || strcmp(end, ".max") != 0 ||
		    strstr(*file, ".rsvd."))
			continue;
		if (!is_bounded(request->decision, *file))
			return false;
		any = true;
	}
	return any;
}

static bool refuses(const struct request *request, const struct host_option *option)
{
	return option->loss == LOSS_MEMORY_MAX && is_bounded(request->decision, "memory.max") &&
	       !are_huge_pages_bounded(request);
}

static void require_option(struct request *request, const struct setting *setting, const struct host_option *option)
{
	const struct facts *facts = request->facts;
	char words[160];

	if (text_has_word(facts->host.options, option->name) || !host_option_known(&facts->host, option->name))
		return;
	/* Without user namespace: request_nsdelegate() has refused it. */
	if (option->loss == LOSS_DELEGATE && facts->userns != USERNS_PRIVATE)
		return;
	(void)snprintf(words, sizeof(words), "so %s", option->without);
	add_reason(request, refuses(request, option) ? REASON_REFUSES : REASON_NOTES, REASON_HOST_OPTION_MISSING,
		   setting, option->name, words);
}

void request_host_options(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_HOST_OPTIONS);

	if (!setting || strcmp(setting->value, "none") == 0 || strcmp(setting->value, "found") == 0)
		return;
	if (!request->facts->host.options) {
		request_refuse(
			request, REASON_UNKNOWN, setting,
			"it is not known which options the host's cgroup2 has, and what is not known is not granted");
		return;
	}
	for (const struct host_option *option = host_options; option < host_options + HOST_OPTIONS; option++)
		if (text_has_word(setting->value, option->name))
			require_option(request, setting, option);
}
