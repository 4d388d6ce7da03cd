/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text - numbers read strictly, names compared, foreign bytes made printable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits and nothing else: no sign, no blank, no leading "0" before other digits. -EINVAL for any other byte or
 * an empty string, -ERANGE above UINT64_MAX. */
int text_to_u64(const char *text, uint64_t *ret);

/* As text_to_u64() for a number of bytes, with an optional suffix K, M, G or T (powers of 1024). */
int text_to_bytes(const char *text, uint64_t *ret);

/* "true" and "false", nothing else: -EINVAL. */
int text_to_bool(const char *text, bool *ret);

/* A name in the policy: 1 to 63 letters, digits, '_', '.' and '-', the first neither '.' nor '-'. */
bool text_is_name(const char *text);

/* Shell wildcards (* ? [..]) over the whole string; '*' crosses '/'. False for a NULL string: what is not known matches
 * nothing. */
bool text_glob(const char *pattern, const char *string);

static inline bool text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The same in every locale. Not strspn(3), which fills a table for each call: every line of a policy comes here. */
static inline bool text_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* Is `word` one of the blank-separated words of `list`? */
bool text_has_word(const char *list, const char *word);

/* Copies the next blank-separated word of *list into buf and moves *list past it. Returns its length, 0 at the end,
 * -ENAMETOOLONG if the word does not fit (it is skipped). */
int text_next_word(const char **list, char *buf, size_t size);

/* The number of single-byte edits from a to b, to find the nearest valid word for a message. Only the first 63 bytes
 * count. */
unsigned text_distance(const char *a, const char *b);

/* Writes `text` with every byte outside printable ASCII, and '\', as \xHH. Always ends with a NUL; what does not fit is
 * cut. Returns buf, so that the call can stand in an argument list. */
const char *text_escape(const char *text, char *buf, size_t size);
