/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding parts - for the parts of finding.h alone.
 *
 * Parts:
 *     finding.c         the risks, the order of all, files that are not read
 *     finding-index.c   which rules, handlers and profiles go together
 *     finding-fault.c   complaints of the loader
 *     finding-choice.c  what annotations may choose that their writer should perhaps not
 *     finding-grant.c   handlers, profiles and annotations that cannot do what they are for
 *     finding-budget.c  budgets that refuse everybody
 *     finding-limit.c   ceilings and settings that stop everything, or nothing
 *     finding-mount.c   containers that nobody asks for and nothing bounds
 *     finding-rule.c    rules that no container gets to
 *     finding-cover.c   which rule matches all that another one does
 *     finding-host.c    what the host of this policy lacks
 */
#pragma once

#include "base/arena.h"
#include "policy/finding.h"

/* One rule of those that name a handler. */
struct index_rule {
	const struct section *rule;
	bool forbids; /* cgroup_writable = false */
	struct index_rule *next;
};

/* A handler whose containers can get that profile. */
struct index_pair {
	struct index_handler *handler;
	struct index_profile *profile;
	struct index_pair *next_handler; /* of the same profile, in the order of the files */
	struct index_pair *next_profile; /* of the same handler */
};

struct index_handler {
	const struct section *section;
	struct index_rule *rules, *last_rule; /* in order */
	struct index_pair *profiles, *last_profile;
	bool without; /* a container can be without a profile */
	bool chooses; /* it approves the annotation that chooses one */
};

struct index_profile {
	const struct section *section;
	struct index_pair *handlers, *last_handler;
	bool named;	 /* by some section, whether a container can get it or not */
	unsigned judged; /* finding-budget.c: the serial of the budget of a rule that last judged it */
};

struct index_place {
	const struct section *section;
	void *row;
};

/* What of a ruleset belongs together. Zeroed by index_make(); ended with arena_done(). */
struct index {
	const struct ruleset *rules;
	struct arena arena;
	struct index_handler *handlers; /* in the order of the files */
	struct index_profile *profiles;
	size_t n_handlers, n_profiles;
	bool any_leaf;	 /* some section has nest and does not say none */
	unsigned serial; /* finding-budget.c */
	/* For finding-index.c alone: rows by their sections' addresses. */
	struct index_places {
		struct index_place *all;
		size_t n;
	} places[SECTION_KIND_MAX];
};

/* 0 or -ENOMEM; the arena is to be ended in both cases. */
int index_make(struct index *index, const struct ruleset *rules);

/* NULL: there is no such section. */
struct index_handler *index_handler(const struct index *index, const char *name);
struct index_profile *index_profile(const struct index *index, const char *name);

/* Does `nest` name a leaf? False for NULL. */
bool nest_is_leaf(const struct setting *nest);

/* Rules by what their patterns begin and end with, so that a rule is compared only with those that could cover it. */
struct cover {
	struct cover_entry **buckets;
	size_t n_buckets; /* a power of two */
	struct arena *arena;
};

int cover_make(struct cover *cover, const struct index *index, struct arena *arena);

/* Adds the rule, the number-th, to those of the handler. Rules are added in order. */
int cover_add(struct cover *cover, const struct index_handler *handler, const struct section *rule, size_t number);

/* The first rule of those added that matches every container of the handler that `rule` could; NULL: there is none. */
const struct section *cover_find(const struct cover *cover, const struct index_handler *handler,
				 const struct section *rule);

/* Where findings go. */
struct listener {
	const struct ruleset *rules;
	struct index *index; /* NULL: of findings_host() */
	finding_fn tell;
	void *userdata;
};

/* With the id and the severity of its page; `remedy` as in struct finding. */
void finding_tell(const struct listener *to, enum finding_id id, const struct origin *place, const char *remedy,
		  const char *fmt, ...) _printf_(5, 6);

/* Does the handler let an annotation lower that limit file? */
bool handler_lowers(const struct section *handler, const char *file);

/* Could writable_mount bound or refuse one of that handler's containers? */
bool handler_judges_mounts(const struct index_handler *handler);

void find_grants(const struct listener *to, const struct index_handler *handler);
void find_image_asks(const struct listener *to, const struct section *handler);
void find_choices(const struct listener *to, const struct index_handler *handler);
void find_profiles(const struct listener *to);
void find_budgets(const struct listener *to, const struct section *section);
void find_limits(const struct listener *to, const struct section *section);
void find_unbounded(const struct listener *to, const struct index_handler *row);
int find_rules(const struct listener *to); /* 0 or -ENOMEM */
