/* SPDX-License-Identifier: Apache-2.0 */
/* Report - which findings count, and the text of them. See report.h. */
#include "cgdeleg/cli/report.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* The next id of a list with commas or blanks between; its length, 0 at the end. */
static size_t next_id(const char **list)
{
	const char *at = *list + strspn(*list, ", \t");

	*list = at;
	return strcspn(at, ", \t");
}

static bool is_ignored(const struct report *report, const char *id)
{
	for (size_t i = 0; i < report->ignore->n; i++) {
		const char *list = report->ignore->all[i];

		for (size_t len; (len = next_id(&list)) > 0; list += len)
			if (strlen(id) == len && strncasecmp(list, id, len) == 0)
				return true;
	}
	return false;
}

static int check_ignored(const char *list, report_id_fn find_id, struct err *err)
{
	char id[64];
	int r = 0;

	for (size_t len; r >= 0 && (len = next_id(&list)) > 0; list += len) {
		if (snprintf(id, sizeof(id), "%.*s", (int)len, list) >= (int)sizeof(id))
			return err_set(err, EINVAL, "'%.64s...' is no id of a finding", id);
		r = find_id(id, err);
	}
	return r;
}

int report_begin(struct report *report, const struct report_options *options, report_id_fn find_id, struct err *err)
{
	const char *word = options->strict ? "note" : options->fail_on ? options->fail_on : "fault";
	int r = 0;

	*report = (struct report) { .ignore = &options->ignore, .fail_on = finding_severity_find(word) };
	if (options->strict && options->fail_on && strcmp(options->fail_on, word) != 0)
		return err_set(err, EINVAL, "--strict is --fail-on note; write one of the two");
	for (size_t i = 0; r >= 0 && i < options->ignore.n; i++)
		r = check_ignored(options->ignore.all[i], find_id, err);
	return r;
}

void report_done(struct report *report)
{
	arena_done(&report->arena);
}

/* NULL stays NULL. */
static const char *copy(struct report *report, const char *text)
{
	const char *copied = text ? arena_strdup(&report->arena, text) : NULL;

	report->failed |= text && !copied;
	return copied;
}

void report_add(const struct finding *finding, void *userdata)
{
	struct report *report = userdata;
	struct report_item *item;

	if (is_ignored(report, finding->id)) {
		report->n_ignored++;
		return;
	}
	item = arena_alloc(&report->arena, sizeof(*item));
	if (!item) {
		report->failed = true;
		return;
	}
	item->finding = *finding;
	item->finding.id = copy(report, finding->id);
	item->finding.place.file = copy(report, finding->place.file);
	item->finding.text = copy(report, finding->text);
	item->finding.remedy = copy(report, finding->remedy);
	if (report->last)
		report->last->next = item;
	else
		report->items = item;
	report->last = item;
	report->counts[finding->severity]++;
}

bool report_fails(const struct report *report)
{
	size_t n = 0;

	for (int i = report->fail_on; i < FINDING_SEVERITY_MAX; i++)
		n += report->counts[i];
	return n > 0;
}

/* "policy.ini:3:18: " */
static const char *show_place(const struct finding *finding, char *buf, size_t size)
{
	const struct origin *place = &finding->place;

	if (!place->file)
		(void)snprintf(buf, size, "this node: ");
	else if (place->line && finding->column)
		(void)snprintf(buf, size, "%s:%u:%u: ", place->file, place->line, finding->column);
	else if (place->line)
		(void)snprintf(buf, size, "%s:%u: ", place->file, place->line);
	else
		(void)snprintf(buf, size, "%s: ", place->file);
	return buf;
}

void report_line(struct paper *paper, const struct finding *finding)
{
	static const struct {
		const char *word;
		enum paint paint;
	} severities[FINDING_SEVERITY_MAX] = {
		[FINDING_NOTE] = { "note: ", PAINT_NOTE },
		[FINDING_RISK] = { "risk: ", PAINT_RISK },
		[FINDING_FAULT] = { "fault: ", PAINT_FAULT },
	};
	char text[2048];

	paper->indent = 4;
	paper_write(paper, PAINT_STRONG, show_place(finding, text, sizeof(text)));
	paper_write(paper, severities[finding->severity].paint, severities[finding->severity].word);
	(void)snprintf(text, sizeof(text), "%s%s%s", finding->text, finding->remedy ? "; " : "",
		       finding->remedy ? finding->remedy : "");
	paper_write(paper, PAINT_NONE, text);
	(void)snprintf(text, sizeof(text), " [%s]", finding->id);
	paper_write(paper, PAINT_FAINT, text);
	paper_end(paper, 0);
}

/* "2 faults, 1 note; 3 ignored" */
static void put_counts(const struct report *report, struct paper *paper)
{
	bool any = false;
	char text[64];

	for (int i = FINDING_SEVERITY_MAX - 1; i >= 0; i--)
		if (report->counts[i] > 0) {
			(void)snprintf(text, sizeof(text), "%s%zu %s%s", any ? ", " : "", report->counts[i],
				       finding_severity_name((enum finding_severity)i),
				       report->counts[i] == 1 ? "" : "s");
			paper_write(paper, PAINT_NONE, text);
			any = true;
		}
	if (report->n_ignored > 0) {
		(void)snprintf(text, sizeof(text), "%s%zu ignored", any ? "; " : "", report->n_ignored);
		paper_write(paper, PAINT_NONE, text);
	}
	if (any || report->n_ignored > 0)
		paper_end(paper, 0);
}

bool report_print(const struct report *report, struct paper *paper)
{
	for (const struct report_item *item = report->items; item; item = item->next)
		report_line(paper, &item->finding);
	put_counts(report, paper);
	return !report->failed;
}
