/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotation - what a container's creator may ask for, and what the engine states about the container.
 *
 * Annotations are attacker input. The keys are enumerated, the values have a closed grammar and a length
 * cap (true/false, a profile's name, one limit), none is ever a path, and nothing of them is passed on
 * to systemd. A key counts only where the handler's approved_annotations names it.
 *
 * Parts: annotation.c, identity.c.
 */
#pragma once

#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/nearest.h"

#define ANNOTATION_PREFIX  "cgdeleg.io/" /* before a limit's file: may lower it */
#define ANNOTATION_PROFILE ANNOTATION_PREFIX "profile"

#define ANNOTATION_VALUE_MAX 128 /* bytes of a value that counts */
#define WISH_LIMITS_MAX	     8	 /* limits that annotations of one container may name */

enum engine {
	ENGINE_CONTAINERD,
	ENGINE_CRIO,
	ENGINE_PODMAN,
	ENGINE_DOCKER,
	ENGINE_MAX,
	ENGINE_INVALID = -22 /* -EINVAL */
};

extern const char *const engine_names[ENGINE_MAX + 1]; /* NULL-ended */

enum engine engine_find(const char *name); /* or ENGINE_INVALID */

/* Does this engine state who the container is, in keys that a user cannot set? */
bool identity_is_stated(enum engine engine);

/* May this key stand in approved_annotations? (cgdeleg.io/writable, cgdeleg.io/profile, cgdeleg.io/<limit
 * file>, and the names that other systems use for "writable".) */
bool annotation_is_known(const char *key);

/* Does a key that can be approved ask for a grant? Others only name ceilings. */
bool annotation_asks(const char *key);

/* Offers every key that can be approved to a search for the nearest. */
void annotation_nearest(struct nearest *nearest);

/* Is this one of cgdeleg's keys in any form, approved or not ("cgdeleg.io/..." or one of another system)? */
bool annotation_is_ours(const char *key);

/* From the engine's own keys, and only those. */
void identity_read(enum engine engine, const struct facts *facts, struct identity *ret);

struct wish {
	enum tristate writable;	  /* TRI_UNKNOWN: says nothing */
	const char *writable_key; /* the annotation that said it */
	const char *profile;	  /* NULL: says nothing. Choosing a profile asks for the grant */
	const char *profile_key;
	const char *invalid_key; /* approved, but outside its grammar; use nothing then */
	const char *invalid_value;
	char invalid_why[192]; /* what was expected there, and what to write; "" unless invalid_key is set */
	size_t n_limits;
	struct wish_limit {
		const char *key; /* the annotation that said it */
		const struct limit_type *type;
		char file[LIMIT_FILE_SIZE];
		struct limit_value value;
	} limits[WISH_LIMITS_MAX];
};

/* Is it a key that can be approved, or one with a container's name after it? */
bool annotation_has_known_form(const char *key);

/* The next annotation with one of cgdeleg's keys, from the index *i on, that `approved` does not approve in any form,
 * so that it counts for nothing; NULL at the end. */
const struct annotation *annotation_next_unapproved(const char *approved, const struct facts *facts, size_t *i);

/* What the approved annotations ask for. For every key the form "<key>.<container>" applies only to the
 * container with that name, and wins over the pod-wide form; approving a key approves both forms. */
void wish_read(const char *approved, const struct facts *facts, const struct identity *who, struct wish *ret);
