/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verify - what the attribute of one grant claims, proven from outside and from inside.
 *
 * In: a delegated cgroup and its attribute. Out: struct claim, one after the other. Changes nothing: what is tried inside
 * would change nothing if it were allowed.
 *
 * A claim is proven only if the host agrees. An answer from inside (visit.h) counts as a hint of what to believe: a write
 * that was refused there proves the claim only if the host also sees why it had to be (the file is root's and the
 * container has other ids, nsdelegate, or the grant guard), and what is said of a mount must be what the mount table has.
 * What could not be seen or tried is unknown, never failed.
 *
 * Parts: verify.c, verify-host.c, verify-inside.c, verify-maps.c, and of it verify-part.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cgdeleg/node/find.h"

enum claim_state {
	CLAIM_PROVEN,
	CLAIM_FAILED,
	CLAIM_UNKNOWN,	/* could not be seen or tried */
	CLAIM_NOT_MADE, /* the attribute does not claim it, or it cannot be tried here */
	CLAIM_STATES
};

struct claim {
	const char *id;	    /* "owner.limits", "refused.memory.max": never changed once it is released */
	const char *what;   /* that holds when it is proven; a sentence without a full stop */
	const char *how;    /* it was found out, or why not: printable ASCII */
	const char *remedy; /* of a failure, or NULL */
	enum claim_state state;
};

struct verify_args {
	const char *bundle; /* of the container; NULL: it is looked for where engines keep bundles */
	const char *only;   /* patterns of ids, separated by commas; NULL: all */
	bool throw_away;    /* nobody needs the container: bounds are tried, too */
};

typedef void (*claim_fn)(const struct claim *claim, void *userdata);

/* Tells every claim in the order of the table. Fails only where nothing at all could be found out. `claim` and its strings
 * are only valid in the call. */
int verify_grant(const struct host *host, const struct found *found, const struct verify_args *args, claim_fn tell,
		 void *userdata, struct err *err);

const char *claim_state_name(enum claim_state state); /* "proven", "failed", "unknown", "not-made" */

/* Tells the ids and sentences of all claims, those of each ceiling once, with FILE in place of the file. */
void verify_describe(claim_fn tell, void *userdata);
