/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute: what is written is what is read, and nothing else is taken for a record. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgdeleg/kernel/attribute.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define WITH(ceilings)                                                                                           \
	",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"p\",\"line\":\"l\",\"method\":\"m\",\"leaf\":\"\"," \
	"\"namespace\":\"n\",\"pod\":\"\",\"name\":\"\",\"since\":5,\"guarded\":true,\"scope\":false,"           \
	"\"ceilings\":" ceilings "}"
#define REST WITH("{\"memory.max\":\"16M\"}")

static struct attribute plain(void)
{
	struct attribute attribute = { .marked = false, .present = true, .since = 1795369231, .guarded = true };

	(void)snprintf(attribute.id, sizeof(attribute.id), "box \"\\\t\x01 \xc3\xa9");
	(void)snprintf(attribute.instance, sizeof(attribute.instance), "mnt:[2]+777");
	(void)snprintf(attribute.handler, sizeof(attribute.handler), "runc-ci");
	(void)snprintf(attribute.line, sizeof(attribute.line), "/etc/cgdeleg/policy.ini:16");
	(void)snprintf(attribute.namespace, sizeof(attribute.namespace), "ci-1");
	(void)snprintf(attribute.pod, sizeof(attribute.pod), "build-7");
	(void)snprintf(
		attribute.ceilings, sizeof(attribute.ceilings),
		"memory.max=16777216\n"
		"cpu.max=150000 100000\n"
		"io.max=8:0 rbps=1048576 wbps=max riops=max wiops=max, 8:16 rbps=max wbps=max riops=9 wiops=max\n"
		"cpuset.cpus=0-3,7\n");
	(void)snprintf(attribute.method, sizeof(attribute.method), "clone-on-top");
	attribute.pressure = TRI_NO;
	attribute.device_guard = true;
	attribute.n_rules = 2;
	attribute.rules[0] = (struct device_rule) { 10, 229, 2, 2 | 4, 1 };
	attribute.rules[1] = (struct device_rule) { DEVICE_GUARD_ANY, 0, 3, 1, 0 };
	return attribute;
}

static void test_round_trip(void **state)
{
	const struct attribute attribute = plain();
	struct attribute again;
	struct err err = { 0 };
	char text[ATTRIBUTE_SIZE];

	(void)state;
	check_result("format", attribute_format(&attribute, text, sizeof(text), &err), &err, NULL);
	check_result("parse", attribute_parse(text, strlen(text), &again, &err), &err, NULL);
	assert_memory_equal(&again, &attribute, offsetof(struct attribute, ceilings));
	check_string("ceilings", again.ceilings, attribute.ceilings);
	assert_memory_equal(again.rules, attribute.rules, 2 * sizeof(attribute.rules[0]));
	assert_non_null(strstr(text, "\"pressure\":\"deny\",\"devices\":\"c 10:229 rw,!a *:0 m\""));
	check_result("no room", attribute_format(&attribute, text, 100, &err), &err, "longer than 100 bytes");
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
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.\\u001bmax\":\"5\"}"), "a ceiling 'memory.\\x1bmax'" },
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
		struct attribute attribute;
		struct err err = { 0 };

		check_result(cases[i].text, attribute_parse(cases[i].text, strlen(cases[i].text), &attribute, &err),
			     &err, cases[i].want);
		assert_int_equal(attribute.present, !cases[i].want);
	}
}

/* As many rules as a guard can have, each as long as can be, beside the longest ceilings. */
static void test_most_rules(void **state)
{
	struct attribute attribute = plain();
	struct attribute again;
	struct err err = { 0 };
	char text[ATTRIBUTE_SIZE];

	(void)state;
	memset(attribute.ceilings, 0, sizeof(attribute.ceilings));
	for (size_t used = 0; used + 40 < sizeof(attribute.ceilings); used = strlen(attribute.ceilings))
		(void)snprintf(attribute.ceilings + used, sizeof(attribute.ceilings) - used,
			       "cgroup.max.descendants=2147483647\n");
	attribute.n_rules = DEVICE_GUARD_RULES_MAX;
	for (size_t i = 0; i < DEVICE_GUARD_RULES_MAX; i++)
		attribute.rules[i] = (struct device_rule) { 4294967294, 4294967294, 3, 7, 0 };
	check_result("format", attribute_format(&attribute, text, sizeof(text), &err), &err, NULL);
	check_result("parse", attribute_parse(text, strlen(text), &again, &err), &err,
		     "stands twice"); /* the ceilings, which fill it only */
	attribute.ceilings[0] = '\0';
	check_result("format", attribute_format(&attribute, text, sizeof(text), &err), &err, NULL);
	check_result("parse", attribute_parse(text, strlen(text), &again, &err), &err, NULL);
	assert_memory_equal(again.rules, attribute.rules, sizeof(again.rules));
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
		struct attribute attribute;
		struct err err = { 0 };
		char text[1024];

		(void)snprintf(text, sizeof(text), "{\"v\":1,\"id\":\"x\"%s" REST, cases[i].more);
		check_result(cases[i].more, attribute_parse(text, strlen(text), &attribute, &err), &err, cases[i].want);
		if (cases[i].want)
			continue;
		assert_int_equal(attribute.pressure, cases[i].pressure);
		assert_int_equal(attribute.device_guard, cases[i].device);
		assert_int_equal(attribute.n_rules, cases[i].n);
	}
}

static void test_over_long(void **state)
{
	char text[1024];
	struct attribute attribute;
	struct err err = { 0 };

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "{\"v\":1,\"id\":\"x\",\"instance\":\"i\",\"handler\":\"%064d\",\"profile\":\"\",\"line\":\"\","
		       "\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"method\":\"\",\"leaf\":\"\",\"since\":1,"
		       "\"guarded\":false,\"scope\":false,\"ceilings\":{}}",
		       0);
	check_result("64 bytes", attribute_parse(text, strlen(text), &attribute, &err), &err, "over-long value");
}

static void test_ceilings(void **state)
{
	struct attribute attribute = plain();
	struct attribute_ceiling found;
	const char *at = NULL;
	struct err err = { 0 };
	size_t n = 0;
	int r = 0;

	(void)state;
	while (attribute_next(&attribute, &at, &found))
		n++;
	assert_int_equal(n, 4);
	assert_true(attribute_find(&attribute, "memory.max", &found));
	assert_true(found.value.number == 16777216 && found.type == limit_type_find("memory.max"));
	assert_false(attribute_find(&attribute, "memory.ma", &found));
	assert_false(attribute_find(&attribute, "pids.max", &found));
	/* Until it is full: what was there stays, and can be read. */
	assert_true(attribute_find(&attribute, "io.max", &found));
	for (n = 0; r == 0 && n < 1000; n++)
		r = attribute_add(&attribute, "io.max", found.type, &found.value, &err);
	check_result("full", r, &err, "name fewer devices");
	assert_true(n > 10);
	assert_true(attribute_find(&attribute, "cpuset.cpus", &found));
}

static void test_attribute(void **state)
{
	_cleanup_(tree_free) struct tree tree;
	struct attribute attribute;
	struct err err = { 0 };
	char text[ATTRIBUTE_SIZE];
	const struct attribute want = plain();

	(void)state;
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
	tree_new(&tree);
	tree_edit(&tree, "c/");
	_cleanup_close_ int fd = openat(tree.fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	check_result("none", attribute_read(fd, &attribute, &err), &err, NULL);
	assert_false(attribute.present || attribute.marked);
	check_result("remove none", attribute_write(fd, NULL, &err), &err, NULL);
	assert_int_equal(attribute_format(&want, text, sizeof(text), &err), 0);
	check_result("write", attribute_write(fd, text, &err), &err, NULL);
	check_result("read", attribute_read(fd, &attribute, &err), &err, NULL);
	assert_true(attribute.present && attribute.marked);
	check_string("id", attribute.id, want.id);
	check_result("remove", attribute_write(fd, NULL, &err), &err, NULL);
	assert_true(fgetxattr(fd, ATTRIBUTE_NAME, text, sizeof(text)) < 0);
	check_result("closed", attribute_write(-EBADF, "x", &err), &err, "cannot set attribute trusted.cgdeleg");
	check_result("closed", attribute_read(-EBADF, &attribute, &err), &err, "cannot read attribute");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_parse),     cmocka_unit_test(test_most_rules),
		cmocka_unit_test(test_guards),	   cmocka_unit_test(test_over_long), cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
