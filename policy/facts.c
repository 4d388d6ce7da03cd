/* SPDX-License-Identifier: Apache-2.0 */
/* Facts - looking things up in them. Who fills them is cgdeleg/grant/gather.c. See facts.h. */
#include "policy/facts.h"

#include <string.h>

const char *facts_file(const struct facts *facts, const char *name)
{
	for (const char *const *file = facts->files; file && *file; file++)
		if (strcmp(*file, name) == 0)
			return *file;
	return NULL;
}

const char *facts_annotation(const struct facts *facts, const char *key)
{
	for (size_t i = 0; i < facts->n_annotations; i++)
		if (strcmp(facts->annotations[i].key, key) == 0)
			return facts->annotations[i].value;
	return NULL;
}

static const char *const writable_by_names[WRITABLE_BY_MAX] = {
	[WRITABLE_BY_UNKNOWN] = "unknown",   [WRITABLE_BY_NONE] = "none",   [WRITABLE_BY_MOUNT] = "mount",
	[WRITABLE_BY_OTHER] = "other-mount", [WRITABLE_BY_OWNER] = "owner",
};

const char *writable_by_name(enum writable_by by)
{
	return writable_by_names[by];
}

enum writable_by writable_by_find(const char *name)
{
	for (int i = 0; name && i < WRITABLE_BY_MAX; i++)
		if (strcmp(writable_by_names[i], name) == 0)
			return (enum writable_by)i;
	return WRITABLE_BY_UNKNOWN;
}
