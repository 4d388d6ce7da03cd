/* SPDX-License-Identifier: Apache-2.0 */
/* Report, JSON - findings for programs: cgdeleg's own form, and SARIF 2.1.0. See report.h. */
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/report.h"
#include "policy/finding-page.h"
#include "version.h"

static bool add_text(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, const char *text)
{
	char plain[2048];

	return yyjson_mut_obj_add_strcpy(doc, to, key, paper_plain(text, plain, sizeof(plain)));
}

static bool add_finding(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct finding *finding)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);

	return o && add_text(doc, o, "id", finding->id) &&
	       add_text(doc, o, "severity", finding_severity_name(finding->severity)) &&
	       (!finding->place.file || add_text(doc, o, "file", finding->place.file)) &&
	       (!finding->place.line || yyjson_mut_obj_add_uint(doc, o, "line", finding->place.line)) &&
	       (!finding->place.line || !finding->column || yyjson_mut_obj_add_uint(doc, o, "column", finding->column)) &&
	       add_text(doc, o, "text", finding->text) &&
	       (!finding->remedy || add_text(doc, o, "remedy", finding->remedy));
}

bool report_add_json(const struct report *report, yyjson_mut_doc *doc, yyjson_mut_val *to)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, to, "findings");
	bool good = list && !report->failed;

	for (const struct report_item *item = report->items; good && item; item = item->next)
		good = add_finding(doc, list, &item->finding);
	return good && yyjson_mut_obj_add_uint(doc, to, "ignored", report->n_ignored);
}

/* SARIF has words of its own for severities. */
static const char *const levels[FINDING_SEVERITY_MAX] = {
	[FINDING_NOTE] = "note", [FINDING_RISK] = "warning", [FINDING_FAULT] = "error"
};

static bool add_message(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, const char *text, const char *more)
{
	yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, to, key);
	char whole[4096];

	(void)snprintf(whole, sizeof(whole), "%s%s%s", text, more ? "; " : "", more ? more : "");
	return o && add_text(doc, o, "text", whole);
}

/* A path as a URI reference: whatever is not plain is %XX. An absolute path is a file URI. */
static void put_uri(const char *path, char *buf, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t used = (size_t)snprintf(buf, size, "%s", path[0] == '/' ? "file://" : "");

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	for (; *path && used + 4 <= size; path++) {
		const unsigned char c = (unsigned char)*path;

		if (text_is_alnum(*path) || strchr("/-._~", *path)) {
			buf[used++] = *path;
			continue;
		}
		buf[used++] = '%';
		buf[used++] = digits[c >> 4];
		buf[used++] = digits[c & 15];
	}
	buf[used] = '\0';
}

/* Without a file it is of this node, and has no place. */
static bool add_location(yyjson_mut_doc *doc, yyjson_mut_val *result, const struct finding *finding)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, result, "locations"), *physical, *artifact, *region;
	char uri[3 * PATH_MAX];

	if (!list || !finding->place.file)
		return list;
	put_uri(finding->place.file, uri, sizeof(uri));
	physical = yyjson_mut_obj_add_obj(doc, yyjson_mut_arr_add_obj(doc, list), "physicalLocation");
	artifact = yyjson_mut_obj_add_obj(doc, physical, "artifactLocation");
	if (!yyjson_mut_obj_add_strcpy(doc, artifact, "uri", uri) || !finding->place.line)
		return artifact;
	region = yyjson_mut_obj_add_obj(doc, physical, "region");
	return yyjson_mut_obj_add_uint(doc, region, "startLine", finding->place.line) &&
	       (!finding->column || yyjson_mut_obj_add_uint(doc, region, "startColumn", finding->column));
}

static bool add_result(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct finding *finding)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);

	return o && add_text(doc, o, "ruleId", finding->id) &&
	       yyjson_mut_obj_add_str(doc, o, "level", levels[finding->severity]) &&
	       add_message(doc, o, "message", finding->text, finding->remedy) && add_location(doc, o, finding);
}

/* Of a kind that has a page. */
static bool add_rule(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct finding_page *page)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list), *level;

	if (!o || !yyjson_mut_obj_add_str(doc, o, "id", page->id) ||
	    !add_message(doc, o, "shortDescription", page->title, NULL) ||
	    !add_message(doc, o, "fullDescription", page->why, NULL) || !add_message(doc, o, "help", page->remedy, NULL))
		return false;
	level = yyjson_mut_obj_add_obj(doc, o, "defaultConfiguration");
	return yyjson_mut_obj_add_str(doc, level, "level", levels[page->severity]);
}

/* The kinds that the report has. */
static bool add_rules(const struct report *report, yyjson_mut_doc *doc, yyjson_mut_val *driver)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, driver, "rules");
	bool good = list;

	for (const struct finding_page *page = NULL; good && (page = finding_page_next(page));) {
		const struct report_item *item = report->items;

		while (item && strcmp(item->finding.id, page->id) != 0)
			item = item->next;
		good = !item || add_rule(doc, list, page);
	}
	return good;
}

bool report_sarif(const struct report *report, FILE *to)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *root = yyjson_mut_obj(doc), *run, *driver, *results;
	bool good = root && !report->failed;

	if (!good)
		return false;
	yyjson_mut_doc_set_root(doc, root);
	good = yyjson_mut_obj_add_str(doc, root, "$schema", "https://json.schemastore.org/sarif-2.1.0.json") &&
	       yyjson_mut_obj_add_str(doc, root, "version", "2.1.0");
	run = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, root, "runs"));
	driver = yyjson_mut_obj_add_obj(doc, yyjson_mut_obj_add_obj(doc, run, "tool"), "driver");
	good = good && yyjson_mut_obj_add_str(doc, driver, "name", "cgdeleg") &&
	       yyjson_mut_obj_add_str(doc, driver, "version", CGDELEG_VERSION) && add_rules(report, doc, driver);
	/* Columns count bytes, and nothing but a comment of a valid policy has a character of several. */
	good = good && yyjson_mut_obj_add_str(doc, run, "columnKind", "unicodeCodePoints");
	results = yyjson_mut_obj_add_arr(doc, run, "results");
	for (const struct report_item *item = report->items; good && item; item = item->next)
		good = add_result(doc, results, &item->finding);
	text = good ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL) : NULL;
	return text && fputs(text, to) >= 0 && fflush(to) == 0;
}
