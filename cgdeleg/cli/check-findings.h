/* SPDX-License-Identifier: Apache-2.0 */
/* Check, findings - what `cgdeleg check` finds, and the pages of findings. */
#pragma once

#include "cgdeleg/cli/report.h"
#include "policy/ruleset.h"

/* Everything there is to say of the policy, of the machine at `root`, and of the grants that it has now. `root` NULL: of
 * the policy alone. */
void check_findings(const char *root, const struct ruleset *rules, struct report *report);

/* A report_id_fn: an id of docs/findings.md, and none of a fault, which --ignore cannot mend. */
int check_findings_id(const char *id, struct err *err);

/* What a valid policy holds, in one line. */
void check_findings_summary(const struct ruleset *rules);

/* All of it as JSON (share/schema/check.json). False: memory ran out, or standard output cannot be written. */
bool check_findings_json(const char *policy, const struct ruleset *rules, const struct report *report);

/* Prints the page of that id, or of all ("all"). False: there is none. */
bool check_findings_explain(const char *id, struct err *err);
