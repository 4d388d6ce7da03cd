/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: what is read, what is refused, and that no combination of values allows more than both. */
#include "policy/limit-list.h"
#include "tests/unit/check.h"

static struct arena arena; /* of all lists of a test */

static const struct limit_type *type_of(const char *file)
{
	const struct limit_type *type = limit_type_find(file);

	if (!type)
		fail_msg("no type for %s", file);
	return type;
}

/* The table itself: every row can be found by its key, and has the columns that its kind needs. */
TEST(test_table)
{
	for (size_t i = 0; i < n_limit_types; i++) {
		const struct limit_type *type = &limit_types[i];

		if (!strchr(type->key, '*'))
			assert_ptr_equal(limit_type_find(type->key), type);
		assert_non_null(type->help);
		assert_true((type->kind == LIMIT_LINES) == (type->params[0] != NULL));
		assert_true(strlen(type->key) < LIMIT_FILE_SIZE);
		/* More than one number cannot be lowered by an annotation. */
		assert_int_equal(limit_is_number(type), type->kind != LIMIT_LINES && type->kind != LIMIT_SET);
		assert_int_equal(type->mandatory, strncmp(type->key, "cgroup.max.", 11) == 0);
	}
}

TEST(test_find)
{
	static const struct {
		const char *file, *key;
	} cases[] = {
		{ "memory.max", "memory.max" },
		{ "hugetlb.2MB.max", "hugetlb.*.max" },
		{ "hugetlb.1GB.rsvd.max", "hugetlb.*.rsvd.max" },
		{ "hugetlb.64KB.max", "hugetlb.*.max" },
		{ "hugetlb.max", NULL },
		{ "hugetlb..max", NULL },
		{ "hugetlb.*.max", NULL },
		{ "hugetlb.2MB.events.max", NULL },
		{ "hugetlb.2/B.max", NULL },
		{ "hugetlb.2MB.maxx", NULL },
		{ "memory.maxx", NULL },
		{ "memory.ma", NULL },
		{ "memory.MAX", NULL },
		{ "../memory.max", NULL },
		{ "memory.min", NULL },
		{ "cpu.max.burst", NULL },
		{ "", NULL },
		{ "hugetlb.1111111111111111111111111111111111111111111111111111.max", NULL },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct limit_type *type = limit_type_find(cases[i].file);

		if (!cases[i].key && type)
			fail_msg("%s found %s", cases[i].file, type->key);
		if (cases[i].key)
			assert_string_equal(type_of(cases[i].file)->key, cases[i].key);
	}
}

/* A policy's value and how the kernel takes it; NULL: refused, and `format` is in the sentence. */
static const struct parse_case {
	const char *file, *text, *format, *fault;
} parse_cases[] = {
	{ "memory.max", "16G", "17179869184", NULL },
	{ "memory.max", "0", "0", NULL },
	{ "memory.max", "1K", "1024", NULL },
	{ "memory.max", "3M", "3145728", NULL },
	{ "memory.max", "2T", "2199023255552", NULL },
	{ "memory.max", "max", "max", NULL },
	{ "memory.max", "4611686018427387903", "4611686018427387903", NULL },
	{ "memory.max", "4611686018427387904", NULL, "4611686018427387903" },
	{ "memory.max", "18446744073709551615", NULL, "above the kernel's maximum" },
	{ "memory.max", "99999999T", NULL, "above the kernel's maximum" },
	{ "memory.max", "16Gi", NULL, "powers of 1024" },
	{ "memory.max", "16g", NULL, "powers of 1024" },
	{ "memory.max", "1.5G", NULL, "powers of 1024" },
	{ "memory.max", "-1", NULL, "not a number of bytes" },
	{ "memory.max", "+1", NULL, "not a number of bytes" },
	{ "memory.max", "0x10", NULL, "not a number of bytes" },
	{ "memory.max", "007", NULL, "not a number of bytes" },
	{ "memory.max", "G", NULL, "not a number of bytes" },
	{ "memory.max", "", NULL, "not a number of bytes" },
	{ "memory.max", "Max", NULL, "'max'" },
	{ "pids.max", "8192", "8192", NULL },
	{ "pids.max", "4194304", "4194304", NULL },
	{ "pids.max", "4194305", NULL, "4194304" },
	{ "pids.max", "8K", NULL, "not a whole number" },
	{ "cgroup.max.depth", "2147483647", "2147483647", NULL },
	{ "cgroup.max.depth", "2147483648", NULL, "2147483647" },
	{ "cgroup.max.descendants", "max", "max", NULL },
	{ "cpu.max", "4", "400000 100000", NULL },
	{ "cpu.max", "1.5", "150000 100000", NULL },
	{ "cpu.max", "0.01", "1000 100000", NULL },
	{ "cpu.max", "0.12345", "12345 100000", NULL },
	{ "cpu.max", "max", "max 100000", NULL },
	{ "cpu.max", "max 50000", "max 50000", NULL },
	{ "cpu.max", "200000 100000", "200000 100000", NULL },
	{ "cpu.max", "8192", "819200000 100000", NULL },
	{ "cpu.max", "0", NULL, "below the kernel's minimum" },
	{ "cpu.max", "0.00999", NULL, "below the kernel's minimum" },
	{ "cpu.max", "0.123456", NULL, "not a number of cores" },
	{ "cpu.max", "8193", NULL, "write cores (4)" },
	{ "cpu.max", "400000", NULL, "more than 8192 cores" },
	{ "cpu.max", "1.", NULL, "not a number of cores" },
	{ "cpu.max", ".5", NULL, "not a number of cores" },
	{ "cpu.max", "1,5", NULL, "not a number of cores" },
	{ "cpu.max", "1e2", NULL, "not a number of cores" },
	{ "cpu.max", "01", NULL, "not a number of cores" },
	{ "cpu.max", "", NULL, "not a number of cores" },
	{ "cpu.max", "100000 999", NULL, "1000 to 1000000" },
	{ "cpu.max", "100000 1000001", NULL, "1000 to 1000000" },
	{ "cpu.max", "999 100000", NULL, "below the kernel's minimum" },
	{ "cpu.max", "100000 100000 1", NULL, "not a number of cores" },
	{ "cpu.max", "100000 max", NULL, "not a number of cores" },
	{ "cpu.max", "1.5 100000", NULL, "not a number of cores" },
	{ "cpu.max", "100000000", NULL, "not a number of cores" },
	{ "cpu.max", "99999999999999999999999999 1", NULL, "not a number of cores" },
	{ "cpuset.cpus", "0-3,7", "0-3,7", NULL },
	{ "cpuset.cpus", "7,0-1,1-3", "0-3,7", NULL },
	{ "cpuset.cpus", "1023", "1023", NULL },
	{ "cpuset.cpus", "0-1023", "0-1023", NULL },
	{ "cpuset.cpus", "63-64", "63-64", NULL },
	{ "cpuset.cpus", "1024", NULL, "1023" },
	{ "cpuset.cpus", "0-", NULL, "not a list" },
	{ "cpuset.cpus", "-1", NULL, "not a list" },
	{ "cpuset.cpus", "3-1", NULL, "not a list" },
	{ "cpuset.cpus", "0,", NULL, "not a list" },
	{ "cpuset.cpus", ",0", NULL, "not a list" },
	{ "cpuset.cpus", "0 1", NULL, "not a list" },
	{ "cpuset.cpus", "0-3:2/4", NULL, "not a list" },
	{ "cpuset.cpus", "99999999999", NULL, "not a list" },
	{ "cpuset.cpus", "", NULL, "empty set" },
	{ "io.max", "8:0 rbps=1M wiops=100", "8:0 rbps=1048576 wbps=max riops=max wiops=100", NULL },
	{ "io.max", "8:0 rbps=1,8:16 wbps=2",
	  "8:0 rbps=1 wbps=max riops=max wiops=max, 8:16 rbps=max wbps=2 riops=max wiops=max", NULL },
	{ "io.max", "8:0 wiops=1K", NULL, "not a whole number" },
	{ "io.max", "8:0", NULL, "has no value" },
	{ "io.max", "8 rbps=1", NULL, "not the name" },
	{ "io.max", ":0 rbps=1", NULL, "not the name" },
	{ "io.max", "8:0x rbps=1", NULL, "not the name" },
	{ "io.max", "/dev/sda rbps=1", NULL, "not the name" },
	{ "io.max", "8:0 rbps=1 rbps=2", NULL, "a second time" },
	{ "io.max", "8:0 speed=1", NULL, "not a parameter" },
	{ "io.max", "8:0 rbps", NULL, "not a parameter" },
	{ "io.max", "8:0 rbps=", NULL, "not a number" },
	{ "io.max", "8:0 =1", NULL, "not a parameter" },
	{ "io.max", "8:0 rbps=1,8:0 rbps=2", NULL, "appears twice in" },
	{ "io.max", "8:0 rbps=1,", NULL, "not the name" },
	{ "io.max", "", NULL, "not the name" },
	{ "rdma.max", "mlx5_0 hca_handle=2 hca_object=2000", "mlx5_0 hca_handle=2 hca_object=2000", NULL },
	{ "rdma.max", "mlx5_0 hca_handle=2147483648", NULL, "2147483647" },
	{ "misc.max", "sev 10, tdx max", "sev 10, tdx max", NULL },
	{ "misc.max", "sev", NULL, "has no value" },
	{ "misc.max", "sev 10 11", NULL, "a second time" },
	{ "misc.max", "s;ev 10", NULL, "not the name" },
	{ "dmem.max", "drm/0000:03:00.0/vram0 4G", "drm/0000:03:00.0/vram0 4294967296", NULL },
	{ "hugetlb.2MB.max", "1G", "1073741824", NULL },
	{ "hugetlb.2MB.rsvd.max", "x", NULL, "not a number of bytes" },
};

TEST(test_parse)
{
	for (size_t i = 0; i < ELEMENTS(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		const struct limit_type *type = type_of(c->file);
		struct limit_value value = { .number = 4711 };
		struct err err = { 0 };
		char buf[LIMIT_TEXT_SIZE];
		int r = limit_parse(type, c->text, &arena, &value, &err);

		if (!c->format) {
			if (r >= 0 || !strstr(err.text, c->fault))
				fail_msg("%s = '%s': %d '%s'", c->file, c->text, r, err.text);
			assert_int_equal(r, -err.code);
			assert_int_equal(value.number, 4711); /* untouched */
			continue;
		}
		if (r != 0 || strcmp(limit_format(type, &value, buf, sizeof(buf)), c->format) != 0)
			fail_msg("%s = '%s': %d '%s' '%s'", c->file, c->text, r, buf, err.text);
		assert_int_equal(err.code, 0);
		assert_int_equal(limit_parse(type, c->text, &arena, &value, NULL), 0);
	}
}

TEST(test_too_many_lines)
{
	const struct limit_type *type = type_of("misc.max");
	struct limit_value value;
	char text[1024];
	size_t len = 0;

	for (int i = 0; i < LIMIT_LINES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%sr%d 1", i ? "," : "", i);
	assert_int_equal(limit_parse(type, text, &arena, &value, &why), 0);
	assert_int_equal(limit_writes(type, &value), LIMIT_LINES_MAX);
	(void)snprintf(text + len, sizeof(text) - len, ",more 1");
	assert_int_equal(limit_parse(type, text, &arena, &value, &why), -E2BIG);

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(limit_parse(type, text, &arena, &value, &why) < 0);
	text[300] = '\0';
	assert_true(limit_parse(type, text, &arena, &value, &why) < 0);
	memcpy(text, "sev ", 4);
	assert_true(limit_parse(type, text, &arena, &value, &why) < 0);
}

TEST(test_parse_kernel)
{
	static const struct {
		const char *file, *text, *format; /* NULL: refused */
	} cases[] = {
		{ "memory.max", "max\n", "max" },
		{ "memory.max", "4096\n", "4096" },
		{ "memory.max", "4096", "4096" },
		{ "memory.max", "4096\n\n", NULL },
		{ "memory.max", "4K\n", NULL },
		{ "memory.max", "", NULL },
		{ "pids.max", "99999999\n", "99999999" },
		{ "cpu.max", "max 100000\n", "max 100000" },
		{ "cpu.max", "500 1000\n", "500 1000" },
		{ "cpu.max", "4\n", NULL },
		{ "cpu.max", "1 0\n", NULL },
		{ "cpu.max", "1 2 3\n", NULL },
		{ "cpuset.cpus", "\n", "" },
		{ "cpuset.cpus", "", "" },
		{ "cpuset.cpus", "0-3\n", "0-3" },
		{ "cpuset.cpus", "x\n", NULL },
		{ "io.max", "", "" },
		{ "io.max", "8:16 rbps=2097152 wbps=max riops=max wiops=120\n",
		  "8:16 rbps=2097152 wbps=max riops=max wiops=120" },
		{ "io.max", "8:0 rbps=1 wbps=2 riops=3 wiops=4\n8:16 rbps=5 wbps=6 riops=7 wiops=8\n",
		  "8:0 rbps=1 wbps=2 riops=3 wiops=4, 8:16 rbps=5 wbps=6 riops=7 wiops=8" },
		{ "io.max", "8:0 rbps=1M\n", NULL },
		{ "io.max", "8:0 new=1\n", NULL },
		{ "misc.max", "res_a max\nres_b 4\n", "res_a max, res_b 4" },
		{ "rdma.max", "mlx4_0 hca_handle=2 hca_object=max\n", "mlx4_0 hca_handle=2 hca_object=max" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct limit_type *type = type_of(cases[i].file);
		struct limit_value value;
		struct err err = { 0 };
		char buf[LIMIT_TEXT_SIZE];
		int r = limit_parse_kernel(type, cases[i].text, &arena, &value, &err);

		if ((r == 0) != (cases[i].format != NULL))
			fail_msg("%s '%s': %d '%s'", cases[i].file, cases[i].text, r, err.text);
		if (r == 0)
			assert_string_equal(limit_format(type, &value, buf, sizeof(buf)), cases[i].format);
	}
}

/* now (the kernel's), ceiling (the policy's) -> what both allow, and whether that must be written. */
TEST(test_smaller)
{
	static const struct {
		const char *file, *now, *ceiling, *result;
		bool differs;
	} cases[] = {
		{ "memory.max", "max", "1G", "1073741824", true },
		{ "memory.max", "4096", "1G", "4096", false },
		{ "memory.max", "4096", "4096", "4096", false },
		{ "memory.max", "4097", "4096", "4096", true },
		{ "memory.max", "4096", "max", "4096", false },
		{ "memory.max", "max", "max", "max", false },
		{ "memory.max", "1", "0", "0", true },
		{ "cpu.max", "max 100000", "2", "200000 100000", true },
		{ "cpu.max", "100000 50000", "2", "100000 50000", false },
		{ "cpu.max", "100001 50000", "2", "200000 100000", true },
		{ "cpu.max", "5000 1000000", "2", "5000 1000000", false },
		{ "cpu.max", "200000 100000", "max", "200000 100000", false },
		{ "cpu.max", "max 100000", "max 50000", "max 100000", false },
		{ "cpu.max", "18446744073709551614 1", "8192", "819200000 100000", true },
		{ "cpu.max", "9223372036854775808 1", "8192", "819200000 100000", true },
		{ "cpuset.cpus", "", "0-3", "0-3", true },
		{ "cpuset.cpus", "2-5", "0-3", "2-3", true },
		{ "cpuset.cpus", "1", "0-3", "1", false },
		{ "cpuset.cpus", "0-3", "0-3", "0-3", false },
		{ "cpuset.cpus", "8-9", "0-3", "0-3", true }, /* disjoint: never the empty set */
		{ "io.max", "", "8:0 rbps=5", "8:0 rbps=5 wbps=max riops=max wiops=max", true },
		{ "io.max", "8:0 rbps=4 wbps=max riops=max wiops=7\n", "8:0 rbps=5",
		  "8:0 rbps=4 wbps=max riops=max wiops=7", false },
		{ "io.max", "8:0 rbps=9 wbps=max riops=max wiops=7\n", "8:0 rbps=5",
		  "8:0 rbps=5 wbps=max riops=max wiops=7", true },
		{ "io.max", "8:16 rbps=1 wbps=1 riops=1 wiops=1\n", "8:0 rbps=5",
		  "8:0 rbps=5 wbps=max riops=max wiops=max", true },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct limit_type *type = type_of(cases[i].file);
		struct limit_value now, ceiling, result;
		char buf[LIMIT_TEXT_SIZE];
		bool differs;

		assert_int_equal(limit_parse_kernel(type, cases[i].now, &arena, &now, NULL), 0);
		assert_int_equal(limit_parse(type, cases[i].ceiling, &arena, &ceiling, NULL), 0);
		differs = limit_smaller(type, &now, &ceiling, &arena, &result, NULL);
		if (strcmp(limit_format(type, &result, buf, sizeof(buf)), cases[i].result) != 0 ||
		    differs != cases[i].differs)
			fail_msg("%s: %s under %s gave %s, %d", cases[i].file, cases[i].now, cases[i].ceiling, buf,
				 differs);
		/* `ret` may be one of the inputs. */
		assert_int_equal(limit_smaller(type, &now, &ceiling, &arena, &now, NULL), differs);
		assert_string_equal(limit_format(type, &now, buf, sizeof(buf)), cases[i].result);
		assert_true(limit_within(type, &now, &ceiling));
		assert_false(limit_smaller(type, &now, &ceiling, &arena, &now, NULL)); /* nothing left to do */
	}
}

TEST(test_within_empty)
{
	const struct limit_type *type = type_of("cpuset.cpus");
	struct limit_value empty = { 0 }, some;

	assert_int_equal(limit_parse(type, "0", &arena, &some, NULL), 0);
	assert_false(limit_within(type, &empty, &some));
	assert_true(limit_within(type, &some, &empty));
	assert_true(limit_within(type, &empty, &empty));
	assert_false(limit_smaller(type, &empty, &empty, &arena, &empty, NULL));
}

/* Numbers near each other and near the ends, so that equal and extreme values come up. */
static uint64_t random_number(uint64_t *seed)
{
	uint64_t n = random_next(seed) % 8;

	/* Below LIMIT_UNREACHABLE, which is another way to say "max". */
	return n == 0 ? LIMIT_MAX : n == 1 ? 0 : random_next(seed) >> (2 + random_next(seed) % 62);
}

static struct limit_value random_value(const struct limit_type *type, uint64_t *seed)
{
	struct limit_value value = { 0 };
	struct limit_set set;
	struct limit_line lines[4];
	size_t n;

	switch (type->kind) {
	case LIMIT_CPU:
		value.period = 1000 + random_next(seed) % 999001;
		value.number = random_number(seed);
		break;
	case LIMIT_SET:
		for (size_t i = 0; i < ELEMENTS(set.bits); i++)
			set.bits[i] = random_next(seed) & random_next(seed) & random_next(seed);
		if (random_next(seed) % 4 > 0)
			assert_int_equal(limit_set_make(&set, &arena, &value, NULL), 0);
		break;
	case LIMIT_LINES:
		n = random_next(seed) % 4;
		for (size_t i = 0; i < n; i++) {
			(void)snprintf(lines[i].name, LIMIT_FILE_SIZE, "8:%zu", i + random_next(seed) % 3 * 4);
			for (size_t j = 0; j < LIMIT_PARAMS; j++)
				lines[i].values[j] = LIMIT_MAX;
			for (size_t j = 0; type->params[j]; j++)
				lines[i].values[j] = random_number(seed);
		}
		assert_int_equal(limit_lines_make(lines, n, &arena, &value, NULL), 0);
		break;
	default:
		value.number = random_number(seed);
		break;
	}
	return value;
}

/* For any two values: the result is within the ceiling, is reached in one step, and (but for a disjoint
 * set, and for lines that the ceiling does not name) within what was there. */
TEST(test_properties)
{
	uint64_t seed = 88172645463325252;

	for (size_t t = 0; t < n_limit_types; t++) {
		const struct limit_type *type = &limit_types[t];

		for (int i = 0; i < 2000; i++) {
			struct limit_value now = random_value(type, &seed);
			struct limit_value ceiling = random_value(type, &seed);
			struct limit_value result, again;
			char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];
			const int differs = limit_smaller(type, &now, &ceiling, &arena, &result, NULL);

			assert_true(limit_within(type, &result, &ceiling));
			assert_int_equal(differs, !limit_within(type, &now, &ceiling));
			if (type->kind <= LIMIT_CPU)
				assert_true(limit_within(type, &result, &now));
			if (!differs && type->kind != LIMIT_LINES)
				assert_memory_equal(&result, &now, sizeof(now));
			/* What the kernel would print of it reads back as the same. */
			assert_int_equal(
				limit_parse_kernel(
					type, type->kind == LIMIT_LINES ? "" : limit_format(type, &result, a, sizeof(a)),
					&arena, &again, NULL),
				0);
			if (type->kind != LIMIT_LINES)
				assert_string_equal(limit_format(type, &again, b, sizeof(b)), a);
		}
	}
}

TEST(test_format_cut)
{
	const struct limit_type *type = type_of("cpuset.cpus");
	struct limit_value value;
	char buf[4];

	assert_int_equal(limit_parse(type, "0-3,5,7,9", &arena, &value, NULL), 0);
	assert_string_equal(limit_format(type, &value, buf, sizeof(buf)), "0-3");
	assert_int_equal(limit_writes(type, &value), 1);

	type = type_of("io.max");
	assert_int_equal(limit_parse(type, "8:0 rbps=1, 8:16 rbps=2", &arena, &value, NULL), 0);
	char line[128];
	assert_int_equal(limit_writes(type, &value), 2);
	assert_string_equal(limit_format_write(type, &value, 1, line, sizeof(line)),
			    "8:16 rbps=2 wbps=max riops=max wiops=max");
	assert_string_equal(limit_format_write(type, &value, 2, line, sizeof(line)), "");
}
