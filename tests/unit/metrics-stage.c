/* SPDX-License-Identifier: Apache-2.0 */
/* Stage - a watched machine whose metrics a test reads. See metrics-stage.h. */
#include "tests/unit/metrics-stage.h"

#include "tests/unit/fake-kernel.h"

int64_t stage_swept_us;

void stage_begin(struct scene *s, const struct state *state)
{
	faults_reset();
	kernel = (struct kernel) { 0 };
	scene_open(s, format("policy/\n%s", state->lines), "[profile small]\nmemory.max = 1G\n");
	scene_watch(s);
	if (state->act)
		state->act(s);
}

char *stage_write(struct scene *s, unsigned verbs, enum metric_format form)
{
	struct watch_metrics from = { .watch = s->watch,
				      .host = &s->host,
				      .policy = format("%s/policy", s->tree.root),
				      .run = s->run,
				      .owner = geteuid(),
				      .swept_us = stage_swept_us ? stage_swept_us : scene_now_ms * 1000,
				      .format = form };
	_cleanup_(table_empty) struct table table = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	if (verbs & WATCH)
		assert_true(watch_metrics(&from, to));
	if (verbs & LIST) {
		assert_int_equal(table_choose(&table, NULL, true, &why), 0);
		CHECK("fill", table_fill(&s->host, &table, &why), NULL);
		assert_true(list_metrics(&table, form, to));
	}
	watch_metrics_done(&from);
	assert_int_equal(fclose(to), 0);
	return text;
}
