/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record - facts, decision and plan as JSON; what the audit file and `cgdeleg check --json` share.
 * Pure. Strings that a container's creator wrote are escaped to printable ASCII. A member that memory
 * did not suffice for is missing; the caller sees the final write fail then.
 */
#pragma once

#include "base/json.h"
#include "cgdeleg/grant/plan.h"
#include "policy/decision.h"
#include "policy/facts.h"

void record_facts(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct facts *facts);
void record_decision(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct decision *decision);
void record_plan(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct plan *plan);

const char *userns_kind_name(enum userns_kind kind);
const char *device_bpf_state_name(enum device_bpf_state state);
const char *mount_state_name(enum mount_state state);
