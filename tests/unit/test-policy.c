/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a policy's text: what is taken, and every complaint with its place. */
#include <time.h>

#include "base/text.h"
#include "policy/annotation.h"
#include "policy/finding-page.h"
#include "policy/ruleset.h"
#include "tests/unit/check.h"

#define HANDLER "[handler runc]\nengine = containerd\n"

/* Eight bytes of an annotation key that fill a line to just what can be read, or one more. */
#define X10  "xxxxxxxxxx"
#define X50  X10 X10 X10 X10 X10
#define X190 X50 X50 X50 X10 X10 X10 X10

static void print_complaints(const struct ruleset *rules)
{
	for (const struct complaint *c = rules->complaints; c; c = c->next)
		print_message("    %s:%u:%u: %s\n", c->origin.file, c->origin.line, c->column, c->text);
}

static unsigned count_complaints(const struct ruleset *rules)
{
	unsigned n = 0;

	for (const struct complaint *c = rules->complaints; c; c = c->next)
		n++;
	return n;
}

static void load_n(struct ruleset *rules, const char *text, size_t len)
{
	/* A copy without a NUL behind it: the address sanitizer sees who reads too far. */
	char *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, text, len);
	assert_int_equal(ruleset_load_text("test.ini", exact, len, rules, NULL), 0);
	free(exact);
}

static void load(struct ruleset *rules, const char *text)
{
	load_n(rules, text, strlen(text));
}

/* Exactly one complaint, at this place, with these words. */
static const struct complaint_case {
	const char *text;
	unsigned line, column;
	const char *words;
	size_t len; /* when the text holds a NUL */
} complaint_cases[] = {
	/* inih's traps */
	{ "[handler " X50 "a]\nengine = containerd\n", 1, 51, "at most 49 are allowed", 0 },
	{ HANDLER "[rule deny-everything]\n", 3, 1, "[rule deny-everything] is empty", 0 },
	{ HANDLER "[handler runc]\ncgroup_writable = true\n", 3, 1, "is in this file already, on line 1", 0 },
	{ HANDLER "  cgroup_writable = true\n", 3, 3, "the line is indented", 0 },
	{ HANDLER "\tcgroup_writable = true\n", 3, 2, "the line is indented", 0 },
	{ HANDLER "approved_annotations = " X190 "\n", 3, 199,
	  "at most 198 are allowed: write the rest in a line of its own, again with 'approved_annotations = '", 0 },
	{ HANDLER "profile = " X190 "\n", 3, 199, "the line has 200 bytes; at most 198 are allowed", 0 },
	{ HANDLER "[rule a]\nhandler = runc\npods = " X190 "yz\n", 5, 199, "the line has 199 bytes", 0 },
	{ "[profile " X10 X10 X10 X10 "xx]\npids.max = 1\n", 1, 51, "has 50 bytes", 0 },
	{ "[profile a]\npids.max = 1\nmemory.max = 1\npids.max = 1\n", 4, 1, "is in this section already, on line 2", 0 },
	{ HANDLER "cgroup_writable: true\n", 3, 16, "not with ':'", 0 },
	{ HANDLER "profiles = a\0b\n", 3, 13, "control byte, 0x00", sizeof(HANDLER "profiles = a\0b\n") - 1 },
	{ HANDLER "cgroup_writable\n", 3, 1, "the line has no '='", 0 },
	{ HANDLER "cgroup_writable ; = true\n", 3, 1, "the line has no '='", 0 },
	{ HANDLER "cgroup_writable = true", 3, 22, "no newline", 0 },
	{ HANDLER "cgroup_writable = true\r\n", 3, 23, "carriage return", 0 },
	{ HANDLER "cgroup_writable = \x1b[1mtrue\n", 3, 19, "control byte, 0x1b", 0 },
	{ "\xef\xbb\xbf" HANDLER, 1, 1, "byte order mark", 0 },
	{ HANDLER "[defaults\n", 3, 1, "no ']'", 0 },
	{ HANDLER "[defaults ; x]\n", 3, 1, "no ']'", 0 },
	{ HANDLER "[defaults] on_refusal = fail\n", 3, 12, "must be alone on its line", 0 },
	{ HANDLER "[]\n", 3, 2, "unknown section ''", 0 },
	{ HANDLER "cgroup_writable = true\ncgroup_writable = false\n", 4, 1, "is in this section already, on line 3", 0 },
	{ "engine = containerd\n", 1, 1, "before the first section", 0 },
	/* lists that go on */
	{ HANDLER "profiles = a\nprofiles = b c\n[profile a]\npids.max = 1\n[profile b]\npids.max = 1\n", 4, 14,
	  "there is no [profile c]", 0 },
	{ HANDLER "profiles = a\nprofiles = .b\n[profile a]\npids.max = 1\n", 4, 12, "'.b' is not a name", 0 },
	{ HANDLER "profiles = a\nprofiles =\n[profile a]\npids.max = 1\n", 4, 11, "has no value", 0 },
	{ "[profile a]\nio.max = 8:0 rbps=1\nio.max = 8:16 rbps=1, 8:0 wbps=1\n", 3, 10,
	  "names a device or resource that it has already named; the key begins on line 2", 0 },
	{ "[profile a]\nio.max = 8:0 rbps=1\nio.max = 8:16\n", 3, 10, "has no value", 0 },
	{ "[profile a]\ncpuset.cpus = 0\ncpuset.cpus = 1\n", 3, 1, "is in this section already, on line 2", 0 },
	/* sections */
	{ HANDLER "[handlers x]\nengine = crio\n", 3, 2, "did you mean 'handler'?", 0 },
	{ HANDLER "[quota x]\nmax = 1\n", 3, 2, "there are [defaults], [profile <name>]", 0 },
	{ HANDLER "[defaults all]\naudit_sync = no\n", 3, 2, "[defaults] takes no name", 0 },
	{ HANDLER "[profile]\npids.max = 1\n", 3, 2, "a profile needs one name", 0 },
	{ HANDLER "[profile a b]\npids.max = 1\n", 3, 2, "a profile needs one name", 0 },
	{ HANDLER "[profile .a]\npids.max = 1\n", 3, 2, "a profile needs one name", 0 },
	{ HANDLER "[profile a/b]\npids.max = 1\n", 3, 2, "a profile needs one name", 0 },
	{ HANDLER "[rule \xc3\xa4]\nhandler = runc\n", 3, 2, "a rule needs one name", 0 },
	/* keys */
	{ HANDLER "cgroup_writeable = true\n", 3, 1, "did you mean 'cgroup_writable'?", 0 },
	{ "[profile a]\nmemory.maks = 1G\n", 2, 1, "did you mean 'memory.max'?", 0 },
	{ "[defaults]\nmemory.max = 1G\n", 2, 1, "is not allowed in [defaults]; it belongs in [profile]", 0 },
	{ "[profile a]\nengine = crio\n", 2, 1, "is not allowed in [profile]; it belongs in [handler]", 0 },
	{ "[defaults]\nzzzzzzzz = 1\n", 2, 1, "unknown key 'zzzzzzzz' in [defaults]", 0 },
	{ "[defaults]\nk\xc3\xa4y = 1\n", 2, 1, "unknown key 'k\\xc3\\xa4y'", 0 },
	{ "[defaults]\n= true\n", 2, 1, "unknown key ''", 0 },
	/* values */
	{ "[defaults]\nrequire_userns = yes\n", 2, 18, "write true or false", 0 },
	{ "[defaults]\nrequire_userns = True\n", 2, 18, "write true or false", 0 },
	{ "[defaults]\nrequire_userns =\n", 2, 17, "'require_userns' has no value", 0 },
	{ "[defaults]\nrequire_userns = ; true\n", 2, 18, "'require_userns' has no value", 0 },
	{ "[defaults]\non_refusal = failed\n", 2, 14, "write fail or readonly, did you mean 'fail'?", 0 },
	{ "[defaults]\nguard=\toff!\n", 2, 8, "write require, prefer or off, did you mean 'off'?", 0 },
	{ "[defaults]\naudit_sync = true\n", 2, 14, "write yes or no", 0 },
	{ "[defaults]\nnest = memory.max\n", 2, 8, "could be the name of a kernel file", 0 },
	{ "[defaults]\nnest = cgroup.x\n", 2, 8, "could be the name of a kernel file", 0 },
	{ "[defaults]\nnest = a/b\n", 2, 8, "is not a name", 0 },
	{ "[defaults]\nnest = ..\n", 2, 8, "is not a name", 0 },
	{ "[defaults]\nenable_controllers = cpu mem\n", 2, 22, "'mem' is not a value", 0 },
	{ "[defaults]\nenable_controllers = +cpu\n", 2, 22, "did you mean 'cpu'?", 0 },
	{ "[defaults]\nhost_options = nsdelegat\n", 2, 16, "did you mean 'nsdelegate'?", 0 },
	{ "[defaults]\nhost_options = nsdelegate,memory_recursiveprot\n", 2, 16, "write blanks between options", 0 },
	{ "[defaults]\nhost_options = memory_recursiveprot rw\n", 2, 16, "'rw' is not a value", 0 },
	{ "[defaults]\nhost_options = nsdelegate none\n", 2, 16, "'none' of 'host_options' must stand alone", 0 },
	{ "[defaults]\nhost_options = found nsdelegate\n", 2, 16, "'found' of 'host_options' must stand alone", 0 },
	{ "[handler x]\nengine = crio\nhost_options = nsdelegate\n", 3, 1, "it belongs in [defaults]", 0 },
	{ "[handler x]\nengine = cri-o\n", 2, 10, "did you mean 'crio'?", 0 },
	{ HANDLER "approved_annotations = cgdeleg.io/writeable\n", 3, 24, "did you mean 'cgdeleg.io/writable'?", 0 },
	{ HANDLER "approved_annotations = cgdeleg.io/cpuset.cpus\n", 3, 24, "can be approved", 0 },
	{ HANDLER "approved_annotations = cgdeleg.io/writable.app\n", 3, 24, "can be approved", 0 },
	{ HANDLER "approved_annotations = run.oci.delegate-cgroup\n", 3, 24, "can be approved", 0 },
	{ "[profile a]\nmemory.max = 16Gi\n", 2, 14, "powers of 1024", 0 },
	{ "[profile a]\nmemory.max = 16G # big\n", 2, 14, "begins with ' ;'", 0 },
	{ "[profile a]\nmemory.max = 16Gi\n", 2, 14, "or 'max'; write '16G'", 0 },
	{ "[profile a]\npids.max = 16Ki\n", 2, 12, "is not a whole number or 'max'", 0 },
	{ "[profile a]\nmemory.low = 1G\n", 2, 1, "not a ceiling", 0 },
	{ "[profile a]\nmemory.loww = 1G\n", 2, 1, "unknown key 'memory.loww'", 0 },
	{ "[profile a]\nmemory.max = \"16G\"\n", 2, 14, "is not a number of bytes", 0 },
	{ "[profile a]\nhugetlb.2MB.max = x\n", 2, 19, "is not a number of bytes", 0 },
	{ HANDLER "[rule a]\nhandler = runc\nimages = \"a\"\n", 5, 10, "without quotes", 0 },
	{ HANDLER "[rule a]\nhandler = runc\nimages = a,b\n", 5, 10, "has a ','", 0 },
	{ HANDLER "[rule a]\nhandler = runc\npods = [ab\n", 5, 8, "'[' without a ']'", 0 },
	{ HANDLER "[rule a]\nhandler = runc\npods = a;b\n", 5, 8, "has a ';'", 0 },
	{ HANDLER "profiles = " X50 X10 X10 "\n", 3, 12, "is not a name", 0 },
	{ HANDLER "profile = -x\n", 3, 11, "is not a name", 0 },
	{ "[profile a]\nmemory.max = 1\xc3\xa4\n", 2, 14, "is not a number", 0 },
	/* across sections */
	{ "[handler runc]\ncgroup_writable = true\n", 1, 1, "[handler runc] has no 'engine'", 0 },
	{ HANDLER "profile = smal\n[profile small]\npids.max = 1\n", 3, 11, "no [profile smal], did you mean 'small'?", 0 },
	{ HANDLER "profiles = small ci\n[profile small]\npids.max = 1\n", 3, 18, "no [profile ci]", 0 },
	{ HANDLER "[rule a]\npods = x\n", 3, 1, "[rule a] has no 'handler'", 0 },
	{ HANDLER "[rule a]\nhandler = runc runv\n", 4, 16, "no [handler runv], did you mean 'runc'?", 0 },
	{ HANDLER "[rule a]\nhandler = runc\nprofile = b\n", 5, 11, "no [profile b]", 0 },
	{ "[handler p]\nengine = podman\n[rule a]\nhandler = p\nnamespaces = x\n", 5, 14, "the rule can never match", 0 },
	{ "[handler p]\nengine = podman\nper = namespace\n", 3, 7, "podman and docker state no namespace", 0 },
	{ "[handler p]\nengine = docker\n[rule a]\nhandler = p\nper = namespace\n", 5, 7,
	  "podman and docker state no namespace", 0 },
	{ "[handler p]\nengine = podman\nper = pod\n", 3, 7, "write all or namespace", 0 },
	{ "[profile p]\nper = namespace\n", 2, 1, "per", 0 },
	{ "[handler p]\nengine = docker\n[rule a]\nhandler = p\nimages = x\n", 5, 10, "the rule can never match", 0 },
};

/* Each complaint is a finding, at the same place, with an id of its own. */
static void keep_kind(const struct finding *finding, void *userdata)
{
	const struct finding **kept = userdata;
	static struct finding copy;

	assert_int_equal(finding->severity, FINDING_FAULT);
	copy = *finding;
	*kept = &copy;
}

TEST(test_complaints)
{
	unsigned failed = 0;

	for (size_t i = 0; i < ELEMENTS(complaint_cases); i++) {
		const struct complaint_case *c = &complaint_cases[i];
		_cleanup_(ruleset_done) struct ruleset rules;
		const struct complaint *first;
		const struct finding *finding = NULL;

		load_n(&rules, c->text, c->len ? c->len : strlen(c->text));
		first = rules.complaints;
		assert_non_null(first);
		assert_string_equal(first->origin.file, "test.ini");
		if (count_complaints(&rules) != 1 || first->origin.line != c->line || first->column != c->column ||
		    !strstr(first->text, c->words)) {
			failed++;
			print_complaints(&rules);
			print_error("case %zu, expected :%u:%u '%s' of:\n%s\n", i, c->line, c->column, c->words, c->text);
		}
		findings_faults(&rules, keep_kind, &finding);
		assert_true(finding && finding->place.line == first->origin.line && finding->column == first->column);
		if (finding_is(finding, FINDING_FAULT_OTHER)) {
			failed++;
			print_error("case %zu has no id: %s\n", i, finding->text);
		}
	}
	assert_int_equal(failed, 0);
}

/* The same kinds of line where they are right, so that the refusals above are not for something else. */
TEST(test_accepted)
{
	static const char *const texts[] = {
		"",
		"\n",
		"; comment\n# comment\n   \n\t\n",
		"; a comment may be as long as it likes: " X190 X190 "\n",
		"# \xc3\xa4\xc3\xb6\xc3\xbc\n",
		"[defaults]\n",
		"[ defaults ]\n",
		"[defaults] ; with a comment\n[handler  x]\nengine=crio\n",
		"[defaults]\nnest = none ; a = b : c\n",
		"[defaults]\nnest = init.scope\n",
		"[defaults]\nnest=memory\n",
		"[defaults]\naudit_sync = yes\naudit = prefer\n",
		HANDLER "cgroup_writable = true\t; tab\n",
		HANDLER "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/cpu.max\n",
		HANDLER
		"approved_annotations = writable-cgroups.noderesource.dev cgroup2-mount-hierarchy-rw.crio.io cgdeleg.io/hugetlb.2MB.max\n",
		HANDLER "approved_annotations = io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw\n",
		HANDLER
		"approved_annotations = cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/memory.max cgdeleg.io/cpu.max cgdeleg.io/pids.max\n"
		"approved_annotations = io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw writable-cgroups.noderesource.dev\n",
		HANDLER "[rule a]\nhandler = runc\nhandler = runc\nimages = a\nimages = b:*\n",
		"[defaults]\nenable_controllers = cpu\nenable_controllers = pids io\n",
		HANDLER "[rule a]\nhandler = runc runc\nimages = registry:5000/*@sha256:?[!a]*\n",
		HANDLER "[handler p]\nengine = podman\n[rule a]\nhandler = p runc\npods = x\n",
		"[handler p]\nengine = podman\n[rule a]\nhandler = p\ncgroup_writable = true\n",
		"[profile " X10 X10 X10 X10 "x]\npids.max = 1\n",
		"[profile a]\nio.max = 8:0 rbps=1M wbps=2M, 8:16 riops=5\ncpuset.cpus = 0-3\n",
		"[profile a]\ncgroup.max.depth = max\ncgroup.max.descendants = max\n",
		/* 198 bytes */
		"[handler x]\nengine = crio\n[rule a]\nhandler = x\npods = " X190 "y\n",
	};

	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		_cleanup_(ruleset_done) struct ruleset rules;

		load(&rules, texts[i]);
		if (ruleset_is_broken(&rules)) {
			print_complaints(&rules);
			fail_msg("case %zu:\n%s", i, texts[i]);
		}
	}
}

/* The same key again adds to a list; whoever reads it sees one list, and each word keeps its place. */
TEST(test_lists_go_on)
{
	const struct setting *setting, *line;
	_cleanup_(ruleset_done) struct ruleset rules;
	unsigned column;

	load(&rules, HANDLER "[rule a]\nhandler = runc\nnamespaces = n1 n2\npods = p1\nnamespaces = n3\n"
			     "pods =  p2 p3\nnamespaces = n4\n"
			     "[profile a]\nio.max = 8:0 rbps=1\nio.max = 8:16 wbps=2, 8:32 riops=3\n");
	assert_false(ruleset_is_broken(&rules));
	setting = section_get(ruleset_find(&rules, SECTION_RULE, "a"), KEY_NAMESPACES);
	assert_string_equal(setting->value, "n1 n2 n3 n4");
	assert_int_equal(setting->origin.line, 5);
	line = setting_line(setting, strstr(setting->value, "n2"), &column);
	assert_true(line->origin.line == 5 && column == 17);
	line = setting_line(setting, strstr(setting->value, "n3"), &column);
	assert_true(line->origin.line == 7 && column == 14);
	line = setting_line(setting, strstr(setting->value, "n4"), &column);
	assert_true(line->origin.line == 9 && column == 14);
	setting = section_get(ruleset_find(&rules, SECTION_RULE, "a"), KEY_PODS);
	assert_string_equal(setting->value, "p1 p2 p3");
	line = setting_line(setting, strstr(setting->value, "p3"), &column);
	assert_true(line->origin.line == 8 && column == 12);
	setting = section_get(ruleset_find(&rules, SECTION_PROFILE, "a"), KEY_LIMIT);
	assert_string_equal(setting->value, "8:0 rbps=1, 8:16 wbps=2, 8:32 riops=3");
	assert_int_equal(limit_n_lines(&setting->limit), 3);
	assert_null(setting->next);
}

/* A list as long as a file may be, each line of it looked at once. */
TEST(test_long_list)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	_cleanup_free_ char *text = malloc(POLICY_FILE_MAX);
	size_t len = 0;

	assert_non_null(text);
	len += (size_t)sprintf(text, HANDLER "[rule a]\nhandler = runc\n");
	for (int i = 0; len + 100 < POLICY_FILE_MAX; i++)
		len += (size_t)sprintf(text + len, "namespaces = n-%d\n", i);
	load(&rules, text);
	assert_false(ruleset_is_broken(&rules));
	assert_true(section_has_word(ruleset_find(&rules, SECTION_RULE, "a"), KEY_NAMESPACES, "n-150000"));
}

/* Loading goes on behind a fault, and finds each of them. */
TEST(test_all_complaints)
{
	static const unsigned lines[] = { 2, 4, 5, 6, 7, 9 };
	_cleanup_(ruleset_done) struct ruleset rules;
	size_t i = 0;

	load(&rules, "[defaults]\n"
		     "require_userns = maybe\n"
		     "[handler runc]\n"
		     "engine = dockerd\n"
		     "  indented = 1\n"
		     "cgroup_writable\n"
		     "[hander b]\n"
		     "this = belongs to no section that is known, and is not complained about\n"
		     "[profile c]\n");
	for (const struct complaint *c = rules.complaints; c; c = c->next, i++)
		assert_int_equal(c->origin.line, lines[i]);
	assert_int_equal(i, ELEMENTS(lines));
	assert_non_null(ruleset_find(&rules, SECTION_HANDLER, "runc"));
}

/* A key behind a faulty header must not fall into the section above, whatever the fault. */
TEST(test_faulty_header_ends_section)
{
	static const char *const headers[] = {
		"[handler b",	  "[handler b] x",	    "[handler]",
		"[handlr b]",	  " [handler b]",	    "[handler b]\r",
		"[handler \x01]", "[handler b;] ; ]x [",    "[handler " X50 "]",
		"[handler a/b]",  "[handler " X190 X10 "]",
	};

	for (size_t i = 0; i < ELEMENTS(headers); i++) {
		_cleanup_(ruleset_done) struct ruleset rules;

		load(&rules, format("[handler a]\nengine = crio\n%s\n"
				    "cgroup_writable = true\n",
				    headers[i]));
		assert_true(ruleset_is_broken(&rules));
		assert_null(section_get(ruleset_find(&rules, SECTION_HANDLER, "a"), KEY_CGROUP_WRITABLE));
	}
}

TEST(test_values_and_origins)
{
	const struct section *section;
	const struct setting *setting;
	struct ruleset rules;

	load(&rules, "[profile a]\n\nmemory.max  =  16G   ; behind blanks\nhugetlb.2MB.max=1G\n"
		     "[handler h]\nengine = crio\nprofile=a\n");
	assert_false(ruleset_is_broken(&rules));
	section = ruleset_find(&rules, SECTION_PROFILE, "a");
	assert_int_equal(section->origin.line, 1);
	setting = section_get(section, KEY_LIMIT);
	assert_string_equal(setting->name, "memory.max");
	assert_string_equal(setting->value, "16G");
	assert_int_equal(setting->origin.line, 3);
	assert_int_equal(setting->column, 16);
	assert_string_equal(setting->next->name, "hugetlb.2MB.max");
	assert_ptr_equal(setting->next->key, &keys[KEY_LIMIT]);
	assert_null(setting->next->next);
	assert_null(section_get(section, KEY_NEST));
	assert_null(section_get(NULL, KEY_NEST));
	assert_null(ruleset_find(&rules, SECTION_HANDLER, "a"));
	assert_null(ruleset_find(&rules, SECTION_PROFILE, "A"));
	ruleset_done(&rules);
	ruleset_done(&rules); /* twice does no harm */
}

TEST(test_too_many_limits)
{
	_cleanup_(ruleset_done) struct ruleset rules;
	char text[4096] = "[profile a]\n";
	size_t len = strlen(text);

	for (int i = 0; i <= POLICY_LIMITS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "hugetlb.%dMB.max = 1\n", i);
	load(&rules, text);
	assert_int_equal(count_complaints(&rules), 1);
	assert_int_equal(rules.complaints->origin.line, POLICY_LIMITS_MAX + 2);
	assert_non_null(strstr(rules.complaints->text, "at most 30 limits"));
}

/* Each row of the key table: its built-in default is a value of its kind, its sections take it, and the
 * others refuse it. */
TEST(test_key_table)
{
	for (int id = 0; id < KEY_ID_MAX; id++) {
		const struct key *key = &keys[id];
		struct limit_value value;
		struct err err = { 0 };

		assert_int_equal(key->id, id);
		assert_non_null(key->help);
		assert_true(key->sections != 0);
		assert_int_equal(key->kind == KEY_WORD || key->kind == KEY_LADDER || key->kind == KEY_MOUNT_OPTIONS,
				 key->words != NULL);
		if (key->initial && key_check(key, key->name, key->initial, NULL, &value, &err) < 0)
			fail_msg("%s: %s", key->name, err.text);
		if (id != KEY_LIMIT)
			assert_ptr_equal(key_find(key->name), key);
		assert_true(key_check(key, key->name, "", NULL, &value, NULL) < 0);
		assert_true(key_check(key, key->name, " ", NULL, &value, NULL) < 0);
		assert_true(key_check(key, key->name, "\"", NULL, &value, NULL) < 0);
	}
	assert_ptr_equal(key_find("hugetlb.1GB.max"), &keys[KEY_LIMIT]);
	assert_null(key_find("<limit>"));
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		assert_int_equal(section_kind_find(section_kind_name((enum section_kind)kind)), kind);
	assert_int_equal(section_kind_find("x"), SECTION_KIND_INVALID);
	assert_string_equal(section_kind_name(SECTION_KIND_INVALID), "invalid");
	for (int engine = 0; engine < ENGINE_MAX; engine++)
		assert_int_equal(engine_find(engine_names[engine]), engine);
	assert_int_equal(engine_find("containerD"), ENGINE_INVALID);
	assert_null(engine_names[ENGINE_MAX]);
}

TEST(test_names)
{
	static const struct {
		const char *name;
		bool valid;
	} cases[] = {
		{ "a", true },	  { "A-1_b.c", true },	 { "_x", true },	  { "0", true },
		{ "", false },	  { ".", false },	 { "-a", false },	  { "a b", false },
		{ "a/b", false }, { "\xc3\xa4", false }, { X50 X10 "xxx", true }, { X50 X10 "xxxx", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (text_is_name(cases[i].name) != cases[i].valid)
			fail_msg("'%s'", cases[i].name);
}

static double seconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ten thousand lines, all names different: quadratic anything would take seconds. */
TEST(test_large)
{
	const size_t size = 1 << 20;
	char *text = malloc(size);
	struct ruleset rules;
	size_t len = 0;
	double begin;

	assert_non_null(text);
	for (int i = 0; i < 1250; i++)
		len += (size_t)snprintf(text + len, size - len,
					"[profile p%d]\nmemory.max = %dG\n"
					"[handler h%d]\nengine = containerd\nprofile = p%d\n"
					"[rule r%d]\nhandler = h%d\nnamespaces = ns-%d-*\n",
					i, i + 1, i, i, i, i, i);
	begin = seconds();
	load_n(&rules, text, len);
	/* About 4 ms without sanitizers. */
	assert_true(seconds() - begin < 0.5);
	assert_false(ruleset_is_broken(&rules));
	for (int i = 0; i < 1250; i++) {
		assert_non_null(ruleset_find(&rules, SECTION_HANDLER, format("h%d", i)));
	}
	ruleset_done(&rules);
	free(text);
}
