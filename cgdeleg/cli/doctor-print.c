/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, print - what the checks of the node have said. See doctor-print.h. */
#include "cgdeleg/cli/doctor-print.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
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
	for (size_t i = 0; i < d->n; i++)
		counts[d->answers[i].result]++;
}

bool doctor_print_text(const struct doctor *d)
{
	size_t counts[DOCTOR_RESULTS] = { 0 };

	puts("cgdeleg " CGDELEG_VERSION);
	for (const struct doctor_answer *a = d->answers; a < d->answers + d->n; a++) {
		printf("%-8s %-22s %s\n", doctor_result_name(a->result), a->check->id, a->text);
		if (a->result < DOCTOR_NOTE)
			continue;
		printf("%9swhy: %s\n", "", a->check->why);
		if (a->remedy)
			printf("%9sdo:  %s\n", "", a->remedy);
	}
	count(d, counts);
	for (int i = DOCTOR_FAIL; i >= DOCTOR_OK; i--)
		printf("%s%zu %s", i == DOCTOR_FAIL ? "" : ", ", counts[i], doctor_result_name((enum doctor_result)i));
	puts("");
	return fflush(stdout) == 0;
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

bool doctor_print_json(const struct doctor *d)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *root = yyjson_mut_obj(doc), *array;

	if (!root)
		return false;
	yyjson_mut_doc_set_root(doc, root);
	(void)yyjson_mut_obj_add_uint(doc, root, "version", 1);
	(void)yyjson_mut_obj_add_str(doc, root, "cgdeleg", CGDELEG_VERSION);
	(void)yyjson_mut_obj_add_str(doc, root, "worst", doctor_result_name(doctor_worst(d)));
	array = yyjson_mut_obj_add_arr(doc, root, "checks");
	for (size_t i = 0; i < d->n; i++)
		add_answer(doc, array, &d->answers[i]);
	text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
	return text && fputs(text, stdout) >= 0 && fflush(stdout) == 0;
}

int doctor_print_npd(const struct doctor *d, enum doctor_result bar)
{
	const struct doctor_answer *worst = NULL;
	size_t counts[DOCTOR_RESULTS] = { 0 };

	for (size_t i = 0; i < d->n; i++)
		if (!worst || d->answers[i].result > worst->result)
			worst = &d->answers[i];
	count(d, counts);
	if (worst && worst->result >= bar)
		printf("%s: %s\n", worst->check->id, worst->text);
	else if (counts[DOCTOR_UNKNOWN] > 0)
		printf("%zu checks cannot be told\n", counts[DOCTOR_UNKNOWN]);
	else
		puts("cgdeleg finds nothing amiss on this node");
	(void)fflush(stdout);
	return worst && worst->result >= bar ? 1 : counts[DOCTOR_UNKNOWN] > 0 ? 2 : 0;
}
