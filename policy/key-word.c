/* SPDX-License-Identifier: Apache-2.0 */
/* Key word - one of a few words, and booleans where something else is meant. See key-check.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/key-check.h"
#include "policy/nearest.h"

/* cgroup v2's controllers that can be enabled; perf_event and freezer need no enabling. */
static const char *const controllers[] = { "cpu",  "cpuset",  "memory", "io",	"pids",
					   "rdma", "hugetlb", "misc",	"dmem", NULL };

/* The first word of the names that kernel files have (a file is "<word>.<more>"). Linux promises no
 * others: Documentation/admin-guide/cgroup-v2.rst, "Avoid Name Collisions". */
static const char *const file_prefixes[] = { "cgroup",	   "irq",     "debug",	 "net_cls", "net_prio",
					     "perf_event", "freezer", "devices", NULL };

/*
 * What a word of another system, or of another key, stands for. "yes" and "no" are all booleans; an empty key is every
 * key that has the meaning among its words. No pointers: the hook would have to relocate them at each start.
 */
static const struct {
	char key[20], word[14], meant[12];
} synonyms[] = {
	{ "guard", "yes", "require" },
	{ "guard", "no", "off" },
	{ "audit", "yes", "require" },
	{ "audit", "no", "prefer" },
	{ "audit", "off", "prefer" },
	{ "pressure", "yes", "allow" },
	{ "pressure", "no", "deny" },
	{ "device_bpf", "yes", "withhold" },
	{ "device_bpf", "no", "runtime" },
	{ "on_missing_limit", "no", "skip" },
	{ "on_missing_limit", "yes", "refuse" },
	{ "on_refusal", "yes", "fail" },
	{ "on_refusal", "no", "readonly" },
	{ "on_refusal", "deny", "fail" },
	{ "on_refusal", "refuse", "fail" },
	{ "on_refusal", "skip", "readonly" },
	{ "on_refusal", "pass", "readonly" },
	{ "on_refusal", "ignore", "readonly" },
	{ "on_missing_limit", "fail", "refuse" },
	{ "on_missing_limit", "deny", "refuse" },
	{ "on_missing_limit", "ignore", "skip" },
	{ "on_missing_limit", "warn", "skip" },
	{ "owner", "user", "process" },
	{ "owner", "container", "process" },
	{ "owner", "nobody", "root" },
	{ "owner", "yes", "process" },
	{ "owner", "no", "root" },
	{ "per", "yes", "namespace" },
	{ "per", "no", "all" },
	{ "engine", "cri-o", "crio" },
	{ "engine", "libpod", "podman" },
	{ "engine", "moby", "docker" },
	{ "engine", "dockerd", "docker" },
	{ "engine", "k3s", "containerd" },
	{ "engine", "rke2", "containerd" },
	{ "engine", "openshift", "crio" },
	{ "cgroup_writable", "ro", "false" },
	{ "cgroup_writable", "readonly", "false" },
	{ "cgroup_writable", "read-only", "false" },
	{ "cgroup_writable", "deny", "false" },
	{ "cgroup_writable", "forbid", "false" },
	{ "cgroup_writable", "never", "false" },
	{ "cgroup_writable", "rw", "true" },
	{ "cgroup_writable", "readwrite", "true" },
	{ "cgroup_writable", "allow", "true" },
	{ "cgroup_writable", "grant", "true" },
	{ "cgroup_writable", "always", "true" },
	{ "require_userns", "require", "true" },
	{ "require_userns", "host", "false" },
	{ "require_userns", "private", "true" },
	{ "", "ro", "readonly" },
	{ "", "read-only", "readonly" },
	{ "", "read_only", "readonly" },
	{ "", "required", "require" },
	{ "", "must", "require" },
	{ "", "enforce", "require" },
	{ "", "enforcing", "require" },
	{ "", "preferred", "prefer" },
	{ "", "permissive", "prefer" },
	{ "", "optional", "prefer" },
	{ "", "auto", "prefer" },
	{ "", "disabled", "off" },
	{ "", "none", "off" },
	{ "", "denied", "deny" },
	{ "", "forbid", "deny" },
	{ "", "allowed", "allow" },
	{ "", "permit", "allow" },
};

bool word_is_boolean(const char *word, bool *ret)
{
	static const char words[][9] = { "true", "false", "yes",     "no",	 "on",	   "off",
					 "1",	 "0",	  "enabled", "disabled", "enable", "disable" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i], word) == 0) {
			*ret = i % 2 == 0;
			return true;
		}
	return false;
}

static bool is_among(const char *const *words, const char *word)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

/* Which of `words` was meant, or NULL. */
static const char *meant(const struct check *c, const char *const *words)
{
	bool yes = false, boolean = word_is_boolean(c->value, &yes);

	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(words[i], c->value) == 0)
			return words[i];
	if (boolean && is_among(words, "yes"))
		return yes ? "yes" : "no";
	for (size_t i = 0; i < ELEMENTS(synonyms); i++)
		if ((!synonyms[i].key[0] || strcmp(synonyms[i].key, c->key->name) == 0) &&
		    is_among(words, synonyms[i].meant) &&
		    (strcasecmp(synonyms[i].word, c->value) == 0 ||
		     (boolean && strcmp(synonyms[i].word, yes ? "yes" : "no") == 0)))
			return synonyms[i].meant;
	return NULL;
}

/* "a, b or c"; and the word that was meant, or that looks like the value. */
static int not_among(const struct check *c, const char *const *words)
{
	struct nearest nearest = nearest_to(c->value);
	const char *likely = meant(c, words);
	char list[160], hint[96];
	size_t len = 0;

	list[0] = '\0';
	for (size_t i = 0; words[i] && len < sizeof(list); i++) {
		nearest_try(&nearest, words[i]);
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i == 0	       ? ""
					: words[i + 1] ? ", "
						       : " or ",
					words[i]);
	}
	if (likely)
		nearest.best = likely;
	return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s'; write %s%s%s", c->value, c->name, list,
		       nearest_hint(&nearest, hint, sizeof(hint)), value_advice(c));
}

int check_bool(const struct check *c)
{
	static const char *const words[] = { "true", "false", NULL };
	const char *likely;
	bool value;

	if (text_to_bool(c->value, &value) == 0)
		return 0;
	likely = word_is_boolean(c->value, &value) ? (value ? "true" : "false") : meant(c, words);
	return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s'; write true or false%s%s%s", c->value, c->name,
		       likely ? ", did you mean '" : "", likely ? likely : "", likely ? "'?" : "");
}

int check_word(const struct check *c)
{
	return is_among(c->key->words, c->value) ? 0 : not_among(c, c->key->words);
}

int check_controller(const struct check *c)
{
	return is_among(controllers, c->value) ? 0 : not_among(c, controllers);
}

static bool has_prefix_of(const char *name, const char *const *words)
{
	size_t len = strcspn(name, ".");

	for (; *words; words++)
		if (strlen(*words) == len && name[len] && strncmp(*words, name, len) == 0)
			return true;
	return false;
}

/* A leaf called "no" would be made, and whoever wrote it wanted none. */
int check_leaf(const struct check *c)
{
	static const char none[][9] = { "None", "NONE", "null", "nil", "nothing", "never" };
	bool yes = false, wrong = word_is_boolean(c->value, &yes);

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		wrong |= strcmp(none[i], c->value) == 0;
	if (wrong)
		return err_set(c->err, EINVAL, "'%.64s' is not a leaf's name; write %s", c->value,
			       yes ? "a leaf's name such as init, or none for no leaf"
				   : "none, or a leaf's name such as init");
	if (!text_is_name(c->value))
		return err_set(
			c->err, EINVAL,
			"'%.64s' is not a name: 1 to 63 letters, digits, '_', '.' and '-', not starting with '.' or '-'; write none, or a leaf's name such as init",
			c->value);
	if (has_prefix_of(c->value, controllers) || has_prefix_of(c->value, file_prefixes))
		return err_set(c->err, EINVAL,
			       "'%.64s' could be the name of a kernel file; call the leaf 'init' or 'init.scope'",
			       c->value);
	return 0;
}
