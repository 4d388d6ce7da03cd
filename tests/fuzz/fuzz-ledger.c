/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as the attribute on a delegated cgroup. Holds: what is read, written and read again is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgdeleg/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[16 * LEDGER_SIZE];
	struct ledger ledger, again;
	struct err err = { 0 };
	int r = ledger_parse((const char *)data, size, &ledger, &err);

	require((r == 0) == (err.code == 0) && (r == 0) == ledger.present);
	if (r < 0)
		return 0;
	require(ledger_format(&ledger, text, sizeof(text), &err) == 0);
	require(ledger_parse(text, strlen(text), &again, &err) == 0);
	require(memcmp(&ledger, &again, offsetof(struct ledger, ceilings)) == 0);
	require(strcmp(ledger.ceilings, again.ceilings) == 0);
	require(memcmp(ledger.rules, again.rules, ledger.n_rules * sizeof(ledger.rules[0])) == 0);
	return 0;
}
