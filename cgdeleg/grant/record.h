/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record - one run as JSON: the audit record, and the part of it that `cgdeleg check --json` prints.
 *
 * Pure: the struct has the time. Strings that a container's creator wrote are escaped to printable ASCII. If memory
 * runs out, a member is missing; the final write then fails, and with it the record.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "cgdeleg/grant/apply.h"
#include "cgdeleg/grant/plan.h"
#include "policy/decision.h"
#include "policy/facts.h"

struct record {
	int64_t started_us;  /* when the run began, microseconds since the epoch */
	int64_t duration_us; /* 0 in an intent record */
	pid_t pid;	     /* the hook's own, to tie an intent record to its run */
	/* Belong to the run; none is NULL. */
	const struct facts *facts;
	const struct decision *decision;
	const struct plan *plan;
	const struct outcome *outcome;
	const struct err *err; /* text "": the run did not fail */
	/* Where an error stopped the run, in the words of docs/refusals.md: "state", "config", ...; NULL: no error did. */
	const char *stage;
};

/* What decided, as a word: the code of the first reason, or the stage of the error. */
const char *record_reason(const struct record *record);

/* The members of facts, decision and plan. */
void record_add(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct record *record);

/* The whole audit record as one line with its newline, `event` "run" or "intent"; the caller frees it. NULL: out of
 * memory. */
char *record_compose(const struct record *record, const char *event);

const char *userns_kind_name(enum userns_kind kind);
const char *device_bpf_state_name(enum device_bpf_state state);
const char *mount_state_name(enum mount_state state);
