/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, host - what the policy wants of the host's cgroup2, compared with this machine. See finding.h,
 * finding-part.h. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "policy/finding-page.h"
#include "policy/finding-part.h"

static void tell_host(const struct listener *to, enum finding_id id, enum finding_severity severity,
		      const struct setting *line, const char *text, const char *remedy)
{
	struct finding finding = { finding_page(id)->id, severity, line->origin, 0, text, remedy };

	to->tell(&finding, to->userdata);
}

/* `option` is wanted by `line`, and is not there. */
static void tell_missing(const struct listener *to, const struct host_mount *host, const struct setting *line,
			 const struct host_option *option)
{
	const char *const lists[] = { option->name, line->key->id == KEY_HOST_OPTIONS ? line->value : NULL,
				      host->options };
	char text[320], remedy[HOST_REMEDY_SIZE];

	(void)snprintf(text, sizeof(text), "%s wants %s, and the host's cgroup2 lacks it: %s", line->name, option->name,
		       option->without);
	(void)host_option_remedy(host, lists, 3, remedy, sizeof(remedy));
	tell_host(to, FINDING_HOST_OPTION_MISSING, option->loss == LOSS_OTHER ? FINDING_RISK : FINDING_FAULT, line,
		  text, remedy);
}

static void compare(const struct listener *to, const struct host_mount *host, const struct setting *line,
		    const struct host_option *option)
{
	char text[160];

	if (host_option_known(host, option->name)) {
		if (!text_has_word(host->options, option->name))
			tell_missing(to, host, line, option);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s names %s, which this kernel does not have: here it has no effect",
		       line->name, option->name);
	tell_host(to, FINDING_HOST_OPTION_UNKNOWN, FINDING_NOTE, line, text,
		  "keep it for nodes with a newer kernel, or remove it");
}

/* Containers without a user namespace rest on nsdelegate, whatever host_options says. */
static void find_bare(const struct listener *to, const struct host_mount *host, const struct setting *wanted)
{
	const struct host_option *option = host_option_find("nsdelegate");

	if (text_has_word(host->options, option->name) || (wanted && text_has_word(wanted->value, option->name)))
		return;
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = to->rules->sections[kind]; s; s = s->next) {
			const struct setting *line = section_get(s, KEY_REQUIRE_USERNS);

			if (line && strcmp(line->value, "false") == 0)
				tell_missing(to, host, line, option);
		}
}

void findings_host(const struct ruleset *rules, const struct host_mount *host, finding_fn tell, void *userdata)
{
	const struct listener to = { rules, NULL, tell, userdata };
	const struct setting *wanted = section_get(ruleset_find(rules, SECTION_DEFAULTS, ""), KEY_HOST_OPTIONS);

	if (!host->options) {
		if (wanted && strcmp(wanted->value, "found") != 0 && strcmp(wanted->value, "none") != 0)
			tell_host(&to, FINDING_HOST_OPTION_UNKNOWN, FINDING_NOTE, wanted,
				  "host_options cannot be compared with the host's cgroup2, which this process does not see",
				  "run cgdeleg check on the node");
		return;
	}
	for (const struct host_option *option = host_options; option < host_options + HOST_OPTIONS; option++)
		if (wanted && text_has_word(wanted->value, option->name))
			compare(&to, host, wanted, option);
	find_bare(&to, host, wanted);
}
