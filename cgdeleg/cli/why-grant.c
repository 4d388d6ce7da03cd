/* SPDX-License-Identifier: Apache-2.0 */
/* Why, grant - what is granted now, and where each ceiling came from. See why.h. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cgdeleg/cli/why.h"
#include "cgdeleg/node/find.h"
#include "cgdeleg/node/inspect.h"

struct search {
	struct why *why;
	const struct host *host;
	unsigned best; /* grant_match() of those that are kept */
};

/* NULL where there is nothing to say, or no memory. */
static const char *keep(struct why *why, const char *text)
{
	char shown[LIMIT_TEXT_SIZE];

	return text && text[0] ? arena_strdup(&why->arena, text_escape(text, shown, sizeof(shown))) : NULL;
}

/* Was the file of that line last changed before the grant was made? */
static bool is_older(const struct setting *setting, int64_t since)
{
	struct stat st;

	return setting->origin.file && stat(setting->origin.file, &st) == 0 && st.st_mtim.tv_sec < since;
}

static enum why_from from_where(const struct why *why, const struct attribute *attribute, const struct ceiling *ceiling,
				const struct setting **ret)
{
	const struct section *profile =
		why->rules_known ? ruleset_find(&why->rules, SECTION_PROFILE, attribute->profile) : NULL;
	const struct limit_type *type = ceiling->type;

	*ret = NULL;
	if (!why->rules_known || (!profile && attribute->profile[0]))
		return FROM_UNKNOWN;
	*ret = profile ? section_limit(profile, ceiling->file) : NULL;
	if (!*ret)
		return type->mandatory ? FROM_BUILT_IN : FROM_NO_LINE;
	if (!limit_within(type, &ceiling->value, &(*ret)->limit))
		return FROM_HIGHER;
	if (limit_within(type, &(*ret)->limit, &ceiling->value))
		return FROM_POLICY;
	return is_older(*ret, attribute->since) ? FROM_ANNOTATION : FROM_LOWER;
}

static void fill_ceiling(struct why *why, struct inspect *inspect, struct limit_state *state, struct why_ceiling *ret)
{
	const struct attribute *attribute = inspect->attribute;
	const struct ceiling *asked = attribute_find(attribute, state->ceiling.file), *ceiling = &state->ceiling;
	const bool known = inspect_read(inspect, state, NULL) >= 0;
	char name[LIMIT_FILE_SIZE + 8], text[LIMIT_TEXT_SIZE], place[512];
	const struct setting *setting;

	(void)snprintf(name, sizeof(name), "%s%s", state->place == PLACE_SCOPE ? "scope:" : "", ceiling->file);
	*ret = (struct why_ceiling) { .file = keep(why, name) };
	ret->ceiling = keep(why, limit_format(ceiling->type, &ceiling->value, text, sizeof(text)));
	ret->now = known ? keep(why, limit_format(ceiling->type, &state->now, text, sizeof(text))) : NULL;
	ret->above = known && state->above;
	ret->lower = known && !state->above && !limit_within(ceiling->type, &ceiling->value, &state->now);
	ret->from = from_where(why, attribute, asked ? asked : ceiling, &setting);
	if (!setting)
		return;
	ret->at = keep(why, origin_format(&setting->origin, place, sizeof(place)));
	ret->line = keep(why, setting->value);
}

static void fill_ceilings(const struct search *search, const struct grant *grant, int fd, struct why_grant *ret)
{
	const size_t most = 2 * grant->attribute.n_ceilings;
	_cleanup_(inspect_done) struct inspect inspect = INSPECT_CLOSED;
	struct limit_state state = { 0 };

	if (inspect_open(search->host->sys_fd, fd, grant->id, &grant->attribute, &inspect, NULL) < 0)
		return;
	ret->ceilings = arena_alloc(&search->why->arena, most * sizeof(*ret->ceilings));
	while (ret->ceilings && ret->n_ceilings < most && inspect_next(&inspect, &state))
		fill_ceiling(search->why, &inspect, &state, &ret->ceilings[ret->n_ceilings++]);
}

static int visit(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct search *search = userdata;
	struct why *why = search->why;
	const struct attribute *a = &grant->attribute;
	const struct deaths_bounds bounds = { .visits = DEATHS_VISITS, .scope = a->scope };
	const unsigned match = grant_match(grant, why->word);
	struct why_grant *ret;

	(void)err;
	if (match == 0 || match < search->best)
		return 0;
	/* As in the history: others' names that begin with this one take no room from it. */
	if (match > search->best) {
		while (why->n_grants > 0)
			deaths_done(&why->grants[--why->n_grants].deaths);
		why->n_more_grants = 0;
		search->best = match;
	}
	if (why->n_grants == WHY_GRANTS_MAX) {
		why->n_more_grants++;
		return 0;
	}
	ret = &why->grants[why->n_grants++];
	*ret = (struct why_grant) { .match = match, .since = a->since };
	ret->path = arena_strdup(&why->arena, grant->path);
	ret->cgroup = keep(why, grant->path);
	ret->fault = a->present ? NULL : keep(why, grant->fault.text);
	(void)deaths_look(search->host, fd, &bounds, &ret->deaths, NULL);
	if (!a->present)
		return 0;
	ret->id = keep(why, a->id);
	ret->namespace = keep(why, a->namespace);
	ret->pod = keep(why, a->pod);
	ret->container = keep(why, a->name);
	ret->handler = keep(why, a->handler);
	ret->profile = keep(why, a->profile);
	ret->rule = keep(why, a->rule);
	ret->line = keep(why, a->line);
	fill_ceilings(search, grant, fd, ret);
	return 0;
}

void why_look(struct why *why, const struct host *host)
{
	struct search search = { .why = why, .host = host };

	if (!privilege_has(CAP_SYS_ADMIN))
		(void)err_set(
			&why->unseen, EPERM,
			"only CAP_SYS_ADMIN can see which cgroups are delegated, so it is unknown what is granted now; run it as root");
	else
		(void)grants_walk(host, visit, &search, NULL, &why->unseen);
}

bool why_choose(struct why *why)
{
	unsigned best = why->history.match;
	size_t kept = 0;

	for (size_t i = 0; i < why->n_grants; i++)
		best = why->grants[i].match > best ? why->grants[i].match : best;
	for (size_t i = 0; i < why->n_grants; i++)
		if (why->grants[i].match == best)
			why->grants[kept++] = why->grants[i];
		else
			deaths_done(&why->grants[i].deaths);
	why->n_grants = kept;
	history_keep(&why->history, best);
	return why->n_grants + why->history.n_runs + why->history.n_events > 0;
}

void why_done(struct why *why)
{
	for (size_t i = 0; i < why->n_grants; i++)
		deaths_done(&why->grants[i].deaths);
	history_done(&why->history);
	ruleset_done(&why->rules);
	arena_done(&why->arena);
}

static const struct {
	const char *name, *text; /* "%s" twice in the text: what the line says, and where */
} froms[WHY_FROM_MAX] = {
	[FROM_UNKNOWN] = { "unknown", "unknown: the policy cannot be read, or has no such profile any more" },
	[FROM_POLICY] = { "policy", "policy, %s (%s)" },
	[FROM_ANNOTATION] = { "annotation", "an annotation asked for less than the policy's %s (%s)" },
	[FROM_LOWER] = { "annotation-or-policy",
			 "an annotation asked for less than the policy's %s (%s), or the policy was lower at the grant" },
	[FROM_HIGHER] = { "earlier-policy",
			  "the policy at the grant; by now it says %s (%s), and cgdeleg watch lowers the limit when it reads that" },
	[FROM_NO_LINE] = { "annotation-or-policy", "an annotation, or an earlier policy: the profile has no line for it" },
	[FROM_BUILT_IN] = { "built-in", "built in, or lower by an annotation: the profile has no line for it" },
};

const char *why_from_name(enum why_from from)
{
	return froms[from].name;
}

const char *why_from_text(const struct why_ceiling *ceiling, char *buf, size_t size)
{
	const char *text = froms[ceiling->from].text;
	const char *const values[] = { ceiling->line ? ceiling->line : "?", ceiling->at ? ceiling->at : "?" };
	size_t used = 0;

	for (size_t i = 0; *text && used + 1 < size; text++)
		if (text[0] == '%' && text[1] == 's' && i < ELEMENTS(values)) {
			used += (size_t)snprintf(buf + used, size - used, "%s", values[i++]);
			text++;
		} else {
			buf[used++] = *text;
		}
	buf[used < size ? used : size - 1] = '\0';
	return buf;
}
