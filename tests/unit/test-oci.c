/* SPDX-License-Identifier: Apache-2.0 */
/* OCI, the state: everything that is refused is named, and what a runtime really writes is taken. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "cgdeleg/grant/oci.h"
#include "tests/unit/check.h"

#define STATE(members)	  "{\"id\":\"c1\",\"status\":\"creating\",\"bundle\":\"/b\"" members "}"
#define WITH_PID(members) STATE(",\"pid\":4711" members)

static const struct {
	const char *name, *text, *want; /* want NULL: accepted */
} states[] = {
	{ "least", WITH_PID(""), NULL },
	{ "crun", WITH_PID(",\"root\":\"/b/rootfs\",\"ociVersion\":\"1.0\""), NULL },
	{ "created", "{\"id\":\"c\",\"status\":\"created\",\"bundle\":\"/b\",\"pid\":2}", NULL },
	{ "annotations", WITH_PID(",\"annotations\":{\"a\":\"b\",\"\":\"\"}"), NULL },
	{ "no annotations", WITH_PID(",\"annotations\":null"), NULL },
	{ "largest pid", STATE(",\"pid\":2147483647"), NULL },
	{ "empty", "", "container state: empty, a JSON object was expected" },
	{ "truncated", "{\"id\":\"c1\",", "container state:1:12: not valid JSON" },
	{ "second line", "{\n\"id\":x}", "container state:2:6: not valid JSON" },
	{ "trailing text", WITH_PID("") " x", "not valid JSON" },
	{ "trailing comma", WITH_PID(",") "", "not valid JSON" },
	{ "comment", "/**/" WITH_PID(""), "not valid JSON" },
	{ "byte order mark", "\xef\xbb\xbf" WITH_PID(""), "not valid JSON" },
	{ "not UTF-8", WITH_PID(",\"x\":\"\xff\""), "not valid JSON" },
	{ "overlong UTF-8", WITH_PID(",\"x\":\"\xc0\xaf\""), "not valid JSON" },
	{ "lone surrogate", WITH_PID(",\"x\":\"\\ud800\""), "not valid JSON" },
	{ "array", "[]", "container state: a JSON object was expected" },
	{ "number", "1", "container state: a JSON object was expected" },
	{ "key twice", WITH_PID(",\"pid\":4712"), "the key 'pid' appears twice in one object" },
	{ "key twice below", WITH_PID(",\"x\":[{\"y\":1,\"y\":1}]"), "the key 'y' appears twice" },
	{ "key twice, escaped", WITH_PID(",\"p\\u0069d\":4712"), "the key 'pid' appears twice" },
	{ "NUL in a key", WITH_PID(",\"x\\u0000\":1"), "a key has a NUL byte inside" },
	{ "no id", "{\"status\":\"creating\"}", "state: 'id' is missing, a string was expected" },
	{ "no status", "{\"id\":\"c\"}", "state: 'status' is missing, a string was expected" },
	{ "no pid", STATE(""), "state: 'pid' is missing, an integer was expected" },
	{ "null pid", STATE(",\"pid\":null"), "state: 'pid' is missing" },
	{ "no bundle", "{\"id\":\"c\",\"status\":\"creating\",\"pid\":5}", "'bundle' is missing" },
	{ "id a number", "{\"id\":1}", "state: 'id' is not a string" },
	{ "NUL in the id", "{\"id\":\"a\\u0000\"}", "state: 'id' is not a string" },
	{ "pid a string", STATE(",\"pid\":\"4711\""), "state: 'pid' is not an integer" },
	{ "pid a fraction", STATE(",\"pid\":4711.0"), "state: 'pid' is not an integer" },
	{ "pid beyond", STATE(",\"pid\":18446744073709551615"), "state: 'pid' is not an integer" },
	{ "pid true", STATE(",\"pid\":true"), "state: 'pid' is not an integer" },
	{ "annotations a list", WITH_PID(",\"annotations\":[]"), "'annotations' is not an object" },
	{ "annotation a number", WITH_PID(",\"annotations\":{\"a\":1}"), "state: annotation 'a' is not a string" },
	{ "annotation with NUL", WITH_PID(",\"annotations\":{\"a\":\"\\u0000\"}"), "annotation 'a' is not a string" },
	{ "hostile annotation", WITH_PID(",\"annotations\":{\"\\u001b[2J\":1}"), "annotation '\\x1b[2J' is not a string" },
	{ "empty id", "{\"id\":\"\",\"status\":\"creating\",\"bundle\":\"/b\",\"pid\":5}",
	  "'id' has 0 bytes, 1 to 1024 are valid" },
	{ "relative bundle", "{\"id\":\"c\",\"status\":\"creating\",\"bundle\":\"b\",\"pid\":5}",
	  "'bundle' is not an absolute path" },
	{ "empty bundle", "{\"id\":\"c\",\"status\":\"creating\",\"bundle\":\"\",\"pid\":5}",
	  "'bundle' is not an absolute path" },
	{ "running", "{\"id\":\"c\",\"status\":\"running\",\"bundle\":\"/b\",\"pid\":5}",
	  "'status' is 'running', as in a poststart hook, and cgdeleg acts only" },
	{ "stopped", "{\"id\":\"c\",\"status\":\"stopped\",\"bundle\":\"/b\",\"pid\":0}",
	  "'status' is 'stopped', as in a poststop hook, and cgdeleg acts only" },
	{ "stopped, as runc says it", "{\"id\":\"c\",\"status\":\"stopped\",\"bundle\":\"/b\"}",
	  "'status' is 'stopped', as in a poststop hook, and cgdeleg acts only" },
	{ "paused", "{\"id\":\"c\",\"status\":\"paused\\u001b\",\"bundle\":\"/b\",\"pid\":5}",
	  "'status' is 'paused\\x1b', and cgdeleg acts only" },
	{ "restoring", "{\"id\":\"c\",\"status\":\"stopped\",\"bundle\":\"/b\",\"pid\":5}", NULL },
	{ "pid of init", STATE(",\"pid\":1"),
	  "'pid' is 1, a number above 1 was expected: the hook is under createContainer or" },
	{ "pid 0", STATE(",\"pid\":0"), "'pid' is 0, a number above 1 was expected" },
	{ "pid below 0", STATE(",\"pid\":-1"), "'pid' is -1, a number above 1 was expected" },
	{ "pid too large", STATE(",\"pid\":2147483648"), "'pid' is 2147483648, a number above 1 was expected" },
};

TEST(test_states)
{
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
		int r = oci_parse_state(states[i].text, strlen(states[i].text), &oci, &why);

		check_result(states[i].name, r, &why, states[i].want);
		assert_int_equal(oci.state_doc != NULL, !states[i].want);
	}
}

TEST(test_state_members)
{
	static const char text[] = "{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"status\":\"created\",\"pid\":4711,"
				   "\"bundle\":\"/run/b\",\"annotations\":{\"k1\":\"v1\",\"k2\":\"\"}}";
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

	CHECK("state", oci_parse_state(text, strlen(text), &oci, &why), NULL);
	check_string("id", oci.id, "c1");
	check_string("status", oci.status, "created");
	check_string("bundle", oci.bundle, "/run/b");
	assert_int_equal(oci.pid, 4711);
	assert_false(oci.restoring);
	assert_int_equal(oci.n_annotations, 2);
	check_string("key", oci.annotations[0].key, "k1");
	check_string("value", oci.annotations[0].value, "v1");
	check_string("empty value", oci.annotations[1].value, "");
}

/* Both sides of every length: the last that is taken, the first that is not. */
TEST(test_lengths)
{
	static const struct {
		const char *format;
		int len;
		const char *want;
	} cases[] = {
		{ "{\"id\":\"%s\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b\"}", OCI_ID_MAX, NULL },
		{ "{\"id\":\"%s\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b\"}", OCI_ID_MAX + 1,
		  "'id' has 1025 bytes, 1 to 1024 are valid" },
		{ "{\"id\":\"c\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/%s\"}", PATH_MAX - 2, NULL },
		{ "{\"id\":\"c\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/%s\"}", PATH_MAX - 1,
		  "'bundle' is not an absolute path" },
	};
	char filler[PATH_MAX + 1], text[2 * PATH_MAX];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

		memset(filler, 'x', sizeof(filler));
		filler[cases[i].len] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the table's own formats */
		(void)snprintf(text, sizeof(text), cases[i].format, filler);
#pragma GCC diagnostic pop
		CHECK(cases[i].format, oci_parse_state(text, strlen(text), &oci, &why), cases[i].want);
	}
}

static int parse_nested(unsigned depth, struct err *err)
{
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	char text[1024] = "{\"id\":\"c\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b\",\"x\":";
	size_t len = strlen(text);

	/* The state itself is the first level. */
	memset(text + len, '[', depth - 1);
	memset(text + len + depth - 1, ']', depth - 1);
	memcpy(text + len + 2 * (depth - 1), "}", 2);
	return oci_parse_state(text, strlen(text), &oci, err);
}

TEST(test_depth)
{
	CHECK("64 levels", parse_nested(OCI_DEPTH_MAX, &why), NULL);
	CHECK("65 levels", parse_nested(OCI_DEPTH_MAX + 1, &why), "nested too deeply");
}

/* A state file of `size` bytes: a valid state and blanks. */
static int read_padded(size_t size, struct err *err)
{
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	char name[] = "/tmp/cgdeleg-state.XXXXXX";
	_cleanup_close_ int fd = mkstemp(name);
	_cleanup_free_ char *text = malloc(size);

	assert_true(fd >= 0 && text);
	(void)unlink(name);
	memset(text, ' ', size);
	memcpy(text, WITH_PID(""), strlen(WITH_PID("")));
	assert_int_equal(pwrite(fd, text, size, 0), size);
	return oci_read_state(fd, 0, &oci, err);
}

TEST(test_read_size)
{
	CHECK("1 MiB", read_padded(OCI_STATE_MAX, &why), NULL);
	CHECK("1 MiB + 1", read_padded(OCI_STATE_MAX + 1, &why), "container state: larger than 1048576 bytes");
}

TEST(test_read_in_pieces)
{
	static const char text[] = WITH_PID("");
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], text, 10), 10);
	assert_int_equal(write(fds[1], text + 10, sizeof(text) - 11), sizeof(text) - 11);
	(void)close(fds[1]);
	CHECK("pipe", oci_read_state(fds[0], 0, &oci, &why), NULL);
	(void)close(fds[0]);
	CHECK("closed", oci_read_state(fds[0], 0, &oci, &why), "cannot read it");
}

/* A deadline that lies in the past needs no clock in the test. */
TEST(test_read_deadline)
{
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	CHECK("no end", oci_read_state(fds[0], 1, &oci, &why),
	      "it was not complete within the deadline; the runtime must write the state and close");
	(void)close(fds[0]);
	(void)close(fds[1]);
}
