/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: containers that do not ask, and whose cgroup is writable all the same. */
#include "tests/unit/test-policy-case.h"

#define UNASKED                                                                \
	"[profile small]\nmemory.max = 1G\npids.max = 10\nnest = init\n"       \
	"[profile tiny]\nmemory.max = 1M\n"                                    \
	"[handler h]\nengine = containerd\nprofile = small\nprofiles = tiny\n" \
	"approved_annotations = cgdeleg.io/writable cgdeleg.io/pids.max\n"

/* writable_mount decides on whom nobody asks for, and on nobody else. P pass, p pass and a note, B bound, R refused,
 * G granted, D declined. */
TEST(test_writable_mount)
{
	static const struct {
		const char *policy;
		const char *asks;   /* cgdeleg.io/writable; NULL: says nothing */
		const char *expect; /* writable_by: unknown, none, mount, other-mount, owner */
	} table[] = {
		{ "", NULL, "PPppp" },
		{ "writable_mount = pass\n", NULL, "PPppp" },
		{ "writable_mount = bound\n", NULL, "RPBBB" },
		{ "writable_mount = refuse\n", NULL, "RPRRR" },
		{ "writable_mount = bound\ncgroup_writable = false\n", NULL, "RPBBB" },
		{ "writable_mount = refuse\ncgroup_writable = false\n", NULL, "RPRRR" },
		{ "writable_mount = refuse\ncgroup_writable = true\n", NULL, "GGGGG" },
		{ "writable_mount = refuse\n", "true", "GGGGG" },
		{ "writable_mount = bound\n", "true", "GGGGG" },
		{ "writable_mount = bound\n", "false", "DDDDD" },
		{ "writable_mount = bound\n", "maybe", "RRRRR" },
		{ "writable_mount = bound\ncgroup_writable = false\n", "true", "RRRRR" },
		/* The rule's, else the handler's: also where no rule matches. */
		{ "writable_mount = bound\n[rule r]\nhandler = h\nwritable_mount = pass\n", NULL, "PPppp" },
		{ "[rule r]\nhandler = h\nwritable_mount = refuse\n", NULL, "RPRRR" },
		{ "writable_mount = bound\n[rule r]\nhandler = h\n", NULL, "RPBBB" },
		{ "writable_mount = bound\n[rule r]\nhandler = h\ncgroup_writable = false\n", NULL, "RPBBB" },
		{ "writable_mount = bound\n[rule r]\nhandler = h\npods = z\nwritable_mount = pass\n", NULL, "RPBBB" },
		{ "[rule r]\nhandler = h\npods = z\nwritable_mount = refuse\n", NULL, "PPppp" },
		{ "[handler other]\nengine = crio\nwritable_mount = refuse\n", NULL, "PPppp" },
	};
	static const enum verdict verdicts[] = { ['P'] = VERDICT_PASS,	 ['p'] = VERDICT_PASS,	['B'] = VERDICT_BOUND,
						 ['R'] = VERDICT_REFUSE, ['G'] = VERDICT_GRANT, ['D'] = VERDICT_READONLY };

	for (size_t i = 0; i < ELEMENTS(table); i++)
		for (int by = 0; by < WRITABLE_BY_MAX; by++) {
			const struct annotation asks = { "cgdeleg.io/writable", table[i].asks };
			const char expect = table[i].expect[by];
			struct facts facts = good_facts;
			char text[1024];

			(void)snprintf(text, sizeof(text), UNASKED "%s", table[i].policy);
			facts.writable_by = (enum writable_by)by;
			annotate(&facts, &asks, table[i].asks != NULL);
			decide_text(text, &facts);
			if (decision.verdict != verdicts[(unsigned char)expect] ||
			    (find_reason(&decision, REASON_UNBOUNDED) != NULL) != (expect == 'p')) {
				print_decision(&decision);
				fail_msg("'%s', writable by %s: expected %c", table[i].policy,
					 writable_by_name((enum writable_by)by), expect);
			}
		}
}

/* Bounded as the handler's grants are, with what annotations lower; given nothing, so that neither the owner nor what
 * covers the mount is of interest. */
TEST(test_bound)
{
	const struct annotation lower = { "cgdeleg.io/pids.max", "5" };
	struct facts facts = good_facts;

	facts.writable_by = WRITABLE_BY_OWNER;
	facts.root_uid = facts.root_gid = FACT_ID_UNKNOWN;
	facts.covered_by = "/sys";
	annotate(&facts, &lower, 1);
	decide_text(UNASKED "writable_mount = bound\n[defaults]\naudit_sync = yes\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_BOUND);
	assert_int_equal(decision.reasons[0].code, REASON_BOUNDED);
	assert_int_equal(decision.reasons[0].kind, REASON_BOUNDS);
	assert_int_equal(decision.origin.line, 12);
	assert_string_equal(decision.profile, "small");
	assert_int_equal(find_ceiling(&decision, "memory.max")->value.number, 1 << 30);
	assert_int_equal(find_ceiling(&decision, "pids.max")->value.number, 5);
	assert_int_equal(find_ceiling(&decision, "cgroup.max.descendants")->value.number, 256);
	assert_int_equal(decision.usage.pids, 5);
	assert_true(decision.device_guard && decision.grant_guard && decision.audit_required && decision.audit_sync);
}

/* Who cannot be bounded is refused, in words that name the key; "readonly" takes back what the runtime has given. */
TEST(test_cannot_be_bounded)
{
	static const struct {
		const char *lines;
		enum userns_kind userns;
		enum tristate cgroupns;
		enum verdict expect;
		enum reason_code code;
		const char *words;
	} table[] = {
		{ "", USERNS_NONE, TRI_YES, VERDICT_REFUSE, REASON_USERNS_MISSING,
		  "writable_mount = bound: the container has no" },
		{ "on_refusal = readonly\n", USERNS_NONE, TRI_YES, VERDICT_REFUSE, REASON_USERNS_MISSING,
		  "hostUsers: false" },
		{ "require_userns = false\n", USERNS_NONE, TRI_YES, VERDICT_BOUND, REASON_BOUNDED, "bounded" },
		{ "", USERNS_PRIVATE, TRI_NO, VERDICT_REFUSE, REASON_CGROUPNS_SHARED, "not privileged" },
		{ "on_refusal = readonly\n", USERNS_PRIVATE, TRI_NO, VERDICT_REFUSE, REASON_CGROUPNS_SHARED, "bound" },
		{ "max_delegated = 0\n", USERNS_PRIVATE, TRI_YES, VERDICT_REFUSE, REASON_BUDGET,
		  "writable_mount = bound: max_delegated" },
		{ "on_refusal = readonly\nmax_delegated = 0\n", USERNS_PRIVATE, TRI_YES, VERDICT_READONLY,
		  REASON_BUDGET, "bound" },
		{ "guard = require\n", USERNS_PRIVATE, TRI_YES, VERDICT_REFUSE, REASON_GUARD_MISSING,
		  "writable_mount = bound: " },
		{ "writable_mount = refuse\n", USERNS_PRIVATE, TRI_YES, VERDICT_REFUSE, REASON_WRITABLE_MOUNT,
		  "'ro' in config.json" },
		{ "writable_mount = refuse\n", USERNS_NONE, TRI_NO, VERDICT_REFUSE, REASON_CGROUPNS_SHARED,
		  "writable_mount = pass" },
		{ "writable_mount = refuse\non_refusal = readonly\n", USERNS_PRIVATE, TRI_YES, VERDICT_READONLY,
		  REASON_WRITABLE_MOUNT, "read-write" },
		{ "writable_mount = refuse\non_refusal = readonly\n", USERNS_NONE, TRI_YES, VERDICT_REFUSE,
		  REASON_WRITABLE_MOUNT, "read-write" },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		const bool refuse = strstr(table[i].lines, "writable_mount");
		struct facts facts = good_facts;
		char text[1024];

		(void)snprintf(text, sizeof(text), UNASKED "%s%s", refuse ? "" : "writable_mount = bound\n",
			       table[i].lines);
		facts.writable_by = WRITABLE_BY_MOUNT;
		facts.userns = table[i].userns;
		facts.cgroupns_private = table[i].cgroupns;
		facts.grant_guard = strstr(table[i].lines, "guard") ? GUARD_FACT_CANNOT : GUARD_FACT_THERE;
		decide_text(text, &facts);
		if (decision.verdict != table[i].expect || decision.reasons[0].code != table[i].code ||
		    !strstr(decision.reasons[0].text, table[i].words)) {
			print_decision(&decision);
			fail_msg("%zu: '%s'", i, text);
		}
		/* With nothing to bound it is left alone, whatever it lacks. */
		facts.writable_by = WRITABLE_BY_NONE;
		assert_int_equal(decide_text(text, &facts)->verdict, VERDICT_PASS);
	}
}

/* Nobody gets past writable_mount by declining: what a volume brings would stay as it is. */
TEST(test_declines_with_a_volume)
{
	static const struct annotation declines = { "cgdeleg.io/writable", "false" };
	static const struct {
		const char *mode;
		enum userns_kind userns;
		const char *other, *unseen;
		enum verdict expect;
	} table[] = {
		{ "pass", USERNS_NONE, "x", NULL, VERDICT_READONLY },
		{ "bound", USERNS_NONE, NULL, NULL, VERDICT_READONLY },
		{ "bound", USERNS_NONE, "x", NULL, VERDICT_REFUSE },
		{ "refuse", USERNS_NONE, "x", NULL, VERDICT_REFUSE },
		{ "refuse", USERNS_HOST_IDS, "x", NULL, VERDICT_REFUSE },
		{ "refuse", USERNS_NONE, NULL, "x", VERDICT_REFUSE },
		{ "refuse", USERNS_PRIVATE, "x", NULL, VERDICT_READONLY },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct facts facts = good_facts;
		char text[1024];

		(void)snprintf(text, sizeof(text), UNASKED "writable_mount = %s\n", table[i].mode);
		annotate(&facts, &declines, 1);
		facts.userns = table[i].userns;
		facts.mount = MOUNT_READONLY;
		facts.other_cgroup = table[i].other;
		facts.unseen = table[i].unseen;
		decide_text(text, &facts);
		if (decision.verdict != table[i].expect) {
			print_decision(&decision);
			fail_msg("%zu", i);
		}
	}
}

/* A pause container is the engine's, and a broken policy speaks for whom it names. */
TEST(test_unasked_others)
{
	static const struct annotation sandbox = { "io.kubernetes.cri.container-type", "sandbox" };
	struct facts facts = good_facts;

	facts.writable_by = WRITABLE_BY_MOUNT;
	annotate(&facts, &sandbox, 1);
	assert_int_equal(decide_text(UNASKED "writable_mount = refuse\n", &facts)->verdict, VERDICT_PASS);
	annotate(&facts, NULL, 0);
	assert_int_equal(decide_text(UNASKED "writable_mount = always\n", &facts)->verdict, VERDICT_REFUSE);
	assert_int_equal(decision.reasons[0].code, REASON_POLICY_BROKEN);
	facts.handler = "unknown";
	assert_int_equal(decide_text(UNASKED "writable_mount = refuse\n", &facts)->verdict, VERDICT_PASS);
}

/* Last: no code is without a case above. */
TEST(test_all_reasons_seen)
{
	assert_all_seen(IN_WRITABLE);
}
