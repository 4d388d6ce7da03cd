/* SPDX-License-Identifier: Apache-2.0 */
/* Check, findings - of the policy, of this machine and of its grants. See check-findings.h. */
#include "cgdeleg/cli/check-findings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/node/capacity.h"
#include "cgdeleg/node/engine-finding.h"
#include "cgdeleg/node/sharers.h"
#include "policy/finding-page.h"
#include "policy/nearest.h"

static int add_sharer(struct grant *grant, int fd, void *userdata, struct err *err)
{
	(void)fd;
	return sharers_add(userdata, grant, err);
}

/* What of the grants that this node has now an administrator should know, whatever the policy says. Only root sees
 * which cgroups are delegated; others are told nothing of it. */
static void find_sharers(const struct host *host, struct report *report)
{
	_cleanup_(sharers_done) struct sharers sharers = { 0 };
	const struct finding_page *page = finding_page(FINDING_IDS_SHARED);
	char text[512];

	if (!privilege_has(CAP_SYS_ADMIN) || grants_walk(host, add_sharer, &sharers, NULL, NULL) < 0)
		return;
	sharers_compare(&sharers);
	if (sharers_describe(&sharers, text, sizeof(text)))
		report_add(&(struct finding) { .id = page->id,
					       .severity = page->severity,
					       .text = text,
					       .remedy = "set shared_ids = refuse to keep the next one out" },
			   report);
}

/* What the policy wants of this host. Where the host cannot be read, that is a finding too. */
static void compare_host(const struct host *host, const struct ruleset *rules, struct report *report)
{
	_cleanup_free_ struct cgroup_mount *mount = malloc(sizeof(*mount));
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct host_mount seen = { 0 };
	char features[256];

	if (mount && host)
		fd = openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && file_slurp(fd, MOUNTINFO_MAX, &text, NULL) >= 0 && mount_find_host(text, mount, NULL) >= 0) {
		seen = mount_host(mount);
		seen.known = host_features(host, features, sizeof(features));
	}
	findings_host(rules, &seen, report_add, report);
}

/* Only the policy's own engines: each program is asked for its version. */
static void find_engines(const char *root, const struct ruleset *rules, struct report *report)
{
	struct engines engines;
	unsigned kinds = 0;

	for (const struct section *handler = rules->sections[SECTION_HANDLER]; handler; handler = handler->next)
		kinds |= 1U << engine_find(section_get(handler, KEY_ENGINE)->value);
	if (engines_read(root, kinds, &engines, NULL) >= 0)
		engine_findings(rules, &engines, report_add, report);
	engines_done(&engines);
}

/* What is not of the policy alone. */
static void find_in_node(const char *root, const struct ruleset *rules, struct report *report)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	const bool opened = host_open(root, &real_machine, &host, NULL) >= 0;
	struct capacity capacity;

	compare_host(opened ? &host : NULL, rules, report);
	capacity_read(root, &capacity);
	capacity_findings(rules, &capacity, report_add, report);
	find_engines(root, rules, report);
	if (opened)
		find_sharers(&host, report);
}

void check_findings(const char *root, const struct ruleset *rules, struct report *report)
{
	if (ruleset_is_broken(rules)) {
		findings_faults(rules, report_add, report);
		return;
	}
	if (findings_each(rules, report_add, report) < 0)
		report->failed = true;
	if (root)
		find_in_node(root, rules, report);
}

int check_findings_id(const char *id, struct err *err)
{
	const struct finding_page *page = finding_page_find(id);
	struct nearest nearest = nearest_to(id);
	char hint[96];

	if (page && page->kind <= FINDING_FAULT_OTHER)
		return err_set(err, EINVAL, "%s cannot be ignored: it makes the policy invalid, so correct the policy",
			       page->id);
	if (page)
		return 0;
	while ((page = finding_page_next(page)))
		nearest_try(&nearest, page->id);
	return err_set(err, EINVAL, "there is no finding '%.32s'%s", id, nearest_hint(&nearest, hint, sizeof(hint)));
}

static void count_sections(const struct ruleset *rules, size_t counts[SECTION_KIND_MAX])
{
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++) {
		counts[kind] = 0;
		for (const struct section *s = rules->sections[kind]; s; s = s->next)
			counts[kind]++;
	}
}

void check_findings_summary(const struct ruleset *rules)
{
	static const char *const plural[] = { "s", "" };
	size_t counts[SECTION_KIND_MAX];

	count_sections(rules, counts);
	printf("policy: valid, %zu file%s, %zu handler%s, %zu profile%s, %zu rule%s\n", rules->n_files,
	       plural[rules->n_files == 1], counts[SECTION_HANDLER], plural[counts[SECTION_HANDLER] == 1],
	       counts[SECTION_PROFILE], plural[counts[SECTION_PROFILE] == 1], counts[SECTION_RULE],
	       plural[counts[SECTION_RULE] == 1]);
}

bool check_findings_json(const char *policy, const struct ruleset *rules, const struct report *report)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *root = yyjson_mut_obj(doc), *o;
	size_t counts[SECTION_KIND_MAX];
	char shown[1024];
	bool good;

	if (!root)
		return false;
	count_sections(rules, counts);
	yyjson_mut_doc_set_root(doc, root);
	good = yyjson_mut_obj_add_uint(doc, root, "version", 1);
	o = yyjson_mut_obj_add_obj(doc, root, "policy");
	good = good && yyjson_mut_obj_add_strcpy(doc, o, "directory", paper_plain(policy, shown, sizeof(shown))) &&
	       yyjson_mut_obj_add_bool(doc, o, "valid", !ruleset_is_broken(rules)) &&
	       yyjson_mut_obj_add_uint(doc, o, "files", rules->n_files) &&
	       yyjson_mut_obj_add_uint(doc, o, "handlers", counts[SECTION_HANDLER]) &&
	       yyjson_mut_obj_add_uint(doc, o, "profiles", counts[SECTION_PROFILE]) &&
	       yyjson_mut_obj_add_uint(doc, o, "rules", counts[SECTION_RULE]) && report_add_json(report, doc, root);
	text = good ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL) : NULL;
	return text && fputs(text, stdout) >= 0 && fflush(stdout) == 0;
}

/* An example as a block of its own, as Markdown has it. */
static void print_example(const char *title, const char *policy)
{
	printf("\n%s\n\n    ", title);
	for (const char *c = policy; *c; c++)
		if (*c == '\r')
			fputs("^M", stdout);
		else if (*c != '\n')
			putchar(*c);
		else if (c[1])
			fputs("\n    ", stdout);
	putchar('\n');
}

static void print_examples(const struct finding_page *page)
{
	if (page->example) {
		print_example("A policy with this finding:", page->example);
		print_example("The same policy, mended:", page->mended);
	}
}

/* For a person at a terminal. */
static void print_page(const struct finding_page *page)
{
	const char *const paragraphs[] = { "", page->why, "", page->remedy };
	struct paper paper = paper_of(stdout);

	paper_write(&paper, PAINT_STRONG, page->id);
	paper_write(&paper, PAINT_STRONG, ": ");
	paper_write(&paper, PAINT_STRONG, page->title);
	paper_write(&paper, PAINT_NONE, " (");
	paper_write(&paper, PAINT_NONE, finding_severity_name(page->severity));
	paper_write(&paper, PAINT_NONE, ")");
	for (size_t i = 0; i < ELEMENTS(paragraphs); i++) {
		paper_end(&paper, 0);
		paper_write(&paper, PAINT_NONE, paragraphs[i]);
	}
	paper_end(&paper, 0);
	print_examples(page);
}

/* docs/findings.md. */
static void print_book(void)
{
	const struct finding_page *page = NULL;

	puts("# Findings\n\n"
	     "What `cgdeleg check` can find. Each finding has an id that never changes: `check --ignore` leaves it out,\n"
	     "`check --explain` prints its page. `check --fail-on` says from which severity on the exit status is 1.\n\n"
	     "- **fault**: containers are refused, or do not start, until it is mended.\n"
	     "- **risk**: it works, but gives up some protection, or some containers go without the hook.\n"
	     "- **note**: it does nothing, refuses everything, or is worth knowing.\n\n"
	     "The first digit of an id: 0 makes the policy invalid, 1 is a setting that gives up protection, 2 a line that does\n"
	     "nothing or refuses everything, 3 is about this node, 4 about its engines. *Words* in the [README](../README.md)\n"
	     "explains grant, ceiling, guard and the other words.\n\n"
	     "The command prints this page, too: `cgdeleg check --explain all`.\n\n"
	     "| id | severity | finding |\n|---|---|---|");
	while ((page = finding_page_next(page)))
		printf("| [%s](#%.3s%s) | %s | %s |\n", page->id, "cgd", page->id + 3,
		       finding_severity_name(page->severity), page->title);
	while ((page = finding_page_next(page))) {
		printf("\n## %s\n\n**%s**: %s. %s\n\n%s\n", page->id, finding_severity_name(page->severity),
		       page->title, page->why, page->remedy);
		print_examples(page);
	}
}

bool check_findings_explain(const char *id, struct err *err)
{
	const struct finding_page *page = finding_page_find(id);

	if (page)
		print_page(page);
	else if (strcmp(id, "all") == 0)
		print_book();
	else
		(void)check_findings_id(id, err);
	return !err->text[0];
}
