/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor parts - for the parts of doctor.h alone: how a check says and reads something, and the tables of checks.
 *
 * Parts:
 *     doctor.c         the order of the checks, what they say, the node's files
 *     doctor-kernel.c  what the kernel is and does
 */
#pragma once

#include <sys/types.h>

#include "cgdeleg/grant/run.h"
#include "cgdeleg/node/doctor.h"
#include "policy/ruleset.h"

/* An answer of the current check. */
void doctor_say(struct doctor *doctor, enum doctor_result result, const char *fmt, ...) _printf_(3, 4);

/* What to do about the answer before. */
void doctor_advise(struct doctor *doctor, const char *fmt, ...) _printf_(2, 3);

/* Is cgroup2 open? If not, says that the check cannot tell. */
bool doctor_has_cgroups(struct doctor *doctor);

/* Is this root? If not, says that `what` is for root alone to see. */
bool doctor_is_privileged(struct doctor *doctor, const char *what);

/* Opens a file of the node: `path` counts from its root, links in it too. A negative errno. */
int doctor_open_file(const struct doctor *doctor, const char *path, int flags);

/* Reads a file of the node as a text without the last newline. Returns its length or a negative errno: -EFBIG where it
 * does not fit. */
ssize_t doctor_read(const struct doctor *doctor, const char *path, char *buf, size_t size);

/* The path of a file of the node for whoever needs a path; "" where it is too long. Returns buf. */
const char *doctor_path(const struct doctor *doctor, const char *path, char *buf, size_t size);

/* "6.12.57+deb13-amd64" as 6 * 1000 + 12; 0: not a release. */
unsigned doctor_release(const char *text);

/* Tables, ended by a row without id. */
extern const struct doctor_check doctor_kernel_checks[];
