/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage - how much grants use of the budgets together, and whether one more fits.
 *
 * What counts is what a grant promises, its ceilings, and not what is in the kernel's file at the moment: an
 * engine may raise a limit up to the ceiling at any time.
 */
#pragma once

#include "policy/facts.h"
#include "policy/limit.h"

/* One grant without any ceiling. */
void usage_init(struct usage *ret);

/* Takes the ceiling of a file into the usage of one grant; files without a budget are passed over. */
void usage_note(struct usage *usage, const char *file, const struct limit_value *value);

/* Adds to a sum; what is without bound makes the sum so. */
void usage_add(struct usage *sum, const struct usage *more);
