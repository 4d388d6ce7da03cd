/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's words: what is not of its grammar is refused before anybody is spoken to. */
#include <sys/wait.h>

#include "cgdeleg/kernel/systemd.h"
#include "tests/unit/check.h"

static int run(const char *words)
{
	return WEXITSTATUS(system(format("'%s' %s 2>/dev/null", getenv("CGDELEG_UNIT"), words))); // NOLINT(cert-env33-c)
}

/* The word at fault stands in front of the usage. */
TEST(test_culprit)
{
	static const struct {
		const char *words, *said;
	} cases[] = {
		{ "", "0 arguments were given; a unit" },
		{ "x.mount 1 MemoryMax=1", "'x.mount' is not the name of a unit" },
		{ "x.scope one MemoryMax=1", "'one' is not a deadline" },
		{ "x.scope 1 MemoryMax=1 Delegate=yes", "'Delegate=yes' is not PROPERTY=VALUE" },
		{ "x.scope 1 MemoryMax=1K", "'MemoryMax=1K' is not PROPERTY=VALUE" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		FILE *from = popen(format("'%s' %s 2>&1", getenv("CGDELEG_UNIT"), cases[i].words), "r");
		char said[400] = "";

		assert_non_null(from);
		(void)!fread(said, 1, sizeof(said) - 1, from);
		(void)pclose(from);
		if (strncmp(said, "cgdeleg-unit: ", 14) != 0 || !strstr(said, cases[i].said))
			fail_msg("%s: \"%s\"", cases[i].words, said);
	}
}

TEST(test_usage)
{
	static const char *const cases[] = {
		"",
		"x.scope",
		"x.scope 1",
		"x.scope 1 MemoryMax",
		"x.scope 1 Delegate=yes",
		"x.scope 1 MemoryMax=1 Delegate=yes",
		"x.scope 1 memorymax=1",
		"x.scope 1 MemoryMaxx=1",
		"x.scope 1 =1",
		"x.scope 1 MemoryMax=",
		"x.scope 1 MemoryMax=1K",
		"x.scope 1 MemoryMax=-1",
		"x.scope 1 MemoryMax=max",
		"x.scope 1 AllowedCPUs=3-1",
		"x.scope 1 AllowedCPUs=a",
		"x.scope 1 IOReadIOPSMax=8:0",
		"x.scope 1 IOReadIOPSMax=/dev/sda 5",
		"x.scope 1 'IOReadIOPSMax=../8:0 5'",
		"x.scope 1 'IOReadIOPSMax=8:0 five'",
		"x.scope 1 'IOReadIOPSMax=8:0 5 5'",
		"x.scope -1 MemoryMax=1",
		"x.scope one MemoryMax=1",
		"x.scope 99999999999999 MemoryMax=1",
		"x.mount 1 MemoryMax=1",
		"x 1 MemoryMax=1",
		"'' 1 MemoryMax=1",
		"../x.scope 1 MemoryMax=1",
		"x@.service 1 MemoryMax=1",
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (run(cases[i]) != UNIT_EXIT_USAGE)
			fail_msg("'%s' is taken", cases[i]);
}

/* Control: what is of its grammar gets past it. There is no time left to connect to anything. */
TEST(test_taken)
{
	static const char *const cases[] = {
		"x.scope 1 MemoryMax=1",
		"x.scope 1 MemoryMax=infinity TasksMax=18446744073709551615",
		"x.scope 1 AllowedCPUs=0-3,7 AllowedMemoryNodes=",
		"x.scope 1 'IOReadIOPSMax=8:16 5' 'IOWriteBandwidthMax=8:16 infinity'",
		"a@b.service 1 CPUQuotaPerSecUSec=10000 CPUQuotaPeriodUSec=100000",
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (run(cases[i]) != UNIT_EXIT_TIMEOUT)
			fail_msg("'%s' does not end with the deadline", cases[i]);
}

TEST(test_version)
{
	assert_int_equal(run("--version >/dev/null"), 0);
	assert_int_equal(run("--help | grep -q '^usage: cgdeleg-unit UNIT'"), 0);
}
