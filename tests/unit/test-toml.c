/* SPDX-License-Identifier: Apache-2.0 */
/* TOML: keys that would nest too deep. What it is read for is tested by test-engine.c. */
#include "base/toml.h"
#include "tests/unit/check.h"

/* A key of that many parts. */
static void check_key(size_t parts, const char *before, const char *after, const char *want)
{
	static char text[200000];
	struct arena arena = { 0 };
	struct toml_node *node;
	size_t len = (size_t)snprintf(text, sizeof(text), "# a.b.c.d\n%s", before);

	for (size_t i = 0; i < parts; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%sa", i ? "." : "");
	(void)snprintf(text + len, sizeof(text) - len, "%s", after);
	CHECK(before, toml_parse(&arena, "f", text, strlen(text), &node, &why), want);
	arena_done(&arena);
}

/* What walks the tree goes as deep as its keys. */
TEST(test_long_keys)
{
	check_key(32, "", " = 1\n", NULL);
	check_key(33, "", " = 1\n", "f:2: a key has more than 32 parts");
	check_key(33, "[", "]\n", "f:2: a key has more than 32 parts");
	check_key(33, "x = { y = 1, ", " = 2 }\n", "f:2: a key has more than 32 parts");
	check_key(20000, "", " = 1\n", "f:2: a key has more than 32 parts");
	check_key(100, "x = \"", "\"\n", NULL);
	check_key(100, "x = \"\\\"", "\"\n", NULL);
	check_key(100, "x = 1 # ", "\n", NULL);
	check_key(100, "x = \"\"\"\n", "\"\"\"\n", NULL);
	/* A mark within three, and one before their end, neither begins nor ends a string. */
	check_key(20000, "x = \"\"\" \" \"\"\"\n", " = 1\n", "f:3: a key has more than 32 parts");
	check_key(20000, "x = \"\"\" \"\"\"\"\n", " = 1\n", "f:3: a key has more than 32 parts");
	check_key(20000, "x = \"\"\" \n' \"\"\"\ny = ''\n", " = 1\n", "f:5: a key has more than 32 parts");
	check_key(20000, "x = ''' ' '''\n", " = 1\n", "f:3: a key has more than 32 parts");
	check_key(20000, "x = \"\"\"\"\"\"\n", " = 1\n", "f:3: a key has more than 32 parts");
	check_key(100, "x = \"\"\" \"", "\"\"\"\n", NULL);
}
