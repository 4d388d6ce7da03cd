/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor - the whole node, one named check after the other: what cgdeleg needs of it, and what is amiss.
 *
 * In: a machine below a root directory (a test describes one), as any user. Out: struct doctor_answer, at least one for
 * each check.
 *
 * A check looks at what the kernel and the engines do, and not at how they were built: it reads what is in force, or tries.
 * What it may try is a cgroup of its own, which it removes again on every path, and a mount that is attached nowhere. It
 * changes nothing else. What this user may not see is DOCTOR_UNKNOWN and never missing. A sentence can go into a bug
 * report as it is: no names of containers, pods, namespaces, images, users or hosts, no kernel command line.
 *
 * A new check is a row in one of the tables below, whose file has its function; a new table is a row of `tables` in
 * doctor.c. Its id is never changed afterwards: people write it after --ignore.
 *
 * Parts: of it doctor-part.h, and what that lists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "bpf/guard.h"
#include "cgdeleg/kernel/host.h"

/* In the order of what an administrator should look at last and first. */
enum doctor_result {
	DOCTOR_OK,
	DOCTOR_NOT_APPLICABLE, /* the node lacks what it is about, and need not have it */
	DOCTOR_UNKNOWN,	       /* this user, or this process, cannot see it */
	DOCTOR_NOTE,	       /* works; worth knowing */
	DOCTOR_WARN,	       /* works, and some container will be refused, or is less protected than it seems */
	DOCTOR_FAIL,	       /* containers are refused, or are not bounded */
	DOCTOR_RESULTS
};

const char *doctor_result_name(enum doctor_result result); /* "ok", "n/a", "unknown", "note", "warn", "fail" */

struct doctor;
struct ruleset;

struct doctor_check {
	const char *id;	 /* "kernel.version": the area, a dot, what it is about */
	const char *why; /* why it matters: one sentence, no full stop */
	void (*run)(struct doctor *doctor);
};

struct doctor_answer {
	const struct doctor_check *check;
	enum doctor_result result;
	const char *text; /* one sentence, no full stop, printable */
	const char *remedy; /* what to do; a command stands in backquotes. NULL: nothing need be done, or it is a choice */
};

/* What only a kernel can answer. Each returns 0 if it does as it should, or a negative errno and why not. NULL: nobody
 * tries, as in a test. */
struct doctor_tries {
	int (*userns)(struct err *err);		      /* makes a user namespace */
	int (*idmap)(int directory, struct err *err); /* maps a copy of that mount, attached nowhere; -EINVAL: cannot */
	int (*inotify)(struct err *err);	      /* makes an instance, and a watch in it */
	int (*cgroup)(int cgroup_fd, struct err *err); /* makes a cgroup there, bounds it, gives a part of it away */
	int (*open_device)(int root_fd, const char *path); /* for reading; a descriptor, or -EPERM from a device program */
	int (*canary)(int cgroup_fd, const struct grant_guard *guard, struct err *err); /* canary_check() */
};

/* All but the canary, which comes with all of libbpf. */
extern const struct doctor_tries doctor_tries;

struct doctor_args {
	const char *root;	       /* "/" */
	const struct machine *machine; /* &real_machine */
	bool privileged;	       /* has CAP_SYS_ADMIN */
	/* Directories, as the hook has them; below `root`. */
	const char *policy, *audit, *run;
	struct doctor_tries tries;
};

/* What is known of the policy. */
enum doctor_policy {
	POLICY_READ,	   /* `rules` is valid */
	POLICY_BROKEN,	   /* ... has complaints */
	POLICY_MISSING,	   /* there is none */
	POLICY_UNREADABLE, /* this user may not read it, or reading failed: policy_err */
};

/* Members are for the checks: all but those that run in a test look at the same node. */
struct doctor {
	struct doctor_args args;
	int root_fd;
	struct host host;    /* closed where host_err says why */
	struct err host_err; /* text is "" where it is open */
	enum doctor_policy policy;
	struct ruleset *rules; /* owned */
	struct err policy_err;
	struct engines *engines; /* doctor-engine.c: NULL before its first check */
	const struct doctor_check *current;
	struct doctor_answer *answers; /* in the order of the checks */
	size_t n, size;
	bool lost; /* memory ran out: answers are missing */
	struct arena arena;
};

/* Opens the machine and reads its policy. An error only if the root is no directory, or memory ran out. `args` is
 * copied; what it points to must live on. */
int doctor_open(const struct doctor_args *args, struct doctor *ret, struct err *err);
void doctor_done(struct doctor *doctor);

/* The next check of all; NULL at the end. *at begins with 0. */
const struct doctor_check *doctor_next(size_t *at);

/* Runs one and appends its answers. */
void doctor_run(struct doctor *doctor, const struct doctor_check *check);
