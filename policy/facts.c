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
