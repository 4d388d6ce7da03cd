/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are the policy: order, overriding, owners and modes, and the policy that is shipped. */

#include "policy/annotation.h"
#include "tests/unit/policy-tree.h"

TEST_WITH(test_order, setup, teardown)
{
	const struct section *section;
	const struct setting *setting;
	_cleanup_(ruleset_done) struct ruleset rules;

	write_file("policy.ini",
		   "[defaults]\nguard = require\nnest = init\n" HANDLER
		   "[rule a]\nhandler = runc\n[rule b]\nhandler = runc\n",
		   0644);
	/* Bytes: '1' < 'B' < 'a'. */
	write_file("policy.d/a.ini", "[defaults]\nguard = off\n", 0600);
	write_file("policy.d/B.ini", "[defaults]\nguard = prefer\n[rule a]\npods = x\n", 0444);
	write_file("policy.d/10.ini", "[rule c]\nhandler = runc\n", 0644);
	write_file("policy.d/.hidden.ini", "broken\n", 0666);
	write_file("policy.d/z.ini~", "broken\n", 0666);
	write_file("policy.d/README", "broken\n", 0666);
	write_file("policy.d/.ini", "broken\n", 0666);
	load(&rules);
	assert_false(ruleset_is_broken(&rules));
	assert_int_equal(rules.n_files, 4);
	assert_string_equal(rules.files[0], path_of("policy.ini"));
	assert_string_equal(rules.files[1], path_of("policy.d/10.ini"));
	assert_string_equal(rules.files[2], path_of("policy.d/B.ini"));
	assert_string_equal(rules.files[3], path_of("policy.d/a.ini"));

	section = ruleset_find(&rules, SECTION_DEFAULTS, "");
	setting = section_get(section, KEY_GUARD);
	assert_string_equal(setting->value, "off");
	assert_string_equal(setting->origin.file, path_of("policy.d/a.ini"));
	assert_int_equal(setting->origin.line, 2);
	/* What was not named again stays, and keeps its place in the list. */
	assert_string_equal(setting->next->value, "init");
	assert_string_equal(setting->next->origin.file, path_of("policy.ini"));
	assert_null(setting->next->next);
	assert_string_equal(section->origin.file, path_of("policy.ini"));
	assert_string_equal(section->newest.file, path_of("policy.d/a.ini"));

	/* Rules keep the order of their first header: a, b, c. */
	section = rules.sections[SECTION_RULE];
	assert_string_equal(section->name, "a");
	assert_string_equal(section_get(section, KEY_PODS)->value, "x");
	assert_string_equal(section_get(section, KEY_HANDLER)->value, "runc");
	assert_string_equal(section->next->name, "b");
	assert_string_equal(section->next->next->name, "c");
	assert_null(section->next->next->next);
}

/* A reference may point into a later file, and a fault in one file does not hide the others. */
TEST_WITH(test_across_files, setup, teardown)
{
	struct ruleset rules;

	write_file("policy.ini", HANDLER "profile = ci\n", 0644);
	assert_complaint("policy.ini", "no [profile ci]");
	write_file("policy.d/50.ini", "[profile ci]\npids.max = 10\n", 0644);
	load(&rules);
	assert_false(ruleset_is_broken(&rules));
	ruleset_done(&rules);

	write_file("policy.d/10.ini", "[defaults]\nnonsense = 1\n", 0644);
	write_file("policy.d/60.ini", "[handler other]\nengine = crio\n", 0644);
	assert_complaint("policy.d/10.ini", "unknown key");
	load(&rules);
	assert_non_null(ruleset_find(&rules, SECTION_HANDLER, "other"));
	ruleset_done(&rules);
}

TEST_WITH(test_duplicate_only_within_file, setup, teardown)
{
	write_file("policy.ini", HANDLER, 0644);
	write_file("policy.d/a.ini",
		   "[handler runc]\nprofile = a\nprofile = b\n[profile a]\n"
		   "pids.max = 1\n",
		   0644);
	assert_complaint("policy.d/a.ini", "is in this section already, on line 2");
	/* Reopened in a later file without a key. */
	write_file("policy.d/a.ini", "[handler runc]\n", 0644);
	assert_complaint("policy.d/a.ini", "[handler runc] is empty");
}

/* Within a file a list goes on; a later file's list replaces it whole, and may go on as well. */
TEST_WITH(test_lists_across_files, setup, teardown)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	const struct section *rule;

	write_file("policy.ini", HANDLER "[rule a]\nhandler = runc\nnamespaces = a\nnamespaces = b\npods = p\n", 0644);
	write_file("policy.d/a.ini", "[rule a]\nnamespaces = c\nnamespaces = d\n", 0644);
	load(&rules);
	assert_false(ruleset_is_broken(&rules));
	rule = ruleset_find(&rules, SECTION_RULE, "a");
	assert_string_equal(section_get(rule, KEY_NAMESPACES)->value, "c d");
	assert_string_equal(section_get(rule, KEY_PODS)->value, "p");
}

TEST_WITH(test_modes, setup, teardown)
{
	static const struct {
		mode_t mode;
		bool trusted;
	} cases[] = {
		{ 0644, true },	 { 0600, true },  { 0400, true },  { 0444, true },  { 0755, true },
		{ 0664, false }, { 0646, false }, { 0666, false }, { 0620, false }, { 0602, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(ruleset_done) struct ruleset rules;

		write_file("policy.ini", HANDLER, cases[i].mode);
		if (!cases[i].trusted) {
			assert_complaint("policy.ini", "chmod go-w");
			load(&rules);
			assert_int_equal(rules.n_files, 0); /* not a byte of it was believed */
			assert_null(ruleset_find(&rules, SECTION_HANDLER, "runc"));
		} else {
			load(&rules);
			assert_false(ruleset_is_broken(&rules));
		}
	}
	write_file("policy.ini", HANDLER, 0644);
	write_file("policy.d/a.ini", "[defaults]\n", 0664);
	assert_complaint("policy.d/a.ini", "(mode 0664)");
}

TEST_WITH(test_directory_modes, setup, teardown)
{
	write_file("policy.ini", HANDLER, 0644);
	assert_int_equal(chmod(tree.root, 0775), 0);
	assert_complaint("", "(mode 0775)");
	assert_int_equal(chmod(tree.root, 01777), 0);
	assert_complaint("", "(mode 1777)");
	assert_int_equal(chmod(tree.root, 0755), 0);
	assert_int_equal(chmod(path_of("policy.d"), 0757), 0);
	assert_complaint("policy.d", "(mode 0757)");
}

TEST_WITH(test_owner, setup, teardown)
{
	struct ruleset rules;

	write_file("policy.ini", HANDLER, 0644);
	if (getuid() != 0) {
		assert_int_equal(ruleset_load(tree.root, 0, &rules, NULL), 0);
		assert_non_null(rules.complaints);
		assert_non_null(strstr(rules.complaints->text, "it must belong to root"));
		ruleset_done(&rules);
		return;
	}
	assert_int_equal(chown(path_of("policy.ini"), 12345, 0), 0);
	assert_complaint("policy.ini", "belongs to uid 12345");
	assert_int_equal(ruleset_load(tree.root, 12345, &rules, NULL), 0);
	assert_false(ruleset_is_broken(&rules));
	ruleset_done(&rules);
}

TEST_WITH(test_kinds_of_file, setup, teardown)
{
	assert_complaint("policy.ini", "is not there, and policy.d has no file");
	write_file("real.ini", HANDLER, 0644);
	assert_int_equal(symlink("real.ini", path_of("policy.ini")), 0);
	assert_complaint("policy.ini", "symbolic link");
	assert_int_equal(unlink(path_of("policy.ini")), 0);
	assert_int_equal(mkfifo(path_of("policy.ini"), 0600), 0);
	assert_complaint("policy.ini", "not a regular file");
	assert_int_equal(unlink(path_of("policy.ini")), 0);
	assert_int_equal(mkdir(path_of("policy.ini"), 0755), 0);
	assert_complaint("policy.ini", "not a regular file");
	assert_int_equal(rmdir(path_of("policy.ini")), 0);

	write_file("policy.ini", "", 0644);
	assert_int_equal(rmdir(path_of("policy.d")), 0);
	assert_int_equal(symlink("/tmp", path_of("policy.d")), 0);
	assert_complaint("policy.d", "symbolic link");
}

TEST_WITH(test_too_large, setup, teardown)
{
	_cleanup_close_ int fd = -EBADF;

	write_file("policy.ini", "", 0644);
	fd = open(path_of("policy.ini"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, POLICY_FILE_MAX + 1), 0);
	assert_complaint("policy.ini", "has more than 4194304 bytes");
}

TEST_WITH(test_too_many, setup, teardown)
{
	struct ruleset rules;

	write_file("policy.ini", HANDLER, 0644);
	for (int i = 1; i < POLICY_FILES_MAX; i++) {
		write_file(format("policy.d/%03d.ini", i), "[defaults]\n", 0644);
	}
	load(&rules);
	assert_false(ruleset_is_broken(&rules));
	assert_int_equal(rules.n_files, POLICY_FILES_MAX);
	ruleset_done(&rules);
	write_file("policy.d/zzz.ini", "[defaults]\n", 0644);
	assert_complaint("policy.d/zzz.ini", "one file too many");
}

TEST(test_no_directory)
{
	_cleanup_(ruleset_done) struct ruleset rules;

	assert_int_equal(ruleset_load("/nonexistent/cgdeleg", 0, &rules, NULL), 0);
	assert_non_null(strstr(rules.complaints->text, "cannot be opened: No such file"));
	assert_string_equal(rules.complaints->origin.file, "/nonexistent/cgdeleg");
	assert_null(rules.complaints->next);
}

/* The source tree, from wherever the test was built. */
static void read_source(const char *name, char **ret, size_t *len)
{
	_cleanup_close_ int fd = -EBADF;
	char path[512];
	const char *root = getenv("CGDELEG_SOURCE_ROOT");
	const char *slash = strrchr(__FILE__, '/');

	if (root)
		(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	else
		(void)snprintf(path, sizeof(path), "%.*s/../../%s", (int)(slash - __FILE__), __FILE__, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("cannot open %s: set CGDELEG_SOURCE_ROOT", path);
	assert_int_equal(file_slurp(fd, POLICY_FILE_MAX, ret, len), 0);
}

/* Removes the marker of commented-out lines; only at the beginning of a line. */
static void uncomment(char *text, const char *marker)
{
	for (char *line = text; line;) {
		size_t len = strlen(marker);

		if (strncmp(line, marker, len) == 0)
			memmove(line, line + len, strlen(line + len) + 1);
		line = strchr(line, '\n');
		line += line != NULL;
	}
}

static void load_or_fail(struct ruleset *rules, const char *text)
{
	assert_int_equal(ruleset_load_text("default.ini", text, strlen(text), rules, NULL), 0);
	for (const struct complaint *c = rules->complaints; c; c = c->next)
		print_error("default.ini:%u:%u: %s\n", c->origin.line, c->column, c->text);
	assert_false(ruleset_is_broken(rules));
}

/* Every default that the file shows behind "#key = " is the one that is built in. */
static void check_defaults(const struct section *defaults)
{
	for (int id = 0; id < KEY_ID_MAX; id++) {
		const struct setting *setting = section_get(defaults, (enum key_id)id);

		if (!(keys[id].sections & 1U << SECTION_DEFAULTS))
			continue;
		if (!setting)
			fail_msg("default.ini does not show %s", keys[id].name);
		assert_string_equal(setting->value, keys[id].initial);
	}
}

TEST(test_default_ini)
{
	_cleanup_free_ char *text = NULL;
	struct ruleset rules;

	read_source("policy/default.ini", &text, &(size_t) { 0 });
	load_or_fail(&rules, text);
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		assert_int_equal(rules.sections[kind] != NULL, kind == SECTION_DEFAULTS);
	assert_null(rules.sections[SECTION_DEFAULTS]->settings); /* grants and sets nothing */
	ruleset_done(&rules);

	uncomment(text, "#example ");
	load_or_fail(&rules, text);
	assert_non_null(ruleset_find(&rules, SECTION_RULE, "nightly-builds"));
	assert_non_null(ruleset_find(&rules, SECTION_PROFILE, "small"));
	ruleset_done(&rules);

	for (int id = 0; id < KEY_ID_MAX; id++) {
		char marker[64];

		(void)snprintf(marker, sizeof(marker), "#%s = ", keys[id].name);
		for (char *at = strstr(text, marker); at; at = strstr(at, marker))
			memmove(at, at + 1, strlen(at));
	}
	load_or_fail(&rules, text);
	check_defaults(rules.sections[SECTION_DEFAULTS]);
	ruleset_done(&rules);
}

/* The manual's row of a key, up to the built-in value where there is one. The selectors share a row. */
static void check_manual_row(const char *text, const struct key *key)
{
	static const char letters[SECTION_KIND_MAX] = { 'd', 'p', 'h', 'r' };
	char row[160];
	size_t len;

	if (key->id == KEY_LIMIT || key->kind == KEY_PATTERNS)
		return;
	len = (size_t)snprintf(row, sizeof(row), "|  %s\n: ", key->name);
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		if (key->sections & 1U << kind)
			len += (size_t)snprintf(row + len, sizeof(row) - len, " %c", letters[kind]);
	(void)snprintf(row + len, sizeof(row) - len, "\n:  %s%s", key->initial ? key->initial : "(",
		       key->initial ? "\n" : "");
	if (!strstr(text, row))
		fail_msg("the manual's table lacks:\n%s", row);
}

/* The manual knows every word of the grammar. */
TEST(test_manual)
{
	_cleanup_free_ char *text = NULL;

	read_source("man/cgdeleg.policy.5.scd", &text, &(size_t) { 0 });
	/* scdoc wants an underscore within a word escaped. */
	for (char *at = strstr(text, "\\_"); at; at = strstr(at, "\\_"))
		memmove(at, at + 1, strlen(at));
	for (int id = 0; id < KEY_ID_MAX; id++) {
		for (const char *const *w = keys[id].words; w && *w; w++)
			if (!strstr(text, *w))
				fail_msg("the manual lacks the value %s", *w);
		if (id != KEY_LIMIT && !strstr(text, keys[id].name))
			fail_msg("the manual lacks the key %s", keys[id].name);
		check_manual_row(text, &keys[id]);
	}
	for (size_t i = 0; i < n_limit_types; i++) {
		char key[LIMIT_FILE_SIZE];

		/* hugetlb.*.max stands there as hugetlb.<size>.max */
		if (strchr(limit_types[i].key, '*'))
			(void)snprintf(key, sizeof(key), "hugetlb.<size>%s", strchr(limit_types[i].key, '*') + 1);
		else
			(void)snprintf(key, sizeof(key), "%s", limit_types[i].key);
		if (!strstr(text, key))
			fail_msg("the manual lacks the limit %s", key);
	}
}
