/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, corpus - decisions over many inputs, and what another policy decides otherwise. See explain.h. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/explain.h"
#include "cgdeleg/grant/record.h"

#define DEPTH_MAX 16

struct corpus {
	struct asker *asker, *before; /* before: by the other policy, or NULL */
	yyjson_mut_doc *doc;	      /* NULL: text */
	yyjson_mut_val *list;
	size_t n, n_differ, n_without, n_faults;
	size_t by_verdict[VERDICT_MAX];
	bool titled;
};

/* What one policy decides, in words. */
static void describe(const struct answer *answer, char *buf, size_t size)
{
	const struct trail *trail = answer->trail;
	const struct decision *d = &trail->decision;

	if (d->profile && verdict_bounds(d->verdict))
		(void)snprintf(buf, size, "%s %s", verdict_name(d->verdict), d->profile);
	else
		(void)snprintf(buf, size, "%s %s", verdict_name(d->verdict),
			       answer->untold	       ? "fact-not-told"
			       : !trail->facts.handler ? "handler-not-known"
						       : record_reason(&trail->record));
}

/* Of a container whose handler is not known the policy knows no name. */
static const char *container_of(const struct answer *answer)
{
	return answer->question->container ? answer->question->container : answer->trail->decision.who.container;
}

static const char *name_of(const char *text, char *buf, size_t size)
{
	return text_escape(text ? text : "-", buf, size);
}

static bool has_step(const struct plan *plan, const char *text)
{
	char own[LIMIT_TEXT_SIZE];

	for (size_t i = 0; i < plan->n_steps; i++)
		if (strcmp(step_describe(&plan->steps[i], own, sizeof(own)), text) == 0)
			return true;
	return false;
}

/* The attribute has the line of the policy in it, which is not what the plan does. */
static void each_difference(const struct plan *from, const struct plan *to, char sign,
			    void (*tell)(struct corpus *, yyjson_mut_val *, char, const char *), struct corpus *corpus,
			    yyjson_mut_val *item)
{
	char text[LIMIT_TEXT_SIZE];

	for (size_t i = 0; i < from->n_steps; i++)
		if (!has_step(to, step_describe(&from->steps[i], text, sizeof(text))))
			tell(corpus, item, sign, text);
}

static void count_difference(struct corpus *corpus, yyjson_mut_val *item, char sign, const char *text)
{
	(void)corpus;
	(void)sign;
	(void)text;
	++*(size_t *)item;
}

/* Is it decided otherwise, or planned otherwise? */
static bool differ(struct corpus *corpus, const struct answer *before, const struct answer *now)
{
	char a[128], b[128];
	size_t n = 0;

	describe(before, a, sizeof(a));
	describe(now, b, sizeof(b));
	each_difference(&before->trail->plan, &now->trail->plan, '-', count_difference, corpus, (yyjson_mut_val *)&n);
	each_difference(&now->trail->plan, &before->trail->plan, '+', count_difference, corpus, (yyjson_mut_val *)&n);
	return n > 0 || strcmp(a, b) != 0;
}

static void tell_step(struct corpus *corpus, yyjson_mut_val *item, char sign, const char *text)
{
	yyjson_mut_val *o;

	if (!corpus->doc) {
		printf("    %c %s\n", sign, text);
		return;
	}
	o = yyjson_mut_obj_get(item, sign == '-' ? "plan_before" : "plan_now");
	(void)yyjson_mut_arr_add_strcpy(corpus->doc, o, text);
}

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const char *text)
{
	char shown[1024];

	if (text)
		(void)yyjson_mut_obj_add_strcpy(doc, o, key, text_escape(text, shown, sizeof(shown)));
}

static yyjson_mut_val *add_row(struct corpus *corpus, const struct answer *now)
{
	const struct trail *trail = now->trail;
	const struct decision *d = &trail->decision;
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(corpus->doc, corpus->list);
	char place[512];

	add_text(corpus->doc, o, "input", now->question->input);
	add_text(corpus->doc, o, "namespace", d->who.namespace);
	add_text(corpus->doc, o, "pod", d->who.pod);
	add_text(corpus->doc, o, "container", container_of(now));
	add_text(corpus->doc, o, "handler", trail->facts.handler);
	(void)yyjson_mut_obj_add_str(corpus->doc, o, "verdict", verdict_name(d->verdict));
	(void)yyjson_mut_obj_add_str(corpus->doc, o, "reason", record_reason(&trail->record));
	add_text(corpus->doc, o, "profile", d->profile);
	if (d->origin.file)
		add_text(corpus->doc, o, "policy", origin_format(&d->origin, place, sizeof(place)));
	return o;
}

static void tell_row(struct corpus *corpus, const struct answer *now)
{
	char what[128], container[64], handler[64], input[256];

	if (corpus->doc) {
		(void)add_row(corpus, now);
		return;
	}
	if (!corpus->titled)
		printf("%-32s %-20s %-14s %s\n", "INPUT", "CONTAINER", "HANDLER", "DECISION");
	corpus->titled = true;
	describe(now, what, sizeof(what));
	printf("%-32s %-20s %-14s %s\n", name_of(now->question->input, input, sizeof(input)),
	       name_of(container_of(now), container, sizeof(container)),
	       name_of(now->trail->facts.handler, handler, sizeof(handler)), what);
}

static void tell_difference(struct corpus *corpus, const struct answer *before, const struct answer *now)
{
	const struct decision *d = &now->trail->decision;
	char was[128], is[128], container[64], input[256], place[512];
	yyjson_mut_val *item = NULL, *o;

	describe(before, was, sizeof(was));
	describe(now, is, sizeof(is));
	if (corpus->doc) {
		item = add_row(corpus, now);
		o = yyjson_mut_obj_add_obj(corpus->doc, item, "before");
		(void)yyjson_mut_obj_add_str(corpus->doc, o, "verdict", verdict_name(before->trail->decision.verdict));
		(void)yyjson_mut_obj_add_str(corpus->doc, o, "reason", record_reason(&before->trail->record));
		add_text(corpus->doc, o, "profile", before->trail->decision.profile);
		(void)yyjson_mut_obj_add_arr(corpus->doc, item, "plan_before");
		(void)yyjson_mut_obj_add_arr(corpus->doc, item, "plan_now");
	} else {
		printf("%s %s: %s -> %s\n", name_of(now->question->input, input, sizeof(input)),
		       name_of(container_of(now), container, sizeof(container)), was, is);
		if (strcmp(was, is) != 0 && d->n_reasons > 0)
			printf("    %s%s%s%s\n", d->reasons[0].text, d->origin.file ? " (" : "",
			       origin_format(&d->origin, place, sizeof(place)), d->origin.file ? ")" : "");
	}
	if (before->trail->plan.n_steps > 0 && now->trail->plan.n_steps > 0) {
		each_difference(&before->trail->plan, &now->trail->plan, '-', tell_step, corpus, item);
		each_difference(&now->trail->plan, &before->trail->plan, '+', tell_step, corpus, item);
	}
}

static int ask_both(struct question *question, void *userdata, struct err *err)
{
	struct corpus *corpus = userdata;
	struct answer now, before = { 0 };
	int r = explain_ask(corpus->asker, question, &now, err);

	if (r >= 0 && corpus->before)
		r = explain_ask(corpus->before, question, &before, err);
	if (r >= 0) {
		corpus->n++;
		corpus->by_verdict[now.trail->decision.verdict]++;
		if (!corpus->before) {
			tell_row(corpus, &now);
		} else if (differ(corpus, &before, &now)) {
			corpus->n_differ++;
			tell_difference(corpus, &before, &now);
		}
	}
	answer_done(&now);
	answer_done(&before);
	return r;
}

/* One that is not a manifest, or a broken one, does not stop the others. */
static void read_file(struct corpus *corpus, const char *path)
{
	struct err err = { 0 };
	const int r = questions_read(corpus->asker, path, ask_both, corpus, &err);

	if (r == -ENOENT && strstr(err.text, ": there is no pod in it")) {
		corpus->n_without++;
	} else if (r < 0) {
		corpus->n_faults++;
		fprintf(stderr, "cgdeleg: %s\n", err.text);
	}
	arena_done(&corpus->asker->arena);
	if (corpus->before)
		arena_done(&corpus->before->arena);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of bytes, so that two runs can be compared. Links to directories are not followed. */
static int walk(struct corpus *corpus, const char *directory, unsigned depth, struct err *err)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, by_bytes), r = 0;

	if (n < 0)
		return err_set_errno(err, errno, "cannot read the directory '%s'", directory);
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(entries[i]->d_name, '.');
		char path[PATH_MAX];
		struct stat st;

		if (r >= 0 && entries[i]->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name) < (int)sizeof(path) &&
		    lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
				r = walk(corpus, path, depth + 1, err);
			else if (dot &&
				 (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0) &&
				 stat(path, &st) == 0 && S_ISREG(st.st_mode))
				read_file(corpus, path);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static void print_sum(const struct corpus *corpus, const char *directory)
{
	char shown[256];

	if (corpus->n == 0) {
		fprintf(stderr, "cgdeleg: there is no pod below '%s', in files *.yaml, *.yml and *.json\n",
			text_escape(directory, shown, sizeof(shown)));
		return;
	}
	printf("%zu container%s:", corpus->n, corpus->n == 1 ? "" : "s");
	if (corpus->before) {
		printf(" %zu differ%s\n", corpus->n_differ, corpus->n_differ == 1 ? "s" : "");
		return;
	}
	for (int i = 0, some = 0; i < VERDICT_MAX; i++)
		if (corpus->by_verdict[i] > 0)
			printf("%s %zu %s", some++ ? "," : "", corpus->by_verdict[i], verdict_name((enum verdict)i));
	fputs("\n", stdout);
}

static int run_corpus(struct corpus *corpus, const char *directory)
{
	_cleanup_free_ char *text = NULL;
	struct err err = { 0 };
	bool written = true;

	if (walk(corpus, directory, 0, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		return EXIT_FAULT;
	}
	if (corpus->doc) {
		text = yyjson_mut_write(corpus->doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
		written = text && fputs(text, stdout) >= 0;
	} else {
		print_sum(corpus, directory);
	}
	if (!written || fflush(stdout) != 0)
		fputs("cgdeleg: cannot write the answer to standard output\n", stderr);
	return written && corpus->n > 0 && corpus->n_faults == 0 && corpus->n_differ == 0 ? EXIT_OK : EXIT_FAULT;
}

int explain_corpus(struct asker *asker, const char *directory, const char *against, bool json)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = json ? yyjson_mut_doc_new(NULL) : NULL;
	struct corpus corpus = { .asker = asker, .doc = doc };
	struct asker before = { .given = asker->given, .controllers = asker->controllers };
	struct ruleset rules = { 0 };
	struct err err = { 0 };
	int code;

	if (against && ruleset_load(against, geteuid(), &rules, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		ruleset_done(&rules);
		return EXIT_FAULT;
	}
	if (against) {
		before.rules = &rules;
		corpus.before = &before;
	}
	if (doc) {
		yyjson_mut_val *root = yyjson_mut_obj(doc);

		yyjson_mut_doc_set_root(doc, root);
		(void)yyjson_mut_obj_add_uint(doc, root, "version", 1);
		corpus.list = yyjson_mut_obj_add_arr(doc, root, against ? "differences" : "containers");
	}
	code = run_corpus(&corpus, directory);
	arena_done(&before.arena);
	ruleset_done(&rules);
	return code;
}
