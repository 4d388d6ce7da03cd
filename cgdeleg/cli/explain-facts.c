/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, facts - the facts that can be given on the command line. See explain.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/explain.h"
#include "policy/nearest.h"

#define EXAMPLE_ID   100000
#define EXAMPLE_SIZE 65536

/* One word and what it stands for. */
struct word {
	const char *name;
	int value;
};

static const struct word userns_words[] = {
	{ "private", USERNS_PRIVATE }, { "none", USERNS_NONE }, { "host-ids", USERNS_HOST_IDS }, { NULL, 0 }
};
static const struct word cgroupns_words[] = { { "private", TRI_YES }, { "host", TRI_NO }, { NULL, 0 } };
static const struct word bool_words[] = { { "true", TRI_YES }, { "false", TRI_NO }, { NULL, 0 } };
static const struct word mount_words[] = { { "read-only", MOUNT_READONLY },
					   { "will-be-read-only", MOUNT_WILL_BE_RO },
					   { "writable", MOUNT_WRITABLE },
					   { NULL, 0 } };
static const struct word writable_words[] = { { "none", WRITABLE_BY_NONE },
					      { "mount", WRITABLE_BY_MOUNT },
					      { "other-mount", WRITABLE_BY_OTHER },
					      { "owner", WRITABLE_BY_OWNER },
					      { NULL, 0 } };
static const struct word guard_words[] = { { "there", GUARD_FACT_THERE },
					   { "cannot", GUARD_FACT_CANNOT },
					   { "broken", GUARD_FACT_BROKEN },
					   { "not-loaded", GUARD_FACT_NOT_LOADED },
					   { NULL, 0 } };
static const struct word device_words[] = { { "multi", DEVICE_BPF_MULTI },
					    { "absent", DEVICE_BPF_ABSENT },
					    { "replaceable", DEVICE_BPF_REPLACEABLE },
					    { NULL, 0 } };
/* "none", or names with commas between them. */
static uint64_t capability_set(const char *text, bool *ret_valid)
{
	uint64_t bits = 0;

	*ret_valid = true;
	if (strcmp(text, "none") == 0)
		return 0;
	while (*text) {
		const size_t len = strcspn(text, ",");
		char name[32];
		uint64_t bit;

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, text);
		bit = pod_capability(name);
		*ret_valid &= bit != 0;
		bits |= bit;
		text += len + (text[len] == ',');
	}
	return bits;
}

/* How a value becomes a fact. */
enum fact_kind {
	FACT_IDENTITY, /* the engine states it: it is in the question already */
	FACT_WORD,     /* the word's value, an enum, at `offset` */
	FACT_BOOL,     /* the same, true or false */
	FACT_TEXT,     /* the text itself */
	FACT_USERNS,
	FACT_USER,
	FACT_CAPABILITIES,
	FACT_OTHER_CGROUP,
};

#define AT(member) offsetof(struct facts, member)

_Static_assert(sizeof(enum userns_kind) == sizeof(int), "enums of facts are set as int");

/* In the order in which they are put: `user` counts from the user namespace's root. */
static const struct fact {
	const char *name;
	const struct word *words; /* NULL: any text, or what `value` says */
	const char *value;	  /* for the help */
	enum fact_kind kind;
	size_t offset;
	const char *help;
} facts[] = {
	{ "namespace", NULL, "NAME", FACT_IDENTITY, 0, "the Kubernetes namespace" },
	{ "pod", NULL, "NAME", FACT_IDENTITY, 0, "the pod's name" },
	{ "container", NULL, "NAME", FACT_IDENTITY, 0, "the container's name within the pod" },
	{ "image", NULL, "NAME", FACT_IDENTITY, 0, "the image's name, as the engine writes it" },
	{ "userns", userns_words, NULL, FACT_USERNS, 0, "the user namespace" },
	{ "user", NULL, "UID", FACT_USER, 0, "the user that the process runs as, inside the container" },
	{ "cgroupns", cgroupns_words, NULL, FACT_WORD, AT(cgroupns_private), "the cgroup namespace" },
	{ "capabilities", NULL, "all|none|CAP,...", FACT_CAPABILITIES, 0, "the capabilities that config.json gives it" },
	{ "mount", mount_words, NULL, FACT_WORD, AT(mount), "the mount at /sys/fs/cgroup while the hook runs" },
	{ "writable_by", writable_words, NULL, FACT_WORD, AT(writable_by),
	  "what makes its cgroup writable without being asked" },
	{ "covered_by", NULL, "PATH", FACT_TEXT, AT(covered_by),
	  "the entry of readonlyPaths or maskedPaths that covers /sys/fs/cgroup" },
	{ "bpffs", bool_words, NULL, FACT_BOOL, AT(bpffs), "a bpffs is mounted in it" },
	{ "other_cgroup", bool_words, NULL, FACT_OTHER_CGROUP, 0, "it has a second mount that shows cgroups" },
	{ "seccomp_bpf", bool_words, NULL, FACT_WORD, AT(seccomp_bpf), "its seccomp profile lets bpf(2) through" },
	{ "shares_ids", bool_words, NULL, FACT_WORD, AT(shares_ids), "another grant has the same host ids" },
	{ "device_bpf", device_words, NULL, FACT_WORD, AT(device_bpf), "the device programs on its cgroup and above" },
	{ "device_guard", guard_words, NULL, FACT_WORD, AT(device_guard), "the device guard on the node" },
	{ "grant_guard", guard_words, NULL, FACT_WORD, AT(grant_guard), "the grant guard on the node" },
	{ "host_options", NULL, "WORDS|none", FACT_TEXT, AT(host.options), "the mount options of the host's cgroup2" },
};

/* The value after "NAME=", or NULL. */
static const char *value_of(const char *word, const char *name)
{
	const size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static const struct word *word_find(const struct word *words, const char *text)
{
	while (words->name && strcmp(words->name, text) != 0)
		words++;
	return words->name ? words : NULL;
}

static void list_words(const struct word *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (; words->name && used < size; words++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "|" : "", words->name);
}

static int check_value(const struct fact *fact, const char *value, struct err *err)
{
	char list[128], shown[100];
	uint64_t number;
	bool valid;

	(void)text_escape(value, shown, sizeof(shown));
	if (!*value)
		return err_set(err, EINVAL, "--fact %s= needs a value", fact->name);
	if (fact->words && !word_find(fact->words, value)) {
		list_words(fact->words, list, sizeof(list));
		return err_set(err, EINVAL, "--fact %s=%s: the value must be one of %s", fact->name, shown, list);
	}
	if (fact->kind == FACT_USER && (text_to_u64(value, &number) < 0 || number >= UINT32_MAX))
		return err_set(err, EINVAL, "--fact user=%s: the value must be a number, the user id", shown);
	if (fact->kind == FACT_CAPABILITIES) {
		(void)capability_set(value, &valid);
		if (!valid)
			return err_set(err, EINVAL,
				       "--fact capabilities=%s: the value must be all, none, or names as in SYS_ADMIN,CHOWN",
				       shown);
	}
	return 0;
}

static int check_fact(const char *word, struct err *err)
{
	char name[64], hint[100], shown[100];
	struct nearest nearest;

	for (size_t i = 0; i < ELEMENTS(facts); i++) {
		const char *value = value_of(word, facts[i].name);

		if (value)
			return check_value(&facts[i], value, err);
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	nearest = nearest_to(name);
	for (size_t i = 0; i < ELEMENTS(facts); i++)
		nearest_try(&nearest, facts[i].name);
	if (!strchr(word, '='))
		return err_set(err, EINVAL, "--fact %s: write it as NAME=VALUE", text_escape(word, shown, sizeof(shown)));
	return err_set(err, EINVAL, "there is no fact '%s'%s", text_escape(name, shown, sizeof(shown)),
		       nearest_hint(&nearest, hint, sizeof(hint)));
}

int facts_check(const struct given *given, struct err *err)
{
	char shown[100];

	for (size_t i = 0; i < given->facts.n; i++) {
		const int r = check_fact(given->facts.all[i], err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < given->annotations.n; i++) {
		const char *word = given->annotations.all[i];

		if (word[0] == '=' || !strchr(word, '='))
			return err_set(err, EINVAL, "--annotation %s: write it as KEY=VALUE",
				       text_escape(word, shown, sizeof(shown)));
	}
	return 0;
}

/* The last one counts. */
const char *facts_given(const struct given *given, const char *name)
{
	for (size_t i = given->facts.n; i > 0; i--) {
		const char *value = value_of(given->facts.all[i - 1], name);

		if (value)
			return value;
	}
	return NULL;
}

static void put(struct facts *f, const struct fact *fact, const char *value)
{
	const int word = fact->words ? word_find(fact->words, value)->value : 0;
	char *at = (char *)f + fact->offset;
	uint64_t id = 0;
	bool valid;

	switch (fact->kind) {
	case FACT_IDENTITY:
		return;
	case FACT_WORD:
		memcpy(at, &word, sizeof(word));
		return;
	case FACT_BOOL:
		*(bool *)at = word == TRI_YES;
		return;
	case FACT_TEXT:
		memcpy(at, &value, sizeof(value));
		return;
	case FACT_USERNS:
		f->userns = (enum userns_kind)word;
		f->host_ids = word == USERNS_HOST_IDS ? "uid_map maps host id 0 ('0 0 4294967295')" : NULL;
		f->root_uid = f->root_gid = f->process_uid = f->process_gid = word == USERNS_PRIVATE ? EXAMPLE_ID : 0;
		return;
	case FACT_USER:
		(void)text_to_u64(value, &id);
		/* As the user namespace maps it. */
		if (f->userns == USERNS_PRIVATE)
			id = f->root_uid != FACT_ID_UNKNOWN && id < EXAMPLE_SIZE ? f->root_uid + id : FACT_ID_UNKNOWN;
		f->process_uid = f->process_gid = (uint32_t)id;
		return;
	case FACT_CAPABILITIES:
		f->capabilities = capability_set(value, &valid);
		return;
	case FACT_OTHER_CGROUP:
		f->other_cgroup = word == TRI_YES ? "cgroup2 '/' is mounted somewhere else" : NULL;
		return;
	}
}

void facts_override(const struct given *given, struct facts *ret)
{
	/* Whom it would be shared with, for the sentence. */
	ret->shared = (struct id_range) { EXAMPLE_ID, EXAMPLE_SIZE };
	for (size_t i = 0; i < ELEMENTS(facts); i++) {
		const char *value = facts_given(given, facts[i].name);

		if (value)
			put(ret, &facts[i], value);
	}
}

void facts_help(FILE *to)
{
	fputs("\nFacts for --fact:\n", to);
	for (size_t i = 0; i < ELEMENTS(facts); i++) {
		char left[128], words[96];

		if (facts[i].words)
			list_words(facts[i].words, words, sizeof(words));
		(void)snprintf(left, sizeof(left), "%s=%s", facts[i].name, facts[i].words ? words : facts[i].value);
		fprintf(to, "  %s\n      %s\n", left, facts[i].help);
	}
}
