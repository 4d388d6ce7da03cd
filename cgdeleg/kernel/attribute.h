/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribute - what is true now of one delegated cgroup, kept on the cgroup itself.
 *
 * An extended attribute in the trusted namespace: the container can neither see nor forge it, and it is
 * gone with the cgroup. It is written before the grant, so that a hook that dies in between leaves a
 * mark. (The audit record says what was decided, append-only.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/device_guard_abi.h"
#include "policy/decision.h"

#define ATTRIBUTE_NAME "trusted.cgdeleg"
#define ATTRIBUTE_SIZE 16384 /* bytes of the attribute, at most */

/* Where a grant's ceilings stand: on the delegation root, and on the systemd scope above it where there is one. */
enum place { PLACE_ROOT, PLACE_SCOPE };

/*
 * Strings are "" where there is nothing to say, and as long as the table in attribute.c lets them be: longer ones are
 * cut when they are written. Strings that were read belong to `arena`; those of a struct that a caller has filled
 * stay the caller's.
 */
struct attribute {
	bool marked;		       /* the attribute is there, or nobody could tell */
	bool present;		       /* ... and of a version that this program knows */
	const char *id;		       /* container */
	const char *instance;	       /* this very one, and no other of the same id: struct target.instance */
	const char *handler, *profile; /* section names of the policy */
	const char *rule;	       /* likewise; "" also where a cgdeleg that did not keep it wrote the attribute */
	const char *namespace, *pod, *name; /* as its engine states them */
	const char *line;		    /* the policy line that granted: "file:line" */
	const char *method;		    /* mount_method_name() */
	const char *leaf;
	enum writable_by writable_by; /* it did not ask, and was bounded for this; unknown: it was granted */
	int64_t since;		      /* seconds since the epoch */
	bool guarded;		      /* the grant guard is in force */
	enum tristate pressure;	      /* ... and lets *.pressure be written; unknown: written before this was kept */
	bool device_guard;	      /* the device guard is in force, with the rules below; false in older ones, too */
	bool scope;		      /* the ceilings are on the cgroup above too: PLACE_SCOPE */
	/* The host ids of its user namespace, as id_ranges_format() writes them; "" where an older cgdeleg wrote it. */
	const char *uids, *gids;
	/* The rules of the device guard, which are lost with the program if somebody detaches it. At most
	 * DEVICE_GUARD_RULES_MAX. */
	size_t n_rules;
	const struct device_rule *rules;
	/* What it was granted under. */
	size_t n_ceilings;
	const struct ceiling *ceilings;
	struct arena arena;
};

/* Frees what was read. */
void attribute_done(struct attribute *attribute);

/* Makes the ceiling of `file` what it is at `place`: the scope holds the container's own cgroup as well, so that there
 * cgroup.max.* are one more. Pure. */
void ceiling_at_place(enum place place, const char *file, struct limit_value *value);

/* The ceiling of one file, or NULL. */
const struct ceiling *attribute_find(const struct attribute *attribute, const char *file);

/* Reads the attribute. No attribute is not an error, nor is one that cannot be seen without CAP_SYS_ADMIN: the kernel
 * says ENODATA to both. After any other error there may be one, so ret->marked is set: whoever counts grants counts
 * that cgroup, and nobody looks below it. *ret is filled anew, and to be ended with attribute_done() in any case. */
int attribute_read(int cgroup_fd, struct attribute *ret, struct err *err);

/* As attribute_read(), from the text. Pure. */
int attribute_parse(const char *text, size_t len, struct attribute *ret, struct err *err);

/* The text of an attribute; of its strings NULL is "". Pure. -E2BIG: more than `size` bytes with the NUL;
 * `buf` is then untouched. */
int attribute_format(const struct attribute *attribute, char *buf, size_t size, struct err *err);

/* Sets the attribute to `text` and reads it back. `text` NULL removes it. `fresh`: -EEXIST, and nothing is written, where
 * there is one already. */
int attribute_write(int cgroup_fd, const char *text, bool fresh, struct err *err);
