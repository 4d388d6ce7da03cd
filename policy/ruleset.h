/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ruleset - a policy as it was read: sections and settings in file then line order, and every complaint.
 *
 * Loading never stops at the first fault: `cgdeleg check` shows them all. A ruleset with a complaint is
 * broken, and a broken ruleset grants nothing (policy_decide() sees to it); it still knows which handlers
 * its readable files name, so that containers that do not concern us are let through.
 *
 * Parts: ruleset.c; of the loader load.h, and what that lists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "policy/decision.h"
#include "policy/keys.h"

#define POLICY_FILE_MAX	  (4 * 1024 * 1024) /* bytes of one policy file */
#define POLICY_FILES_MAX  256
#define POLICY_LIMITS_MAX 30 /* limits of one profile; with the built-in and annotated ones a decision's fit */

struct setting {
	const struct key *key;
	const char *value; /* validated against key->kind when the ruleset is not broken */
	struct origin origin;
	struct limit_value limit; /* KEY_LIMIT_VALUE, KEY_COUNT, KEY_BUDGET: the value; lists are the ruleset's */
	unsigned column;	  /* where the value begins in its line */
	const char *name;	  /* as written: "hugetlb.2MB.max" where key->name is a pattern */
	struct setting *next;
	/* Of a list: the lines that go on with it, in order. Then `value` has the words of all lines, and the value of
	 * each of these is the place in it where the line's begin. */
	struct setting *more;
};

struct section {
	enum section_kind kind;
	const char *name;	  /* "" for [defaults] */
	struct origin origin;	  /* of its first header */
	struct origin newest;	  /* of its newest header: a later file has reopened it */
	struct setting *settings; /* in order; a later file's key has replaced an earlier one's */
	struct section *next;	  /* same kind, in order */
	struct section *chain;	  /* ruleset.c: same bucket */
};

struct complaint {
	struct origin origin;
	unsigned column; /* 1.. ; 0: the whole line or file */
	char *text;	 /* one sentence, without the place */
	struct complaint *next;
};

/* A file in policy.d whose name says that it is none of the policy's. */
struct unread {
	const char *file; /* its path */
	struct unread *next;
};

struct ruleset {
	struct section *sections[SECTION_KIND_MAX];
	struct complaint *complaints; /* in order; NULL: valid */
	struct unread *unread;	      /* by name */
	size_t n_files;
	const char *files[POLICY_FILES_MAX]; /* paths as opened, in reading order */
	struct arena *arena;		     /* owns everything above */

	/* For ruleset.c alone: the ends of the lists, and sections by name, so that loading stays linear. */
	struct section *last[SECTION_KIND_MAX];
	struct complaint *last_complaint;
	struct section **buckets;
	size_t n_buckets, n_sections;
};

/*
 * Reads policy.ini and policy.d/[*].ini (byte order) beneath the directory `path`. Each file must be a regular file
 * owned by uid 0 or by `owner`, and not writable by group or others, checked on the opened descriptor; the same goes
 * for the directories. Links are refused but for those of a ConfigMap (load.c). A missing directory is a complaint, and
 * so is a directory without policy.ini and without a file in policy.d. Returns 0 with *ret filled, complaints included,
 * or a negative errno when the machine failed (no memory, an I/O error). ruleset_done() frees it in both cases.
 */
int ruleset_load(const char *path, uid_t owner, struct ruleset *ret, struct err *err);

/* As ruleset_load(), from one text in memory that is called `file` in messages. For tests and fuzzing. */
int ruleset_load_text(const char *file, const char *text, size_t len, struct ruleset *ret, struct err *err);

void ruleset_done(struct ruleset *rules);

static inline bool ruleset_is_broken(const struct ruleset *rules)
{
	return rules->complaints != NULL;
}

/* NULL when there is none of that name. */
const struct section *ruleset_find(const struct ruleset *rules, enum section_kind kind, const char *name);

/* The setting of that key in a section, or NULL; of KEY_LIMIT the first. */
const struct setting *section_get(const struct section *section, enum key_id id);

/* The line of a setting that has the word at `word`, which points into setting->value, and where it stands in it. */
const struct setting *setting_line(const struct setting *setting, const char *word, unsigned *ret_column);

/* Is `word` one of the words of that setting? False where the section, or the setting, is not there. */
bool section_has_word(const struct section *section, enum key_id id, const char *word);

/* The limit of the kernel's file `file` in a profile, or NULL; NULL if `profile` is NULL. */
const struct setting *section_limit(const struct section *profile, const char *file);
