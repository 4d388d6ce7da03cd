/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor parts - for the parts of doctor.h alone: how a check says and reads something, and the tables of checks.
 *
 * Parts:
 *     doctor.c         the order of the checks, what they say, the node's files
 *     doctor-try.c     what only the kernel can answer
 *     doctor-kernel.c  what the kernel is and does
 *     doctor-inotify.c how much of inotify is left
 *     doctor-cgroup.c  where cgroup2 is, what it has and does
 *     doctor-option.c  the options of the host's cgroup2, and its controllers
 *     doctor-bpf.c     whether the guards can be loaded, are, and do as they say
 *     doctor-system.c  systemd and security modules
 *     doctor-state.c   what cgdeleg has on the node
 *     doctor-grants.c  the grants
 */
#pragma once

#include <sys/types.h>

#include "cgdeleg/grant/run.h"
#include "bpf/device.h"
#include "bpf/program.h"
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

/* Is something there, and can this user see that it is? */
bool doctor_exists(const struct doctor *doctor, const char *path);

/* The mount table of the host: process 1's, or else this process's. NULL: it cannot be read. The caller frees it. */
char *doctor_mountinfo(const struct doctor *doctor);

/* The path of a file of the node for whoever needs a path; "" where it is too long. Returns buf. */
const char *doctor_path(const struct doctor *doctor, const char *path, char *buf, size_t size);

/* Releases that can be compared: doctor_release("6.12.57+deb13-amd64") is RELEASE(6, 12); 0: not a release. */
#define RELEASE(major, minor) ((major)*1000U + (minor))
unsigned doctor_release(const char *text);

/* The running kernel's, and its text; 0: not to be read. */
unsigned doctor_kernel_release(const struct doctor *doctor, char *buf, size_t size);

#define DOCTOR_CGROUP "cgdeleg-doctor-" /* the throw-away cgroup's name, before a pid */

/* doctor-inotify.c, doctor-option.c */
void doctor_check_inotify(struct doctor *doctor);
void doctor_check_options(struct doctor *doctor);
void doctor_check_favordynmods(struct doctor *doctor);
void doctor_check_controllers(struct doctor *doctor);

/* Tables, ended by a row without id. */
extern const struct doctor_check doctor_kernel_checks[], doctor_cgroup_checks[], doctor_engine_checks[],
	doctor_bpf_checks[], doctor_system_checks[], doctor_state_checks[], doctor_grant_checks[];
