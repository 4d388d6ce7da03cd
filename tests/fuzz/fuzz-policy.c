/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: any text as a policy, then a decision by it.
 *
 * Holds: a broken policy never grants; a grant is bounded, names its line and has no refusing reason; what is not a
 * pass is a concern; every complaint has a place in the text.
 */
#include "policy/decide.h"
#include "tests/fuzz/fuzz.h"

static const char *const files[] = {
	"cgroup.max.descendants", "cgroup.max.depth", "memory.max", "pids.max", "cpu.max", NULL
};

static const struct annotation annotations[] = {
	{ "io.kubernetes.cri.sandbox-namespace", "ci-1" },
	{ "io.kubernetes.cri.sandbox-name", "pod" },
	{ "io.kubernetes.cri.container-name", "app" },
	{ "io.kubernetes.cri.image-name", "registry.example/ci/app:1" },
	{ "cgdeleg.io/writable", "true" },
	{ "cgdeleg.io/profile", "ci" },
	{ "cgdeleg.io/memory.max", "1G" },
	{ "cgroup2-mount-hierarchy-rw.crio.io", "true" },
};

static const struct facts facts = {
	.handler = "runc",
	.annotations = annotations,
	.n_annotations = sizeof(annotations) / sizeof(annotations[0]),
	.userns = USERNS_PRIVATE,
	.root_uid = 100000,
	.root_gid = 100000,
	.process_uid = 101000,
	.process_gid = 101000,
	.capabilities_known = TRI_YES,
	.cgroupns_private = TRI_YES,
	.grants_known = TRI_YES,
	.host = { .options = "rw nsdelegate memory_recursiveprot", .flags = "rw nosuid", .point = "/sys/fs/cgroup" },
	.files = files,
	.device_bpf = DEVICE_BPF_MULTI,
};

static void check_complaints(const struct ruleset *rules, size_t size)
{
	for (const struct complaint *c = rules->complaints; c; c = c->next) {
		require(c->text[0] && c->origin.file);
		require(c->origin.line >= 1 && c->origin.line <= size + 1 && c->column <= size + 1);
		/* The policy's bytes reach a terminal and a log. */
		for (const char *p = c->text; *p; p++)
			require((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
	}
}

static void check_grant(const struct decision *d)
{
	unsigned bounds = 0;

	require(d->n_reasons > 0 && d->reasons[0].kind == REASON_GRANTS && d->origin.line > 0);
	for (size_t i = 0; i < d->n_reasons; i++)
		require(d->reasons[i].kind != REASON_REFUSES);
	for (size_t i = 0; i < d->n_ceilings; i++) {
		bounds += d->ceilings[i].type->mandatory;
		require(facts_file(&facts, d->ceilings[i].file));
	}
	require(bounds == 2);
	require(d->owner_uid == 100000 || d->owner_uid == 101000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct facts state = { .handler = facts.handler,
				     .annotations = facts.annotations,
				     .n_annotations = facts.n_annotations };
	static struct decision decision, early; /* early: by the state alone */
	struct ruleset rules;
	struct err err;

	if (ruleset_load_text("fuzz.ini", (const char *)data, size, &rules, &err) == 0) {
		policy_decide(&rules, &facts, &decision);
		check_complaints(&rules, size);
		if (decision.verdict == VERDICT_GRANT)
			check_grant(&decision);
		if (ruleset_is_broken(&rules))
			require(decision.verdict == VERDICT_PASS || decision.verdict == VERDICT_REFUSE);
		policy_decide(&rules, &state, &early);
		require(early.verdict != VERDICT_PASS || decision.verdict == VERDICT_PASS);
	}
	ruleset_done(&rules);
	return 0;
}
