/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remedy - what to do about a refusal or an error, by the code or the sentence that the hook left.
 *
 * The rows are those of docs/refusals.md, which make-remedies turns into tables when cgdeleg is built: the page and the
 * command cannot say different things.
 */
#pragma once

/* What to do about a reason of a decision. NULL: there is no such code. */
const char *remedy_of_code(const char *code);

/* What to do about an error: `stage` is the record's `reason`, `sentence` its `error`. Never NULL. */
const char *remedy_of_error(const char *stage, const char *sentence);

/* What the decision compared: a member of the record, and what it would have to be. NULL: the sentence itself says it. */
const char *remedy_compares(const char *code, const char **ret_wanted);
