/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg verify - the claims of one grant as text, JSON and TAP, and the exit code that they make.
 *
 * Parts: verify.c the verb, verify-print.c the forms.
 */
#pragma once

#include <stdio.h>

#include "cgdeleg/node/verify.h"

/* All claims, copied: TAP and JSON are printed when all are known. */
struct claims {
	size_t n, counts[CLAIM_STATES];
	struct kept_claim {
		enum claim_state state;
		char *id, *what, *how;
		const char *remedy;
	} * all;
	bool no_memory;
};

void claims_add(const struct claim *claim, void *userdata); /* a struct claims */
void claims_free(struct claims *claims);

bool claims_print_text(const struct claims *claims, const struct found *found, FILE *to);
bool claims_print_json(const struct claims *claims, const struct found *found, FILE *to);
/* Version 13, which every consumer knows; its lines mean the same in version 14. */
bool claims_print_tap(const struct claims *claims, const struct found *found, FILE *to);
