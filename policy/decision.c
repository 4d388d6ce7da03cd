/* SPDX-License-Identifier: Apache-2.0 */
/* Decision - the words for its values. See decision.h. */
#include "policy/decision.h"

#include <stdio.h>

static const char *const verdicts[VERDICT_MAX] = {
	[VERDICT_PASS] = "pass",     [VERDICT_GRANT] = "grant",	      [VERDICT_BOUND] = "bound",
	[VERDICT_REFUSE] = "refuse", [VERDICT_READONLY] = "readonly", [VERDICT_UNKNOWN] = "unknown",
	[VERDICT_ERROR] = "error",
};

static const char *const kinds[] = {
	[REASON_GRANTS] = "grants",
	[REASON_BOUNDS] = "bounds",
	[REASON_REFUSES] = "refuses",
	[REASON_NOTES] = "notes",
};

static const char *const codes[REASON_CODE_MAX] = {
	[REASON_NOT_CONCERNED] = "not-concerned",
	[REASON_HANDLER_UNKNOWN] = "handler-unknown",
	[REASON_SANDBOX] = "sandbox",
	[REASON_POLICY_BROKEN] = "policy-broken",
	[REASON_HANDLER_GRANTS] = "handler-grants",
	[REASON_RULE_GRANTS] = "rule-grants",
	[REASON_ANNOTATION_GRANTS] = "annotation-grants",
	[REASON_BOUNDED] = "bounded",
	[REASON_WRITABLE_MOUNT] = "writable-mount",
	[REASON_UNBOUNDED] = "unbounded",
	[REASON_ANNOTATION_DECLINES] = "annotation-declines",
	[REASON_ANNOTATION_INVALID] = "annotation-invalid",
	[REASON_ANNOTATION_UNAPPROVED] = "annotation-unapproved",
	[REASON_HANDLER_FORBIDS] = "handler-forbids",
	[REASON_RULE_FORBIDS] = "rule-forbids",
	[REASON_NO_RULE_MATCHES] = "no-rule-matches",
	[REASON_PROFILE_UNKNOWN] = "profile-unknown",
	[REASON_PROFILE_NOT_ALLOWED] = "profile-not-allowed",
	[REASON_LIMIT_CLAMPED] = "limit-clamped",
	[REASON_LIMIT_MISSING] = "limit-missing",
	[REASON_LIMIT_SKIPPED] = "limit-skipped",
	[REASON_LIMIT_ZERO] = "limit-zero",
	[REASON_USERNS_MISSING] = "userns-missing",
	[REASON_USERNS_HOST_IDS] = "userns-host-ids",
	[REASON_OWNER_UNMAPPED] = "owner-unmapped",
	[REASON_CGROUPNS_SHARED] = "cgroupns-shared",
	[REASON_CGROUP_MOUNT] = "cgroup-mount",
	[REASON_OWNER_UNUSED] = "owner-unused",
	[REASON_NSDELEGATE_MISSING] = "nsdelegate-missing",
	[REASON_HOST_OPTION_MISSING] = "host-option-missing",
	[REASON_CAPABILITY] = "capability",
	[REASON_GUARD_MISSING] = "guard-missing",
	[REASON_GUARD_ABSENT] = "guard-absent",
	[REASON_GUARD_BROKEN] = "guard-broken",
	[REASON_GUARD_NOT_LOADED] = "guard-not-loaded",
	[REASON_STRICTER_KEPT] = "stricter-kept",
	[REASON_DEVICE_GUARD_ABSENT] = "device-guard-absent",
	[REASON_BPFFS] = "bpffs",
	[REASON_OTHER_CGROUP_MOUNT] = "other-cgroup-mount",
	[REASON_SHARED_IDS] = "shared-ids",
	[REASON_DESCRIPTOR] = "descriptor",
	[REASON_SECCOMP_BPF] = "seccomp-bpf",
	[REASON_COVERED] = "covered",
	[REASON_DEVICE_BPF_REPLACEABLE] = "device-bpf-replaceable",
	[REASON_DEVICE_BPF_ABSENT] = "device-bpf-absent",
	[REASON_BUDGET] = "budget",
	[REASON_NOT_TAKEN_BACK] = "not-taken-back",
	[REASON_UNKNOWN] = "unknown",
};

const char *verdict_name(enum verdict verdict)
{
	return verdict < VERDICT_MAX ? verdicts[verdict] : "invalid";
}

const char *origin_format(const struct origin *origin, char *buf, size_t size)
{
	(void)snprintf(buf, size, origin->line ? "%s:%u" : "%s", origin->file ? origin->file : "", origin->line);
	return buf;
}

const char *reason_code_name(enum reason_code code)
{
	return code < REASON_CODE_MAX ? codes[code] : "invalid";
}

const char *reason_kind_name(enum reason_kind kind)
{
	return kind <= REASON_NOTES ? kinds[kind] : "invalid";
}
