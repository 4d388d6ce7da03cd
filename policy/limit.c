/* SPDX-License-Identifier: Apache-2.0 */
/* Limit - the table of limit files, and reading one number. See limit.h. */
#include "policy/limit.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/limit-list.h"

/*
 * Left out on purpose: cpu.max.burst, cpu.weight, io.weight and memory.min/low are shares and
 * guarantees, not ceilings; cpu.max.burst would besides make the annotation "cgdeleg.io/cpu.max.burst"
 * mean both a limit and "cpu.max, for the container named burst".
 *
 * Largest numbers: pids.max refuses PIDS_MAX (kernel/cgroup/pids.c) and more, cgroup.max.* are read with
 * kstrtoint().
 */
#define NO_CGROUP "the container can make no cgroup, so the grant is of no use"

const struct limit_type limit_types[] = {
	{ "cgroup.max.descendants", LIMIT_COUNT, .most = INT32_MAX, .mandatory = true,
	  .help = "cgroups below the delegated one, dying ones not counted", .zero = NO_CGROUP },
	{ "cgroup.max.depth", LIMIT_COUNT, .most = INT32_MAX, .mandatory = true,
	  .help = "levels of cgroups below the delegated one", .zero = NO_CGROUP },
	{ "memory.max", LIMIT_BYTES, .help = "memory; above it the kernel kills", .zero = "nothing can run under it" },
	{ "memory.high", LIMIT_BYTES, .help = "memory; above it the kernel slows down and reclaims",
	  .zero = "everything under it is slowed down until it stands still" },
	{ "memory.swap.max", LIMIT_BYTES, .help = "swap space" },
	{ "memory.swap.high", LIMIT_BYTES, .help = "swap space; above it allocations are slowed down" },
	{ "memory.zswap.max", LIMIT_BYTES, .help = "compressed memory in zswap" },
	{ "pids.max", LIMIT_COUNT, .most = 4 * 1024 * 1024, .help = "processes and threads",
	  .zero = "nothing can be started under it" },
	{ "cpu.max", LIMIT_CPU, .help = "CPU time: cores (1.5), or 'quota period' in microseconds" },
	{ "cpuset.cpus", LIMIT_SET, .help = "CPUs that may be used: 0-3,7" },
	{ "cpuset.mems", LIMIT_SET, .help = "memory nodes that may be used: 0-1" },
	{ "io.max", LIMIT_LINES, .params_in_bytes = { true, true, false, false },
	  .params = { "rbps", "wbps", "riops", "wiops" },
	  .help = "block devices: 8:0 rbps=100M wiops=500, 8:16 wbps=10M" },
	{ "hugetlb.*.max", LIMIT_BYTES, .help = "huge pages of one size in use, as in hugetlb.2MB.max" },
	{ "hugetlb.*.rsvd.max", LIMIT_BYTES, .help = "huge pages of one size reserved, as in hugetlb.2MB.rsvd.max" },
	{ "rdma.max", LIMIT_LINES, .most = INT32_MAX, .params = { "hca_handle", "hca_object" },
	  .help = "RDMA devices: mlx5_0 hca_handle=2 hca_object=2000" },
	{ "misc.max", LIMIT_LINES, .params = { "" }, .help = "resources of the misc controller: sev 10, tdx 4" },
	{ "dmem.max", LIMIT_LINES, .params_in_bytes = { true }, .params = { "" },
	  .help = "device memory regions: drm/0000:03:00.0/vram0 4G" },
};

const size_t n_limit_types = ELEMENTS(limit_types);

/* '*' in a key stands for one word without dots, so "hugetlb.2MB.rsvd.max" is not a "hugetlb.*.max". */
static bool key_covers(const char *key, const char *name)
{
	const char *star = strchr(key, '*');
	size_t before, word = 0;

	if (!star)
		return strcmp(key, name) == 0;
	before = (size_t)(star - key);
	if (strncmp(key, name, before) != 0)
		return false;
	name += before;
	while (isalnum((unsigned char)name[word]))
		word++;
	return word > 0 && strcmp(name + word, star + 1) == 0;
}

const struct limit_type *limit_type_find(const char *name)
{
	if (strnlen(name, LIMIT_FILE_SIZE) >= LIMIT_FILE_SIZE)
		return NULL;
	for (size_t i = 0; i < n_limit_types; i++)
		if (limit_types[i].key[0] == name[0] && key_covers(limit_types[i].key, name))
			return &limit_types[i];
	return NULL;
}

/* Where nobody reads the sentence, and where limit_advice() itself asks, none is made. */
static const char *advice(const struct limit_type *type, const char *text, const struct err *err, char *buf, size_t size)
{
	buf[0] = '\0';
	return err ? limit_advice(type, text, buf, size) : buf;
}

int limit_number(const struct limit_type *type, bool in_bytes, const char *text, uint64_t *ret, struct err *err)
{
	/* Bytes from LIMIT_UNREACHABLE on are read back as "max", so they cannot be a ceiling. */
	const uint64_t most = type->most		  ? type->most
			      : type->kind == LIMIT_BYTES ? LIMIT_UNREACHABLE - 1
							  : LIMIT_NUMBER_MOST;
	char more[128];
	int r;

	if (strcmp(text, "max") == 0) {
		*ret = LIMIT_MAX;
		return 0;
	}
	r = in_bytes ? text_to_bytes(text, ret) : text_to_u64(text, ret);
	if (r == -ERANGE || (r == 0 && *ret > most))
		return err_set(err, ERANGE, "'%.64s' is above the kernel's maximum, %llu; 'max' means no limit", text,
			       (unsigned long long)most);
	if (r < 0) {
		/* A parameter of LIMIT_LINES is a number as others are. */
		const struct limit_type plain = { .kind = in_bytes ? LIMIT_BYTES : LIMIT_COUNT, .most = most };

		return err_set(err, EINVAL, "'%.64s' is not %s or 'max'%s", text,
			       in_bytes ? "a number of bytes (K, M, G and T are powers of 1024)" : "a whole number",
			       advice(&plain, text, err, more, sizeof(more)));
	}
	return 0;
}

/* "1.5" cores, exactly, in units of 1/LIMIT_CPU_PERIOD: at most five digits after the point. */
static int cores_to_quota(const char *text, uint64_t *ret)
{
	size_t whole = strspn(text, "0123456789");
	const char *p = text + whole;
	uint64_t scale = LIMIT_CPU_PERIOD / 10, fraction = 0, cores;
	char digits[8];

	if (whole >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, whole);
	digits[whole] = '\0';
	if (text_to_u64(digits, &cores) < 0)
		return -EINVAL;
	if (*p == '.' && !*++p)
		return -EINVAL;
	for (; *p >= '0' && *p <= '9' && scale > 0; p++, scale /= 10)
		fraction += (uint64_t)(*p - '0') * scale;
	if (*p)
		return -EINVAL;
	*ret = cores * LIMIT_CPU_PERIOD + fraction;
	return 0;
}

/* Splits "quota period"; the period may be missing. False when there is a third word or a word is too
 * long to be a number. */
static bool cpu_split(const char *text, char quota[24], char period[24])
{
	char rest[2];

	return text_next_word(&text, quota, 24) > 0 && text_next_word(&text, period, 24) >= 0 &&
	       text_next_word(&text, rest, sizeof(rest)) == 0;
}

static int cpu_check(const struct limit_type *type, const char *text, const struct limit_value *value, struct err *err)
{
	char more[128];

	if (value->period < 1000 || value->period > 1000000)
		return err_set(err, ERANGE, "'%.64s': the period is outside 1000 to 1000000 microseconds", text);
	if (value->number < LIMIT_CPU_LEAST)
		return err_set(err, ERANGE, "'%.64s' is below the kernel's minimum, %d microseconds (0.01 cores)", text,
			       LIMIT_CPU_LEAST);
	if (value->number != LIMIT_MAX && value->number / value->period > LIMIT_CPU_CORES)
		return err_set(err, ERANGE,
			       "'%.64s' is more than %d cores; write cores (4), or quota and period in microseconds%s",
			       text, LIMIT_CPU_CORES, advice(type, text, err, more, sizeof(more)));
	return 0;
}

static int parse_cpu(const struct limit_type *type, const char *text, struct limit_value *ret, struct err *err)
{
	char quota[24], period[24], more[128];
	int r = -EINVAL;

	ret->period = LIMIT_CPU_PERIOD;
	if (cpu_split(text, quota, period)) {
		r = 0;
		if (strcmp(quota, "max") == 0)
			ret->number = LIMIT_MAX;
		else if (period[0])
			r = text_to_u64(quota, &ret->number);
		else
			r = cores_to_quota(quota, &ret->number);
		if (r == 0 && period[0])
			r = text_to_u64(period, &ret->period);
	}
	if (r < 0)
		return err_set(
			err, EINVAL,
			"'%.64s' is not a number of cores (1.5), 'quota period' in microseconds (150000 100000) or 'max'%s",
			text, advice(type, text, err, more, sizeof(more)));
	return cpu_check(type, text, ret, err);
}

static int parse_set(const struct limit_type *type, const char *text, struct arena *arena, struct limit_value *ret,
		     struct err *err)
{
	struct limit_set set;
	char more[128];
	int r = limit_set_parse(text, set.bits, err);

	if (r == -EINVAL)
		return err_set(err, EINVAL, "'%.64s' is not a list of CPUs or nodes like 0-3,7%s", text,
			       advice(type, text, err, more, sizeof(more)));
	return r < 0 || !*text ? r : limit_set_make(&set, arena, ret, err);
}

int limit_parse(const struct limit_type *type, const char *text, struct arena *arena, struct limit_value *ret,
		struct err *err)
{
	struct limit_value value = { 0 };
	int r = -EINVAL;

	switch (type->kind) {
	case LIMIT_BYTES:
	case LIMIT_COUNT:
		r = limit_number(type, type->kind == LIMIT_BYTES, text, &value.number, err);
		break;
	case LIMIT_CPU:
		r = parse_cpu(type, text, &value, err);
		break;
	case LIMIT_SET:
		r = *text ? parse_set(type, text, arena, &value, err)
			  : err_set(err, EINVAL,
				    "an empty set would mean everything that the parent has; write a list like 0-3,7");
		break;
	case LIMIT_LINES:
		r = limit_lines_parse(type, text, ',', arena, &value, err);
		break;
	case LIMIT_KIND_MAX:
		break;
	}
	if (r == 0)
		*ret = value;
	return r;
}

/* What the kernel wrote is not judged, only read: it may be a value that we would refuse. */
static int kernel_number(const char *text, uint64_t *ret, struct err *err)
{
	if (strcmp(text, "max") == 0)
		*ret = LIMIT_MAX;
	else if (text_to_u64(text, ret) < 0)
		return err_set(err, EBADMSG, "'%.64s' is neither a number nor 'max'", text);
	return 0;
}

/* The kinds that are one line; its newline is dropped. */
static int kernel_line(const struct limit_type *type, const char *text, struct arena *arena, struct limit_value *ret,
		       struct err *err)
{
	char line[1024], quota[24], period[24];
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(line) || (text[len] && text[len + 1]))
		return err_set(err, EBADMSG, "'%s' holds more than one line, or a line of 1024 bytes or more", type->key);
	memcpy(line, text, len);
	line[len] = '\0';
	if (type->kind == LIMIT_SET)
		return parse_set(type, line, arena, ret, err);
	if (type->kind != LIMIT_CPU)
		return kernel_number(line, &ret->number, err);
	if (!cpu_split(line, quota, period) || !period[0] || kernel_number(quota, &ret->number, NULL) < 0 ||
	    text_to_u64(period, &ret->period) < 0 || ret->period == 0)
		return err_set(err, EBADMSG, "'%.64s' is not a quota and a period", line);
	return 0;
}

int limit_parse_kernel(const struct limit_type *type, const char *text, struct arena *arena, struct limit_value *ret,
		       struct err *err)
{
	struct limit_value value = { 0 };
	int r;

	if (type->kind == LIMIT_LINES)
		r = limit_lines_parse(type, text, '\n', arena, &value, err);
	else
		r = kernel_line(type, text, arena, &value, err);
	/* hugetlb, alone among the kernel's files, shows "no limit" as the largest whole number of pages. */
	if (r == 0 && type->kind == LIMIT_BYTES && value.number >= LIMIT_UNREACHABLE)
		value.number = LIMIT_MAX;
	if (r == 0)
		*ret = value;
	return r;
}
