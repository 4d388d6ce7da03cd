/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limit, translate - values as systemd, Docker, Kubernetes and LXC write them, as they are written here. See limit.h.
 *
 * Only for messages: what is translated was refused, and stays refused. A value that these systems give different
 * meanings is never taken, it is only shown in ours. Whatever comes out is a value that limit_parse() takes.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "policy/limit-list.h"

#define NUMBER_DIGITS 18 /* of a number with its fraction: less than 2^63 */
#define PLACES_MOST   15 /* of a fraction: with the two of "%" or the three of "m", 10 to that power is below 2^64 */

/* A decimal number, exactly, and what follows it. */
struct amount {
	uint64_t digits; /* without the point */
	unsigned places; /* how many of them are the fraction */
	char unit[16];	 /* lower case, without blanks before it */
};

/* Words for "no limit". No pointers, here and below: the hook would have to relocate them at each start. */
static bool is_unlimited(const char *text)
{
	static const char words[][12] = { "max",  "infinity", "inf",   "infinite", "unlimited", "nolimit", "no limit",
					  "none", "no",	      "never", "off",	   "-1",	"\"\"" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i], text) == 0)
			return true;
	return false;
}

/* A ',' or '_' between groups of three digits: 1,000 and 1_000. */
static bool is_group(const char *p)
{
	return (*p == ',' || *p == '_') && strspn(p + 1, "0123456789") == 3;
}

static bool add_digit(struct amount *amount, char digit)
{
	amount->digits = amount->digits * 10 + (uint64_t)(digit - '0');
	return amount->digits < UINT64_C(100000000000000000); /* one digit more still fits */
}

/* "1e9" has moved the point. */
static bool read_exponent(struct amount *amount, const char **text)
{
	const char *p = *text + 1;
	unsigned exponent = 0;

	if (*p == '+')
		p++;
	if (*p < '0' || *p > '9')
		return true; /* an "e" of another meaning: the unit's to judge */
	for (; *p >= '0' && *p <= '9' && exponent <= NUMBER_DIGITS; p++)
		exponent = exponent * 10 + (unsigned)(*p - '0');
	if (exponent > NUMBER_DIGITS)
		return false;
	for (; exponent > 0; exponent--)
		if (amount->places > 0)
			amount->places--;
		else if (!add_digit(amount, '0'))
			return false;
	*text = p;
	return true;
}

static bool read_amount(const char *text, struct amount *ret)
{
	size_t len = 0;
	bool any = false;

	*ret = (struct amount) { 0 };
	for (; (*text >= '0' && *text <= '9') || (any && is_group(text)); text++, any = true)
		if (*text != ',' && *text != '_' && !add_digit(ret, *text))
			return false;
	if (*text == '.' || *text == ',')
		for (text++; *text >= '0' && *text <= '9'; text++, ret->places++, any = true)
			if (!add_digit(ret, *text))
				return false;
	if (!any || ((*text == 'e' || *text == 'E') && !read_exponent(ret, &text)))
		return false;
	while (text_is_blank(*text))
		text++;
	for (; *text && len + 1 < sizeof(ret->unit); text++)
		ret->unit[len++] = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
	for (; ret->places > 0 && ret->digits % 10 == 0; ret->places--)
		ret->digits /= 10;
	/* "0.000...1" has few digits and many places. */
	return !*text && ret->places <= PLACES_MOST;
}

static uint64_t power_of_ten(unsigned n)
{
	uint64_t power = 1;

	while (n-- > 0)
		power *= 10;
	return power;
}

/* "16g", "16 GiB", "1.5G", "1e9". Docker, systemd and cgdeleg mean powers of 1024 by G. */
static bool bytes_text(const struct amount *amount, char *buf, size_t size)
{
	static const char units[] = "kmgtpe", ours[] = "KMGT";
	const char *unit = amount->unit;
	const char *found = *unit ? strchr(units, *unit) : NULL;
	uint64_t bytes = amount->digits;
	size_t scale = 0;

	if (found)
		unit++;
	if (*unit == 'i' && found)
		unit++;
	if (strcmp(unit, "b") == 0 || (!found && (strcmp(unit, "byte") == 0 || strcmp(unit, "bytes") == 0)))
		unit += strlen(unit);
	if (*unit)
		return false;
	for (const char *u = units; found && u <= found; u++)
		if (__builtin_mul_overflow(bytes, UINT64_C(1024), &bytes))
			return false;
	bytes /= power_of_ten(amount->places);
	while (bytes > 0 && bytes % 1024 == 0 && scale < strlen(ours)) {
		bytes /= 1024;
		scale++;
	}
	(void)snprintf(buf, size, scale > 0 ? "%llu%c" : "%llu", (unsigned long long)bytes,
		       scale > 0 ? ours[scale - 1] : 0);
	return true;
}

/* Cores: "50%", "200m", "2.500", "2 cores"; a number that can only be microseconds is a quota. */
static bool cores_text(struct amount amount, char *buf, size_t size)
{
	const char *unit = amount.unit;
	uint64_t whole;
	int len;

	if (strcmp(unit, "%") == 0)
		amount.places += 2;
	else if (strcmp(unit, "m") == 0)
		amount.places += 3;
	else if (*unit && strcmp(unit, "core") != 0 && strcmp(unit, "cores") != 0 && strcmp(unit, "cpu") != 0 &&
		 strcmp(unit, "cpus") != 0)
		return false;
	whole = amount.digits / power_of_ten(amount.places);
	if (!*unit && amount.places == 0 && whole > LIMIT_CPU_CORES) {
		(void)snprintf(buf, size, "%llu %d", (unsigned long long)whole, LIMIT_CPU_PERIOD);
		return true;
	}
	len = snprintf(buf, size, "%llu", (unsigned long long)whole);
	amount.digits %= power_of_ten(amount.places);
	/* Five digits are what a quota can hold. */
	for (; amount.places > 5; amount.places--)
		amount.digits /= 10;
	if (amount.digits == 0 || len < 0 || (size_t)len >= size)
		return true;
	len += snprintf(buf + len, size - (size_t)len, ".%0*llu", (int)amount.places, (unsigned long long)amount.digits);
	while ((size_t)len < size && buf[len - 1] == '0')
		buf[--len] = '\0';
	return true;
}

/* "50ms" in microseconds. */
static bool read_time(const char *text, uint64_t *ret)
{
	struct amount amount;
	uint64_t factor = 1;

	if (!read_amount(text, &amount))
		return false;
	if (strcmp(amount.unit, "ms") == 0)
		factor = 1000;
	else if (strcmp(amount.unit, "s") == 0)
		factor = 1000000;
	else if (amount.unit[0] && strcmp(amount.unit, "us") != 0)
		return false;
	*ret = amount.digits * factor / power_of_ten(amount.places);
	return amount.digits < UINT64_C(1000000000000);
}

/* "50ms", "50ms 100ms", "50000/100000", "-1 100000". */
static bool quota_text(const char *text, char *buf, size_t size)
{
	const size_t len = strcspn(text, " \t/,:");
	uint64_t quota, period = LIMIT_CPU_PERIOD;
	const char *rest = text + len + strspn(text + len, " \t/,:");
	char first[32];

	if (len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	if (is_unlimited(first)) {
		(void)snprintf(buf, size, "max");
		return true;
	}
	if (!read_time(first, &quota) || (*rest && !read_time(rest, &period)) || (!*rest && !strchr(first, 's')))
		return false;
	(void)snprintf(buf, size, "%llu %llu", (unsigned long long)quota, (unsigned long long)period);
	return true;
}

/* "0 1 2", "0-3;7", "0..3" */
static bool set_text(const char *text, char *buf, size_t size)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++)
		if (*text >= '0' && *text <= '9') {
			buf[len++] = *text;
		} else if (strncmp(text, "..", 2) == 0 || *text == '-') {
			buf[len++] = '-';
			text += *text == '.';
		} else if (!strchr(" \t,;+", *text)) {
			return false;
		} else if (len > 0 && buf[len - 1] != ',') {
			buf[len++] = ',';
		}
	while (len > 0 && buf[len - 1] == ',')
		len--;
	buf[len] = '\0';
	return !*text;
}

static bool number_text(enum limit_kind kind, const char *text, char *buf, size_t size)
{
	struct amount amount;

	/* "max 100000" is cpu.max's; elsewhere it can only mean max. */
	if (is_unlimited(text) || (strncmp(text, "max", 3) == 0 && text_is_blank(text[3]))) {
		(void)snprintf(buf, size, "max");
		return true;
	}
	if (!read_amount(text, &amount))
		return kind == LIMIT_CPU && quota_text(text, buf, size);
	if (kind == LIMIT_BYTES)
		return bytes_text(&amount, buf, size);
	if (kind == LIMIT_CPU)
		return cores_text(amount, buf, size) || quota_text(text, buf, size);
	(void)snprintf(buf, size, "%llu", (unsigned long long)amount.digits);
	return !amount.unit[0] && amount.places == 0;
}

/* Without quotes and blanks around it. False: it is too long to be a value of ours. */
static bool unquote(const char *text, char *buf, size_t size)
{
	size_t len;

	while (text_is_blank(*text) || *text == '"' || *text == '\'')
		text++;
	len = strlen(text);
	while (len > 0 && (text_is_blank(text[len - 1]) || text[len - 1] == '"' || text[len - 1] == '\''))
		len--;
	if (len == 0 || len >= size)
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return true;
}

/* Does limit_parse() take it? Lists are only looked at: there is no arena for them. */
static bool is_valid(const struct limit_type *type, const char *text)
{
	uint64_t bits[LIMIT_SET_BITS / 64];
	struct limit_value unused;

	if (type->kind == LIMIT_SET)
		return *text && limit_set_parse(text, bits, NULL) == 0;
	return type->kind != LIMIT_LINES && limit_parse(type, text, NULL, &unused, NULL) == 0;
}

bool limit_translate(const struct limit_type *type, const char *text, char *buf, size_t size)
{
	char inner[128];

	if (!unquote(text, inner, sizeof(inner)))
		return false;
	if (is_valid(type, inner)) {
		(void)snprintf(buf, size, "%s", inner);
		return true;
	}
	return (type->kind == LIMIT_SET ? set_text(inner, buf, size) : number_text(type->kind, inner, buf, size)) &&
	       is_valid(type, buf);
}

const char *limit_advice(const struct limit_type *type, const char *text, char *buf, size_t size)
{
	const char *advice = "";
	char ours[64];

	buf[0] = '\0';
	if (limit_translate(type, text, ours, sizeof(ours))) {
		(void)snprintf(buf, size, "; write '%s'", ours);
		return buf;
	}
	if (strchr(text, '#'))
		advice = "; a comment after a value begins with ' ;'";
	else if (type->kind <= LIMIT_COUNT && strchr(text, '%'))
		advice = "; a share of what the machine has cannot be written here: write the number";
	else if (strncmp(text, "/dev/", 5) == 0)
		advice = "; write the device's numbers, such as 8:0: lsblk shows them";
	else if (strpbrk(text, "\"'"))
		advice = "; write it without quotes";
	else if (type->kind == LIMIT_COUNT && *text >= '0' && *text <= '9')
		advice = "; write the number with all its digits, and no unit";
	(void)snprintf(buf, size, "%s", advice);
	return buf;
}
