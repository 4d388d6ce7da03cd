/* SPDX-License-Identifier: Apache-2.0 */
/* Why, JSON - for programs. See why.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/remedy.h"
#include "cgdeleg/cli/why.h"

#define VERSION 1
#define SECOND	INT64_C(1000000)

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const char *text)
{
	if (text && text[0])
		(void)yyjson_mut_obj_add_strcpy(doc, o, key, text);
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(us, text, sizeof(text));
	add_text(doc, o, key, text);
}

static void add_remedies(yyjson_mut_doc *doc, yyjson_mut_val *o, const yyjson_doc *record)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "remedies");
	const char *error = history_error(record), *reason = history_text(record, "reason");
	const char *verdict = history_text(record, "verdict");
	size_t i, max;
	yyjson_val *item;

	if (error)
		(void)yyjson_mut_arr_add_str(doc, list, remedy_of_error(reason ? reason : "", error));
	if (error || (verdict && (strcmp(verdict, "grant") == 0 || strcmp(verdict, "bound") == 0)))
		return;
	yyjson_arr_foreach(yyjson_obj_get(record->root, "reasons"), i, max, item)
	{
		const char *kind = yyjson_get_str(yyjson_obj_get(item, "kind"));
		const char *code = yyjson_get_str(yyjson_obj_get(item, "code"));
		const char *remedy = code ? remedy_of_code(code) : NULL;

		if (remedy && kind && (i == 0 || strcmp(kind, "notes") != 0))
			(void)yyjson_mut_arr_add_str(doc, list, remedy);
	}
}

static void add_runs(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct history *history)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "runs");

	for (size_t i = 0; i < history->n_runs; i++) {
		const struct history_run *run = &history->runs[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		add_time(doc, item, "first", run->first_us);
		add_time(doc, item, "last", run->last_us);
		(void)yyjson_mut_obj_add_uint(doc, item, "count", run->n);
		(void)yyjson_mut_obj_add_uint(doc, item, "count_last_hour", run->n_hour);
		(void)yyjson_mut_obj_add_bool(doc, item, "unfinished", run->unfinished);
		add_remedies(doc, item, run->last);
		(void)yyjson_mut_obj_add_val(doc, item, "record", yyjson_val_mut_copy(doc, run->last->root));
	}
}

static void add_ceilings(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct why_grant *grant)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "ceilings");

	for (size_t i = 0; i < grant->n_ceilings; i++) {
		const struct why_ceiling *c = &grant->ceilings[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		add_text(doc, item, "file", c->file);
		(void)yyjson_mut_obj_add_strcpy(doc, item, "ceiling", c->ceiling ? c->ceiling : "");
		add_text(doc, item, "now", c->now);
		(void)yyjson_mut_obj_add_str(doc, item, "from", why_from_name(c->from));
		add_text(doc, item, "policy", c->at);
		add_text(doc, item, "policy_value", c->line);
		(void)yyjson_mut_obj_add_bool(doc, item, "above", c->above);
		(void)yyjson_mut_obj_add_bool(doc, item, "lower", c->lower);
	}
}

static void add_death(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct why_grant *grant, uint64_t kills,
		      int victim, int limit)
{
	yyjson_mut_val *item;
	char shown[DEATHS_PATH_SIZE];

	if (kills == 0)
		return;
	item = yyjson_mut_arr_add_obj(doc, list);
	(void)yyjson_mut_obj_add_uint(doc, item, "oom_kills", kills);
	if (victim >= 0)
		add_text(doc, item, "victim",
			 deaths_path(&grant->deaths, (size_t)victim, grant->path, shown, sizeof(shown)));
	if (limit >= 0)
		add_text(doc, item, "limit",
			 deaths_path(&grant->deaths, (size_t)limit, grant->path, shown, sizeof(shown)));
	(void)yyjson_mut_obj_add_str(doc, item, "limit_of",
				     limit < 0				? "unknown"
				     : grant->deaths.cgroups[limit].own ? "container"
									: "child");
}

/* Since the container began. Where it was no limit of its own, the sums do not tell which it was. */
static void add_deaths(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct why_grant *grant)
{
	const struct deaths *deaths = &grant->deaths, none = { 0 };
	yyjson_mut_val *list;
	uint64_t kills;
	int limit;

	if (!deaths->known)
		return;
	(void)yyjson_mut_obj_add_uint(doc, o, "oom_kills", deaths->all.kills);
	(void)yyjson_mut_obj_add_bool(doc, o, "oom_kills_complete", !deaths->cut);
	list = yyjson_mut_obj_add_arr(doc, o, "killed");
	for (size_t i = 0; i < deaths->n; i++)
		if (!deaths->cgroups[i].above)
			add_death(doc, list, grant, deaths->cgroups[i].local.kills, (int)i,
				  deaths_limit(&none, deaths, i));
	kills = deaths_elsewhere(&none, deaths, &limit);
	add_death(doc, list, grant, kills, -1, limit);
}

static void add_grants(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct why *why)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "grants");

	for (size_t i = 0; i < why->n_grants; i++) {
		const struct why_grant *grant = &why->grants[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		add_text(doc, item, "id", grant->id);
		add_text(doc, item, "namespace", grant->namespace);
		add_text(doc, item, "pod", grant->pod);
		add_text(doc, item, "container", grant->container);
		add_text(doc, item, "handler", grant->handler);
		add_text(doc, item, "profile", grant->profile);
		add_text(doc, item, "rule", grant->rule);
		add_text(doc, item, "cgroup", grant->cgroup);
		add_text(doc, item, "policy", grant->line);
		add_text(doc, item, "fault", grant->fault);
		if (!grant->fault)
			add_time(doc, item, "since", grant->since * SECOND);
		add_ceilings(doc, item, grant);
		add_deaths(doc, item, grant);
	}
}

static void add_files(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct why *why)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "files");

	for (size_t i = 0; i < why->history.n_files; i++) {
		const struct history_file *file = &why->history.files[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		(void)yyjson_mut_obj_add_str(doc, item, "name", file->name);
		(void)yyjson_mut_obj_add_uint(doc, item, "read_bytes", file->n_read);
		(void)yyjson_mut_obj_add_uint(doc, item, "unread_bytes", file->size - file->n_read);
		(void)yyjson_mut_obj_add_bool(doc, item, "compressed", file->compressed);
		add_text(doc, item, "error", file->why);
	}
	(void)yyjson_mut_obj_add_uint(doc, o, "more_files", why->history.n_more_files);
	(void)yyjson_mut_obj_add_bool(doc, o, "half_line", why->history.half);
	(void)yyjson_mut_obj_add_uint(doc, o, "faulty_lines", why->history.n_faulty);
}

bool why_json(const struct why *why, FILE *to)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *o = yyjson_mut_obj(doc), *list;
	_cleanup_free_ char *text = NULL;
	char shown[512];

	if (!o)
		return false;
	yyjson_mut_doc_set_root(doc, o);
	(void)yyjson_mut_obj_add_int(doc, o, "version", VERSION);
	add_text(doc, o, "name", text_escape(why->word, shown, sizeof(shown)));
	add_runs(doc, o, &why->history);
	(void)yyjson_mut_obj_add_uint(doc, o, "runs_left_out", why->history.n_runs_dropped);
	list = yyjson_mut_obj_add_arr(doc, o, "events");
	for (size_t i = why->history.n_events; i-- > 0;)
		(void)yyjson_mut_arr_append(list, yyjson_val_mut_copy(doc, why->history.events[i].record->root));
	(void)yyjson_mut_obj_add_uint(doc, o, "events_left_out", why->history.n_events_dropped);
	add_grants(doc, o, why);
	(void)yyjson_mut_obj_add_uint(doc, o, "grants_left_out", why->n_more_grants);
	add_files(doc, o, why);
	add_text(doc, o, "history_unknown", why->unread.text);
	add_text(doc, o, "grants_unknown", why->unseen.text);
	text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, NULL);
	return text && fputs(text, to) >= 0;
}
