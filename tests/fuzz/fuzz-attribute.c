/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as the attribute on a delegated cgroup. Holds: what is read, written and read again is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgdeleg/kernel/attribute.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[16 * ATTRIBUTE_SIZE];
	struct attribute attribute, again;
	struct err err = { 0 };
	int r = attribute_parse((const char *)data, size, &attribute, &err);

	require((r == 0) == (err.code == 0) && (r == 0) == attribute.present);
	if (r < 0)
		return 0;
	require(attribute_format(&attribute, text, sizeof(text), &err) == 0);
	require(attribute_parse(text, strlen(text), &again, &err) == 0);
	require(memcmp(&attribute, &again, offsetof(struct attribute, ceilings)) == 0);
	require(strcmp(attribute.ceilings, again.ceilings) == 0);
	require(memcmp(attribute.rules, again.rules, attribute.n_rules * sizeof(attribute.rules[0])) == 0);
	return 0;
}
