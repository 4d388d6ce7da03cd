/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explain: what a manifest says in the words of the hook's facts, what is decided about it, and what would have to change.
 */
#include "cgdeleg/cli/explain.h"
#include "tests/unit/check.h"

#define POLICY                                                                                 \
	"[profile a]\nmemory.max = 1G\n[profile b]\nmemory.max = 2G\n"                         \
	"[handler runc]\nengine = containerd\nprofile = a\nprofiles = b\n"                     \
	"approved_annotations = cgdeleg.io/writable cgdeleg.io/profile\n"                      \
	"[handler all]\nengine = containerd\ncgroup_writable = true\nprofile = a\n"            \
	"[handler crio]\nengine = crio\ncgroup_writable = true\nprofile = a\n"                 \
	"[handler pod]\nengine = podman\ncgroup_writable = true\nprofile = a\n"                \
	"[handler no]\nengine = containerd\nprofile = a\ncgroup_writable = false\n"            \
	"approved_annotations = cgdeleg.io/writable\n"                                         \
	"[handler tight]\nengine = containerd\nprofile = a\ncgroup_writable = true\n"          \
	"budget.memory.max = 512M\n"                                                           \
	"[rule ci]\nhandler = all crio\nnamespaces = ci-* build\nimages = reg/* docker.io/*\n" \
	"[rule deny]\nhandler = all\nnamespaces = kube-*\ncgroup_writable = false\n"
#define META \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: ci-a}\nspec:\n  hostUsers: false\n  runtimeClassName: x\n"
#define CLASS(handler) \
	"---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: x}\nhandler: " handler "\n"
#define ONE "  containers: [{name: c, image: reg/i}]\n"

static struct ruleset rules;
static struct given given;
static struct asker asker;

static int setup(void **state)
{
	(void)state;
	given = (struct given) { .controllers = "all" };
	asker = (struct asker) { .rules = &rules, .given = &given };
	return ruleset_load_text("policy.ini", POLICY, strlen(POLICY), &rules, &why) < 0 || ruleset_is_broken(&rules) ||
			       controllers_find(&given, &asker, &why) < 0
		       ? -1
		       : 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&asker.arena);
	arena_done(&asker.lasting);
	ruleset_done(&rules);
	return 0;
}

/* What was told of the containers of one manifest. */
struct told {
	size_t n;
	struct answer answers[4];
	struct question questions[4];
};

static int tell(struct pod_container *c, void *userdata, struct err *err)
{
	struct told *told = userdata;
	struct question *q = &told->questions[told->n];
	const enum engine engine = explain_engine(&rules, c->runtime_handler);
	char *config;
	int r;

	assert_true(told->n < ELEMENTS(told->answers));
	*q = (struct question) { .input = "", .handler = c->runtime_handler };
	r = pod_config(c, engine, &asker.arena, &config, &q->config_len, err);
	if (r < 0)
		return r;
	assert_int_equal(arena_adopt(&asker.arena, config), 0);
	q->config = config;
	q->notes = c->notes;
	r = explain_ask(&asker, q, &told->answers[told->n++], err);
	if (r >= 0)
		explain_changes(&asker, &told->answers[told->n - 1]);
	return r;
}

static int read_pods(const char *text, struct told *told)
{
	const struct node *documents;
	int r;

	*told = (struct told) { .n = 0 };
	why = (struct err) { 0 };
	r = manifest_parse("f", text, strlen(text), &asker.arena, &documents, &why);
	return r < 0 ? r : pods_each("f", documents, &asker.arena, tell, told, &why);
}

static void told_done(struct told *told)
{
	while (told->n > 0)
		answer_done(&told->answers[--told->n]);
}

static const struct trail *only(const struct told *told)
{
	assert_int_equal(told->n, 1);
	return told->answers[0].trail;
}

/* Where the pod template is, and what its pods are called. */
TEST_WITH(test_kinds, setup, teardown)
{
#define TEMPLATE "{metadata: {name: wrong}, spec: {containers: [{name: c}]}}"
	static const struct {
		const char *text, *pod, *namespace;
	} cases[] = {
		{ "kind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c}]}", "p", "default" },
		{ "kind: Pod\nmetadata: {generateName: p-, namespace: n}\nspec: {containers: [{name: c}]}", "p-x7k2p",
		  "n" },
		{ "kind: Deployment\nmetadata: {name: d}\nspec: {template: " TEMPLATE "}", "d-6d4cf56db6-x7k2p",
		  "default" },
		{ "kind: StatefulSet\nmetadata: {name: d}\nspec: {template: " TEMPLATE "}", "d-0", "default" },
		{ "kind: DaemonSet\nmetadata: {name: d}\nspec: {template: " TEMPLATE "}", "d-x7k2p", "default" },
		{ "kind: Job\nmetadata: {name: d}\nspec: {template: " TEMPLATE "}", "d-x7k2p", "default" },
		{ "kind: Job\nmetadata: {name: d}\nspec: {completionMode: Indexed, template: " TEMPLATE "}",
		  "d-0-x7k2p", "default" },
		{ "kind: CronJob\nmetadata: {name: d}\nspec: {jobTemplate: {spec: {template: " TEMPLATE "}}}",
		  "d-29400000-x7k2p", "default" },
		{ "kind: Rollout\nmetadata: {name: d}\nspec: {template: " TEMPLATE "}", "d-x7k2p", "default" },
		{ "template: " TEMPLATE "\ngithubConfigUrl: x", NULL, "default" },
		{ "apiVersion: actions.github.com/v1alpha1\nkind: AutoscalingRunnerSet\nmetadata: {name: d}\nspec: {template: " TEMPLATE
		  "}",
		  "d-x7k2p-runner-q9wz4", "default" },
		{ "apiVersion: actions.github.com/v1alpha1\nkind: EphemeralRunnerSet\nmetadata: {name: d}\nspec: {ephemeralRunnerSpec: " TEMPLATE
		  "}",
		  "d-runner-q9wz4", "default" },
		{ "apiVersion: actions.summerwind.dev/v1alpha1\nkind: RunnerDeployment\nmetadata: {name: d}\nspec: {template: {spec: {image: i}}}",
		  "d-x7k2p-q9wz4", "default" },
		{ "apiVersion: apps.gitlab.com/v1beta2\nkind: Runner\nmetadata: {name: d}\nspec: {podSpec: [{patch: 'hostUsers: false'}]}",
		  "d-runner-6d4cf56db6-x7k2p", "default" },
		{ "kind: List\nitems: [{kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}]", "p",
		  "default" },
		{ "[{kind: Service}, {kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}]", "p", "default" },
		{ "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\"}]}}", "p",
		  "default" },
	};
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct told told;

		CHECK(cases[i].text, read_pods(cases[i].text, &told), NULL);
		assert_int_equal(told.n, 1);
		assert_non_null(told.questions[0].config);
		assert_non_null(strstr(told.questions[0].config, cases[i].pod ? format("\"%s\"", cases[i].pod) : ""));
		assert_non_null(strstr(told.questions[0].config, format("\"%s\"", cases[i].namespace)));
		told_done(&told);
	}
}

/* What the engine makes of the pod, as facts. */
#define POD(spec, container)                                                                 \
	"kind: Pod\nmetadata: {name: p, namespace: ci-a}\nspec: {runtimeClassName: x, " spec \
	"containers: [{name: c, image: reg/i, " container "}]}\n" CLASS("all")
static const struct {
	const char *text;
	enum userns_kind userns;
	uint32_t process_uid;
	enum tristate cgroupns;
	enum writable_by writable_by;
	const char *other, *place_fault;
	bool bpffs;
} facts_cases[] = {
	{ POD("hostUsers: false, ", ""), USERNS_PRIVATE, 100000, TRI_YES, WRITABLE_BY_NONE, .bpffs = false },
	{ POD("", ""), USERNS_NONE, 0, TRI_YES, WRITABLE_BY_NONE, .bpffs = false },
	{ POD("hostUsers: true, ", ""), USERNS_NONE, 0, TRI_YES, WRITABLE_BY_NONE, .bpffs = false },
	{ POD("hostUsers: false, securityContext: {runAsUser: 7}, ", ""), USERNS_PRIVATE, 100007, TRI_YES,
	  WRITABLE_BY_NONE, .bpffs = false },
	{ POD("hostUsers: false, securityContext: {runAsUser: 7}, ", "securityContext: {runAsUser: 8}"), USERNS_PRIVATE,
	  100008, TRI_YES, WRITABLE_BY_NONE, .bpffs = false },
	{ POD("hostUsers: false, ", "securityContext: {runAsUser: 65536}"), USERNS_PRIVATE, FACT_ID_UNKNOWN, TRI_YES,
	  WRITABLE_BY_NONE, .bpffs = false },
	{ POD("", "securityContext: {privileged: true}"), USERNS_NONE, 0, TRI_NO, WRITABLE_BY_MOUNT, .bpffs = false },
	{ POD("hostUsers: false, volumes: [{name: v, hostPath: {path: /sys/fs/cgroup}}], ",
	      "volumeMounts: [{name: v, mountPath: /host}]"),
	  USERNS_PRIVATE, 100000, TRI_YES, WRITABLE_BY_NONE, .other = "cgroup2 '/' is mounted at '/host'" },
	{ POD("hostUsers: false, volumes: [{name: v, hostPath: {path: /sys//fs/cgroup/system.slice/}}], ",
	      "volumeMounts: [{name: v, mountPath: /host/, readOnly: true}]"),
	  USERNS_PRIVATE, 100000, TRI_YES, WRITABLE_BY_NONE, .other = "cgroup2 '/system.slice' is mounted at '/host'" },
	{ POD("hostUsers: false, volumes: [{name: v, hostPath: {path: /}}], ",
	      "volumeMounts: [{name: v, mountPath: /host}]"),
	  USERNS_PRIVATE, 100000, TRI_YES, WRITABLE_BY_NONE, .other = "is mounted at '/host/sys/fs/cgroup'",
	  .bpffs = true },
	{ POD("hostUsers: false, volumes: [{name: v, hostPath: {path: /sysx}}], ",
	      "volumeMounts: [{name: v, mountPath: /host}]"),
	  USERNS_PRIVATE, 100000, TRI_YES, WRITABLE_BY_NONE, .bpffs = false },
	{ POD("hostUsers: false, volumes: [{name: v, emptyDir: {}}], ",
	      "volumeMounts: [{name: v, mountPath: /sys/fs/cgroup}]"),
	  USERNS_PRIVATE, 100000, TRI_UNKNOWN, WRITABLE_BY_MOUNT, .place_fault = "at '/sys/fs/cgroup'" },
};

TEST_WITH(test_facts, setup, teardown)
{
	for (size_t i = 0; i < ELEMENTS(facts_cases); i++) {
		const struct facts *f;
		struct told told;

		CHECK(facts_cases[i].text, read_pods(facts_cases[i].text, &told), NULL);
		f = &only(&told)->facts;
		assert_int_equal(f->userns, facts_cases[i].userns);
		assert_int_equal(f->process_uid, facts_cases[i].process_uid);
		assert_int_equal(f->cgroupns_private, facts_cases[i].cgroupns);
		assert_int_equal(f->writable_by, facts_cases[i].writable_by);
		assert_int_equal(f->bpffs, facts_cases[i].bpffs);
		if (!f->other_cgroup != !facts_cases[i].other ||
		    (f->other_cgroup && !strstr(f->other_cgroup, facts_cases[i].other)))
			fail_msg("%s: other cgroup '%s'", facts_cases[i].text, f->other_cgroup ?: "");
		if (!f->place_fault != !facts_cases[i].place_fault ||
		    (f->place_fault && !strstr(f->place_fault, facts_cases[i].place_fault)))
			fail_msg("%s: place '%s'", facts_cases[i].text, f->place_fault ?: "");
		told_done(&told);
	}
}

/* Capabilities as both engines set them: ALL first, then single ones. */
TEST_WITH(test_capabilities, setup, teardown)
{
#define CAPS(text, handler)                                                                                          \
	"kind: Pod\nmetadata: {name: p}\nspec: {runtimeClassName: x, containers: [{name: c, securityContext: {" text \
	"}}]}\n" CLASS(handler)
	static const uint64_t crio = 0x5fb & ~(UINT64_C(1) << 2) & ~(UINT64_C(1) << 9);
	static const uint64_t containerd = crio | 1u << 27 | 1u << 13 | 1u << 18 | UINT64_C(1) << 31 | UINT64_C(1) << 29;
	const struct {
		const char *text;
		uint64_t want;
	} cases[] = {
		{ CAPS("", "all"), containerd },
		{ CAPS("", "crio"), crio },
		{ CAPS("capabilities: {drop: [ALL]}", "all"), 0 },
		{ CAPS("capabilities: {drop: [all], add: [CHOWN]}", "all"), 1 },
		{ CAPS("capabilities: {add: [CAP_SYS_ADMIN, bpf]}", "all"), containerd | 1u << 21 | UINT64_C(1) << 39 },
		{ CAPS("capabilities: {add: [ALL], drop: [CHOWN]}", "all"), POD_CAPABILITIES_ALL & ~UINT64_C(1) },
		{ CAPS("capabilities: {drop: [CHOWN]}", "all"), containerd & ~1u },
		{ CAPS("privileged: true, capabilities: {drop: [ALL]}", "all"), POD_CAPABILITIES_ALL },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct told told;

		CHECK(cases[i].text, read_pods(cases[i].text, &told), NULL);
		if (only(&told)->facts.capabilities != cases[i].want)
			fail_msg("%s: %#lx", cases[i].text, only(&told)->facts.capabilities ^ cases[i].want);
		told_done(&told);
	}
}

/* What the API server would reject, with its place. */
TEST_WITH(test_rejected, setup, teardown)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "kind: Service", "f: there is no pod in it, but: Service" },
		{ "a: b", "f: there is no pod in it, but: an object without kind" },
		{ "", "f: there is no pod in it" },
		{ "--- text", "f:1:5: an object was expected" },
		{ "kind: Pod", "f: Pod '' has no pod spec" },
		{ "kind: Deployment\nmetadata: {name: d}\nspec: {}", "f:1:1: Deployment has no 'spec.template'" },
		{ "kind: Pod\nspec: {a: b}", "f:2:7: the pod spec has no containers" },
		{ "kind: Pod\nspec:\n  containers: x", "f:3:15: 'containers' must be a list" },
		{ "kind: Pod\nspec: {containers: [x]}", "f:2:21: a container was expected" },
		{ "kind: Pod\nspec: {containers: [{image: x}]}", "f:2:21: a container without a name" },
		{ META "  hostNetwork: true\n" ONE,
		  "f:7:16: Kubernetes rejects hostNetwork: true beside hostUsers: false" },
		{ META "  hostPID: 'true'\n" ONE, "f:7:12: hostPID must be true or false, without quotes" },
		{ "kind: Pod\nspec: {hostUsers: 'false', containers: [{name: c}]}",
		  "f:2:19: hostUsers must be true or false" },
		{ META "  securityContext: {runAsUser: -1}\n" ONE, "f:7:32: runAsUser must be a number from 0" },
		{ META "  securityContext: {runAsUser: '1'}\n" ONE, "runAsUser must be a number from 0" },
		{ "kind: Pod\nmetadata: {annotations: {cgdeleg.io/writable: true}}\nspec: {containers: [{name: c}]}",
		  "f:2:47: annotation 'cgdeleg.io/writable' is not a string, so Kubernetes rejects it; write its value in quotes" },
		{ META "  containers: [{name: c, volumeMounts: [{name: v, mountPath: /x}]}]", "the pod has no volume 'v'" },
		{ META "  containers: [{name: c, volumeMounts: [{mountPath: /x}]}]", "a volume mount needs a name" },
		{ META "  containers: [{name: c, securityContext: {capabilities: {add: [X]}}}]", "'X' is no capability" },
		{ META "  containers: [{name: c, securityContext: {capabilities: {add: X}}}]", "must be a list" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct told told;

		CHECK(cases[i].text, read_pods(cases[i].text, &told), cases[i].want);
		told_done(&told);
	}
}

/* Each container of a pod is a question of its own; the RuntimeClass may come before or after. */
TEST_WITH(test_containers, setup, teardown)
{
	struct told told;

	CHECK("all",
	      read_pods(CLASS("all") "---\n" META "  initContainers: [{name: i, image: reg/i}]\n"
				     "  containers: [{name: c, image: reg/i}, {name: d, image: other}]\n",
			&told),
	      NULL);
	assert_int_equal(told.n, 3);
	check_string("init", told.answers[0].trail->decision.who.container, "i");
	check_string("rule", told.answers[1].trail->decision.rule, "ci");
	assert_int_equal(told.answers[1].trail->decision.verdict, VERDICT_GRANT);
	assert_int_equal(told.answers[2].trail->decision.verdict, VERDICT_PASS);
	assert_true(told.answers[1].trail->plan.n_steps > 5);
	told_done(&told);
	/* A class of another name says nothing. */
	CHECK("other", read_pods(META ONE "---\nkind: RuntimeClass\nmetadata: {name: y}\nhandler: all\n", &told), NULL);
	assert_null(told.questions[0].handler);
	assert_int_equal(only(&told)->decision.verdict, VERDICT_UNKNOWN);
	told_done(&told);
}

/* A question of --handler, --fact and --annotation. */
static void ask(const char *handler, const char *facts, const char *annotations, struct question *q, struct answer *a)
{
	static char words[8][64];
	size_t n = 0;

	given.handler = handler;
	given.facts.n = given.annotations.n = 0;
	for (const char *p = facts; *p && n < ELEMENTS(words); p += strcspn(p, " "), p += *p == ' ') {
		(void)snprintf(words[n], sizeof(words[n]), "%.*s", (int)strcspn(p, " "), p);
		given.facts.all[given.facts.n++] = words[n++];
	}
	for (const char *p = annotations; *p && n < ELEMENTS(words); p += strcspn(p, " "), p += *p == ' ') {
		(void)snprintf(words[n], sizeof(words[n]), "%.*s", (int)strcspn(p, " "), p);
		given.annotations.all[given.annotations.n++] = words[n++];
	}
	CHECK(facts, facts_check(&given, &why), NULL);
	CHECK(facts, explain_described(&asker, q, &why), NULL);
	CHECK(facts, explain_ask(&asker, q, a, &why), NULL);
	explain_changes(&asker, a);
}

#define ALL_FACTS "namespace=x pod=p container=c image=i"

/*
 * What would have to change: each is enough by the policy's own word, and none is said of a grant or of what is not known.
 * `first` and `second` are parts of the first change of the ways.
 */
static const struct {
	const char *handler, *facts, *annotations;
	enum verdict verdict;
	size_t n_ways;
	const char *first, *second;
} changes_cases[] = {
	{ "all", "namespace=ci-a image=reg/i", "", VERDICT_GRANT, 0, NULL, NULL },
	{ "all", "namespace=ci-a", "", VERDICT_UNKNOWN, 0, NULL, NULL },
	{ "all", "", "", VERDICT_UNKNOWN, 0, NULL, NULL },
	/* Where a told fact differs, what is not told does not matter. */
	{ "all", "namespace=x", "", VERDICT_PASS, 2, "give it a namespace that matches 'ci-* build'",
	  "add 'x' to namespaces, and have its image match 'reg/* docker.io/*' of [rule ci] (policy.ini:32)" },
	{ "all", ALL_FACTS, "", VERDICT_PASS, 2, "give it a namespace that matches 'ci-* build', and give it an image",
	  "add 'x' to namespaces, and add 'i' to images of [rule ci]" },
	{ "all", "namespace=kube-a pod=p container=c image=i", "", VERDICT_PASS, 1,
	  "set cgroup_writable = true in [rule deny]", NULL },
	{ "runc", "", "", VERDICT_PASS, 2, "annotation cgdeleg.io/writable: \"true\"",
	  "set cgroup_writable = true in [handler runc]" },
	{ "runc", "", "cgdeleg.io/writable=true", VERDICT_GRANT, 0, NULL, NULL },
	{ "runc", "", "cgdeleg.io/writable=false", VERDICT_READONLY, 1,
	  "set annotation cgdeleg.io/writable to \"true\"", NULL },
	{ "runc", "", "cgdeleg.io/writable=maybe", VERDICT_REFUSE, 1, "write annotation cgdeleg.io/writable: \"true\"",
	  NULL },
	{ "runc", "", "cgdeleg.io/profile=b", VERDICT_GRANT, 0, NULL, NULL },
	{ "runc", "", "cgdeleg.io/profile=a", VERDICT_REFUSE, 2, "choose one of the profiles",
	  "add 'a' to profiles of [handler runc]" },
	{ "runc", "", "cgdeleg.io/profile=zz", VERDICT_REFUSE, 1, "choose one of the profiles", NULL },
	{ "run", "", "", VERDICT_PASS, 2, "run it with the handler 'runc'", "run it with the handler 'runc'" },
	{ "no", "", "cgdeleg.io/writable=true", VERDICT_REFUSE, 1,
	  "take cgroup_writable = false (line 25) out of [handler no]", NULL },
	{ "pod", "", "", VERDICT_GRANT, 0, NULL, NULL },
	{ "pod", "userns=none", "", VERDICT_REFUSE, 1, "give it a user namespace of its own: --userns=auto", NULL },
	{ "pod", "userns=host-ids", "", VERDICT_REFUSE, 1, "give it a user namespace of its own", NULL },
	{ "pod", "userns=none cgroupns=host", "", VERDICT_REFUSE, 1, "--cgroupns=private", NULL },
	{ "pod", "covered_by=/sys/fs", "", VERDICT_REFUSE, 1, "'/sys/fs' is in the container's readonlyPaths", NULL },
	{ "pod", "bpffs=true", "", VERDICT_REFUSE, 1, "a bpffs is mounted", NULL },
	{ "pod", "other_cgroup=true", "", VERDICT_REFUSE, 1, "a second way to cgroups", NULL },
	{ "pod", "grant_guard=broken", "", VERDICT_REFUSE, 1, "the grant guard does not work", NULL },
	{ "pod", "grant_guard=cannot", "", VERDICT_GRANT, 0, NULL, NULL },
	{ "pod", "device_bpf=replaceable", "", VERDICT_REFUSE, 1, "without BPF_F_ALLOW_MULTI", NULL },
	{ "pod", "user=70000", "", VERDICT_GRANT, 0, NULL, NULL },
	{ "tight", "", "", VERDICT_REFUSE, 1, "raise the budget", NULL },
};

TEST_WITH(test_changes, setup, teardown)
{
	for (size_t i = 0; i < ELEMENTS(changes_cases); i++) {
		const char *name = format("%s %s %s", changes_cases[i].handler, changes_cases[i].facts,
					  changes_cases[i].annotations);
		struct question q;
		struct answer a;

		ask(changes_cases[i].handler, changes_cases[i].facts, changes_cases[i].annotations, &q, &a);
		if (a.trail->decision.verdict != changes_cases[i].verdict || a.n_ways != changes_cases[i].n_ways)
			fail_msg("%s: %s, %zu ways: %s", name, verdict_name(a.trail->decision.verdict), a.n_ways,
				 a.n_ways ? a.ways[0].changes[0].text : "");
		for (size_t w = 0; w < a.n_ways; w++) {
			const char *want = w ? changes_cases[i].second : changes_cases[i].first;

			assert_true(a.ways[w].granted);
			if (!strstr(a.ways[w].changes[0].text, want))
				fail_msg("%s: \"%s\", \"%s\" was expected", name, a.ways[w].changes[0].text, want);
		}
		answer_done(&a);
		/* The policy is as it was. */
		ask("runc", "", "", &q, &a);
		assert_int_equal(a.trail->decision.verdict, VERDICT_PASS);
		answer_done(&a);
	}
}

/* The machine without the controllers: the ceilings are missing, and only then. */
TEST_WITH(test_controllers, setup, teardown)
{
	static const struct {
		const char *controllers, *want;
		enum verdict verdict;
	} cases[] = {
		{ "all", NULL, VERDICT_GRANT },
		{ "cpu,memory pids", NULL, VERDICT_GRANT },
		{ "cpu", NULL, VERDICT_REFUSE },
		{ "memory", NULL, VERDICT_GRANT },
		{ "memori", "--assume-controllers memori: 'all', 'node', or some of", VERDICT_PASS },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct question q;
		struct answer a;

		given.controllers = cases[i].controllers;
		CHECK(cases[i].controllers, controllers_check(&given, &why), cases[i].want);
		if (cases[i].want)
			continue;
		CHECK(cases[i].controllers, controllers_find(&given, &asker, &why), NULL);
		ask("pod", "", "", &q, &a);
		assert_int_equal(a.trail->decision.verdict, cases[i].verdict);
		if (cases[i].verdict == VERDICT_REFUSE)
			assert_int_equal(a.trail->decision.reasons[0].code, REASON_LIMIT_MISSING);
		answer_done(&a);
	}
}

TEST(test_fact_words)
{
	static const struct {
		const char *word, *want;
	} cases[] = {
		{ "namespace=a", NULL },
		{ "namespace=", "--fact namespace= needs a value" },
		{ "namespace", "--fact namespace: write it as NAME=VALUE" },
		{ "namespce=a", "there is no fact 'namespce', did you mean 'namespace'?" },
		{ "userns=on", "--fact userns=on: the value must be one of private|none|host-ids" },
		{ "user=x", "--fact user=x: the value must be a number, the user id" },
		{ "user=1000", NULL },
		{ "capabilities=CHOWN,CAP_BPF", NULL },
		{ "capabilities=CHOWN,X", "--fact capabilities=CHOWN,X: the value must be all, none, or names" },
		{ "capabilities=none", NULL },
		{ "host_options=nsdelegate", NULL },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct given g = { .facts = { .n = 1, .all = { cases[i].word } } };

		CHECK(cases[i].word, facts_check(&g, &why), cases[i].want);
	}
}
