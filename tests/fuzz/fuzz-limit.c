/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: two texts as a limit, one the policy's and one the kernel's, for every type.
 *
 * The input is "policy text" NUL "kernel text". Holds: what was read and written again reads as the same; what
 * both allow is within the ceiling, and within what was there; taking the smaller twice changes nothing; what is advised
 * is a value.
 */
#include "policy/limit.h"
#include "tests/fuzz/fuzz.h"

static struct arena arena; /* of the lists of one input */

/* As the policy's text, and line by line as the kernel takes it. */
static void check_round_trip(const struct limit_type *type, const struct limit_value *value)
{
	char text[LIMIT_TEXT_SIZE], kernel[LIMIT_TEXT_SIZE] = "", again_text[LIMIT_TEXT_SIZE];
	struct limit_value again;
	size_t len = 0;

	require(limit_parse(type, limit_format(type, value, text, sizeof(text)), &arena, &again, NULL) == 0);
	require(strcmp(limit_format(type, &again, again_text, sizeof(again_text)), text) == 0);
	require(limit_within(type, value, &again) && limit_within(type, &again, value));
	for (size_t i = 0; i < limit_writes(type, value); i++) {
		limit_format_write(type, value, i, kernel + len, sizeof(kernel) - len - 1);
		len += strlen(kernel + len);
		kernel[len++] = '\n';
		kernel[len] = '\0';
	}
	require(limit_parse_kernel(type, kernel, &arena, &again, NULL) == 0);
	require(strcmp(limit_format(type, &again, again_text, sizeof(again_text)), text) == 0);
}

static bool set_is_disjoint(const struct limit_value *a, const struct limit_value *b)
{
	for (size_t i = 0; a->set && b->set && i < LIMIT_SET_BITS / 64; i++)
		if (a->set->bits[i] & b->set->bits[i])
			return false;
	return true;
}

static void check_smaller(const struct limit_type *type, const struct limit_value *now, const struct limit_value *ceiling)
{
	struct limit_value result, again;
	const int differs = limit_smaller(type, now, ceiling, &arena, &result, NULL);

	require(differs == !limit_within(type, now, ceiling));
	require(limit_within(type, &result, ceiling));
	require(!limit_smaller(type, &result, ceiling, &arena, &again, NULL));
	if (type->kind == LIMIT_SET)
		require(limit_within(type, &result, now) || set_is_disjoint(now, ceiling));
	else if (type->kind != LIMIT_LINES)
		require(limit_within(type, &result, now));
}

/* What is advised is a value. */
static void check_advice(const struct limit_type *type, const char *text)
{
	char advised[64];
	struct limit_value value;

	if (limit_translate(type, text, advised, sizeof(advised)))
		require(limit_parse(type, advised, &arena, &value, NULL) == 0);
}

static void check_type(const struct limit_type *type, const char *policy, const char *kernel)
{
	struct limit_value ceiling, now;
	struct err err = { 0 };
	const bool has_ceiling = limit_parse(type, policy, &arena, &ceiling, &err) == 0;

	require(has_ceiling == (err.code == 0) && has_ceiling == (err.text[0] == '\0'));
	check_advice(type, policy);
	if (has_ceiling)
		check_round_trip(type, &ceiling);
	if (limit_parse_kernel(type, kernel, &arena, &now, &err) == 0 && has_ceiling)
		check_smaller(type, &now, &ceiling);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 2);
	size_t len;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	len = strlen(text);
	for (size_t i = 0; i < n_limit_types; i++)
		check_type(&limit_types[i], text, text + len + 1);
	(void)limit_type_find(text);
	free(text);
	arena_done(&arena);
	return 0;
}
