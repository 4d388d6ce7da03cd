/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest: YAML and JSON as Kubernetes reads them, one clear sentence with its place for what it does not, and bounds. */
#include "cgdeleg/cli/manifest.h"
#include "tests/unit/check.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static const struct node *parse(const char *text)
{
	const struct node *documents = NULL;

	CHECK(text, manifest_parse("pod.yaml", text, strlen(text), arena, &documents, &why), NULL);
	return documents;
}

/* What stands at a path, in the first document. */
TEST_WITH(test_values, setup, teardown)
{
	static const struct {
		const char *text, *path, *want; /* want NULL: there is nothing */
		enum node_kind kind;
	} cases[] = {
		{ "a: b", "a", "b", NODE_STRING },
		{ "a: {b: {c: d}}", "a.b.c", "d", NODE_STRING },
		{ "a:\n  b: c\n", "a.b", "c", NODE_STRING },
		{ "{\"a\": {\"b\": \"c\"}}", "a.b", "c", NODE_STRING },
		{ "{\"a\":\n\t{\"b\":1}}", "a.b", "1", NODE_NUMBER },
		/* libyaml takes no pair of surrogates, and no long key in JSON: yyjson does. */
		{ "{\"a\":\"\\ud83d\\ude00\"}", "a", "\xf0\x9f\x98\x80", NODE_STRING },
		{ "a: true", "a", "true", NODE_BOOL },
		{ "a: yes", "a", "yes", NODE_BOOL },
		{ "a: 'true'", "a", "true", NODE_STRING },
		{ "a: !!str true", "a", "true", NODE_STRING },
		{ "a: y", "a", "y", NODE_STRING },
		{ "a: 12", "a", "12", NODE_NUMBER },
		{ "a: 1.5e3", "a", "1.5e3", NODE_NUMBER },
		{ "a: 500m", "a", "500m", NODE_STRING },
		{ "a: -1", "a", "-1", NODE_NUMBER },
		{ "a: null", "a", NULL, NODE_NULL },
		{ "a:", "a", NULL, NODE_NULL },
		{ "a: b", "b", NULL, NODE_NULL },
		{ "a: b", "a.b", NULL, NODE_NULL },
		{ "- a", "a", NULL, NODE_NULL },
		{ "a: |\n  one\n  two\n", "a", "one\ntwo\n", NODE_STRING },
		/* Aliases share, merge keys are followed, and the mapping's own key wins. */
		{ "x: &x {b: c}\na: *x", "a.b", "c", NODE_STRING },
		{ "x: &x {b: c}\na: {<<: *x}", "a.b", "c", NODE_STRING },
		{ "x: &x {b: c}\na: {b: d, <<: *x}", "a.b", "d", NODE_STRING },
		{ "x: &x {b: c}\ny: &y {b: e, f: g}\na: {<<: [*x, *y]}", "a.b", "c", NODE_STRING },
		{ "x: &x {b: c}\ny: &y {b: e, f: g}\na: {<<: [*x, *y]}", "a.f", "g", NODE_STRING },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct node *node = node_find(parse(cases[i].text)->first, cases[i].path);

		check_string(cases[i].text, node ? node->text : NULL, cases[i].want);
		if (node)
			assert_int_equal(node->kind, cases[i].kind);
	}
}

TEST_WITH(test_documents, setup, teardown)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = { { "", 0 },
		      { "# nothing\n", 0 },
		      { "---\n", 1 },
		      { "a: b\n---\nc: d\n", 2 },
		      { "a: b\n...\n", 1 },
		      { "--- a\n--- b\n--- c\n", 3 },
		      { "%YAML 1.1\n---\na: b", 1 },
		      { "[a, b]", 1 } };

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		size_t n = 0;

		for (const struct node *d = parse(cases[i].text)->first; d; d = d->next)
			n++;
		assert_int_equal(n, cases[i].n);
	}
	assert_int_equal(parse("a:\n   b: c")->first->first->first->line, 2);
	assert_int_equal(parse("a:\n   b: c")->first->first->first->column, 7);
}

/* One sentence with line and column, for what is wrong and what is frequent. */
TEST_WITH(test_faults, setup, teardown)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "a: b: c", "pod.yaml:1:5: mapping values are not allowed in this context" },
		{ "a: b\n\tc: d", "pod.yaml:2:1: a tab: YAML is indented with blanks" },
		{ "a: [b\nc: d", "pod.yaml:2:2: did not find expected ',' or ']', while parsing a flow sequence" },
		{ "a: 'b", "pod.yaml:1:6: found unexpected end of stream, while scanning a quoted scalar" },
		{ "a: b\n c: d", "pod.yaml:2:3: mapping values are not allowed" },
		{ "a: \"\\z\"", "pod.yaml:1:5: found unknown escape character" },
		{ "a: b\na: c", "pod.yaml:2:4: 'a' is here twice in one mapping" },
		{ "x: {a: b, c: d,\n a: e}", "pod.yaml:2:5: 'a' is here twice" },
		{ "a: *b", "pod.yaml:1:4: there is no anchor '&b' before this" },
		{ "a: &a\n- *a", "pod.yaml:2:3: '*a' is inside of what '&a' names" },
		{ "a: &a b\n---\nc: *a", "pod.yaml:3:4: there is no anchor '&a' before this" },
		{ "? [a]\n: b", "pod.yaml:1:3: a key that is a mapping or a list" },
		{ "a: &b c\n*b : d", "pod.yaml:2:1: an alias as a key" },
		{ "a: \"\\0\"", "pod.yaml:1:4: a NUL in a text" },
		{ "a: b\nc: \xff\xfe", "pod.yaml:2:4: invalid leading UTF-8 octet: the file is no text in UTF-8" },
		{ "{\"a\": tru", "did not find expected ',' or '}'" },
		{ "<html>\n<a: b</a>: c", "pod.yaml:2:3: mapping values are not allowed" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct node *documents;

		CHECK(cases[i].text,
		      manifest_parse("pod.yaml", cases[i].text, strlen(cases[i].text), arena, &documents, &why),
		      cases[i].want);
	}
}

static int parse_repeated(const char *before, const char *part, size_t n, const char *after)
{
	const struct node *documents;
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int r;

	assert_non_null(to);
	fputs(before, to);
	for (size_t i = 0; i < n; i++)
		fputs(part, to);
	fputs(after, to);
	assert_int_equal(fclose(to), 0);
	why = (struct err) { 0 };
	r = manifest_parse("pod.yaml", text, len, arena, &documents, &why);
	free(text);
	return r;
}

/* Whatever it is fed, it ends soon and small. Each bound holds, and what is just within it is taken. */
TEST_WITH(test_bounds, setup, teardown)
{
	assert_int_equal(parse_repeated("", "[", MANIFEST_DEPTH_MAX + 1, ""), -EINVAL);
	assert_non_null(strstr(why.text, "more than 64 mappings and lists are in each other"));
	assert_int_equal(parse_repeated("", "{a: ", 5000, ""), -EINVAL);
	assert_int_equal(parse_repeated("", "- ", 5000, "a"), -EINVAL);
	assert_int_equal(parse_repeated("", "[", 100000, ""), -EINVAL);
	assert_int_equal(parse_repeated("[", "&a b, ", MANIFEST_ANCHORS_MAX, "]"), 0);
	assert_int_equal(parse_repeated("[", "&a b, ", MANIFEST_ANCHORS_MAX + 1, "]"), -EINVAL);
	assert_non_null(strstr(why.text, "more than 256 anchors"));
	assert_int_equal(parse_repeated("[", "a,", MANIFEST_NODES_MAX, "]"), -EINVAL);
	assert_non_null(strstr(why.text, "more than 1000000 values"));
	assert_int_equal(parse_repeated("a: ", "x", 8000000, ""), 0);
	assert_int_equal(parse_repeated("a: \"", "\\x41", 1000000, "\""), 0);
}

/* A billion laughs: each level names the one before ten times, and nothing is copied. */
TEST_WITH(test_aliases_share, setup, teardown)
{
	char text[4096] = "a0: &a0 {k: v}\n";
	const struct node *documents, *node;

	for (int i = 1; i < 40; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       "a%d: &a%d {<<: [*a%d,*a%d,*a%d], x: *a%d}\n", i, i, i - 1, i - 1, i - 1, i - 1);
	documents = parse(text);
	node = node_find(documents->first, "a39.x.x.x");
	assert_non_null(node);
	/* The search through merge keys is bounded, too. */
	assert_null(node_get(node_get(documents->first, "a39"), "missing"));
}
