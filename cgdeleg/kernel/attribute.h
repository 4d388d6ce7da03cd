/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribute - what is true now of one delegated cgroup, kept on the cgroup itself.
 *
 * An extended attribute in the trusted namespace: the container can neither see nor forge it, and it is
 * gone with the cgroup. It is written before the grant, so that a hook that dies in between leaves a
 * mark. (The audit record beside it is what was decided then, append-only.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/device_guard_abi.h"
#include "policy/facts.h"
#include "policy/limit.h"

#define ATTRIBUTE_NAME		"trusted.cgdeleg"
#define ATTRIBUTE_SIZE		16384 /* bytes of the attribute, at most */
#define ATTRIBUTE_CEILINGS_SIZE 4096  /* bytes of all ceilings as text, at most */

/* Where a grant's ceilings stand: on the delegation root, and on the systemd scope above it where there is one. */
enum place { PLACE_ROOT, PLACE_SCOPE };

struct attribute {
	bool marked;	   /* the attribute is there */
	bool present;	   /* ... and of a version that this program knows */
	char id[1025];	   /* container */
	char instance[96]; /* this very one, and no other of the same id: struct target.instance */
	char handler[64];  /* section names of the policy */
	char profile[64];  /* "" for none */
	char namespace[254], pod[254], name[254]; /* as its engine states them, or "" */
	char line[256];				  /* the policy line that granted: "file:line" */
	char method[16];			  /* mount_method_name() */
	char leaf[64];				  /* "" for none */
	long long since;			  /* seconds since the epoch */
	bool guarded;				  /* the grant guard is in force */
	enum tristate pressure; /* ... and lets *.pressure be written; unknown: written before this was kept */
	bool device_guard;	/* the device guard is in force, with the rules below; false in older ones, too */
	size_t n_rules;
	bool scope; /* the ceilings are on the cgroup above too: PLACE_SCOPE */
	/* What it was granted under: lines "file=value", the value as limit_format() writes it. Read
	 * with attribute_next(), written with attribute_add(). */
	char ceilings[ATTRIBUTE_CEILINGS_SIZE];
	/* What the device guard was told: that goes with the program, should somebody detach it. */
	struct device_rule rules[DEVICE_GUARD_RULES_MAX];
};

struct attribute_ceiling {
	const struct limit_type *type;
	char file[LIMIT_FILE_SIZE];
	struct limit_value value;
};

/* Makes the ceiling of `file` what it is at `place`: the scope holds the container's own cgroup as well, so that there
 * cgroup.max.* are one more. Pure. */
void ceiling_at_place(enum place place, const char *file, struct limit_value *value);

/* The next ceiling after *at (start with NULL; advanced). False at the end. */
bool attribute_next(const struct attribute *attribute, const char **at, struct attribute_ceiling *ret);

/* The ceiling of one file. False when it has none. */
bool attribute_find(const struct attribute *attribute, const char *file, struct attribute_ceiling *ret);

/* Adds a ceiling. -E2BIG when it does not fit. */
int attribute_add(struct attribute *attribute, const char *file, const struct limit_type *type,
		  const struct limit_value *value, struct err *err);

/* Reads the attribute; *ret is zeroed first. No attribute, or one that cannot be seen without
 * CAP_SYS_ADMIN, is not an error. */
int attribute_read(int cgroup_fd, struct attribute *ret, struct err *err);

/* The attribute's text for a attribute. Pure. */
int attribute_format(const struct attribute *attribute, char *buf, size_t size, struct err *err);

/* Pure; *ret is zeroed first. */
int attribute_parse(const char *text, size_t len, struct attribute *ret, struct err *err);

/* Sets the attribute to `text` and reads it back. `text` NULL removes it. */
int attribute_write(int cgroup_fd, const char *text, struct err *err);
