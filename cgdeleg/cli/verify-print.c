/* SPDX-License-Identifier: Apache-2.0 */
/* Verify - claims as text, JSON and TAP. See verify.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/paper.h"
#include "cgdeleg/cli/verify.h"

#define NOT_JOINED \
	"What was tried from inside was tried without the container's seccomp filter and security label, which nobody can join."

void claims_add(const struct claim *claim, void *userdata)
{
	struct claims *claims = userdata;
	struct kept_claim *more = realloc(claims->all, (claims->n + 1) * sizeof(*more));
	struct kept_claim *kept;

	if (more)
		claims->all = more;
	kept = more ? &claims->all[claims->n] : NULL;
	if (kept)
		*kept = (struct kept_claim) { claim->state, strdup(claim->id), strdup(claim->what), strdup(claim->how),
					      claim->remedy };
	if (!kept || !kept->id || !kept->what || !kept->how) {
		claims->no_memory = true;
		return;
	}
	claims->n++;
	claims->counts[claim->state]++;
}

void claims_free(struct claims *claims)
{
	for (size_t i = 0; i < claims->n; i++) {
		free(claims->all[i].id);
		free(claims->all[i].what);
		free(claims->all[i].how);
	}
	free(claims->all);
	*claims = (struct claims) { 0 };
}

/* One line, or on a terminal one paragraph. */
static void print_claim(struct paper *paper, const struct kept_claim *claim)
{
	static const struct {
		enum paint paint;
		const char *before; /* the claim's sentence */
	} forms[CLAIM_STATES] = {
		[CLAIM_PROVEN] = { PAINT_GOOD, "" },
		[CLAIM_FAILED] = { PAINT_FAULT, "it is not true that " },
		[CLAIM_UNKNOWN] = { PAINT_RISK, "it could not be found out whether " },
		[CLAIM_NOT_MADE] = { PAINT_FAINT, "it is not claimed that " },
	};
	const char *parts[] = { ": ",
				forms[claim->state].before,
				claim->what,
				": ",
				claim->how,
				claim->remedy ? "; " : "",
				claim->remedy ? claim->remedy : "" };

	paper_end(paper, 4);
	paper_write(paper, forms[claim->state].paint, claim_state_name(claim->state));
	paper_write(paper, PAINT_NONE, " ");
	paper_write(paper, PAINT_STRONG, claim->id);
	for (size_t i = 0; i < ELEMENTS(parts); i++)
		paper_write(paper, PAINT_NONE, parts[i]);
}

bool claims_print_text(const struct claims *claims, const struct found *found, FILE *to)
{
	struct paper paper = paper_of(to);
	const struct attribute *a = &found->attribute;
	const char *names[] = { a->namespace, a->pod, a->name };

	paper_write(&paper, PAINT_STRONG, a->present ? a->id : "(no attribute)");
	for (size_t i = 0; a->present && i < ELEMENTS(names); i++) {
		paper_write(&paper, PAINT_NONE, names[i][0] ? " " : "");
		paper_write(&paper, PAINT_NONE, names[i]);
	}
	paper_write(&paper, PAINT_NONE, " in ");
	paper_write(&paper, PAINT_NONE, found->path);
	for (size_t i = 0; i < claims->n; i++)
		print_claim(&paper, &claims->all[i]);
	paper_end(&paper, 0);
	fprintf(to, "%zu proven, %zu failed, %zu unknown, %zu not made\n", claims->counts[CLAIM_PROVEN],
		claims->counts[CLAIM_FAILED], claims->counts[CLAIM_UNKNOWN], claims->counts[CLAIM_NOT_MADE]);
	paper_write(&paper, PAINT_FAINT, NOT_JOINED);
	paper_end(&paper, 0);
	return fflush(to) == 0 && !ferror(to);
}

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *name, const char *text)
{
	char shown[1200];

	if (text && text[0])
		(void)yyjson_mut_obj_add_strcpy(doc, o, name, text_escape(text, shown, sizeof(shown)));
	else
		(void)yyjson_mut_obj_add_null(doc, o, name);
}

bool claims_print_json(const struct claims *claims, const struct found *found, FILE *to)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	const struct attribute *a = &found->attribute;
	const char *texts[][2] = { { "id", a->id },	     { "namespace", a->namespace }, { "pod", a->pod },
				   { "container", a->name }, { "handler", a->handler },	    { "profile", a->profile } };
	yyjson_mut_val *root = yyjson_mut_obj(doc), *array, *counts;

	yyjson_mut_doc_set_root(doc, root);
	(void)yyjson_mut_obj_add_uint(doc, root, "version", 1);
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		add_text(doc, root, texts[i][0], a->present ? texts[i][1] : NULL);
	add_text(doc, root, "cgroup", found->path);
	(void)yyjson_mut_obj_add_uint(doc, root, "cgroup_id", found->id);
	array = yyjson_mut_obj_add_arr(doc, root, "claims");
	for (size_t i = 0; i < claims->n; i++) {
		const struct kept_claim *c = &claims->all[i];
		yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, array);

		(void)yyjson_mut_obj_add_str(doc, o, "id", c->id);
		(void)yyjson_mut_obj_add_str(doc, o, "what", c->what);
		(void)yyjson_mut_obj_add_str(doc, o, "state", claim_state_name(c->state));
		(void)yyjson_mut_obj_add_str(doc, o, "how", c->how);
		(void)(c->remedy ? yyjson_mut_obj_add_str(doc, o, "remedy", c->remedy)
				 : yyjson_mut_obj_add_null(doc, o, "remedy"));
	}
	counts = yyjson_mut_obj_add_obj(doc, root, "counts");
	for (int state = 0; state < CLAIM_STATES; state++)
		(void)yyjson_mut_obj_add_uint(doc, counts, claim_state_name((enum claim_state)state),
					      claims->counts[state]);
	text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
	return text && fputs(text, to) >= 0 && fflush(to) == 0;
}

/* In a description '#' begins a directive, and '\' escapes it. */
static void print_description(const char *text, FILE *to)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
}

/* A YAML string in double quotes; all is printable already. */
static void print_yaml(const char *name, const char *text, FILE *to)
{
	fprintf(to, "  %s: \"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
	fputs("\"\n", to);
}

bool claims_print_tap(const struct claims *claims, const struct found *found, FILE *to)
{
	char shown[600];

	fprintf(to, "TAP version 13\n1..%zu\n# %s\n", claims->n, text_escape(found->path, shown, sizeof(shown)));
	for (size_t i = 0; i < claims->n; i++) {
		const struct kept_claim *c = &claims->all[i];
		const bool ok = c->state == CLAIM_PROVEN || c->state == CLAIM_NOT_MADE;

		fprintf(to, "%s %zu - %s: ", ok ? "ok" : "not ok", i + 1, c->id);
		print_description(c->what, to);
		if (c->state == CLAIM_NOT_MADE) {
			fputs(" # SKIP ", to);
			print_description(c->how, to);
		}
		fputs("\n", to);
		if (ok)
			continue;
		fputs("  ---\n", to);
		print_yaml("state", claim_state_name(c->state), to);
		print_yaml("message", c->how, to);
		if (c->remedy)
			print_yaml("remedy", c->remedy, to);
		fputs("  ...\n", to);
	}
	return fflush(to) == 0 && !ferror(to);
}
