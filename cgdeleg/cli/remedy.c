/* SPDX-License-Identifier: Apache-2.0 */
/* Remedy - docs/refusals.md as tables. See remedy.h. */
#include "cgdeleg/cli/remedy.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct by_code {
	const char *code, *remedy;
};

struct by_sentence {
	const char *stages;   /* where the run may have stopped, as words */
	const char *sentence; /* a shell pattern */
	const char *remedy;
};

#include "cgdeleg/cli/remedies.inc"

/* Other sentences say by themselves what was compared with what. */
static const struct {
	const char *code, *member, *wanted;
} compared[] = {
	{ "userns-missing", "userns", "private" },
	{ "userns-host-ids", "userns", "private" },
	{ "device-bpf-absent", "device_bpf", "multi" },
	{ "device-bpf-replaceable", "device_bpf", "multi" },
	{ "nsdelegate-missing", "nsdelegate", "true" },
	{ "guard-missing", "guard", "true" },
	{ "writable-mount", "writable_by", "absent: nothing makes the cgroup writable" },
};

const char *remedy_of_code(const char *code)
{
	for (size_t i = 0; i < ELEMENTS(by_code); i++)
		if (strcmp(by_code[i].code, code) == 0)
			return by_code[i].remedy;
	return NULL;
}

const char *remedy_of_error(const char *stage, const char *sentence)
{
	for (size_t i = 0; i < ELEMENTS(by_sentence); i++)
		if (text_has_word(by_sentence[i].stages, stage) && text_glob(by_sentence[i].sentence, sentence))
			return by_sentence[i].remedy;
	return "the sentence says what failed; docs/refusals.md has what to do, sorted by where the run stopped";
}

const char *remedy_compares(const char *code, const char **ret_wanted)
{
	for (size_t i = 0; i < ELEMENTS(compared); i++)
		if (strcmp(compared[i].code, code) == 0) {
			*ret_wanted = compared[i].wanted;
			return compared[i].member;
		}
	return NULL;
}
