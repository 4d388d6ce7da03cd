/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute: what is written is what is read, and nothing else is taken for a record. */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "cgdeleg/kernel/attribute.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define WITH(ceilings)                                                                                           \
	",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"p\",\"line\":\"l\",\"method\":\"m\",\"leaf\":\"\"," \
	"\"namespace\":\"n\",\"pod\":\"\",\"name\":\"\",\"since\":5,\"guarded\":true,\"scope\":false,"           \
	"\"ceilings\":" ceilings "}"
#define REST WITH("{\"memory.max\":\"16M\"}")

static struct arena arena; /* of what the attributes by hand hold */

static void add_ceiling(struct ceiling *ceiling, const char *file, const char *text)
{
	*ceiling = (struct ceiling) { .type = limit_type_find(file), .file = arena_strdup(&arena, file) };
	assert_non_null(ceiling->type);
	assert_int_equal(limit_parse(ceiling->type, text, &arena, &ceiling->value, NULL), 0);
}

static struct attribute plain(void)
{
	static const struct device_rule rules[] = { { 10, 229, 2, 2 | 4, 1 }, { DEVICE_GUARD_ANY, 0, 3, 1, 0 } };
	static struct ceiling ceilings[4];

	add_ceiling(&ceilings[0], "memory.max", "16777216");
	add_ceiling(&ceilings[1], "cpu.max", "150000 100000");
	add_ceiling(&ceilings[2], "io.max", "8:0 rbps=1048576, 8:16 wiops=9");
	add_ceiling(&ceilings[3], "cpuset.cpus", "0-3,7");
	return (struct attribute) { .id = "box \"\\\t\x01 \xc3\xa9",
				    .instance = "mnt:[2]+777",
				    .handler = "runc-ci",
				    .namespace = "ci-1",
				    .pod = "build-7",
				    .line = "/etc/cgdeleg/policy.ini:16",
				    .method = "clone-on-top",
				    .since = 1795369231,
				    .guarded = true,
				    .pressure = TRI_NO,
				    .device_guard = true,
				    .n_rules = 2,
				    .rules = rules,
				    .n_ceilings = 4,
				    .ceilings = ceilings };
}

/* What an older build has written, to the byte. */
#define PLAIN                                                                                                        \
	"{\"v\":1,\"id\":\"box \\\"\\\\\\t\\u0001 \xc3\xa9\",\"instance\":\"mnt:[2]+777\",\"handler\":\"runc-ci\","  \
	"\"profile\":\"\",\"namespace\":\"ci-1\",\"pod\":\"build-7\",\"name\":\"\","                                 \
	"\"line\":\"/etc/cgdeleg/policy.ini:16\",\"method\":\"clone-on-top\",\"leaf\":\"\",\"since\":1795369231,"    \
	"\"guarded\":true,\"pressure\":\"deny\",\"devices\":\"c 10:229 rw,!a *:0 m\",\"scope\":false,\"ceilings\":{" \
	"\"memory.max\":\"16777216\",\"cpu.max\":\"150000 100000\","                                                 \
	"\"io.max\":\"8:0 rbps=1048576 wbps=max riops=max wiops=max, 8:16 rbps=max wbps=max riops=max wiops=9\","    \
	"\"cpuset.cpus\":\"0-3,7\"}}"

TEST(test_round_trip)
{
	_cleanup_(attribute_done) struct attribute again = { 0 };
	const struct attribute attribute = plain();
	char text[ATTRIBUTE_SIZE];

	CHECK("format", attribute_format(&attribute, text, sizeof(text), &why), NULL);
	check_string("text", text, PLAIN);
	CHECK("parse", attribute_parse(text, strlen(text), &again, &why), NULL);
	check_string("id", again.id, attribute.id);
	check_string("none", again.name, "");
	assert_true(again.present && !again.marked && again.since == attribute.since && !again.scope);
	assert_memory_equal(again.rules, attribute.rules, 2 * sizeof(attribute.rules[0]));
	CHECK("format", attribute_format(&again, text, sizeof(text), &why), NULL);
	check_string("again", text, PLAIN);
	CHECK("no room", attribute_format(&attribute, text, 100, &why), "longer than 100 bytes");
}

/* A member that an older build did not have, and its absence. */
TEST(test_ids)
{
	_cleanup_(attribute_done) struct attribute again = { 0 }, older = { 0 };
	struct attribute attribute = plain();
	char text[ATTRIBUTE_SIZE];

	attribute.uids = "100000-165535";
	attribute.gids = "7-7 9-10";
	CHECK("format", attribute_format(&attribute, text, sizeof(text), &why), NULL);
	assert_non_null(strstr(text, ",\"scope\":false,\"uids\":\"100000-165535\",\"gids\":\"7-7 9-10\",\"ceilings\""));
	CHECK("parse", attribute_parse(text, strlen(text), &again, &why), NULL);
	check_string("uids", again.uids, attribute.uids);
	check_string("gids", again.gids, attribute.gids);
	CHECK("older", attribute_parse(PLAIN, strlen(PLAIN), &older, &why), NULL);
	check_string("older", older.uids, "");
}

/* A member that only containers which did not ask have; what an older or a newer build has there is no fault. */
TEST(test_writable_by)
{
	static const struct {
		const char *member;
		enum writable_by want;
	} table[] = {
		{ "", WRITABLE_BY_UNKNOWN },
		{ ",\"writable_by\":\"mount\"", WRITABLE_BY_MOUNT },
		{ ",\"writable_by\":\"owner\"", WRITABLE_BY_OWNER },
		{ ",\"writable_by\":\"else\"", WRITABLE_BY_UNKNOWN },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		_cleanup_(attribute_done) struct attribute read = { 0 };
		char text[ATTRIBUTE_SIZE], again[ATTRIBUTE_SIZE];
		const size_t end = strlen(PLAIN) - 1;

		(void)snprintf(text, sizeof(text), "%.*s%s}", (int)end, PLAIN, table[i].member);
		CHECK(table[i].member, attribute_parse(text, strlen(text), &read, &why), NULL);
		assert_int_equal(read.writable_by, table[i].want);
		CHECK("format", attribute_format(&read, again, sizeof(again), &why), NULL);
		assert_int_equal(strstr(again, "writable_by") != NULL, table[i].want != WRITABLE_BY_UNKNOWN);
	}
}

/* What is too long to be kept is cut, and between two characters. */
TEST(test_cut)
{
	_cleanup_(attribute_done) struct attribute again = { 0 };
	struct attribute attribute = plain();
	char text[ATTRIBUTE_SIZE], handler[80];

	(void)snprintf(handler, sizeof(handler), "%062d\xc3\xa9 and more", 0);
	attribute.handler = handler;
	assert_int_equal(attribute_format(&attribute, text, sizeof(text), NULL), 0);
	assert_int_equal(attribute_parse(text, strlen(text), &again, NULL), 0);
	assert_int_equal(strlen(again.handler), 62);
}

TEST(test_parse)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{\"v\":1,\"id\":\"x\"" REST, NULL },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"cpu.max\":\"1.5\"}"), NULL },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.max\":5}"), "has a ceiling 'memory.max' that cannot be read" },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.max\":\"5X\"}"), "'memory.max'" },
		{ "{\"v\":1,\"id\":\"x\"" WITH("{\"memory.\\u001bmax\":\"5\"}"), "a ceiling 'memory.\\x1bmax'" },
		{ "{\"v\":1,\"id\":\"x\"" WITH("[]"), "'ceilings' is not an object" },
		{ "{\"v\":2,\"id\":\"x\"" REST, "is not of version 1 or has an over-long value" },
		{ "{\"v\":0,\"id\":\"x\"" REST, "is not of version 1" },
		{ "{\"v\":1" REST, "'id' is missing" },
		{ "{\"v\":1,\"id\":5" REST, "'id' is not a string" },
		{ "{\"v\":1,\"id\":\"x\",\"id\":\"x\"" REST, "appears twice" },
		{ "", "attribute trusted.cgdeleg: empty" },
		{ "{}", "'v' is missing" },
		{ "[]", "a JSON object was expected" },
		{ "x", "not valid JSON" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };

		CHECK(cases[i].text, attribute_parse(cases[i].text, strlen(cases[i].text), &attribute, &why),
		      cases[i].want);
		assert_int_equal(attribute.present, !cases[i].want);
	}
}

/* As many rules as a guard can have, each as long as can be, beside many ceilings; and too many of these. */
TEST(test_most)
{
	static struct device_rule rules[DEVICE_GUARD_RULES_MAX];
	static struct ceiling ceilings[200];
	_cleanup_(attribute_done) struct attribute again = { 0 };
	struct attribute attribute = plain();
	char text[ATTRIBUTE_SIZE];

	for (size_t i = 0; i < ELEMENTS(ceilings); i++) {
		add_ceiling(&ceilings[i], format("hugetlb.%zuKB.rsvd.max", i), "4611686018427387903");
	}
	for (size_t i = 0; i < ELEMENTS(rules); i++)
		rules[i] = (struct device_rule) { 4294967294, 4294967294, 3, 7, 0 };
	attribute.rules = rules;
	attribute.n_rules = ELEMENTS(rules);
	attribute.ceilings = ceilings;
	attribute.n_ceilings = 90; /* 4 KiB */
	CHECK("format", attribute_format(&attribute, text, sizeof(text), &why), NULL);
	CHECK("parse", attribute_parse(text, strlen(text), &again, &why), NULL);
	assert_int_equal(again.n_rules, ELEMENTS(rules));
	assert_memory_equal(again.rules, rules, sizeof(rules));
	assert_int_equal(again.n_ceilings, 90);
	assert_int_equal(attribute_find(&again, "hugetlb.89KB.rsvd.max")->value.number, 4611686018427387903);
	attribute.n_ceilings = ELEMENTS(ceilings);
	CHECK("too many", attribute_format(&attribute, text, sizeof(text), &why), "name fewer devices");
}

TEST(test_guards)
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

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		char text[1024];

		(void)snprintf(text, sizeof(text), "{\"v\":1,\"id\":\"x\"%s" REST, cases[i].more);
		CHECK(cases[i].more, attribute_parse(text, strlen(text), &attribute, &why), cases[i].want);
		if (cases[i].want)
			continue;
		assert_int_equal(attribute.pressure, cases[i].pressure);
		assert_int_equal(attribute.device_guard, cases[i].device);
		assert_int_equal(attribute.n_rules, cases[i].n);
	}
}

TEST(test_over_long)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "{\"v\":1,\"id\":\"x\",\"instance\":\"i\",\"handler\":\"%064d\",\"profile\":\"\",\"line\":\"\","
		       "\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"method\":\"\",\"leaf\":\"\",\"since\":1,"
		       "\"guarded\":false,\"scope\":false,\"ceilings\":{}}",
		       0);
	CHECK("64 bytes", attribute_parse(text, strlen(text), &attribute, &why), "over-long value");
}

TEST(test_ceilings)
{
	const struct attribute attribute = plain();
	const struct ceiling *found = attribute_find(&attribute, "memory.max");

	assert_true(found && found->value.number == 16777216 && found->type == limit_type_find("memory.max"));
	assert_null(attribute_find(&attribute, "memory.ma"));
	assert_null(attribute_find(&attribute, "pids.max"));
	assert_non_null(attribute_find(&attribute, "cpuset.cpus"));
}

TEST_AS_ROOT(test_attribute) /* attributes in the trusted namespace */
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	char text[ATTRIBUTE_SIZE];
	const struct attribute want = plain();

	tree_new(&tree, "c/");
	_cleanup_close_ int fd = openat(tree.fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK("none", attribute_read(fd, &attribute, &why), NULL);
	assert_false(attribute.present || attribute.marked);
	CHECK("remove none", attribute_write(fd, NULL, false, &why), NULL);
	assert_int_equal(attribute_format(&want, text, sizeof(text), &why), 0);
	CHECK("write", attribute_write(fd, text, true, &why), NULL);
	CHECK("another's", attribute_write(fd, "x", true, &why), "cannot set attribute trusted.cgdeleg");
	CHECK("write again", attribute_write(fd, text, false, &why), NULL);
	CHECK("read", attribute_read(fd, &attribute, &why), NULL);
	assert_true(attribute.present && attribute.marked);
	check_string("id", attribute.id, want.id);
	CHECK("remove", attribute_write(fd, NULL, false, &why), NULL);
	assert_true(fgetxattr(fd, ATTRIBUTE_NAME, text, sizeof(text)) < 0);
	CHECK("closed", attribute_write(-EBADF, "x", false, &why), "cannot set attribute trusted.cgdeleg");
	attribute_done(&attribute);
	CHECK("closed", attribute_read(-EBADF, &attribute, &why), "cannot read attribute");
}
