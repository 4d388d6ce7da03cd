/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of a container that is granted something: every requirement, both ways. */
#include <linux/capability.h>

#include "tests/unit/test-policy-case.h"

#define CAP(number) (UINT64_C(1) << (number))

/* One change to a grant, and what becomes of it. */
struct requirement {
	const char *lines; /* of [handler h], which is writable */
	void (*change)(struct facts *facts);
	enum verdict verdict;
	int code; /* of the first reason that is not a grant; -1: any */
};

/* What a change is: an assignment, or several. */
#define CHANGE(name, change)              \
	static void name(struct facts *f) \
	{                                 \
		change;                   \
	}

CHANGE(nothing, (void)f)
CHANGE(userns_host_ids, f->userns = USERNS_HOST_IDS; f->root_uid = f->root_gid = 0)
CHANGE(userns_unknown, f->userns = USERNS_UNKNOWN)
CHANGE(userns_none_no_nsdelegate, userns_none(f); f->host.options = "rw")
CHANGE(userns_none_nsdelegate_unknown, userns_none(f); f->host.options = NULL)
CHANGE(userns_none_no_guard, userns_none(f); f->grant_guard = GUARD_FACT_CANNOT)
CHANGE(nsdelegate_no, f->host.options = "rw")
CHANGE(bare_options, userns_none(f); f->host.options = "rw memory_recursiveprot")
CHANGE(options_unknown, f->host.options = NULL)
CHANGE(no_such_option, f->host.known = "nsdelegate memory_recursiveprot")
CHANGE(such_option, f->host.known = "nsdelegate memory_recursiveprot memory_hugetlb_accounting")
CHANGE(has_hugetlb, f->host.options = "rw nsdelegate memory_hugetlb_accounting")
CHANGE(nearly_hugetlb,
       f->host.options = "rw memory_hugetlb_accountin xmemory_hugetlb_accounting memory_hugetlb_accountingx")
CHANGE(hugetlb_files, f->files = hugetlb_files_list)
CHANGE(owner_unmapped_uid, f->root_uid = FACT_ID_UNKNOWN)
CHANGE(owner_unmapped_gid, f->root_gid = FACT_ID_UNKNOWN)
CHANGE(owner_host_zero, f->root_uid = 0)
CHANGE(process_unmapped, f->process_uid = FACT_ID_UNKNOWN)
CHANGE(cgroupns_shared, f->cgroupns_private = TRI_NO)
CHANGE(place_fault, f->place_fault = "no mount"; f->userns = USERNS_UNKNOWN)
CHANGE(process_other, f->ambient = 0)
CHANGE(process_root, f->ambient = 0; f->process_uid = f->root_uid)
CHANGE(cgroupns_unknown, f->cgroupns_private = TRI_UNKNOWN)
CHANGE(covered, f->covered_by = "/sys/fs/cgroup")
CHANGE(config_unread, f->capabilities_known = TRI_UNKNOWN)
CHANGE(device_absent, f->device_bpf = DEVICE_BPF_ABSENT)
CHANGE(device_replaceable, f->device_bpf = DEVICE_BPF_REPLACEABLE; f->device_cgroup = "/x\n"; f->device_program = 7)
CHANGE(device_unknown, f->device_bpf = DEVICE_BPF_UNKNOWN)
CHANGE(guard_missing, f->grant_guard = GUARD_FACT_CANNOT)
CHANGE(guard_missing_why, f->grant_guard = GUARD_FACT_CANNOT; f->grant_guard_why = "nobody knows")
CHANGE(guards_passing, f->grant_guard = f->device_guard = GUARD_FACT_UNKNOWN)
CHANGE(guard_broken, f->grant_guard = GUARD_FACT_BROKEN; f->grant_guard_why = "it is somebody else's")
CHANGE(userns_none_guard_broken, userns_none(f); guard_broken(f))
CHANGE(guard_not_loaded, f->grant_guard = GUARD_FACT_NOT_LOADED)
CHANGE(device_guard_broken, f->device_guard = GUARD_FACT_BROKEN)
CHANGE(device_guard_not_loaded, f->device_guard = GUARD_FACT_NOT_LOADED; f->device_bpf = DEVICE_BPF_ABSENT)
CHANGE(no_device_guard, f->device_guard = GUARD_FACT_CANNOT; f->device_guard_why = "nobody knows")
CHANGE(no_device_program, no_device_guard(f); f->device_bpf = DEVICE_BPF_ABSENT)
CHANGE(bpffs, f->bpffs = true)
CHANGE(bpf_token, f->bpffs = f->bpf_token = true)
CHANGE(shares_ids, f->shares_ids = TRI_YES; f->sharer = "c2\n"; f->shared.first = 100000; f->shared.count = 65536)
CHANGE(shares_gids, shares_ids(f); f->shared_gids = true)
CHANGE(shares_perhaps, f->shares_ids = TRI_UNKNOWN; f->sharer = "c2")
CHANGE(shares_unknown, f->shares_ids = TRI_UNKNOWN)
CHANGE(shares_granted, shares_ids(f); f->granted = true)
CHANGE(shares_bare, userns_none(f); shares_ids(f))
CHANGE(other_cgroup, f->other_cgroup = "cgroup2 '/' is mounted at '/x'")
CHANGE(inherited, f->inherited = "descriptor 7, a cgroup")
CHANGE(seccomp_lets_bpf, f->seccomp_bpf = TRI_YES)
CHANGE(seccomp_stops_bpf, f->seccomp_bpf = TRI_NO)
CHANGE(files_unknown, f->files = NULL)
CHANGE(files_no_memory, f->files = no_memory_files)
CHANGE(files_none, f->files = only_cgroup_files)
CHANGE(unfilled, *f = (struct facts) { .handler = f->handler })

#define WANT(options) "[defaults]\nhost_options = " options "\n"
#define SMALL	      "profile = small\n"
#define HUGE(lines)   "profile = huge\n[profile huge]\nmemory.max = 1G\n" lines
#define BARE	      "require_userns = false\n"
#define GRANT	      VERDICT_GRANT
#define REFUSE	      VERDICT_REFUSE
#define NO_CODE	      (-1)

static const struct requirement requirements[] = {
	{ "", nothing, GRANT, NO_CODE },
	{ "", unfilled, REFUSE, REASON_UNKNOWN },
	{ "", userns_none, REFUSE, REASON_USERNS_MISSING },
	{ "", userns_host_ids, REFUSE, REASON_USERNS_HOST_IDS },
	{ "", userns_unknown, REFUSE, REASON_UNKNOWN },
	{ BARE, userns_none, GRANT, NO_CODE },
	{ BARE, userns_host_ids, GRANT, NO_CODE },
	{ BARE, userns_unknown, REFUSE, REASON_UNKNOWN },
	{ BARE, userns_none_no_nsdelegate, REFUSE, REASON_NSDELEGATE_MISSING },
	{ BARE, userns_none_nsdelegate_unknown, REFUSE, REASON_UNKNOWN },
	{ BARE, userns_none_no_guard, REFUSE, REASON_GUARD_MISSING },
	{ BARE "guard = off\n", userns_none_no_guard, REFUSE, REASON_GUARD_MISSING },
	{ BARE, guard_missing, GRANT, REASON_GUARD_ABSENT }, /* it has a user namespace */
	{ "", nsdelegate_no, GRANT, NO_CODE },
	/* What bounds memory.max is refused without it, where something is counted less. */
	{ SMALL WANT("memory_hugetlb_accounting"), nothing, REFUSE, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("memory_hugetlb_accounting"), has_hugetlb, GRANT, NO_CODE },
	{ SMALL WANT("memory_hugetlb_accounting"), nearly_hugetlb, REFUSE, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("memory_hugetlb_accounting"), such_option, REFUSE, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("memory_hugetlb_accounting"), no_such_option, GRANT, NO_CODE },
	{ SMALL WANT("memory_hugetlb_accounting"), options_unknown, REFUSE, REASON_UNKNOWN },
	{ SMALL WANT("nsdelegate memory_hugetlb_accounting"), nothing, REFUSE, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("none"), options_unknown, GRANT, NO_CODE },
	{ SMALL, options_unknown, GRANT, NO_CODE },
	{ SMALL, nothing, GRANT, NO_CODE },
	{ WANT("memory_hugetlb_accounting"), nothing, GRANT, REASON_HOST_OPTION_MISSING },
	{ HUGE("") WANT("memory_hugetlb_accounting"), hugetlb_files, REFUSE, REASON_HOST_OPTION_MISSING },
	{ HUGE("hugetlb.2MB.max = 64M\n") WANT("memory_hugetlb_accounting"), hugetlb_files, REFUSE,
	  REASON_HOST_OPTION_MISSING },
	{ HUGE("hugetlb.2MB.max = 64M\nhugetlb.1GB.max = max\n") WANT("memory_hugetlb_accounting"), hugetlb_files,
	  REFUSE, REASON_HOST_OPTION_MISSING },
	{ HUGE("hugetlb.2MB.max = 64M\nhugetlb.1GB.max = 0\n") WANT("memory_hugetlb_accounting"), hugetlb_files, GRANT,
	  REASON_HOST_OPTION_MISSING },
	{ "profile = wide\n[profile wide]\nmemory.max = max\n" WANT("memory_hugetlb_accounting"), nothing, GRANT,
	  REASON_HOST_OPTION_MISSING },
	/* What loosens no ceiling is a note. */
	{ SMALL WANT("memory_localevents"), nothing, GRANT, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("pids_localevents"), nothing, GRANT, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("favordynmods"), nothing, GRANT, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("memory_recursiveprot nsdelegate"), nothing, GRANT, NO_CODE },
	{ SMALL WANT("memory_recursiveprot"), nsdelegate_no, GRANT, REASON_HOST_OPTION_MISSING },
	{ SMALL WANT("nsdelegate"), nsdelegate_no, GRANT, REASON_HOST_OPTION_MISSING },
	{ BARE WANT("nsdelegate"), bare_options, REFUSE, REASON_NSDELEGATE_MISSING },
	{ "", owner_unmapped_uid, REFUSE, REASON_OWNER_UNMAPPED },
	{ "", owner_unmapped_gid, REFUSE, REASON_OWNER_UNMAPPED },
	{ "", owner_host_zero, REFUSE, REASON_OWNER_UNMAPPED },
	{ "owner = process\n", owner_unmapped_uid, GRANT, NO_CODE },
	{ "owner = process\n", process_unmapped, REFUSE, REASON_OWNER_UNMAPPED },
	{ "", process_unmapped, GRANT, NO_CODE },
	{ "", cgroupns_shared, REFUSE, REASON_CGROUPNS_SHARED },
	{ "on_refusal = readonly\n", cgroupns_shared, REFUSE, REASON_CGROUPNS_SHARED },
	{ "", place_fault, REFUSE, REASON_CGROUP_MOUNT },
	{ "on_refusal = readonly\n", place_fault, REFUSE, REASON_CGROUP_MOUNT },
	{ "", process_other, GRANT, REASON_OWNER_UNUSED },
	{ "", process_root, GRANT, NO_CODE },
	{ "owner = process\n", process_other, GRANT, NO_CODE },
	{ "", cgroupns_unknown, REFUSE, REASON_UNKNOWN },
	{ "", covered, REFUSE, REASON_COVERED },
	{ "", config_unread, REFUSE, REASON_UNKNOWN },
	{ "", device_absent, GRANT, NO_CODE }, /* ours is attached */
	{ "", no_device_program, REFUSE, REASON_DEVICE_BPF_ABSENT },
	{ "", no_device_guard, GRANT, REASON_DEVICE_GUARD_ABSENT },
	{ "device_bpf = runtime\n", no_device_guard, GRANT, NO_CODE },
	{ "device_bpf = runtime\n", no_device_program, GRANT, REASON_DEVICE_BPF_ABSENT },
	{ "", bpffs, REFUSE, REASON_BPFFS },
	{ "", bpf_token, REFUSE, REASON_BPFFS },
	{ "", shares_ids, GRANT, REASON_SHARED_IDS }, /* a note */
	{ "", shares_gids, GRANT, REASON_SHARED_IDS },
	{ "", shares_perhaps, GRANT, NO_CODE },
	{ "", shares_unknown, GRANT, NO_CODE },
	{ "shared_ids = note\n", shares_ids, GRANT, REASON_SHARED_IDS },
	{ "shared_ids = refuse\n", shares_ids, REFUSE, REASON_SHARED_IDS },
	{ "shared_ids = refuse\n", shares_gids, REFUSE, REASON_SHARED_IDS },
	{ "shared_ids = refuse\n", shares_perhaps, REFUSE, REASON_SHARED_IDS },
	{ "shared_ids = refuse\n", shares_unknown, REFUSE, REASON_SHARED_IDS },
	{ "shared_ids = refuse\n", shares_granted, GRANT, NO_CODE },
	{ "shared_ids = refuse\n", nothing, GRANT, NO_CODE },
	{ "shared_ids = refuse\n[defaults]\nshared_ids = note\n", shares_ids, REFUSE, REASON_SHARED_IDS },
	{ "shared_ids = note\n[defaults]\nshared_ids = refuse\n", shares_ids, GRANT, REASON_SHARED_IDS },
	{ "[defaults]\nshared_ids = refuse\n", shares_ids, REFUSE, REASON_SHARED_IDS },
	{ BARE "shared_ids = refuse\n", shares_bare, REFUSE, REASON_SHARED_IDS },
	{ "", other_cgroup, REFUSE, REASON_OTHER_CGROUP_MOUNT },
	{ "", inherited, REFUSE, REASON_DESCRIPTOR },
	{ "", seccomp_lets_bpf, GRANT, REASON_SECCOMP_BPF },
	{ "", seccomp_stops_bpf, GRANT, NO_CODE },
	{ "device_bpf = runtime\n", device_absent, GRANT, REASON_DEVICE_BPF_ABSENT },
	{ "", device_replaceable, REFUSE, REASON_DEVICE_BPF_REPLACEABLE },
	{ "device_bpf = runtime\n", device_replaceable, REFUSE, REASON_DEVICE_BPF_REPLACEABLE },
	{ "", device_unknown, REFUSE, REASON_UNKNOWN },
	{ "device_bpf = runtime\n", device_unknown, REFUSE, REASON_UNKNOWN },
	{ "", guard_missing, GRANT, REASON_GUARD_ABSENT },
	{ "guard = require\n", guard_missing, REFUSE, REASON_GUARD_MISSING },
	{ "guard = require\n", guard_missing_why, REFUSE, REASON_GUARD_MISSING },
	{ "", guards_passing, REFUSE, REASON_UNKNOWN },
	{ "device_bpf = runtime\n", guards_passing, REFUSE, REASON_UNKNOWN },
	{ "guard = off\n", guards_passing, REFUSE, REASON_UNKNOWN }, /* the device guard */
	{ "guard = off\ndevice_bpf = runtime\n", guards_passing, GRANT, NO_CODE },
	/* What is merely broken is refused wherever it is asked for, and nowhere else. */
	{ "", guard_broken, REFUSE, REASON_GUARD_BROKEN },
	{ "guard = require\n", guard_broken, REFUSE, REASON_GUARD_BROKEN },
	{ "guard = off\n", guard_broken, GRANT, NO_CODE },
	{ BARE "guard = off\n", userns_none_guard_broken, REFUSE, REASON_GUARD_BROKEN },
	{ "", device_guard_broken, REFUSE, REASON_GUARD_BROKEN },
	{ "guard = off\n", device_guard_broken, REFUSE, REASON_GUARD_BROKEN },
	{ "device_bpf = runtime\n", device_guard_broken, GRANT, NO_CODE },
	/* `check`. */
	{ "", guard_not_loaded, GRANT, REASON_GUARD_NOT_LOADED },
	{ "guard = require\n", guard_not_loaded, GRANT, REASON_GUARD_NOT_LOADED },
	{ "", device_guard_not_loaded, GRANT, REASON_GUARD_NOT_LOADED },
	{ "pressure = allow\n", nothing, GRANT, NO_CODE },
	{ "guard = require\n", nothing, GRANT, NO_CODE },
	{ "guard = off\n", guard_missing, GRANT, NO_CODE },
	{ "", files_unknown, REFUSE, REASON_UNKNOWN },
	{ "", files_no_memory, GRANT, NO_CODE },
	{ "profile = small\n", files_no_memory, REFUSE, REASON_LIMIT_MISSING },
	{ "profile = small\non_missing_limit = skip\n", files_no_memory, GRANT, REASON_LIMIT_SKIPPED },
	{ "on_missing_limit = skip\n", files_none, REFUSE, REASON_LIMIT_MISSING },
};

TEST(test_requirements)
{
	for (size_t i = 0; i < ELEMENTS(requirements); i++) {
		const struct requirement *c = &requirements[i];
		struct facts facts = good_facts;
		const struct decision *d;
		size_t at = 0;

		c->change(&facts);
		d = decide_handler(c->lines, &facts);
		while (at < d->n_reasons && d->reasons[at].kind == REASON_GRANTS)
			at++;
		if (d->verdict != c->verdict ||
		    (c->code == NO_CODE ? at < d->n_reasons : at == d->n_reasons || (int)d->reasons[at].code != c->code)) {
			print_decision(d);
			fail_msg("case %zu: expected %s, %s", i, verdict_name(c->verdict),
				 c->code < 0 ? "nothing more" : reason_code_name((enum reason_code)c->code));
		}
	}
}

/* Without a user namespace each of these capabilities refuses, with one none does; others never do. */
TEST(test_capabilities)
{
	static const struct {
		int number;
		bool refuses;
	} cases[] = {
		{ CAP_SYS_ADMIN, true },    { CAP_DAC_READ_SEARCH, true }, { CAP_CHOWN, true },
		{ CAP_FOWNER, true },	    { 39 /* BPF */, true },	   { CAP_NET_ADMIN, true },
		{ 38 /* PERFMON */, true }, { CAP_KILL, false },	   { CAP_NET_BIND_SERVICE, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct facts facts = good_facts;

		facts.capabilities = CAP(cases[i].number);
		assert_int_equal(decide_handler(BARE, &facts)->verdict, VERDICT_GRANT);
		userns_none(&facts);
		assert_int_equal(decide_handler(BARE, &facts)->verdict, cases[i].refuses ? VERDICT_REFUSE : VERDICT_GRANT);
		if (cases[i].refuses)
			assert_int_equal(decision.reasons[0].code, REASON_CAPABILITY);
	}
}

/* One refusal does not hide the next. */
TEST(test_all_refusals_are_collected)
{
	static const enum reason_code codes[] = {
		REASON_NSDELEGATE_MISSING, REASON_CAPABILITY, REASON_OWNER_UNMAPPED, REASON_DEVICE_BPF_REPLACEABLE,
		REASON_GUARD_MISSING,	   REASON_COVERED,    REASON_LIMIT_MISSING,
	};
	struct facts facts = good_facts;

	userns_none(&facts);
	facts.host.options = "rw";
	facts.capabilities = UINT64_MAX;
	facts.root_uid = FACT_ID_UNKNOWN;
	device_replaceable(&facts);
	guard_missing(&facts);
	covered(&facts);
	files_no_memory(&facts);
	decide_handler(BARE "profile = small\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	for (size_t i = 0; i < ELEMENTS(codes); i++) {
		if (!find_reason(&decision, codes[i]))
			fail_msg("%s is missing", reason_code_name(codes[i]));
		assert_int_equal(find_reason(&decision, codes[i])->kind, REASON_REFUSES);
	}
	assert_string_equal(verdict_name(decision.verdict), "refuse");
	assert_non_null(strstr(find_reason(&decision, REASON_DEVICE_BPF_REPLACEABLE)->text,
			       "device program 7 on cgroup '/x\\x0a'"));
}

/* More reasons than there is room for, in number or in words: refusals stay, whole, and notes go. */
TEST(test_too_many_reasons)
{
	static const int digits[] = { 1, 46 }; /* of a file's name */
	struct facts facts = good_facts;

	guard_missing(&facts);
	for (size_t w = 0; w < ELEMENTS(digits); w++) {
		char text[4096] = "[handler h]\nengine = crio\ncgroup_writable = true\nprofile = p\n[profile p]\n";
		size_t len = strlen(text);

		for (int i = 0; i < 28; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "hugetlb.%0*dMB.max = 1\n", digits[w], i);
		decide_text(text, &facts);
		assert_int_equal(decision.verdict, VERDICT_REFUSE);
		assert_true(w == 0 ? decision.n_reasons == DECISION_REASONS_MAX
				   : decision.n_reasons > 10 && decision.n_reasons < DECISION_REASONS_MAX);
		for (size_t i = 0; i < decision.n_reasons; i++) {
			assert_int_equal(decision.reasons[i].code, REASON_LIMIT_MISSING);
			assert_int_equal(decision.reasons[i].origin.line, 6 + i);
			assert_non_null(strstr(decision.reasons[i].text, "set on_missing_limit = skip"));
		}
		(void)snprintf(text + len, sizeof(text) - len, "on_missing_limit = skip\n");
		decide_text(text, &facts);
		assert_int_equal(decision.verdict, VERDICT_GRANT);
		assert_true(w > 0 || decision.n_reasons == DECISION_REASONS_MAX);
		assert_int_equal(decision.reasons[0].code, REASON_HANDLER_GRANTS);
		assert_int_equal(decision.n_ceilings, 2);
	}
}

TEST(test_settings)
{
	const struct decision *d = decide_handler("", &good_facts);

	assert_null(d->nest);
	assert_string_equal(d->controllers, "cpu memory pids io");
	assert_int_equal(d->owner_uid, 100000);
	assert_int_equal(d->owner_gid, 200000);
	assert_int_equal(d->device_bpf, DEVICE_BPF_WITHHOLD);
	assert_int_equal(d->guard, GUARD_PREFER);
	assert_true(d->audit_required);
	assert_false(d->audit_sync);
	assert_false(d->skip_missing);
	assert_string_equal(d->handler, "h");
	assert_null(d->profile);
	assert_null(d->rule);

	d = decide_text("[defaults]\naudit = prefer\naudit_sync = yes\nnest = init\nguard = off\n"
			"owner = process\nenable_controllers = pids\n"
			"[profile p]\nguard = prefer\nnest = none\n"
			"[handler h]\nengine = crio\ncgroup_writable = true\nprofile = p\n"
			"guard = require\nowner = process\nnest = leaf\ndevice_bpf = runtime\n"
			"on_missing_limit = skip\n"
			"[rule r]\nhandler = h\nowner = root\n",
			&good_facts);
	assert_int_equal(d->verdict, VERDICT_GRANT);
	assert_false(d->audit_required);
	assert_true(d->audit_sync);
	assert_null(d->nest); /* profile before handler before defaults */
	assert_int_equal(d->guard, GUARD_PREFER);
	assert_int_equal(d->owner_uid, 100000); /* rule before handler */
	assert_string_equal(d->controllers, "pids");
	assert_int_equal(d->device_bpf, DEVICE_BPF_RUNTIME);
	assert_true(d->skip_missing);

	d = decide_handler("owner = process\nnest = init.scope\nguard = require\n", &good_facts);
	assert_int_equal(d->owner_uid, 101000);
	assert_int_equal(d->owner_gid, 201000);
	assert_string_equal(d->nest, "init.scope");
	assert_int_equal(d->guard, GUARD_REQUIRE);

	struct facts bare = good_facts;

	userns_none(&bare);
	d = decide_handler(BARE "guard = off\n", &bare);
	assert_int_equal(d->verdict, VERDICT_GRANT);
	assert_int_equal(d->guard, GUARD_REQUIRE);
	assert_int_equal(d->owner_uid, 0);
}

/* Last: no code is without a case above. */
TEST(test_all_reasons_seen)
{
	assert_all_seen(IN_REQUIRE);
}
