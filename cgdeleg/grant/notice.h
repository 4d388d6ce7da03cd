/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notice - one run as one line in the node's log.
 *
 * "refused [userns-missing]: the container has no user namespace ... (/etc/cgdeleg/policy.ini:7); handler=ci
 * namespace=builds pod=p container=c image=i id=0123". The word in brackets is the code by which docs/refusals.md is
 * sorted. Where journald is, the same is in fields: CGDELEG_REASON= and so on. What a container's creator wrote is
 * escaped to printable ASCII, and in the line without blanks, so that it cannot pretend to be another word of the line.
 */
#pragma once

#include "base/journal.h"
#include "cgdeleg/grant/record.h"

#define NOTICE_SIZE 2816 /* bytes of the line, NUL included */

/* "refused [userns-missing]: the container has ... (/etc/cgdeleg/policy.ini:7)": the weightiest reason, and the line of the
 * policy that it rests on. Returns buf. */
const char *notice_sentence(const struct decision *decision, char *buf, size_t size);

/* The line. Returns buf. */
const char *notice_compose(const struct record *record, char *buf, size_t size);

/* Best effort, never waits. */
void notice_send(const struct journal *journal, const struct record *record);
