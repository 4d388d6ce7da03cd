/* SPDX-License-Identifier: Apache-2.0 */
/* Devices - config.json's linux.resources.devices as rules. See devices.h. */
#include "cgdeleg/kernel/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define WHERE	   "config.json: linux.resources.devices"
#define ALL_TYPES  (BPF_DEVCG_DEV_BLOCK | BPF_DEVCG_DEV_CHAR)
#define ALL_ACCESS (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define ANY	   DEVICE_GUARD_ANY

struct raw_device {
	bool allow;
	const char *type, *access;
	int64_t major, minor;
};

static const struct json_field device_fields[] = {
	{ "allow", JSON_BOOL, offsetof(struct raw_device, allow), true },
	{ "type", JSON_STRING, offsetof(struct raw_device, type), false },
	{ "major", JSON_I64, offsetof(struct raw_device, major), false },
	{ "minor", JSON_I64, offsetof(struct raw_device, minor), false },
	{ "access", JSON_STRING, offsetof(struct raw_device, access), false },
};

/*
 * No list takes these away, in runc and crun neither. Making a node gives nothing: it cannot be opened. The console is
 * a pseudoterminal. /dev/net/tun is not in the spec, but both runtimes allow it; to use it needs CAP_NET_ADMIN in the
 * user namespace that owns the network namespace.
 */
static const struct device_rule defaults[] = {
	{ ANY, ANY, ALL_TYPES, BPF_DEVCG_ACC_MKNOD, 1 }, { 1, 3, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 }, /* null */
	{ 1, 5, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* zero */
	{ 1, 7, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* full */
	{ 1, 8, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* random */
	{ 1, 9, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* urandom */
	{ 5, 0, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* tty */
	{ 5, 2, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* ptmx */
	{ 136, ANY, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },					      /* pts */
	{ 10, 200, BPF_DEVCG_DEV_CHAR, ALL_ACCESS, 1 },						      /* net/tun */
};

static int read_type(const char *type, __u16 *ret, struct err *err)
{
	if (!type || strcmp(type, "a") == 0)
		*ret = ALL_TYPES;
	else if (strcmp(type, "b") == 0)
		*ret = BPF_DEVCG_DEV_BLOCK;
	else if (strcmp(type, "c") == 0 || strcmp(type, "u") == 0)
		*ret = BPF_DEVCG_DEV_CHAR;
	else
		return err_set(err, EBADMSG, WHERE ": type '%s' is not 'a', 'b' or 'c'", type);
	return 0;
}

static const char letters[] = "rwm";
static const __u8 bits[] = { BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE, BPF_DEVCG_ACC_MKNOD };

/* Of one letter; 0: it is none. */
static __u8 access_bit(char letter)
{
	const char *at = letter ? strchr(letters, letter) : NULL;

	return at ? bits[at - letters] : 0;
}

/* Without an access it is about every access. */
static int read_access(const char *access, __u8 *ret, struct err *err)
{
	*ret = access ? 0 : ALL_ACCESS;
	for (const char *c = access; c && *c; c++) {
		if (!access_bit(*c))
			return err_set(err, EBADMSG, WHERE ": access '%s' may have only 'r', 'w' and 'm'", access);
		*ret |= access_bit(*c);
	}
	return 0;
}

static int read_number(const char *name, int64_t number, __u32 *ret, struct err *err)
{
	if (number < -1 || number >= ANY)
		return err_set(err, EBADMSG, WHERE ": %s %lld is out of range", name, (long long)number);
	*ret = number < 0 ? ANY : (__u32)number;
	return 0;
}

static int read_device(yyjson_val *item, struct device_rule *ret, struct err *err)
{
	struct raw_device raw = { .major = -1, .minor = -1 };
	int r = json_dispatch(item, device_fields, ELEMENTS(device_fields), &raw, WHERE, err);

	if (r >= 0)
		r = read_type(raw.type, &ret->types, err);
	if (r >= 0)
		r = read_access(raw.access, &ret->access, err);
	if (r >= 0)
		r = read_number("major", raw.major, &ret->major, err);
	if (r >= 0)
		r = read_number("minor", raw.minor, &ret->minor, err);
	ret->allow = raw.allow;
	return r;
}

/* A rule about everything makes all earlier ones meaningless; without any rule everything is denied. */
static int add(struct device_rules *rules, const struct device_rule *rule, struct err *err)
{
	if (rule->types == ALL_TYPES && rule->access == ALL_ACCESS && rule->major == ANY && rule->minor == ANY) {
		memset(rules->rules, 0, rules->n_rules * sizeof(rules->rules[0]));
		rules->n_rules = 0;
		if (!rule->allow)
			return 0;
	}
	if (rules->n_rules == DEVICE_GUARD_RULES_MAX - ELEMENTS(defaults))
		return err_set(err, E2BIG, WHERE ": more than %zu rules", DEVICE_GUARD_RULES_MAX - ELEMENTS(defaults));
	rules->rules[rules->n_rules++] = *rule;
	return 0;
}

int devices_translate(yyjson_val *devices, struct device_rules *ret, struct err *err)
{
	yyjson_val *item;
	size_t i, n;

	memset(ret, 0, sizeof(*ret));
	if (devices) {
		yyjson_arr_foreach(devices, i, n, item)
		{
			struct device_rule rule = { 0 };
			int r = read_device(item, &rule, err);

			if (r >= 0)
				r = add(ret, &rule, err);
			if (r < 0)
				return r;
		}
	}
	memcpy(ret->rules + ret->n_rules, defaults, sizeof(defaults));
	ret->n_rules += ELEMENTS(defaults);
	ret->ready = DEVICE_GUARD_READY;
	return 0;
}

static const char types[] = "?bca"; /* by BPF_DEVCG_DEV_*, which are bits */

static const char *format_number(__u32 number, char buf[16])
{
	(void)snprintf(buf, 16, number == ANY ? "*" : "%u", number);
	return buf;
}

bool devices_format(const struct device_rule *rules, size_t n, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		char major[16], minor[16], access[4] = "";
		size_t len = 0;

		for (size_t a = 0; a < ELEMENTS(bits); a++)
			if (rules[i].access & bits[a])
				access[len++] = letters[a];
		used += (size_t)snprintf(buf + used, size - used, "%s%s%c %s:%s %s", i > 0 ? "," : "",
					 rules[i].allow ? "" : "!", types[rules[i].types & ALL_TYPES],
					 format_number(rules[i].major, major), format_number(rules[i].minor, minor),
					 access);
		if (used >= size)
			return false;
	}
	return true;
}

const char *devices_format_refusal(const struct device_refusal *refusal, char *buf, size_t size)
{
	const struct device_rule used = { refusal->major, refusal->minor, refusal->type, (__u8)refusal->access, 1 };

	(void)devices_format(&used, 1, buf, size);
	return buf;
}

/* The text up to the character `end`; moves *at past it. */
static bool parse_number(const char **at, char end, __u32 *ret)
{
	const size_t len = strcspn(*at, ":, ");
	char text[16];
	uint64_t number = ANY;

	if ((*at)[len] != end || len >= sizeof(text))
		return false;
	memcpy(text, *at, len);
	text[len] = '\0';
	if (strcmp(text, "*") != 0 && (text_to_u64(text, &number) < 0 || number >= ANY))
		return false;
	*ret = (__u32)number;
	*at += len + 1;
	return true;
}

/* Once each, in any order; config.json may name none. */
static bool parse_access(const char **at, __u8 *ret)
{
	*ret = 0;
	for (; **at && **at != ','; (*at)++) {
		const __u8 bit = access_bit(**at);

		if (!bit || (*ret & bit))
			return false;
		*ret |= bit;
	}
	return true;
}

static bool parse_rule(const char **at, struct device_rule *ret)
{
	const char *type;

	ret->allow = **at != '!';
	*at += !ret->allow;
	type = **at ? strchr(types + 1, **at) : NULL;
	if (!type || (*at)[1] != ' ')
		return false;
	ret->types = (__u16)(type - types);
	*at += 2;
	return parse_number(at, ':', &ret->major) && parse_number(at, ' ', &ret->minor) && parse_access(at, &ret->access);
}

int devices_parse(const char *text, struct device_rule ret[DEVICE_GUARD_RULES_MAX])
{
	int n = 0;

	while (*text) {
		if (n == DEVICE_GUARD_RULES_MAX || !parse_rule(&text, &ret[n]))
			return -EBADMSG;
		n++;
		if (*text == ',' && !*++text)
			return -EBADMSG;
	}
	return n;
}
