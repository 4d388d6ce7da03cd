/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger: what is written is what is read, and nothing else is taken for a record. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgdeleg/ledger.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define WITH(ceilings)                                                                                           \
	",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"p\",\"line\":\"l\",\"method\":\"m\",\"leaf\":\"\"," \
	"\"namespace\":\"n\",\"pod\":\"\",\"name\":\"\",\"since\":5,\"guarded\":true,\"scope\":false,"           \
	"\"ceilings\":" ceilings "}"
#define REST WITH("{\"memory.max\":\"16M\"}")

static struct ledger plain(void)
{
	struct ledger ledger = {
		.marked = false, .present = true, .since = 1795369231, .guarded = true
	};

	(void)snprintf(ledger.id, sizeof(ledger.id), "box \"\\\t\x01 \xc3\xa9");
	(void)snprintf(ledger.instance, sizeof(ledger.instance), "mnt:[2]+777");
	(void)snprintf(ledger.handler, sizeof(ledger.handler), "runc-ci");
	(void)snprintf(ledger.line, sizeof(ledger.line), "/etc/cgdeleg/policy.ini:16");
	(void)snprintf(ledger.namespace, sizeof(ledger.namespace), "ci-1");
	(void)snprintf(ledger.pod, sizeof(ledger.pod), "build-7");
	(void)snprintf(ledger.ceilings, sizeof(ledger.ceilings),
		       "memory.max=16777216\n"
		       "cpu.max=150000 100000\n"
		       "io.max=8:0 rbps=1048576 wbps=max riops=max wiops=max, 8:16 rbps=max "
		       "wbps=max riops=9 wiops=max\n"
		       "cpuset.cpus=0-3,7\n");
	(void)snprintf(ledger.method, sizeof(ledger.method), "clone-on-top");
	ledger.pressure = TRI_NO;
	ledger.device_guard = true;
	ledger.n_rules = 2;
	ledger.rules[0] = (struct device_rule) { 10, 229, 2, 2 | 4, 1 };
	ledger.rules[1] = (struct device_rule) { DEVICE_GUARD_ANY, 0, 3, 1, 0 };
	return ledger;
}

static void test_round_trip(void **state)
{
	const struct ledger ledger = plain();
	struct ledger again;
	struct err err = { 0 };
	char text[LEDGER_SIZE];

	(void)state;
	check_result("format", ledger_format(&ledger, text, sizeof(text), &err), &err, NULL);
	check_result("parse", ledger_parse(text, strlen(text), &again, &err), &err, NULL);
	assert_memory_equal(&again, &ledger, offsetof(struct ledger, ceilings));
	check_string("ceilings", again.ceilings, ledger.ceilings);
	assert_memory_equal(again.rules, ledger.rules, 2 * sizeof(ledger.rules[0]));
	assert_non_null(strstr(text, "\"pressure\":\"deny\",\"devices\":\"c 10:229 rw,!a *:0 m\""));
	check_result("no room", ledger_format(&ledger, text, 100, &err), &err,
		     "longer than 100 bytes");
}

static void test_parse(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{\"v\":1,\"id\":\"x\"" REST, NULL },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"cpu.max\":\"1.5\"}"), NULL },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.max\":5}"),
		  "has a ceiling 'memory.max' that cannot be read" },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.max\":\"5X\"}"), "'memory.max'" },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.\\u001bmax\":\"5\"}"),
		  "a ceiling 'memory.\\x1bmax'" },
		{ "{\"v\":1,\"id\":\"x\"" WITH("[]"), "'ceilings' is not an object" },
		{ "{\"v\":2,\"id\":\"x\"" REST, "is not of version 1 or has an over-long value" },
		{ "{\"v\":0,\"id\":\"x\"" REST, "is not of version 1" },
		{ "{\"v\":1" REST, "'id' is missing" },
		{ "{\"v\":1,\"id\":5" REST, "'id' is not a string" },
		{ "{\"v\":1,\"id\":\"x\",\"id\":\"x\"" REST, "stands twice" },
		{ "", "attribute trusted.cgdeleg: empty" },
		{ "{}", "'v' is missing" },
		{ "[]", "a JSON object was expected" },
		{ "x", "not valid JSON" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct ledger ledger;
		struct err err = { 0 };

		check_result(cases[i].text,
			     ledger_parse(cases[i].text, strlen(cases[i].text), &ledger, &err),
			     &err, cases[i].want);
		assert_int_equal(ledger.present, !cases[i].want);
	}
}

/* As many rules as a guard can have, each as long as can be, beside the longest ceilings. */
static void test_most_rules(void **state)
{
	struct ledger ledger = plain();
	struct ledger again;
	struct err err = { 0 };
	char text[LEDGER_SIZE];

	(void)state;
	memset(ledger.ceilings, 0, sizeof(ledger.ceilings));
	for (size_t used = 0; used + 40 < sizeof(ledger.ceilings); used = strlen(ledger.ceilings))
		(void)snprintf(ledger.ceilings + used, sizeof(ledger.ceilings) - used,
			       "cgroup.max.descendants=2147483647\n");
	ledger.n_rules = DEVICE_GUARD_RULES_MAX;
	for (size_t i = 0; i < DEVICE_GUARD_RULES_MAX; i++)
		ledger.rules[i] = (struct device_rule) { 4294967294, 4294967294, 3, 7, 0 };
	check_result("format", ledger_format(&ledger, text, sizeof(text), &err), &err, NULL);
	check_result("parse", ledger_parse(text, strlen(text), &again, &err), &err,
		     "stands twice"); /* the ceilings, which fill it only */
	ledger.ceilings[0] = '\0';
	check_result("format", ledger_format(&ledger, text, sizeof(text), &err), &err, NULL);
	check_result("parse", ledger_parse(text, strlen(text), &again, &err), &err, NULL);
	assert_memory_equal(again.rules, ledger.rules, sizeof(again.rules));
}

static void test_guards(void **state)
{
	static const struct {
		const char *more, *want;
		enum tristate pressure;
		bool device;
		size_t n;
	} cases[] = {
		{ "", NULL, TRI_UNKNOWN, false, 0 }, /* an older cgdeleg's */
		{ ",\"pressure\":\"allow\"", NULL, TRI_YES, false, 0 },
		{ ",\"pressure\":\"deny\",\"devices\":\"\"", NULL, TRI_NO, true, 0 },
		{ ",\"devices\":\"c 1:3 rwm,!b *:* m,a 5:* \"", NULL, TRI_UNKNOWN, true, 3 },
		{ ",\"devices\":\"c 1:3 rw,\"", "device rules that cannot be read", 0, 0, 0 },
		{ ",\"devices\":\"c 1:3 rx\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"c 1:3 rr\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"d 1:3 r\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"c 1 r\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"c 1:-1 r\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"c 1:4294967295 r\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"!\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":\"c\"", "device rules", 0, 0, 0 },
		{ ",\"devices\":5", "'devices' is not a string", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct ledger ledger;
		struct err err = { 0 };
		char text[1024];

		(void)snprintf(text, sizeof(text), "{\"v\":1,\"id\":\"x\"%s" REST, cases[i].more);
		check_result(cases[i].more, ledger_parse(text, strlen(text), &ledger, &err), &err,
			     cases[i].want);
		if (cases[i].want)
			continue;
		assert_int_equal(ledger.pressure, cases[i].pressure);
		assert_int_equal(ledger.device_guard, cases[i].device);
		assert_int_equal(ledger.n_rules, cases[i].n);
	}
}

static void test_over_long(void **state)
{
	char text[1024];
	struct ledger ledger;
	struct err err = { 0 };

	(void)state;
	(void)snprintf(
		text, sizeof(text),
		"{\"v\":1,\"id\":\"x\",\"instance\":\"i\",\"handler\":\"%064d\",\"profile\":\"\",\"line\":\"\","
		"\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"method\":\"\",\"leaf\":\"\",\"since\":1,"
		"\"guarded\":false,\"scope\":false,\"ceilings\":{}}",
		0);
	check_result("64 bytes", ledger_parse(text, strlen(text), &ledger, &err), &err,
		     "over-long value");
}

static void test_ceilings(void **state)
{
	struct ledger ledger = plain();
	struct ledger_ceiling found;
	const char *at = NULL;
	struct err err = { 0 };
	size_t n = 0;
	int r = 0;

	(void)state;
	while (ledger_next(&ledger, &at, &found))
		n++;
	assert_int_equal(n, 4);
	assert_true(ledger_find(&ledger, "memory.max", &found));
	assert_true(found.value.number == 16777216 && found.type == limit_type_find("memory.max"));
	assert_false(ledger_find(&ledger, "memory.ma", &found));
	assert_false(ledger_find(&ledger, "pids.max", &found));
	/* Until it is full: what was there stays, and can be read. */
	assert_true(ledger_find(&ledger, "io.max", &found));
	for (n = 0; r == 0 && n < 1000; n++)
		r = ledger_add(&ledger, "io.max", found.type, &found.value, &err);
	check_result("full", r, &err, "name fewer devices");
	assert_true(n > 10);
	assert_true(ledger_find(&ledger, "cpuset.cpus", &found));
}

static void test_attribute(void **state)
{
	_cleanup_(tree_free) struct tree tree;
	struct ledger ledger;
	struct err err = { 0 };
	char text[LEDGER_SIZE];
	const struct ledger want = plain();

	(void)state;
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
	tree_new(&tree);
	tree_edit(&tree, "c/");
	_cleanup_close_ int fd = openat(tree.fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	check_result("none", ledger_read(fd, &ledger, &err), &err, NULL);
	assert_false(ledger.present || ledger.marked);
	check_result("remove none", ledger_write(fd, NULL, &err), &err, NULL);
	assert_int_equal(ledger_format(&want, text, sizeof(text), &err), 0);
	check_result("write", ledger_write(fd, text, &err), &err, NULL);
	check_result("read", ledger_read(fd, &ledger, &err), &err, NULL);
	assert_true(ledger.present && ledger.marked);
	check_string("id", ledger.id, want.id);
	check_result("remove", ledger_write(fd, NULL, &err), &err, NULL);
	assert_true(fgetxattr(fd, LEDGER_ATTRIBUTE, text, sizeof(text)) < 0);
	check_result("closed", ledger_write(-EBADF, "x", &err), &err,
		     "cannot set attribute trusted.cgdeleg");
	check_result("closed", ledger_read(-EBADF, &ledger, &err), &err, "cannot read attribute");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_parse),
		cmocka_unit_test(test_most_rules), cmocka_unit_test(test_guards),
		cmocka_unit_test(test_over_long),  cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
