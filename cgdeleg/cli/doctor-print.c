/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, print - what the checks of the node have said. See doctor-print.h. */
#include "cgdeleg/cli/doctor-print.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cgdeleg/cli/paper.h"
#include "version.h"

enum doctor_result doctor_worst(const struct doctor *d)
{
	enum doctor_result worst = DOCTOR_OK;

	for (size_t i = 0; i < d->n; i++)
		if (d->answers[i].result > worst)
			worst = d->answers[i].result;
	return worst;
}

static void count(const struct doctor *d, size_t counts[DOCTOR_RESULTS])
{
	for (size_t i = 0; d->answers && i < d->n; i++)
		counts[d->answers[i].result]++;
}

/* The columns before the sentence. */
#define RESULT_WIDTH 9
#define ID_WIDTH     22

static void print_answer(struct paper *paper, const struct doctor_answer *a)
{
	static const enum paint paints[DOCTOR_RESULTS] = {
		[DOCTOR_OK] = PAINT_GOOD,	[DOCTOR_NOT_APPLICABLE] = PAINT_FAINT,
		[DOCTOR_UNKNOWN] = PAINT_FAINT, [DOCTOR_NOTE] = PAINT_NOTE,
		[DOCTOR_WARN] = PAINT_RISK,	[DOCTOR_FAIL] = PAINT_FAULT,
	};
	const char *result = doctor_result_name(a->result);

	paper_write(paper, paints[a->result], result);
	paper->column +=
		(size_t)fprintf(paper->to, "%*s%-*s", RESULT_WIDTH - (int)strlen(result), "", ID_WIDTH, a->check->id);
	paper->gap = true;
	paper->indent = RESULT_WIDTH + ID_WIDTH + 1;
	paper_write(paper, PAINT_NONE, a->text);
	paper_end(paper, RESULT_WIDTH + strlen("why: "));
	if (a->result < DOCTOR_NOTE)
		return;
	paper->column += (size_t)fprintf(paper->to, "%*swhy:", RESULT_WIDTH, "");
	paper->gap = true;
	paper_write(paper, PAINT_FAINT, a->check->why);
	paper_end(paper, RESULT_WIDTH + strlen("do:  "));
	if (!a->remedy)
		return;
	paper->column += (size_t)fprintf(paper->to, "%*sdo: ", RESULT_WIDTH, "");
	paper->gap = true;
	paper_write(paper, PAINT_STRONG, a->remedy);
	paper_end(paper, 0);
}

bool doctor_print_text(const struct doctor *d, FILE *to)
{
	struct paper paper = paper_of(to);
	size_t counts[DOCTOR_RESULTS] = { 0 };

	paper_write(&paper, PAINT_STRONG, "cgdeleg " CGDELEG_VERSION);
	paper_end(&paper, 0);
	for (const struct doctor_answer *a = d->answers; a < d->answers + d->n; a++)
		print_answer(&paper, a);
	count(d, counts);
	for (int i = DOCTOR_FAIL; i >= DOCTOR_OK; i--)
		fprintf(to, "%s%zu %s", i == DOCTOR_FAIL ? "" : ", ", counts[i],
			doctor_result_name((enum doctor_result)i));
	fputs("\n", to);
	return fflush(to) == 0;
}

static void add_answer(yyjson_mut_doc *doc, yyjson_mut_val *array, const struct doctor_answer *a)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, array);

	(void)yyjson_mut_obj_add_str(doc, o, "id", a->check->id);
	(void)yyjson_mut_obj_add_str(doc, o, "result", doctor_result_name(a->result));
	(void)yyjson_mut_obj_add_str(doc, o, "text", a->text);
	(void)yyjson_mut_obj_add_str(doc, o, "why", a->check->why);
	if (a->remedy)
		(void)yyjson_mut_obj_add_str(doc, o, "remedy", a->remedy);
	else
		(void)yyjson_mut_obj_add_null(doc, o, "remedy");
}

bool doctor_print_json(const struct doctor *d, FILE *to)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *root = yyjson_mut_obj(doc), *array, *counted;
	size_t counts[DOCTOR_RESULTS] = { 0 };

	if (!root)
		return false;
	yyjson_mut_doc_set_root(doc, root);
	(void)yyjson_mut_obj_add_uint(doc, root, "version", 1);
	(void)yyjson_mut_obj_add_str(doc, root, "cgdeleg", CGDELEG_VERSION);
	(void)yyjson_mut_obj_add_str(doc, root, "worst", doctor_result_name(doctor_worst(d)));
	counted = yyjson_mut_obj_add_obj(doc, root, "counts");
	count(d, counts);
	for (int i = 0; i < DOCTOR_RESULTS; i++)
		(void)yyjson_mut_obj_add_uint(doc, counted, doctor_result_name((enum doctor_result)i), counts[i]);
	array = yyjson_mut_obj_add_arr(doc, root, "checks");
	for (size_t i = 0; i < d->n; i++)
		add_answer(doc, array, &d->answers[i]);
	text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
	return text && fputs(text, to) >= 0 && fflush(to) == 0;
}

int doctor_print_npd(const struct doctor *d, enum doctor_result bar, FILE *to)
{
	const struct doctor_answer *worst = NULL;
	size_t counts[DOCTOR_RESULTS] = { 0 };

	for (size_t i = 0; i < d->n; i++)
		if (!worst || d->answers[i].result > worst->result)
			worst = &d->answers[i];
	count(d, counts);
	if (worst && worst->result >= bar)
		fprintf(to, "%s: %s\n", worst->check->id, worst->text);
	else if (counts[DOCTOR_UNKNOWN] > 0)
		fprintf(to, "checks without an answer: %zu; run cgdeleg doctor as root\n", counts[DOCTOR_UNKNOWN]);
	else
		fputs("cgdeleg finds nothing amiss on this node\n", to);
	(void)fflush(to);
	return worst && worst->result >= bar ? 1 : counts[DOCTOR_UNKNOWN] > 0 ? 2 : 0;
}
