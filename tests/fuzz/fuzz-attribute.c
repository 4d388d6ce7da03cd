/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as the attribute on a delegated cgroup. Holds: what is read, written and read again is the same.
 */
#include "base/cleanup.h"
#include "cgdeleg/kernel/attribute.h"
#include "tests/fuzz/fuzz.h"

static void require_same(const struct attribute *a, const struct attribute *b)
{
	char one[LIMIT_TEXT_SIZE], other[LIMIT_TEXT_SIZE];

	require(strcmp(a->id, b->id) == 0 && strcmp(a->instance, b->instance) == 0);
	require(strcmp(a->handler, b->handler) == 0 && strcmp(a->profile, b->profile) == 0);
	require(strcmp(a->namespace, b->namespace) == 0 && strcmp(a->pod, b->pod) == 0 && strcmp(a->name, b->name) == 0);
	require(strcmp(a->line, b->line) == 0 && strcmp(a->method, b->method) == 0 && strcmp(a->leaf, b->leaf) == 0);
	require(a->since == b->since && a->guarded == b->guarded && a->scope == b->scope);
	require(a->pressure == b->pressure && a->device_guard == b->device_guard && a->n_rules == b->n_rules);
	require(memcmp(a->rules, b->rules, a->n_rules * sizeof(a->rules[0])) == 0);
	require(a->n_ceilings == b->n_ceilings);
	for (size_t i = 0; i < a->n_ceilings; i++) {
		const struct ceiling *c = &a->ceilings[i], *d = &b->ceilings[i];

		require(strcmp(c->file, d->file) == 0 && c->type == d->type);
		require(strcmp(limit_format(c->type, &c->value, one, sizeof(one)),
			       limit_format(d->type, &d->value, other, sizeof(other))) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[16 * ATTRIBUTE_SIZE];
	_cleanup_(attribute_done) struct attribute attribute = { 0 }, again = { 0 };
	struct err err = { 0 };
	int r = attribute_parse((const char *)data, size, &attribute, &err);

	require((r == 0) == (err.code == 0) && (r == 0) == attribute.present);
	if (r < 0)
		return 0;
	require(attribute_format(&attribute, text, sizeof(text), &err) == 0);
	require(attribute_parse(text, strlen(text), &again, &err) == 0);
	require_same(&attribute, &again);
	return 0;
}
