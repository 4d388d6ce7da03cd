/* SPDX-License-Identifier: Apache-2.0 */
/* Annotation - which keys there are, and what the approved ones ask for. See annotation.h. */
#include "policy/annotation.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PREFIX_LEN   (sizeof(ANNOTATION_PREFIX) - 1)
#define KEY_WRITABLE ANNOTATION_PREFIX "writable"
#define KEY_NRI	     "writable-cgroups.noderesource.dev"

/* Keys that ask for a grant. All but the first are the names of other systems, so that manifests written for them go on
 * working: the old and new name of CRI-O, and that of the NRI plugin. */
static const char *const writable_keys[] = {
	KEY_WRITABLE, "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw", "cgroup2-mount-hierarchy-rw.crio.io", KEY_NRI,
	NULL,
};

static bool is_writable_key(const char *key)
{
	for (const char *const *k = writable_keys; *k; k++)
		if (strcmp(*k, key) == 0)
			return true;
	return false;
}

/* The limit that "cgdeleg.io/<file>" names, or NULL. */
static const struct limit_type *limit_of_key(const char *key)
{
	const struct limit_type *type = NULL;

	if (strncmp(key, ANNOTATION_PREFIX, PREFIX_LEN) == 0)
		type = limit_type_find(key + PREFIX_LEN);
	return type && limit_is_number(type) ? type : NULL;
}

bool annotation_asks(const char *key)
{
	return is_writable_key(key) || strcmp(key, ANNOTATION_PROFILE) == 0;
}

bool annotation_is_known(const char *key)
{
	return annotation_asks(key) || limit_of_key(key);
}

void annotation_nearest(struct nearest *nearest)
{
	/* Limits are not offered: their names are built, and nothing outlives this call. */
	for (const char *const *k = writable_keys; *k; k++)
		nearest_try(nearest, *k);
	nearest_try(nearest, ANNOTATION_PROFILE);
}

/* To whom a key applies. */
enum form {
	FORM_NONE, /* it is another key */
	FORM_POD,  /* every container of the pod */
	FORM_CONTAINER,
};

/* Which form of the key `base` is `key`? *container is then the name after it. */
static enum form form_of(const char *key, const char *base, const char **container)
{
	static const char nri_container[] = "/container.";
	size_t len = strlen(base);
	const char *form = key + len;

	if (strncmp(key, base, len) != 0)
		return FORM_NONE;
	if (!*form || (strcmp(base, KEY_NRI) == 0 && strcmp(form, "/pod") == 0))
		return FORM_POD;
	if (strcmp(base, KEY_NRI) == 0 && strncmp(form, nri_container, strlen(nri_container)) == 0)
		*container = form + strlen(nri_container);
	else if (*form == '.')
		*container = form + 1;
	else
		return FORM_NONE;
	return FORM_CONTAINER;
}

static bool is_form_of(const char *key, const char *base)
{
	const char *unused;

	return form_of(key, base, &unused) != FORM_NONE;
}

bool annotation_is_ours(const char *key)
{
	if (strncmp(key, ANNOTATION_PREFIX, PREFIX_LEN) == 0)
		return true;
	for (const char *const *k = writable_keys; *k; k++)
		if (is_form_of(key, *k))
			return true;
	return false;
}

static bool is_approved(const char *approved, const char *key)
{
	char word[256];

	while (text_next_word(&approved, word, sizeof(word)) > 0)
		if (is_form_of(key, word))
			return true;
	return false;
}

bool annotation_has_known_form(const char *key)
{
	const char *dot = strrchr(key, '.');
	char file[LIMIT_FILE_SIZE + sizeof(ANNOTATION_PREFIX)];

	for (const char *const *k = writable_keys; *k; k++)
		if (is_form_of(key, *k))
			return true;
	if (is_form_of(key, ANNOTATION_PROFILE) || limit_of_key(key))
		return true;
	/* A container's name has no dot. */
	return dot && snprintf(file, sizeof(file), "%.*s", (int)(dot - key), key) < (int)sizeof(file) &&
	       limit_of_key(file);
}

const struct annotation *annotation_next_unapproved(const char *approved, const struct facts *facts, size_t *i)
{
	while (*i < facts->n_annotations) {
		const struct annotation *a = &facts->annotations[(*i)++];

		if (annotation_is_ours(a->key) && !is_approved(approved, a->key))
			return a;
	}
	return NULL;
}

/* One reading of a container's wish: what the functions below share. */
struct reading {
	const struct facts *facts;
	const char *container; /* NULL: not known */
	struct wish *wish;
};

static void set_invalid(struct reading *r, const struct annotation *a, const char *why, const char *advice)
{
	struct wish *wish = r->wish;
	char both[sizeof(wish->invalid_why)];

	if (wish->invalid_key)
		return;
	wish->invalid_key = a->key;
	wish->invalid_value = a->value;
	/* What is advised repeats parts of the value. */
	(void)snprintf(both, sizeof(both), "%s%s", why, advice);
	(void)text_escape(both, wish->invalid_why, sizeof(wish->invalid_why));
}

/* The form in which annotation `a` has the key for this container. */
static enum form speaks(const struct reading *r, const char *key, const struct annotation *a)
{
	const char *container = NULL;
	enum form form = form_of(a->key, key, &container);

	if (form != FORM_CONTAINER)
		return form;
	/* podman and Docker state no name; a wish for less must not be lost because of that. */
	if (!r->container)
		return is_writable_key(key) && strcmp(a->value, "false") == 0 ? FORM_CONTAINER : FORM_NONE;
	return strcmp(container, r->container) == 0 ? FORM_CONTAINER : FORM_NONE;
}

/* Each value must be within the grammar, even where a more special one wins over it. */
static bool read_writable(struct reading *r, const struct annotation *a)
{
	enum tristate says;
	bool value;

	if (text_to_bool(a->value, &value) < 0) {
		set_invalid(r, a, "true or false was expected", "");
		return false;
	}
	says = value ? TRI_YES : TRI_NO;
	/* Several keys that disagree: the one that asks for less. */
	if (r->wish->writable == TRI_UNKNOWN || says == TRI_NO) {
		r->wish->writable = says;
		r->wish->writable_key = a->key;
	}
	return true;
}

static bool read_limit(struct reading *r, const char *key, const struct annotation *a)
{
	struct wish_limit limit = { .key = a->key, .type = limit_of_key(key) };
	char advice[128];

	if (r->wish->n_limits == WISH_LIMITS_MAX) {
		set_invalid(r, a, "the annotations name too many limits", "");
		return false;
	}
	if (limit_parse(limit.type, a->value, NULL, &limit.value, NULL) < 0) {
		set_invalid(r, a,
			    limit.type->kind == LIMIT_CPU     ? "cores or 'quota period' was expected"
			    : limit.type->kind == LIMIT_BYTES ? "bytes (16G) or 'max' was expected"
							      : "a number or 'max' was expected",
			    limit_advice(limit.type, a->value, advice, sizeof(advice)));
		return false;
	}
	(void)snprintf(limit.file, sizeof(limit.file), "%s", key + PREFIX_LEN);
	r->wish->limits[r->wish->n_limits++] = limit;
	return true;
}

static bool read_value(struct reading *r, const char *key, const struct annotation *a)
{
	if (strnlen(a->value, ANNOTATION_VALUE_MAX + 1) > ANNOTATION_VALUE_MAX) {
		set_invalid(r, a, "the value is too long", "");
		return false;
	}
	if (is_writable_key(key))
		return read_writable(r, a);
	if (strcmp(key, ANNOTATION_PROFILE) != 0)
		return limit_of_key(key) ? read_limit(r, key, a) : true;
	if (!text_is_name(a->value)) {
		set_invalid(r, a, "the name of a profile was expected", "");
		return false;
	}
	r->wish->profile = a->value;
	r->wish->profile_key = a->key;
	return true;
}

/* A pod-wide value that loses is checked all the same, into a wish that nobody reads. */
static void judge_lost(struct reading *r, const char *key, const struct annotation *a)
{
	struct wish lost = { 0 };
	struct reading aside = { r->facts, r->container, &lost };

	if (!read_value(&aside, key, a))
		set_invalid(r, a, lost.invalid_why, "");
}

static void read_key(struct reading *r, const char *key)
{
	bool special = false;

	for (size_t i = 0; !special && i < r->facts->n_annotations; i++)
		special = speaks(r, key, &r->facts->annotations[i]) == FORM_CONTAINER;
	for (size_t i = 0; i < r->facts->n_annotations; i++) {
		const struct annotation *a = &r->facts->annotations[i];
		enum form form = speaks(r, key, a);

		if (form == FORM_CONTAINER || (form == FORM_POD && !special))
			(void)read_value(r, key, a);
		else if (form == FORM_POD)
			judge_lost(r, key, a);
	}
}

void wish_read(const char *approved, const struct facts *facts, const struct identity *who, struct wish *ret)
{
	struct reading r = { facts, who->container, ret };
	char key[256];

	*ret = (struct wish) { 0 };
	while (approved && text_next_word(&approved, key, sizeof(key)) > 0)
		read_key(&r, key);
}
