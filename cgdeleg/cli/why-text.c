/* SPDX-License-Identifier: Apache-2.0 */
/* Why, text - for people. See why.h. */
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/remedy.h"
#include "cgdeleg/cli/why.h"

#define LABEL  14 /* characters of the words on the left */
#define SHOWN  5  /* kinds of run, and events, without --all */
#define SECOND INT64_C(1000000)

struct page {
	const struct why *why;
	size_t width, rows; /* rows: kinds of run, and events, that are shown */
	FILE *to;
};

/* The record's texts are escaped already; a byte that somebody put there otherwise does not get onto the terminal. */
static const char *clean(const char *text, char *buf, size_t size)
{
	size_t len = 0;

	for (; text[len] && len < size - 1; len++)
		buf[len] = (char)(text[len] >= ' ' && text[len] <= '~' ? text[len] : '?');
	buf[len] = '\0';
	return buf;
}

/* One entry: its label on the left, its text wrapped on the right. */
static void put(const struct page *page, const char *label, const char *text)
{
	char shown[4096], left[LABEL + 1];

	if (!text || !text[0])
		return;
	fprintf(page->to, "  %-*s ", LABEL, clean(label, left, sizeof(left)));
	cli_wrap(clean(text, shown, sizeof(shown)), LABEL + 3, page->width, page->to);
}

static void putf(const struct page *page, const char *label, const char *fmt, ...) _printf_(3, 4);

static void putf(const struct page *page, const char *label, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(page, label, text);
}

static const char *ago(const struct page *page, int64_t us, char *buf, size_t size)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	const int64_t seconds = (page->why->now_us - us) / SECOND;
	size_t i = 0;

	if (seconds < 1)
		return "just now";
	while (seconds < units[i].seconds)
		i++;
	(void)snprintf(buf, size, "%lld %s%s ago", (long long)(seconds / units[i].seconds), units[i].name,
		       seconds / units[i].seconds == 1 ? "" : "s");
	return buf;
}

/* "2026-11-29T03:15:00Z" of the record's microseconds. */
static const char *clock_text(int64_t us, char *buf, size_t size)
{
	const time_t seconds = us / SECOND;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(buf, size, "?");
	return buf;
}

/* "namespace/pod/container, id 0123", as far as known, and ends the line. */
static void put_name(const struct page *page, const char *const parts[3], const char *id)
{
	char name[1024] = "", shown[1024];
	size_t len = 0;

	for (size_t i = 0; i < 3 && len < sizeof(name); i++)
		if (parts[i] && parts[i][0])
			len += (size_t)snprintf(name + len, sizeof(name) - len, "%s%s", len > 0 ? "/" : "", parts[i]);
	if (id && id[0] && len < sizeof(name))
		(void)snprintf(name + len, sizeof(name) - len, "%s%.64s", len > 0 ? ", id " : "", id);
	fprintf(page->to, "%s\n", name[0] ? clean(name, shown, sizeof(shown)) : "a container without a name");
}

static const struct {
	const char *verdict, *words;
} verdicts[] = {
	{ "grant", "granted: it has a cgroup of its own" },
	{ "bound", "bounded: it did not ask, and its cgroup is writable anyway" },
	{ "refuse", "refused: the container was not created" },
	{ "readonly", "refused or declined: the container runs without a grant" },
	{ "pass", "passed: an annotation asked and had no effect" },
	{ "error", "failed: the container was not created" },
};

static const char *words_of(const char *verdict)
{
	for (size_t i = 0; verdict && i < ELEMENTS(verdicts); i++)
		if (strcmp(verdict, verdicts[i].verdict) == 0)
			return verdicts[i].words;
	return verdict ? verdict : "?";
}

/* What of the record the decision compared with what it wanted. */
static void put_compared(const struct page *page, const yyjson_doc *record, const char *code)
{
	const char *wanted, *member = remedy_compares(code, &wanted);
	yyjson_val *value = member ? yyjson_obj_get(record->root, member) : NULL;

	if (member)
		putf(page, "compared", "%s is %s; it would have to be %s", member,
		     yyjson_is_str(value)    ? yyjson_get_str(value)
		     : yyjson_is_true(value) ? "true"
		     : value		     ? "false"
					     : "absent",
		     wanted);
}

/* `failed`: an error says more than they do. */
static void put_reasons(const struct page *page, const yyjson_doc *record, bool failed)
{
	const char *verdict = history_text(record, "verdict");
	const bool holds = failed || (verdict && (strcmp(verdict, "grant") == 0 || strcmp(verdict, "bound") == 0));
	size_t i, max;
	yyjson_val *reason;

	yyjson_arr_foreach(yyjson_obj_get(record->root, "reasons"), i, max, reason)
	{
		const char *kind = yyjson_get_str(yyjson_obj_get(reason, "kind"));
		const char *code = yyjson_get_str(yyjson_obj_get(reason, "code"));
		const char *at = yyjson_get_str(yyjson_obj_get(reason, "at"));
		const char *text = yyjson_get_str(yyjson_obj_get(reason, "text"));

		if (!kind || !code || !text)
			continue;
		putf(page, failed || (strcmp(kind, "notes") == 0 && i > 0) ? "note" : "because", "%s [%s]%s%s", text,
		     code, at ? "; policy: " : "", at ? at : "");
		if (holds || (strcmp(kind, "notes") == 0 && i > 0))
			continue;
		put_compared(page, record, code);
		put(page, "remedy", remedy_of_code(code));
	}
}

static void put_outcome(const struct page *page, const yyjson_doc *record)
{
	const char *outcome = history_text(record, "outcome"), *failed = history_text(record, "failed_step");
	const char *undo = history_text(record, "undo_error");

	if (failed)
		putf(page, "step", "%s failed", failed);
	if (outcome && strcmp(outcome, "undone") == 0)
		put(page, "outcome", "everything was taken back");
	if (undo)
		putf(page, "outcome", "not everything could be taken back, check the cgroup: %s", undo);
}

static void put_run(const struct page *page, const struct history_run *run)
{
	const yyjson_doc *record = run->last;
	const char *const names[] = { history_text(record, "namespace"), history_text(record, "pod"),
				      history_text(record, "container") };
	const char *error = history_error(record), *reason = history_text(record, "reason");
	const char *profile = history_text(record, "profile"), *rule = history_text(record, "rule");
	char when[64], passed[64];

	put_name(page, names, history_text(record, "id"));
	putf(page, "when", "%s (%s)", clock_text(run->last_us, when, sizeof(when)),
	     ago(page, run->last_us, passed, sizeof(passed)));
	putf(page, "how often", "%llu in the last hour, %llu since %s, as far as the record was read",
	     (unsigned long long)run->n_hour, (unsigned long long)run->n, clock_text(run->first_us, when, sizeof(when)));
	putf(page, "decision", "%s%s%s%s%s; handler %s", words_of(error ? "error" : history_text(record, "verdict")),
	     profile ? "; profile " : "", profile ? profile : "", rule ? ", rule " : "", rule ? rule : "",
	     history_text(record, "handler") ? history_text(record, "handler") : "unknown");
	if (run->unfinished)
		put(page, "outcome",
		    "unknown: the hook wrote this before it began, and no record of the end; it, or the machine, was stopped in between");
	if (error) {
		putf(page, "because", "%s [%s]", error, reason ? reason : "?");
		put(page, "remedy", remedy_of_error(reason ? reason : "", error));
	}
	put_reasons(page, record, error != NULL);
	put_outcome(page, record);
}

static void put_runs(const struct page *page)
{
	const struct history *history = &page->why->history;

	for (size_t i = 0; i < history->n_runs && i < page->rows; i++)
		put_run(page, &history->runs[i]);
	if (history->n_runs > page->rows)
		fprintf(page->to, "and %zu older kinds of run: --all shows them\n", history->n_runs - page->rows);
	if (history->n_runs_dropped > 0)
		fprintf(page->to, "and %llu still older ones: name a container, or its id\n",
			(unsigned long long)history->n_runs_dropped);
}

/* The newest last, as in a log. */
static void put_events(const struct page *page)
{
	const struct history *history = &page->why->history;
	const size_t shown = history->n_events < page->rows ? history->n_events : page->rows;
	const uint64_t older = history->n_events - shown + history->n_events_dropped;
	char when[64];

	if (history->n_events == 0)
		return;
	fprintf(page->to, "what cgdeleg watch did and saw\n");
	if (older > 0)
		putf(page, "earlier", "%llu more%s", (unsigned long long)older,
		     history->n_events > shown ? ": --all shows them" : "");
	for (size_t i = shown; i-- > 0;) {
		const struct history_event *event = &history->events[i];
		const char *text = history_text(event->record, "text"), *id = history_text(event->record, "id");
		const char *kind = history_text(event->record, "event");

		putf(page, kind ? kind : "?", "%s %.12s: %s", clock_text(event->us, when, sizeof(when)), id ? id : "",
		     text ? text : "");
	}
}

static void put_ceiling(const struct page *page, const struct why_ceiling *c)
{
	char from[LIMIT_TEXT_SIZE];

	fprintf(page->to, "  %s\n", c->file ? c->file : "?");
	putf(page, "  ceiling", "%s", c->ceiling ? c->ceiling : "none");
	putf(page, "  from", "%s", why_from_text(c, from, sizeof(from)));
	if (!c->now)
		put(page, "  now", "unknown: the file cannot be read");
	else if (c->above)
		putf(page, "  now", "%s, which is above the ceiling: cgdeleg watch puts it back if it runs", c->now);
	else if (c->lower)
		putf(page, "  now", "%s, lower than the ceiling: the runtime has set it so, or somebody since", c->now);
}

/* The sums since the container began do not tell for sure whose limit it was, where it was none of its own. */
static void put_deaths(const struct page *page, const struct why_grant *grant)
{
	const struct deaths *deaths = &grant->deaths, none = { 0 };
	char text[1536];
	uint64_t kills;
	int limit;

	if (!deaths->known) {
		put(page, "killed", "unknown: the memory controller is not enabled here, or the cgroup cannot be read");
		return;
	}
	if (deaths->all.kills == 0)
		put(page, "killed", "nobody for want of memory");
	for (size_t i = 0; i < deaths->n; i++) {
		kills = deaths->cgroups[i].above ? 0 : deaths->cgroups[i].local.kills;
		limit = deaths_limit(&none, deaths, i);
		if (kills > 0)
			put(page, "killed",
			    deaths_describe(deaths, grant->path, kills, (int)i,
					    limit == DEATHS_MACHINE ? DEATHS_NOT_OWN : limit, text, sizeof(text)));
	}
	kills = deaths_elsewhere(&none, deaths, &limit);
	if (kills > 0)
		put(page, "killed",
		    deaths_describe(deaths, grant->path, kills, -1, limit == DEATHS_MACHINE ? DEATHS_NOT_OWN : limit,
				    text, sizeof(text)));
	if (deaths->cut)
		put(page, "killed", "it has too many cgroups: not all of them were looked at");
}

static void put_grant(const struct page *page, const struct why_grant *grant)
{
	const char *const names[] = { grant->namespace, grant->pod, grant->container };
	char when[64], passed[64];

	fputs("granted now: ", page->to);
	put_name(page, names, grant->id);
	put(page, "cgroup", grant->cgroup);
	if (grant->fault) {
		put(page, "fault", grant->fault);
		return;
	}
	putf(page, "since", "%s (%s)", clock_text(grant->since * SECOND, when, sizeof(when)),
	     ago(page, grant->since * SECOND, passed, sizeof(passed)));
	putf(page, "by", "handler %s%s%s%s%s%s%s", grant->handler ? grant->handler : "unknown",
	     grant->profile ? ", profile " : "", grant->profile ? grant->profile : "", grant->rule ? ", rule " : "",
	     grant->rule ? grant->rule : "", grant->line ? "; policy: " : "", grant->line ? grant->line : "");
	for (size_t i = 0; i < grant->n_ceilings; i++)
		put_ceiling(page, &grant->ceilings[i]);
	put_deaths(page, grant);
}

/* What the answer does not rest on. */
static void put_unread(const struct page *page)
{
	const struct why *why = page->why;

	if (why->unread.text[0])
		putf(page, "unknown", "the audit record: %s", why->unread.text);
	if (why->unseen.text[0])
		put(page, "unknown", why->unseen.text);
	for (size_t i = 0; i < why->history.n_files; i++) {
		const struct history_file *file = &why->history.files[i];

		if (file->why[0])
			putf(page, "not read", "%s: %s", file->name, file->why);
		else if (file->compressed)
			putf(page, "not read", "%s is compressed: zcat %s | cgdeleg why NAME --audit -", file->name,
			     file->name);
		else if (file->n_read < file->size)
			putf(page, "not read", "%s: all but its last %llu bytes; --most reads more", file->name,
			     (unsigned long long)file->n_read);
	}
	if (why->history.half)
		put(page, "not read",
		    "half a line at the end of the record: whoever wrote it was stopped, or the disk was full");
	if (why->history.n_more_files > 0)
		putf(page, "not read", "%zu more files", why->history.n_more_files);
	if (why->history.n_faulty > 0)
		putf(page, "not read", "%llu lines that are no audit records", (unsigned long long)why->history.n_faulty);
}

void why_text(const struct why *why, bool all, size_t width, FILE *to)
{
	const struct page page = { why, width, all ? SIZE_MAX : SHOWN, to };

	put_runs(&page);
	for (size_t i = 0; i < why->n_grants; i++)
		put_grant(&page, &why->grants[i]);
	if (why->n_more_grants > 0)
		fprintf(to, "and %zu more delegated cgroups of that name\n", why->n_more_grants);
	put_events(&page);
	put_unread(&page);
}
