/* SPDX-License-Identifier: Apache-2.0 */
/* Systemd: which unit a cgroup is, and which words say a limit to systemd. */
#include <errno.h>

#include "cgdeleg/kernel/systemd.h"
#include "tests/unit/check.h"

TEST(test_units)
{
	static const struct {
		const char *path, *unit, *below;
	} cases[] = {
		{ "/system.slice/cri-containerd-0a.scope", "cri-containerd-0a.scope", "" },
		{ "/a.scope", "a.scope", "" },
		{ "/kubepods.slice/kubepods-pod1.slice/x.scope/container", "x.scope", "/container" },
		{ "/machine.slice/x.service/libpod-payload-1/leaf", "x.service", "/libpod-payload-1/leaf" },
		{ "/system.slice/_memory.scope", "memory.scope", "" },
		{ "/_system.slice/x.scope", "x.scope", "" },
		{ "/system.slice/a@b.service", "a@b.service", "" },
		{ "/system.slice/a\\x2db.scope", "a\\x2db.scope", "" },
		/* the first that is no slice is the unit, or there is none */
		{ "/user.slice/user@0.service/app.slice/x.scope", "user@0.service", "/app.slice/x.scope" },
		{ "/ci/x.scope", NULL, NULL },
		{ "/ci/box", NULL, NULL },
		{ "/system.slice", NULL, NULL },
		{ "/system.slice/x.mount", NULL, NULL },
		{ "/system.slice/.scope", NULL, NULL },
		{ "/system.slice/_.scope", NULL, NULL },
		{ "/system.slice/a b.scope", NULL, NULL },
		{ "/system.slice/a=b.scope", NULL, NULL },
		{ "/system.slice/a\n.scope", NULL, NULL },
		{ "/system.slice/@b.scope", NULL, NULL },
		{ "/system.slice/a@.service", NULL, NULL },
		{ "/system.slice/\xc3\xa4.scope", NULL, NULL },
		{ "/system.slice//x.scope", NULL, NULL },
		{ "/", NULL, NULL },
		{ "", NULL, NULL },
		{ "system.slice/x.scope", NULL, NULL },
	};
	char unit[UNIT_NAME_SIZE];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const char *below = systemd_unit_of(cases[i].path, unit);

		check_string(cases[i].path, below, cases[i].below);
		if (below)
			check_string(cases[i].path, unit, cases[i].unit);
	}
}

TEST(test_long_names)
{
	char path[UNIT_NAME_SIZE + 16], unit[UNIT_NAME_SIZE];

	/* 255 bytes are the most */
	(void)snprintf(path, sizeof(path), "/%0*d.scope", UNIT_NAME_SIZE - 1 - 6, 7);
	assert_non_null(systemd_unit_of(path, unit));
	assert_int_equal(strlen(unit), UNIT_NAME_SIZE - 1);
	(void)snprintf(path, sizeof(path), "/%0*d.scope", UNIT_NAME_SIZE - 6, 7);
	assert_null(systemd_unit_of(path, unit));
	assert_false(systemd_unit_is_valid(path + 1));
}

#define IO_WORDS                                                             \
	"IOReadBandwidthMax=8:0 1048576, IOWriteBandwidthMax=8:0 infinity, " \
	"IOReadIOPSMax=8:0 infinity, IOWriteIOPSMax=8:0 50"

static const struct {
	const char *file, *value, *words;
	bool holds, vouches;
} limits[] = {
	{ "memory.max", "256M", "MemoryMax=268435456", true, true },
	{ "memory.max", "max", "MemoryMax=infinity", false, false },
	{ "memory.max", "0", "MemoryMax=0", false, false }, /* systemd: out of range */
	{ "memory.high", "1", "MemoryHigh=1", true, true },
	{ "memory.swap.max", "0", "MemorySwapMax=0", true, true },
	{ "memory.zswap.max", "4K", "MemoryZSwapMax=4096", true, false },
	{ "pids.max", "64", "TasksMax=64", true, true },
	{ "pids.max", "0", "TasksMax=0", false, false },
	/* Whole percents, downwards. */
	{ "cpu.max", "1.5", "CPUQuotaPerSecUSec=1500000, CPUQuotaPeriodUSec=100000", true, true },
	{ "cpu.max", "123456 100000", "CPUQuotaPerSecUSec=1230000, CPUQuotaPeriodUSec=100000", true, true },
	{ "cpu.max", "61728 50000", "CPUQuotaPerSecUSec=1230000, CPUQuotaPeriodUSec=50000", true, true },
	{ "cpu.max", "1019 100000", "CPUQuotaPerSecUSec=10000, CPUQuotaPeriodUSec=100000", true, true },
	{ "cpu.max", "9999 1000000", "CPUQuotaPerSecUSec=0, CPUQuotaPeriodUSec=1000000", false, false },
	{ "cpu.max", "max", "CPUQuotaPerSecUSec=infinity, CPUQuotaPeriodUSec=100000", false, false },
	{ "cpuset.cpus", "0-3,7", "AllowedCPUs=0-3,7", true, true },
	{ "cpuset.mems", "1", "AllowedMemoryNodes=1", true, true },
	{ "io.max", "8:0 rbps=1M wiops=50", IO_WORDS, true, false },
	/* What systemd does not know. */
	{ "cgroup.max.depth", "5", NULL, false, false },
	{ "memory.swap.high", "1M", NULL, false, false },
	{ "hugetlb.2MB.max", "2M", NULL, false, false },
	{ "rdma.max", "a hca_handle=1", NULL, false, false },
	{ "misc.max", "sev 1", NULL, false, false },
};

static void join(const struct unit_words *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < words->n; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "", words->words[i]);
}

TEST(test_limits)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	static struct unit_words words;
	char text[1024];

	for (size_t i = 0; i < ELEMENTS(limits); i++) {
		const struct limit_type *type = limit_type_find(limits[i].file);
		struct limit_value value;

		assert_int_equal(limit_parse(type, limits[i].value, &arena, &value, NULL), 0);
		if (systemd_holds(type, &value) != limits[i].holds || systemd_vouches(type, &value) != limits[i].vouches)
			fail_msg("%s = %s: holds or vouches", limits[i].file, limits[i].value);
		words = (struct unit_words) { 0 };
		CHECK(limits[i].file, systemd_add_words(&words, type, &value, &why),
		      limits[i].words ? NULL : "systemd has no property");
		join(&words, text, sizeof(text));
		check_string(limits[i].value, text, limits[i].words ? limits[i].words : "");
	}
}

/* Whatever quota and period: what systemd makes of the words (cgroup_apply_cpu()) is not above, and not a
 * percent or more below. */
TEST(test_cpu_rounding)
{
	static struct unit_words words;
	const struct limit_type *type = limit_type_find("cpu.max");

	for (uint64_t period = 1000; period <= 1000000; period = period * 3 / 2 + 7)
		for (uint64_t quota = 1000; quota < 900000000; quota = quota * 5 / 4 + 13) {
			const struct limit_value value = { .number = quota, .period = period };
			unsigned long long second, used;
			struct limit_value kernel;

			if (!systemd_holds(type, &value))
				continue;
			words = (struct unit_words) { 0 };
			assert_int_equal(systemd_add_words(&words, type, &value, NULL), 0);
			second = strtoull(strchr(words.words[0], '=') + 1, NULL, 10);
			used = strtoull(strchr(words.words[1], '=') + 1, NULL, 10);
			kernel = (struct limit_value) { .number = second * used / 1000000, .period = used };
			assert_true(limit_within(type, &kernel, &value));
			assert_int_equal(second % 10000, 0);
			assert_true((second + 10000) * period > quota * 1000000);
		}
}

TEST(test_taken_back)
{
	static struct unit_words words;
	const struct limit_value nothing = { 0 };

	words = (struct unit_words) { 0 };
	assert_int_equal(systemd_add_words(&words, limit_type_find("cpuset.cpus"), &nothing, NULL), 0);
	check_string("no CPUs", words.words[0], "AllowedCPUs=");
	assert_int_equal(systemd_add_words(&words, limit_type_find("io.max"), &nothing, NULL), 0);
	assert_int_equal(words.n, 1);
}

TEST(test_too_many)
{
	static struct unit_words words;
	const struct limit_type *type = limit_type_find("pids.max");
	const struct limit_value value = { .number = 5 };
	int r = 0;

	words = (struct unit_words) { 0 };
	for (int i = 0; i < UNIT_WORDS_MAX; i++)
		assert_int_equal(systemd_add_words(&words, type, &value, &why), 0);
	r = systemd_add_words(&words, type, &value, &why);
	check_result("one more", r, &why, "more limits than");
	assert_int_equal(words.n, UNIT_WORDS_MAX);
}

TEST(test_properties)
{
	static const char *const unknown[] = { "", "Memory", "MemoryMaxx", "memorymax", "Delegate", "IODeviceWeight" };
	const struct limit_type *type;
	size_t n = 0;

	for (size_t i = 0; i < ELEMENTS(unknown); i++)
		assert_null(systemd_property(unknown[i], strlen(unknown[i])));
	check_string("with more behind", systemd_property("MemoryMax=5", 9)->name, "MemoryMax");
	assert_int_equal(systemd_property("AllowedCPUs", 11)->value, UNIT_SET);
	assert_int_equal(systemd_property("IOReadIOPSMax", 13)->value, UNIT_DEVICE);
	assert_true(systemd_property("MemoryZSwapMax", 14)->recent);
	while ((type = systemd_type(n)) != NULL)
		n++;
	assert_int_equal(n, 9);
}
