/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, print - what the checks of the node have said, for people, programs, and the node problem detector. */
#pragma once

#include <stdio.h>

#include "cgdeleg/node/doctor.h"

/* Each returns false if `to` takes no more. JSON: share/schema/doctor.json. */
bool doctor_print_text(const struct doctor *doctor, FILE *to);
bool doctor_print_json(const struct doctor *doctor, FILE *to);

/* One line, and the exit code of the detector's plugins: 0 nothing at or above `bar`; 1 there is; 2 there is none, and
 * some check could not tell. */
int doctor_print_npd(const struct doctor *doctor, enum doctor_result bar, FILE *to);

enum doctor_result doctor_worst(const struct doctor *doctor);
