/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest - the valid word that a wrong one was probably meant to be. See nearest.h. */
#include "policy/nearest.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct nearest nearest_to(const char *word)
{
	size_t len = strlen(word);

	/* With more edits than a third of the word it is not a typing error but another word. */
	return (struct nearest) { .word = word, .distance = len < 6 ? 3 : (unsigned)(len / 3) + 1 };
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
	unsigned distance = text_distance(nearest->word, candidate);

	if (distance < nearest->distance && distance < strlen(candidate)) {
		nearest->distance = distance;
		nearest->best = candidate;
	}
}

const char *nearest_hint(const struct nearest *nearest, char *buf, size_t size)
{
	buf[0] = '\0';
	if (nearest->best)
		(void)snprintf(buf, size, ", did you mean '%s'?", nearest->best);
	return buf;
}
