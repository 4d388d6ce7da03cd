/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request - one decision in the making. Only for the parts of the policy engine; everyone else includes decide.h.
 *
 * Parts:
 *     decide.c    who is covered, which rule applies, is there a grant at all
 *     require.c   what must be true of a container before it is granted anything
 *     require-host.c  what must be true of the host's cgroup2
 *     ceilings.c  what bounds it
 *     usage.c     what it and all other grants use of the budgets
 *     explain.c   what would have been valid, and what was compared with what
 *     request.c   settings by precedence, reasons
 */
#pragma once

#include "policy/annotation.h"
#include "policy/decision.h"
#include "policy/ruleset.h"

struct request {
	const struct ruleset *rules;
	const struct facts *facts;
	struct decision *decision;
	const struct section *defaults, *handler, *rule, *profile; /* NULL where there is none */
	const struct section *own_profile; /* what an annotation's choice has replaced; NULL: none, or nothing was */
	bool chosen;			   /* an annotation has chosen the profile */
	const struct setting *approved;	   /* the handler's approved_annotations, or NULL */
	enum engine engine;		   /* the handler's; ENGINE_INVALID: not known */
	bool bounding; /* writable_mount = bound is what refusals are about: their sentences say so */
	bool refused;  /* apart from the reasons, which could be too many to store */
	struct wish wish;
};

/*
 * The setting in force: rule, then profile, handler, defaults. The profile stands before the handler
 * because it describes the payload, and a handler's setting is only the default of its containers.
 * NULL: the built-in default (key->initial) is in force.
 *
 * Where an annotation has chosen the profile, a KEY_LADDER has the stricter of two settings: the chosen profile's, and what
 * would be in force with the container's own. Whoever may create a container writes annotations: the policy's `profiles`
 * lets him choose among ceilings, and not take off a guard. What is no ladder has no stricter side, and the chosen profile
 * decides: `owner` (whoever chooses the profile also chooses the process's user), `nest` and `enable_controllers` (the
 * owner of the cgroup can do both himself).
 */
const struct setting *request_setting(const struct request *request, enum key_id id);

/* A note for each ladder on which the chosen profile stands lower than what applies. */
void request_note_stricter(struct request *request);

/* Its value, or the built-in one; NULL for keys without. */
const char *request_value(const struct request *request, enum key_id id);
bool request_is(const struct request *request, enum key_id id, const char *value);

/* Adds a reason. `setting` is the line it rests on, or NULL. Foreign bytes in `fmt`'s arguments are the
 * caller's to escape: FOREIGN(). */
void request_reason(struct request *request, enum reason_kind kind, enum reason_code code,
		    const struct setting *setting, const char *fmt, ...) _printf_(5, 6);
#define request_refuse(request, code, ...) request_reason(request, REASON_REFUSES, code, __VA_ARGS__)
#define request_note(request, code, ...)   request_reason(request, REASON_NOTES, code, __VA_ARGS__)

/* A foreign string made printable, for an argument list; at most 99 bytes of it. */
#define FOREIGN(text) text_escape(text, (char[100]) { 0 }, 100)

/* decide.c: the first selector of the rule that does not match; NULL: the rule matches. */
const struct setting *rule_mismatch(const struct section *rule, const struct identity *who);

/* explain.c: each fills buf as far as there is room, and says "none" or where the rest was left out. The names of the
 * sections of a kind; the words of a setting, which may be NULL; who the container is and what each rule for its handler
 * wants. What was foreign is escaped. */
const char *explain_sections(const struct ruleset *rules, enum section_kind kind, char *buf, size_t size);
const char *explain_list(const struct setting *setting, char *buf, size_t size);
const char *explain_rules(const struct request *request, const struct identity *who, char *buf, size_t size);

/* A remedy in the words of the handler's engine: `any` where it is not known. */
struct engine_words {
	const char *pod, *podman, *docker, *any;
};

const char *explain_by_engine(const struct request *request, const struct engine_words *words);

/* require.c: false, and refused, if /sys/fs/cgroup could not be the container's own cgroup; no other fact matters then. */
bool request_placed(struct request *request);

/* require.c: false, and refused, if a container that declines, and is not held by a user namespace of its own, has another
 * way to cgroups, and writable_mount is not "pass": else declining would be a way around it. */
bool request_no_volumes(struct request *request);

/* require.c: whom the cgroup is given to, the guard, and a refusal for all that is not as it must be. */
void request_require(struct request *request);

/* require-host.c: the options of the host's cgroup2 on which this grant rests. After request_ceilings(). */
void request_host_options(struct request *request);
/* ... for a container without user namespace; `line` is what allows it. */
void request_nsdelegate(struct request *request, const struct setting *line);

/* ceilings.c: the profile's, the built-in and the annotated ones, less what may be skipped. */
void request_ceilings(struct request *request);

/* usage.c: what the grant adds to the budgets, and a refusal where one would be exceeded. */
void request_budgets(struct request *request);
