/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explain - what the policy says about a container that need not exist, and why.
 *
 * A question is a container: a handler and a config.json, which may be an engine's or made of a pod's manifest. It is
 * answered by the hook's own policy_decide() and plan_build(); only the machine is assumed (assume.h), unless the
 * question is about a bundle or a container of this node. The answer has the facts, every rule and why it matched or
 * not, the decision, the plan, and what would have to change for a grant.
 *
 * Parts: explain.c, explain-ask.c, explain-facts.c, explain-print.c, explain-json.c, explain-corpus.c, explain-read.c;
 * explain-trial.h, and what that lists.
 */
#pragma once

#include "cgdeleg/cli/assume.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/pod.h"
#include "policy/consider.h"

/* What the command line says about every container. */
struct given {
	const char *handler;		/* NULL: the question's own */
	const char *controllers;	/* --assume-controllers, as written; NULL: see controllers_find() */
	struct option_list facts;	/* NAME=VALUE */
	struct option_list annotations; /* KEY=VALUE */
};

struct question {
	const char *input;		       /* where it comes from: "pod.yaml:3"; "": the command line */
	const char *kind, *object, *container; /* "Deployment", "web", "c"; NULL: not known */
	const char *handler;		       /* NULL: not known */
	const char *handler_why;	       /* why not, as a clause; or NULL */
	const char *config;		       /* the text of config.json */
	size_t config_len;
	unsigned untold; /* UNTOLD_* */
	struct notes notes;
};

#define CHANGES_MAX 12

/* Who can make a change. */
enum changer { CHANGE_CONTAINER, CHANGE_POLICY, CHANGE_NODE, CHANGER_MAX };

struct change {
	enum changer by;
	char text[400];
};

/* Changes that together end in a grant: policy_decide() says so. */
struct way {
	size_t n;
	struct change changes[CHANGES_MAX];
	bool granted; /* false: after these the decision is still another */
};

struct answer {
	const struct question *question;
	struct trail *trail; /* owned; its rules are the asker's */
	struct assumed assumed;
	bool of_node; /* the facts are this node's, and not assumed */
	bool untold;  /* a rule depends on a fact that nobody has told: the verdict is VERDICT_UNKNOWN */
	/* Without a change of the policy, where that is enough; then with one. Or none, to a grant and to what is not known. */
	size_t n_ways;
	struct way ways[2];
};

struct asker {
	struct ruleset *rules; /* is changed and restored while changes are tried */
	const struct given *given;
	const char *controllers;      /* blank-separated */
	const char *controllers_note; /* or NULL */
	struct arena lasting;	      /* of what the asker has */
	struct arena arena;	      /* of questions; a caller who has done with them may end it */
};

/* What the answer is about: facts, rules, decision, plan. False on memory or input: *err. `answer` is ended by
 * answer_done() in any case. */
int explain_ask(struct asker *asker, struct question *question, struct answer *ret, struct err *err);
void answer_done(struct answer *answer);

/* explain-facts.c: the facts that --fact names, one row a fact; checks the words of the command line. */
int facts_check(const struct given *given, struct err *err);
/* The value that --fact gives, or NULL. */
const char *facts_given(const struct given *given, const char *name);
/* Puts what is given into facts that were gathered or assumed. The strings stay the command line's. */
void facts_override(const struct given *given, struct facts *ret);
/* Prints a line for each fact that can be given. */
void facts_help(FILE *to);

/* explain-ask.c: the engine that the policy states for a handler; ENGINE_INVALID: there is none. */
enum engine explain_engine(const struct ruleset *rules, const char *handler);
/* The container that --handler and --fact describe. */
int explain_described(struct asker *asker, struct question *ret, struct err *err);
/* The words of --assume-controllers. */
int controllers_check(const struct given *given, struct err *err);
/* "all", "node" or a list of controllers; what is assumed where nothing is said. */
int controllers_find(const struct given *given, struct asker *asker, struct err *err);

/* explain-read.c: a file's questions, one after the other: pods of a manifest, or the container of a config.json. */
typedef int (*question_fn)(struct question *question, void *userdata, struct err *err);
int questions_read(struct asker *asker, const char *path, question_fn tell, void *userdata, struct err *err);

/* explain-trial.c: fills answer->ways. */
void explain_changes(struct asker *asker, struct answer *answer);
const char *changer_name(enum changer by); /* "container", "policy", "node" */

/* explain-print.c */
void explain_print(const struct asker *asker, const struct answer *answer, FILE *to);

/* explain-json.c: adds one answer to an array of a document. */
void explain_add(const struct asker *asker, const struct answer *answer, yyjson_mut_doc *doc, yyjson_mut_val *list);

/* explain-corpus.c: a table of decisions over many inputs, or with `against`, another policy, what differs. Returns an
 * exit code. */
int explain_corpus(struct asker *asker, const char *directory, const char *against, bool json);
