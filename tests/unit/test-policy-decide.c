/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: every combination of wish, handler and rule, and who is concerned at all. */
#include <linux/capability.h>
#include <time.h>

#include "tests/unit/test-policy-case.h"

/* The matrix. Columns: what the annotations say. */
static const struct annotation wishes[] = {
	{ "unrelated", "x" },			/* nothing */
	{ "cgdeleg.io/writable", "true" },	/* true */
	{ "cgdeleg.io/writable", "false" },	/* false */
	{ "cgdeleg.io/writable", "yes" },	/* invalid */
	{ "cgdeleg.io/profile", "ci" },		/* a profile, and so asks */
	{ "cgdeleg.io/pids.max", "5" },		/* a limit, and so does not */
	{ "cgdeleg.io/memory.max", "garbage" }, /* not approved */
};

static const char *const writables[] = { "", "cgroup_writable = true\n", "cgroup_writable = false\n" };

/* P pass, G grant, R refused, D declined (read-only whatever on_refusal says). */
static const struct {
	const char *what;
	const char *rules;     /* NULL: none */
	const char *expect[3]; /* handler: absent, true, false */
} matrix[] = {
	{ "no rules", "", WORDS("PGDRGPP", "GGDRGGG", "PRDRRPP") },
	{ "another handler's rule", "[rule o]\nhandler = other\ncgroup_writable = true\n",
	  WORDS("PGDRGPP", "GGDRGGG", "PRDRRPP") },
	{ "a rule that does not match", "[rule a]\nhandler = h\npods = z*\ncgroup_writable = true\n",
	  WORDS("PRDRRPP", "PRDRRPP", "PRDRRPP") },
	{ "a rule that says nothing", "[rule a]\nhandler = h\npods = p*\n", WORDS("PGDRGPP", "GGDRGGG", "PRDRRPP") },
	{ "a rule that grants", "[rule a]\nhandler = h\npods = p*\ncgroup_writable = true\n",
	  WORDS("GGDRGGG", "GGDRGGG", "GGDRGGG") },
	{ "a rule that forbids", "[rule a]\nhandler = h\npods = p*\ncgroup_writable = false\n",
	  WORDS("PRDRRPP", "PRDRRPP", "PRDRRPP") },
	{ "the first that matches",
	  "[rule a]\nhandler = h\npods = z\ncgroup_writable = true\n"
	  "[rule b]\nhandler = other h\npods = x p*\ncgroup_writable = false\n"
	  "[rule c]\nhandler = h\ncgroup_writable = true\n",
	  WORDS("PRDRRPP", "PRDRRPP", "PRDRRPP") },
};

static void check_cell(size_t row, size_t column, size_t wish, bool readonly)
{
	static const enum verdict verdicts[] = {
		['P'] = VERDICT_PASS, ['G'] = VERDICT_GRANT, ['R'] = VERDICT_REFUSE, ['D'] = VERDICT_READONLY
	};
	const struct annotation annotations[] = { wishes[wish], { "io.kubernetes.cri.sandbox-name", "pod-1" } };
	struct facts facts = good_facts;
	enum verdict expected = verdicts[(unsigned char)matrix[row].expect[column][wish]];
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "[defaults]\non_refusal = %s\n[profile ci]\npids.max = 10\n[handler h]\n"
		       "engine = containerd\n%sprofiles = ci\n"
		       "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/pids.max\n"
		       "[handler other]\nengine = crio\n%s",
		       readonly ? "readonly" : "fail", writables[column], matrix[row].rules);
	annotate(&facts, annotations, ELEMENTS(annotations));
	if (expected == VERDICT_REFUSE && readonly)
		expected = VERDICT_READONLY;
	if (decide_text(text, &facts)->verdict != expected) {
		print_decision(&decision);
		fail_msg("%s, handler '%s', %s=%s: expected %s", matrix[row].what, writables[column], wishes[wish].key,
			 wishes[wish].value, verdict_name(expected));
	}
}

TEST(test_matrix)
{
	for (size_t row = 0; row < ELEMENTS(matrix); row++)
		for (size_t column = 0; column < ELEMENTS(writables); column++)
			for (size_t wish = 0; wish < ELEMENTS(wishes); wish++) {
				check_cell(row, column, wish, false);
				check_cell(row, column, wish, true);
			}
}

/* The handler's on_refusal stands above the default. */
TEST(test_on_refusal)
{
	struct facts facts = good_facts;

	facts.covered_by = "/sys";
	assert_int_equal(decide_handler("on_refusal = readonly\n", &facts)->verdict, VERDICT_READONLY);
	assert_int_equal(decide_handler("on_refusal = readonly\n[defaults]\non_refusal = fail\n", &facts)->verdict,
			 VERDICT_READONLY);
	assert_int_equal(decide_handler("on_refusal = fail\n[defaults]\non_refusal = readonly\n", &facts)->verdict,
			 VERDICT_REFUSE);
}

/* Without a user namespace of its own, taking back takes nothing, whatever else the container lacks. */
TEST(test_readonly_needs_something_to_take)
{
	static const struct {
		enum userns_kind userns;
		enum mount_state mount;
		uint64_t capabilities;
		enum verdict expect;
	} table[] = {
		{ USERNS_NONE, MOUNT_READONLY, 0, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_WILL_BE_RO, 1 << CAP_CHOWN, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_WRITABLE, 0, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_UNKNOWN, 0, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_READONLY, 1 << CAP_SYS_ADMIN, VERDICT_REFUSE },
		{ USERNS_HOST_IDS, MOUNT_WILL_BE_RO, 1 << CAP_SYS_ADMIN, VERDICT_REFUSE },
		{ USERNS_HOST_IDS, MOUNT_WILL_BE_RO, 0, VERDICT_REFUSE },
		{ USERNS_UNKNOWN, MOUNT_WRITABLE, 0, VERDICT_REFUSE },
		{ USERNS_PRIVATE, MOUNT_WRITABLE, 1 << CAP_SYS_ADMIN, VERDICT_READONLY },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct facts facts = good_facts;

		facts.userns = table[i].userns;
		facts.mount = table[i].mount;
		facts.capabilities = table[i].capabilities;
		facts.covered_by = "/sys"; /* what is refused for, whatever the user namespace */
		assert_int_equal(decide_handler("on_refusal = readonly\n", &facts)->verdict, table[i].expect);
		assert_int_equal(find_reason(&decision, REASON_NOT_TAKEN_BACK) != NULL, table[i].expect == VERDICT_REFUSE);
	}
}

/* Declining, too, must leave the container without a writable cgroup, whatever on_refusal says. */
TEST(test_decline)
{
	static const struct annotation decline = { "cgdeleg.io/writable", "false" };
	static const struct {
		enum userns_kind userns;
		enum mount_state mount;
		enum verdict expect;
	} cases[] = {
		{ USERNS_PRIVATE, MOUNT_WRITABLE, VERDICT_READONLY },
		{ USERNS_PRIVATE, MOUNT_UNKNOWN, VERDICT_READONLY },
		{ USERNS_NONE, MOUNT_READONLY, VERDICT_READONLY },
		{ USERNS_HOST_IDS, MOUNT_WILL_BE_RO, VERDICT_READONLY },
		{ USERNS_NONE, MOUNT_WRITABLE, VERDICT_REFUSE },
		{ USERNS_HOST_IDS, MOUNT_WRITABLE, VERDICT_REFUSE },
		{ USERNS_UNKNOWN, MOUNT_WRITABLE, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_UNKNOWN, VERDICT_REFUSE },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct facts facts = good_facts;

		annotate(&facts, &decline, 1);
		facts.userns = cases[i].userns;
		facts.mount = cases[i].mount;
		decide_handler("approved_annotations = cgdeleg.io/writable\n", &facts);
		assert_int_equal(decision.verdict, cases[i].expect);
		assert_non_null(find_reason(&decision, REASON_ANNOTATION_DECLINES));
		assert_int_equal(find_reason(&decision, REASON_NOT_TAKEN_BACK) != NULL, cases[i].expect == VERDICT_REFUSE);
	}
}

TEST(test_origins)
{
	struct facts facts = good_facts;
	const struct annotation ask = { "cgdeleg.io/writable", "true" };

	assert_int_equal(decide_handler("", &facts)->origin.line, 6);
	assert_string_equal(decision.origin.file, "p.ini");
	annotate(&facts, &ask, 1);
	assert_int_equal(decide_text(ASKING, &facts)->origin.line, 15);
	assert_int_equal(decide_text(ASKING "cgroup_writable = false\n", &facts)->origin.line, 16);
	assert_int_equal(decide_text(ASKING "[rule r]\nhandler = h\ncgroup_writable = false\n", &facts)->origin.line, 18);
	assert_int_equal(decision.reasons[0].code, REASON_RULE_FORBIDS);
}

TEST(test_selectors)
{
	static const struct annotation containerd[] = {
		{ "io.kubernetes.cri.sandbox-namespace", "ci-7" },
		{ "io.kubernetes.cri.sandbox-name", "build-x" },
		{ "io.kubernetes.cri.container-name", "main" },
		{ "io.kubernetes.cri.image-name", "reg.example/a/b/c:1" },
	};
	static const struct {
		const char *selectors;
		bool matches;
	} cases[] = {
		{ "", true },
		{ "namespaces = ci-*\n", true },
		{ "namespaces = other ci-7\n", true },
		{ "namespaces = ci\n", false },
		{ "namespaces = CI-7\n", false },
		{ "namespaces = *\n", true },
		{ "pods = build-?\n", true },
		{ "pods = build-[!x]\n", false },
		{ "containers = main\n", true },
		{ "containers = init main2\n", false },
		{ "images = reg.example/*\n", true },
		{ "images = */c:*\n", true },
		{ "images = reg.example/a\n", false },
		{ "namespaces = ci-*\nimages = no\n", false },
		{ "namespaces = ci-*\npods = b*\ncontainers = m*\nimages = r*\n", true },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct facts facts = good_facts;
		char text[256];

		(void)snprintf(text, sizeof(text), "[rule r]\nhandler = h\n%s", cases[i].selectors);
		annotate(&facts, containerd, ELEMENTS(containerd));
		if ((decide_handler(text, &facts)->verdict == VERDICT_GRANT) != cases[i].matches)
			fail_msg("%s", cases[i].selectors);
		/* The same selectors when nothing is known of the container. */
		facts.n_annotations = 0;
		if ((decide_handler(text, &facts)->verdict == VERDICT_GRANT) != (*cases[i].selectors == '\0'))
			fail_msg("unknown: %s", cases[i].selectors);
	}
}

TEST(test_sandbox)
{
	static const struct {
		const char *engine, *key, *value;
		bool sandbox;
	} cases[] = {
		{ "containerd", "io.kubernetes.cri.container-type", "sandbox", true },
		{ "containerd", "io.kubernetes.cri.container-type", "container", false },
		{ "containerd", "io.kubernetes.cri-o.ContainerType", "sandbox", false },
		{ "crio", "io.kubernetes.cri-o.ContainerType", "sandbox", true },
		{ "podman", "io.kubernetes.cri-o.ContainerType", "sandbox", false },
		{ "docker", "io.kubernetes.docker.type", "podsandbox", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a[] = { { cases[i].key, cases[i].value }, { "cgdeleg.io/writable", "true" } };
		struct facts facts = good_facts;
		char text[128];

		(void)snprintf(text, sizeof(text), "[handler h]\nengine = %s\ncgroup_writable = true\n", cases[i].engine);
		annotate(&facts, a, ELEMENTS(a));
		decide_text(text, &facts);
		assert_int_equal(decision.verdict, cases[i].sandbox ? VERDICT_PASS : VERDICT_GRANT);
		assert_int_equal(find_reason(&decision, REASON_SANDBOX) != NULL, cases[i].sandbox);
	}
}

TEST(test_not_concerned)
{
	const struct annotation ask = { "cgdeleg.io/writable", "true" };
	struct facts facts = good_facts;

	annotate(&facts, &ask, 1);
	facts.handler = "another";
	assert_int_equal(decide_handler("", &facts)->verdict, VERDICT_PASS);
	facts.handler = NULL;
	assert_int_equal(decide_handler("", &facts)->verdict, VERDICT_PASS);
	facts.handler = "h";
	assert_int_equal(decide_text("", &facts)->verdict, VERDICT_PASS);
	assert_int_equal(decide_text("[handler h]\nengine = podman\n", &facts)->verdict, VERDICT_PASS);
	assert_non_null(find_reason(&decision, REASON_ANNOTATION_UNAPPROVED));
}

/* The fast path agrees with the engine; that nothing but a pass may be unconcerned is in check_invariants(). */
TEST(test_concerns)
{
	static const struct {
		const char *text, *key, *value;
		bool concerns;
	} cases[] = {
		{ "[handler h]\nengine = crio\n", "x", "", false },
		{ "[handler h]\nengine = crio\ncgroup_writable = true\n", "x", "", true },
		{ "[handler h]\nengine = crio\ncgroup_writable = false\n", "x", "", false },
		{ "[handler h]\nengine = crio\n[rule r]\nhandler = h\ncgroup_writable = true\n", "x", "", true },
		{ "[handler i]\nengine = crio\ncgroup_writable = true\n", "cgdeleg.io/writable", "true", false },
		{ ASKING, "cgdeleg.io/writable", "true", true },
		{ ASKING, "cgdeleg.io/writable", "false", true },
		{ ASKING, "cgdeleg.io/writable", "?", true },
		{ ASKING, "cgdeleg.io/writable.other", "true", false },
		{ ASKING, "cgdeleg.io/profile", "ci", true },
		{ ASKING, "cgdeleg.io/memory.max", "1G", false },
		{ ASKING, "cgdeleg.io/memory.max", "?", true },
		{ ASKING, "cgdeleg.io/memory.high", "1G", false },
		{ "[handler h\nengine = crio\n", "x", "", false },
		{ "[handler h]\nengin = crio\n", "x", "", true },
		{ "[rule r]\nhandler = h\n", "x", "", true },
		{ "[rule r]\nhandler = i\n", "x", "", false },
		{ "[rule r]\nhandler = i\n", "cgdeleg.io/anything", "", true },
		{ "[rule r]\nhandler = i\n", "cgroup2-mount-hierarchy-rw.crio.io", "", true },
		{ "[rule r]\nhandler = i\n", "writable-cgroups.noderesource.dev/container.x", "", true },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a = { cases[i].key, cases[i].value };
		struct facts facts = { .handler = "h", .annotations = &a, .n_annotations = 1 };
		_cleanup_(ruleset_done) struct ruleset rules;

		assert_int_equal(ruleset_load_text("p.ini", cases[i].text, strlen(cases[i].text), &rules, NULL), 0);
		if (state_is_covered(&rules, &facts) != cases[i].concerns)
			fail_msg("%s=%s under\n%s", cases[i].key, cases[i].value, cases[i].text);
	}
}

/* A broken policy grants nothing, whatever its readable part says, and says where it is broken. */
TEST(test_broken)
{
	struct facts facts = good_facts;
	const struct annotation ask = { "cgdeleg.io/writable", "true" };

	decide_handler("on_refusal = readonly\nnonsense = 1\nmore = 2\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	assert_int_equal(decision.reasons[0].code, REASON_POLICY_BROKEN);
	assert_non_null(strstr(decision.reasons[0].text, "has 2 faults"));
	assert_non_null(strstr(decision.reasons[0].text, "p.ini:8:1: unknown key 'nonsense'"));
	assert_int_equal(decision.origin.line, 8);
	facts.handler = "elsewhere";
	assert_int_equal(decide_handler("nonsense = 1\n", &facts)->verdict, VERDICT_PASS);
	annotate(&facts, &ask, 1);
	assert_int_equal(decide_handler("nonsense = 1\n", &facts)->verdict, VERDICT_REFUSE);
	assert_non_null(strstr(decision.reasons[0].text, "has 1 fault "));
	facts.handler = NULL;
	assert_int_equal(decide_handler("nonsense = 1\n", &facts)->verdict, VERDICT_REFUSE);
}

/* Attacker's bytes in keys and values reach the sentence escaped and cut. */
TEST(test_escaping)
{
	char value[4096];
	struct annotation a = { "cgdeleg.io/writable", "\x1b[2J\nALL: granted" };

	decide_asking(&a, 1);
	assert_non_null(strstr(decision.reasons[0].text, "'\\x1b[2J\\x0aALL: granted'"));
	memset(value, 'A', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	a.value = value;
	assert_int_equal(decide_asking(&a, 1)->reasons[0].code, REASON_ANNOTATION_INVALID);
	a = (struct annotation) { "cgdeleg.io/x\ny", "true" };
	assert_int_equal(decide_asking(&a, 1)->verdict, VERDICT_PASS);
	assert_non_null(strstr(find_reason(&decision, REASON_ANNOTATION_UNAPPROVED)->text, "x\\x0ay"));
}

TEST(test_names)
{
	for (int i = 0; i < REASON_CODE_MAX; i++) {
		const char *name = reason_code_name((enum reason_code)i);

		assert_non_null(name);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, reason_code_name((enum reason_code)j));
	}
	assert_string_equal(reason_code_name(REASON_CODE_MAX), "invalid");
	assert_string_equal(verdict_name(VERDICT_MAX), "invalid");
	assert_string_equal(verdict_name(VERDICT_READONLY), "readonly");
	assert_string_equal(reason_kind_name(REASON_NOTES), "notes");
	assert_string_equal(reason_kind_name((enum reason_kind)9), "invalid");
}

/* Ten thousand rules that do not match are a matter of a millisecond. */
TEST(test_large)
{
	const size_t size = 1 << 20;
	char *text = malloc(size);
	size_t len = 0;
	clock_t begin;

	assert_non_null(text);
	len += (size_t)snprintf(text, size, "[handler h]\nengine = containerd\n");
	for (int i = 0; i < 3333; i++)
		len += (size_t)snprintf(text + len, size - len, "[rule r%d]\nhandler = h\nnamespaces = ns-%d-*\n", i, i);
	len += (size_t)snprintf(text + len, size - len, "[rule last]\nhandler = h\ncgroup_writable = true\n");
	begin = clock();
	decide_text(text, &good_facts);
	assert_true(clock() - begin < CLOCKS_PER_SEC / 2);
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	assert_string_equal(decision.rule, "last");
	free(text);
}

/* Asks, and nobody answers: a wrong handler, a key that is misspelt, a key that is not approved. Each is a pass-through that
 * says so; whoever asks for nothing is passed in silence. */
static const struct {
	const char *handler;
	struct annotation a;
	bool unanswered;
	enum reason_code first;
	const char *said; /* part of the first sentence */
} unanswered[] = {
	{ "podman",
	  { "cgdeleg.io/writable", "true" },
	  true,
	  REASON_HANDLER_UNKNOWN,
	  "annotation 'cgdeleg.io/writable' asks, but the policy has no [handler podman]; it has: runc kata;" },
	{ "rnc", { "cgdeleg.io/writable.app", "true" }, true, REASON_HANDLER_UNKNOWN, "--handler, did you mean 'runc'?" },
	{ "podman", { "cgdeleg.io/memory.max", "1G" }, true, REASON_HANDLER_UNKNOWN, "'cgdeleg.io/memory.max' asks" },
	{ "podman", { "cgroup2-mount-hierarchy-rw.crio.io", "true" }, true, REASON_HANDLER_UNKNOWN, "[handler podman]" },
	{ "podman", { "cgdeleg.io/writable", "false" }, false, REASON_NOT_CONCERNED, "no section for" },
	{ "podman", { "example.org/writable", "true" }, false, REASON_NOT_CONCERNED, "no section for" },
	{ "pod\nman",
	  { "cgdeleg.io/\x1b", "true" },
	  true,
	  REASON_HANDLER_UNKNOWN,
	  "'cgdeleg.io/\\x1b' asks, but the policy has no [handler pod\\x0aman]" },
	{ "runc",
	  { "cgdeleg.io/writeable", "true" },
	  true,
	  REASON_ANNOTATION_UNAPPROVED,
	  "its approved_annotations: cgdeleg.io/profile, did you mean 'cgdeleg.io/writable'?" },
	{ "runc",
	  { "cgdeleg.io/writable", "true" },
	  true,
	  REASON_ANNOTATION_UNAPPROVED,
	  "does not approve it; its approved_annotations: cgdeleg.io/profile" },
	{ "runc", { "cgdeleg.io/writable.app", "true" }, true, REASON_ANNOTATION_UNAPPROVED, "does not approve it; its" },
	{ "runc", { "cgdeleg.io/memory.max.app", "1G" }, true, REASON_ANNOTATION_UNAPPROVED, "does not approve it; its" },
	{ "runc", { "cgdeleg.io/writable", "false" }, false, REASON_ANNOTATION_UNAPPROVED, "does not approve it" },
	{ "kata", { "cgdeleg.io/writable", "true" }, true, REASON_ANNOTATION_UNAPPROVED, "its approved_annotations: none" },
	{ "runc", { "example.org/writable", "true" }, false, REASON_NOT_CONCERNED, "nothing in the policy" },
};

TEST(test_unanswered)
{
	for (size_t i = 0; i < ELEMENTS(unanswered); i++) {
		struct facts facts = good_facts;

		facts.handler = unanswered[i].handler;
		annotate(&facts, &unanswered[i].a, 1);
		decide_text("[handler runc]\nengine = containerd\napproved_annotations = cgdeleg.io/profile\n"
			    "[handler kata]\nengine = containerd\n",
			    &facts);
		if (decision.verdict != VERDICT_PASS || decision.unanswered != unanswered[i].unanswered ||
		    decision.reasons[0].code != unanswered[i].first ||
		    !strstr(decision.reasons[0].text, unanswered[i].said)) {
			print_decision(&decision);
			fail_msg("case %zu: unanswered %d", i, decision.unanswered);
		}
	}
}

/* A pause container has its pod's annotations, and nobody expects an answer for it. */
TEST(test_unanswered_sandbox)
{
	const struct annotation a[] = { { "cgdeleg.io/writeable", "true" },
					{ "io.kubernetes.cri.container-type", "sandbox" } };
	struct facts facts = good_facts;

	annotate(&facts, a, ELEMENTS(a));
	decide_text("[handler h]\nengine = containerd\n", &facts);
	assert_int_equal(decision.reasons[0].code, REASON_SANDBOX);
	assert_false(decision.unanswered);
}

/* Who the container is, and what each rule for its handler wants: the first selector that does not match. */
TEST(test_no_rule_matches)
{
	static const char rules[] = "approved_annotations = cgdeleg.io/writable\n"
				    "[rule ci]\nhandler = h\nnamespaces = ci-*  nightly\n"
				    "[rule other]\nhandler = g\nnamespaces = zz\n"
				    "[rule box]\nhandler = h\nnamespaces = prod\nimages = box:*\n";
	const struct annotation a[] = { { "cgdeleg.io/writable", "true" },
					{ "io.kubernetes.cri.sandbox-namespace", "prod" },
					{ "io.kubernetes.cri.image-name", "evil\n" } };
	struct facts facts = good_facts;

	annotate(&facts, a, ELEMENTS(a));
	decide_text(format("[handler g]\nengine = crio\n[handler h]\nengine = containerd\n%s", rules), &facts);
	assert_int_equal(decision.reasons[0].code, REASON_NO_RULE_MATCHES);
	assert_non_null(strstr(decision.reasons[0].text, "namespace=prod pod=unknown container=unknown image=evil\\x0a; "
							 "[rule ci] (p.ini:8) wants namespaces = ci-* nightly; "
							 "[rule box] (p.ini:15) wants images = box:*"));
	decide_text("[handler g]\nengine = crio\n[handler h]\nengine = podman\napproved_annotations = cgdeleg.io/writable\n"
		    "[rule ci]\nhandler = g h\nnamespaces = ci-*\n",
		    &facts);
	assert_non_null(strstr(decision.reasons[0].text, "image=unknown; this engine states none of them; [rule ci]"));
}

/* A policy with a hundred rules does not make a sentence with a hundred. */
TEST(test_no_rule_matches_many)
{
	const struct annotation a = { "cgdeleg.io/writable", "true" };
	char text[16384] = "[handler h]\nengine = containerd\napproved_annotations = cgdeleg.io/writable\n";
	struct facts facts = good_facts;
	size_t len = strlen(text);

	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "[rule r%d]\nhandler = h\nnamespaces = ns-%d\n",
					i, i);
	annotate(&facts, &a, 1);
	decide_text(text, &facts);
	assert_non_null(strstr(decision.reasons[0].text, "[rule r0]"));
	assert_non_null(strstr(decision.reasons[0].text, " and more"));
	assert_true(strlen(decision.reasons[0].text) < REASON_TEXT_SIZE - 1);
}

/* Last: no code is without a case above. */
TEST(test_all_reasons_seen)
{
	assert_all_seen(IN_DECIDE);
}
