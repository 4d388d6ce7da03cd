/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explain, trial - changes that are tried, for what would have to change. The parts of explain.h among themselves.
 *
 * Nothing is guessed: a change is made to a copy of the facts, or to the policy as it was read, and policy_decide() is
 * asked again, until it grants. So what is printed is enough, and the last word is the policy's. One row for each reason
 * and each side that can do something about it.
 *
 * Parts: explain-trial.c, explain-change.c, explain-change-policy.c.
 */
#pragma once

#include "cgdeleg/cli/explain.h"

#define TRIAL_ID	      100000 /* a host id, for an example */
#define TRIAL_EDITS_MAX	      48
#define TRIAL_ANNOTATIONS_MAX 64

/* A pointer of the policy that was changed, and what it was. */
struct edit {
	struct setting **place, *was;
};

struct trial {
	struct asker *asker;
	struct answer *answer;
	struct facts facts; /* annotations: those below */
	struct annotation annotations[TRIAL_ANNOTATIONS_MAX];
	struct setting made[TRIAL_EDITS_MAX]; /* settings that the policy does not have */
	struct edit edits[TRIAL_EDITS_MAX];
	size_t n_edits;
	struct assumed node;	  /* one that lacks nothing */
	struct decision decision; /* the newest */
};

/* What a row gets: `text` is for the change in words. */
struct attempt {
	struct trial *trial;
	const char *reason; /* the sentence that it is to end; it names the culprit, and the remedy */
	char *text;
	size_t size;
};

/*
 * A row makes its change, says it and returns true; or it has none for this container. Without a function the reason's
 * own sentence says what is to be done, and a member of the facts becomes `value`: an enum or, with text, a string.
 */
struct change_row {
	enum reason_code code;
	enum changer by;
	bool (*make)(struct attempt *attempt);
	size_t member;
	bool is_text;
	int value;
	const char *text;
};

extern const struct change_row container_changes[], policy_changes[];
extern const size_t n_container_changes, n_policy_changes;

/* Always true. */
bool attempt_say(const struct attempt *attempt, const char *fmt, ...) _printf_(2, 3);

/* The section of that name, or NULL; of the container's handler; of the rule that matches it. */
struct section *trial_section(const struct trial *trial, enum section_kind kind, const char *name);
struct section *trial_handler(const struct trial *trial);
struct section *trial_rule(const struct trial *trial);

/* Are there rules for the handler? And the one that fits best and does not forbid: of its lines the fewest do not match. */
bool trial_has_rules(const struct trial *trial);
struct section *trial_nearest_rule(const struct trial *trial, struct considered_rule *ret);

/* A line in front of the section's others, so that it is the one that counts; a line away. False: that cannot be done. */
bool trial_set(struct trial *trial, struct section *section, enum key_id key, const char *value);
bool trial_take_out(struct trial *trial, struct section *section, const struct setting *setting);

/* Puts an annotation, in place of one with its key. Both strings must live as long as the trial. */
bool trial_annotate(struct trial *trial, const char *key, const char *value);
void trial_forget(struct trial *trial, size_t i); /* the annotation at i */

/* What the annotations ask for now. Returns wish. */
const struct wish *trial_wish(const struct trial *trial, struct wish *wish);

/* "[rule ci] (policy.ini:3)". Returns buf. */
const char *trial_place(const struct section *section, char buf[160]);
