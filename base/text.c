/* SPDX-License-Identifier: Apache-2.0 */
/* Text - numbers read strictly, names compared, foreign bytes made printable. See text.h. */
#include "base/text.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

int text_to_u64(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = text;

	if (!*p || (*p == '0' && p[1]))
		return -EINVAL;
	for (; *p; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (*p < '0' || *p > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

int text_to_bytes(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "KMGT";
	char digits[24];
	size_t len = strlen(text);
	const char *suffix = NULL;
	uint64_t value;
	int r;

	if (len > 0 && (suffix = strchr(suffixes, text[len - 1])) != NULL)
		len--;
	if (len >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, len);
	digits[len] = '\0';
	r = text_to_u64(digits, &value);
	if (r < 0)
		return r;
	for (const char *s = suffixes; suffix && s <= suffix; s++)
		if (__builtin_mul_overflow(value, (uint64_t)1024, &value))
			return -ERANGE;
	*ret = value;
	return 0;
}

int text_to_bool(const char *text, bool *ret)
{
	if (strcmp(text, "true") == 0)
		*ret = true;
	else if (strcmp(text, "false") == 0)
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

bool text_glob(const char *pattern, const char *string)
{
	return string && fnmatch(pattern, string, FNM_NOESCAPE) == 0;
}

int text_next_word(const char **list, char *buf, size_t size)
{
	const char *p = *list;
	size_t len = 0;

	while (text_is_blank(*p))
		p++;
	for (; *p && !text_is_blank(*p); p++, len++)
		if (len < size)
			buf[len] = *p;
	*list = p;
	if (len >= size)
		return -ENAMETOOLONG;
	buf[len] = '\0';
	return (int)len;
}

bool text_is_name(const char *text)
{
	size_t len = 0;

	while (text_is_alnum(text[len]) || text[len] == '-' || text[len] == '_' || text[len] == '.')
		len++;
	return len > 0 && len <= 63 && !text[len] && text[0] != '.' && text[0] != '-';
}

bool text_has_word(const char *list, const char *word)
{
	size_t want = strlen(word);

	while (list && *list) {
		size_t len = 0;

		while (text_is_blank(*list))
			list++;
		while (list[len] && !text_is_blank(list[len]))
			len++;
		if (len > 0 && len == want && memcmp(list, word, len) == 0)
			return true;
		list += len;
	}
	return false;
}

unsigned text_distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strnlen(b, 63);

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; i < 63 && a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = diagonal + (a[i] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const char *text_escape(const char *text, char *buf, size_t size)
{
	size_t len = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool plain = *p >= 0x20 && *p < 0x7f && *p != '\\';

		if (len + (plain ? 1 : 4) >= size)
			break;
		if (plain)
			buf[len++] = (char)*p;
		else
			len += (size_t)snprintf(buf + len, size - len, "\\x%02x", *p);
	}
	buf[len] = '\0';
	return buf;
}
