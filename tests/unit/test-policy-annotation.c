/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations: which keys there are, what the approved ones ask for, and who a container is. */
#include "policy/annotation.h"
#include "tests/unit/check.h"

#define W     "cgdeleg.io/writable"
#define CRIO  "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw"
#define CRIO2 "cgroup2-mount-hierarchy-rw.crio.io"
#define NRI   "writable-cgroups.noderesource.dev"

TEST(test_known)
{
	static const struct {
		const char *key;
		bool known, ours;
	} cases[] = {
		{ W, true, true },
		{ "cgdeleg.io/profile", true, true },
		{ "cgdeleg.io/memory.max", true, true },
		{ "cgdeleg.io/hugetlb.2MB.max", true, true },
		{ "cgdeleg.io/cgroup.max.depth", true, true },
		{ CRIO, true, true },
		{ CRIO2, true, true },
		{ NRI, true, true },
		{ W ".app", false, true },
		{ CRIO2 ".app", false, true },
		{ NRI "/pod", false, true },
		{ NRI "/container.app", false, true },
		{ "cgdeleg.io/io.max", false, true },
		{ "cgdeleg.io/cpuset.cpus", false, true },
		{ "cgdeleg.io/nest", false, true },
		{ "cgdeleg.io/", false, true },
		{ "cgdeleg.io", false, false },
		{ "Cgdeleg.io/writable", false, false },
		{ "xcgdeleg.io/writable", false, false },
		{ CRIO "x", false, false },
		{ NRI "/other", false, false },
		{ CRIO2 "/pod", false, false },
		{ "run.oci.delegate-cgroup", false, false },
		{ "org.systemd.property.Delegate", false, false },
		{ "", false, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		if (annotation_is_known(cases[i].key) != cases[i].known ||
		    annotation_is_ours(cases[i].key) != cases[i].ours)
			fail_msg("'%s'", cases[i].key);
}

/* T true, F false, - nothing, I invalid. The container is "app", where one is known. */
static const struct wish_case {
	const char *approved;
	struct annotation annotations[4];
	char result;
	bool unknown_container;
} wish_cases[] = {
	{ W, { { 0 } }, '-', false },
	{ W, { { W, "true" } }, 'T', false },
	{ W, { { W, "false" } }, 'F', false },
	{ W, { { W, "True" } }, 'I', false },
	{ W, { { W, "" } }, 'I', false },
	{ W, { { W, "true " } }, 'I', false },
	{ W, { { W, "1" } }, 'I', false },
	{ "", { { W, "true" } }, '-', false },
	{ NULL, { { W, "true" } }, '-', false },
	{ "cgdeleg.io/profile", { { W, "true" } }, '-', false },
	{ "cgdeleg.io/profile", { { W, "garbage" } }, '-', false },
	/* the container's own form wins, in both directions and whatever the order */
	{ W, { { W ".app", "true" } }, 'T', false },
	{ W, { { W, "true" }, { W ".app", "false" } }, 'F', false },
	{ W, { { W, "false" }, { W ".app", "true" } }, 'T', false },
	{ W, { { W ".app", "true" }, { W, "false" } }, 'T', false },
	{ W, { { W ".other", "true" } }, '-', false },
	{ W, { { W ".other", "garbage" } }, '-', false },
	{ W, { { W ".ap", "true" }, { W ".apple", "true" }, { W "app", "true" } }, '-', false },
	{ W, { { W ".app", "true" } }, '-', true },
	{ W, { { W ".", "true" } }, '-', true },
	{ W, { { W, "true" } }, 'T', true },
	/* ... but a wish for less, of whichever container, must not get lost */
	{ W, { { W ".app", "false" } }, 'F', true },
	{ W, { { W, "true" }, { W ".any", "false" } }, 'F', true },
	{ W, { { W, "true" }, { W ".any", "true" } }, 'T', true },
	/* what loses is judged all the same */
	{ W, { { W, "garbage" }, { W ".app", "true" } }, 'I', false },
	{ W, { { W, "true" }, { W ".app", "garbage" } }, 'I', false },
	/* other systems' names */
	{ CRIO, { { CRIO, "true" } }, 'T', false },
	{ CRIO, { { CRIO2, "true" } }, '-', false },
	{ CRIO2, { { CRIO2, "true" } }, 'T', false },
	{ NRI, { { NRI, "true" } }, 'T', false },
	{ NRI, { { NRI "/pod", "true" } }, 'T', false },
	{ NRI, { { NRI "/container.app", "true" } }, 'T', false },
	{ NRI, { { NRI ".app", "true" } }, 'T', false },
	{ NRI, { { NRI "/container.other", "true" } }, '-', false },
	{ NRI, { { NRI "/pod", "false" }, { NRI "/container.app", "true" } }, 'T', false },
	{ NRI, { { NRI, "true" }, { NRI "/pod", "false" } }, 'F', false },
	{ NRI, { { NRI "/pod", "false" }, { NRI, "true" } }, 'F', false },
	{ W, { { W "/pod", "true" } }, '-', false },
	/* keys that disagree: false wins */
	{ W " " CRIO, { { W, "true" }, { CRIO, "false" } }, 'F', false },
	{ W " " CRIO, { { W, "false" }, { CRIO, "true" } }, 'F', false },
	{ CRIO " " W, { { W ".app", "true" }, { CRIO, "false" } }, 'F', false },
	{ W " " CRIO, { { W, "true" }, { CRIO, "true" } }, 'T', false },
	{ W " " CRIO, { { W, "true" }, { CRIO, "nonsense" } }, 'I', false },
};

TEST(test_writable)
{
	for (size_t i = 0; i < ELEMENTS(wish_cases); i++) {
		const struct wish_case *c = &wish_cases[i];
		struct facts facts = { .annotations = c->annotations };
		struct identity who = { .container = c->unknown_container ? NULL : "app" };
		struct wish wish;
		char result;

		while (facts.n_annotations < 4 && c->annotations[facts.n_annotations].key)
			facts.n_annotations++;
		wish_read(c->approved, &facts, &who, &wish);
		result = wish.invalid_key ? 'I' : wish.writable == TRI_YES ? 'T' : wish.writable == TRI_NO ? 'F' : '-';
		if (result != c->result)
			fail_msg("case %zu: %c instead of %c", i, result, c->result);
		if (result == 'T' || result == 'F')
			assert_non_null(wish.writable_key);
	}
}

TEST(test_long_value)
{
	char value[ANNOTATION_VALUE_MAX + 2];
	struct annotation a = { "cgdeleg.io/memory.max", value };
	struct facts facts = { .annotations = &a, .n_annotations = 1 };
	struct identity who = { 0 };
	struct wish wish;

	memset(value, '0', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	wish_read("cgdeleg.io/memory.max", &facts, &who, &wish);
	assert_string_equal(wish.invalid_why, "the value is too long");
	assert_ptr_equal(wish.invalid_value, value);
	value[1] = '\0';
	wish_read("cgdeleg.io/memory.max", &facts, &who, &wish);
	assert_null(wish.invalid_key);
	assert_int_equal(wish.n_limits, 1);
	assert_string_equal(wish.limits[0].file, "memory.max");
}

TEST(test_limits)
{
	struct annotation a[] = {
		{ "cgdeleg.io/memory.max", "1G" },	{ "cgdeleg.io/memory.max.app", "2G" },
		{ "cgdeleg.io/cpu.max", "0.5" },	{ "cgdeleg.io/cgroup.max.depth", "3" },
		{ "cgdeleg.io/hugetlb.2MB.max", "0" },	{ "cgdeleg.io/pids.max", "not approved" },
		{ "cgdeleg.io/memory.max.other", "x" },
	};
	struct facts facts = { .annotations = a, .n_annotations = ELEMENTS(a) };
	struct identity who = { .container = "app" };
	struct wish wish;

	wish_read("cgdeleg.io/memory.max cgdeleg.io/cpu.max cgdeleg.io/cgroup.max.depth cgdeleg.io/hugetlb.2MB.max",
		  &facts, &who, &wish);
	assert_null(wish.invalid_key);
	assert_int_equal(wish.n_limits, 4);
	assert_int_equal(wish.writable, TRI_UNKNOWN);
	assert_int_equal(wish.limits[0].value.number, UINT64_C(2) << 30);
	assert_string_equal(wish.limits[0].key, "cgdeleg.io/memory.max.app");
	assert_int_equal(wish.limits[1].value.number, 50000);
	assert_int_equal(wish.limits[2].value.number, 3);
	assert_string_equal(wish.limits[3].file, "hugetlb.2MB.max");

	a[2].value = "fast";
	wish_read("cgdeleg.io/cpu.max", &facts, &who, &wish);
	assert_string_equal(wish.invalid_key, "cgdeleg.io/cpu.max");
	assert_non_null(strstr(wish.invalid_why, "cores"));
	a[3].value = "1K";
	wish_read("cgdeleg.io/cgroup.max.depth", &facts, &who, &wish);
	assert_non_null(strstr(wish.invalid_why, "a number"));
}

TEST(test_too_many_limits)
{
	char keys_text[512] = "", names[WISH_LIMITS_MAX + 1][64];
	struct annotation a[WISH_LIMITS_MAX + 1];
	struct facts facts = { .annotations = a };
	struct identity who = { 0 };
	struct wish wish;

	for (size_t i = 0; i <= WISH_LIMITS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "cgdeleg.io/hugetlb.%zuMB.max", i);
		(void)strcat(strcat(keys_text, names[i]), " ");
		a[i] = (struct annotation) { names[i], "1" };
	}
	facts.n_annotations = WISH_LIMITS_MAX;
	wish_read(keys_text, &facts, &who, &wish);
	assert_null(wish.invalid_key);
	assert_int_equal(wish.n_limits, WISH_LIMITS_MAX);
	facts.n_annotations++;
	wish_read(keys_text, &facts, &who, &wish);
	assert_non_null(wish.invalid_key);
}

TEST(test_profile)
{
	struct annotation a[] = { { "cgdeleg.io/profile", "ci" }, { "cgdeleg.io/profile.app", "small" } };
	struct facts facts = { .annotations = a, .n_annotations = 2 };
	struct identity who = { .container = "app" };
	struct wish wish;

	wish_read("cgdeleg.io/profile", &facts, &who, &wish);
	assert_string_equal(wish.profile, "small");
	assert_string_equal(wish.profile_key, "cgdeleg.io/profile.app");
	who.container = "web";
	wish_read("cgdeleg.io/profile", &facts, &who, &wish);
	assert_string_equal(wish.profile, "ci");
	a[0].value = "c/i";
	wish_read("cgdeleg.io/profile", &facts, &who, &wish);
	assert_string_equal(wish.invalid_value, "c/i");
}

TEST(test_unapproved)
{
	static const struct annotation a[] = {
		{ "x", "" }, { W, "" }, { W ".app", "" }, { CRIO, "" }, { "cgdeleg.io/profile", "" },
	};
	struct facts facts = { .annotations = a, .n_annotations = ELEMENTS(a) };
	size_t i = 0;

	assert_string_equal(annotation_next_unapproved(W, &facts, &i)->key, CRIO);
	assert_string_equal(annotation_next_unapproved(W, &facts, &i)->key, "cgdeleg.io/profile");
	assert_null(annotation_next_unapproved(W, &facts, &i));
	i = 0;
	assert_string_equal(annotation_next_unapproved("", &facts, &i)->key, W);
}

/* The fact keys of one engine in another's container, or a user's copy of them, are no facts. */
#define CRIO_NAME "io.kubernetes.cri-o.Name"
#define CRIO_NS	  "io.kubernetes.pod.namespace"
#define CRIO_POD  "io.kubernetes.pod.name"
#define CRIO_CTR  "io.kubernetes.container.name"
#define GOOD_NAME "k8s_app_pod-1_ci_0d3f-11_0"

#define SAID(ns, pod, ctr)                                             \
	{                                                              \
		{ CRIO_NS, ns }, { CRIO_POD, pod }, { CRIO_CTR, ctr }, \
		{                                                      \
			CRIO_NAME, GOOD_NAME                           \
		}                                                      \
	}

static const struct identity_case {
	enum engine engine;
	struct annotation annotations[6];
	struct identity who;
} identity_cases[] = {
	{ ENGINE_CONTAINERD,
	  { { "io.kubernetes.cri.sandbox-namespace", "ci" },
	    { "io.kubernetes.cri.sandbox-name", "pod-1" },
	    { "io.kubernetes.cri.container-name", "app" },
	    { "io.kubernetes.cri.image-name", "busybox" } },
	  { "ci", "pod-1", "app", "busybox", false } },
	{ ENGINE_CONTAINERD, { { "io.kubernetes.cri.sandbox-namespace", "" } }, { 0 } },
	{ ENGINE_CONTAINERD, { { CRIO_NS, "ci" }, { CRIO_NAME, GOOD_NAME } }, { 0 } },
	{ ENGINE_CRIO,
	  { { CRIO_NS, "ci" },
	    { CRIO_POD, "pod-1" },
	    { CRIO_CTR, "app" },
	    { CRIO_NAME, GOOD_NAME },
	    { "io.kubernetes.cri-o.ImageName", "quay.io/x:1" } },
	  { "ci", "pod-1", "app", "quay.io/x:1", false } },
	/* CRI-O's own name says otherwise, is missing, or could be read in two ways */
	{ ENGINE_CRIO, SAID("kube-system", "pod-1", "app"), { 0 } },
	{ ENGINE_CRIO, SAID("ci", "pod-2", "app"), { 0 } },
	{ ENGINE_CRIO, SAID("ci", "pod-1", "ap"), { 0 } },
	{ ENGINE_CRIO, { { CRIO_NS, "ci" }, { CRIO_POD, "pod-1" }, { CRIO_CTR, "app" } }, { 0 } },
	{ ENGINE_CRIO, { { CRIO_NS, "ci" }, { CRIO_NAME, GOOD_NAME } }, { 0 } },
	{ ENGINE_CRIO, SAID("0d3f-11", "ci", "app_pod-1"), { 0 } },
	{ ENGINE_CRIO, SAID("ci_0d3f-11", "pod-1", "app"), { 0 } },
	/* written by CRI-O for sandboxes only: on a container, the pod's author's */
	{ ENGINE_CRIO,
	  { { "io.kubernetes.cri-o.Namespace", "ci" },
	    { "io.kubernetes.cri-o.ContainerName", "app" },
	    { "io.kubernetes.cri-o.KubeName", "pod-1" },
	    { CRIO_NAME, GOOD_NAME } },
	  { 0 } },
	{ ENGINE_PODMAN,
	  { { "io.kubernetes.cri.sandbox-namespace", "ci" },
	    { CRIO_NS, "ci" },
	    { CRIO_POD, "pod-1" },
	    { CRIO_CTR, "app" },
	    { CRIO_NAME, GOOD_NAME } },
	  { 0 } },
	{ ENGINE_DOCKER, { { CRIO_NS, "ci" }, { "io.kubernetes.cri.image-name", "x" } }, { 0 } },
	{ ENGINE_INVALID, { { "io.kubernetes.cri.container-type", "sandbox" } }, { 0 } },
	{ ENGINE_MAX, { { "io.kubernetes.cri.container-type", "sandbox" } }, { 0 } },
	{ ENGINE_CONTAINERD, { { "io.kubernetes.cri.container-type", "sandbox" } }, { .sandbox = true } },
	/* What any user may write is not believed, not even that. */
	{ ENGINE_PODMAN, { { "io.kubernetes.cri-o.ContainerType", "sandbox" } }, { 0 } },
	{ ENGINE_DOCKER, { { "io.kubernetes.docker.type", "podsandbox" } }, { 0 } },
};

static void assert_same(size_t i, const char *what, const char *a, const char *b)
{
	if ((a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0))
		fail_msg("case %zu: %s is %s instead of %s", i, what, a ? a : "NULL", b ? b : "NULL");
}

TEST(test_identity)
{
	for (size_t i = 0; i < ELEMENTS(identity_cases); i++) {
		const struct identity_case *c = &identity_cases[i];
		struct facts facts = { .annotations = c->annotations };
		struct identity who;

		while (facts.n_annotations < 6 && c->annotations[facts.n_annotations].key)
			facts.n_annotations++;
		memset(&who, 0xff, sizeof(who));
		identity_read(c->engine, &facts, &who);
		assert_same(i, "namespace", who.namespace, c->who.namespace);
		assert_same(i, "pod", who.pod, c->who.pod);
		assert_same(i, "container", who.container, c->who.container);
		assert_same(i, "image", who.image, c->who.image);
		assert_int_equal(who.sandbox, c->who.sandbox);
	}
	assert_true(identity_is_stated(ENGINE_CRIO) && identity_is_stated(ENGINE_CONTAINERD));
	assert_false(identity_is_stated(ENGINE_PODMAN) || identity_is_stated(ENGINE_DOCKER));
	assert_false(identity_is_stated(ENGINE_INVALID) || identity_is_stated(ENGINE_MAX));
}

TEST(test_facts)
{
	static const char *const files[] = { "a", "bc", NULL };
	struct annotation a[] = { { "k", "1" }, { "kk", "2" } };
	struct facts facts = { .annotations = a, .n_annotations = 2 };

	assert_null(facts_file(&facts, "a"));
	facts.files = files;
	assert_true(facts_file(&facts, "a") && facts_file(&facts, "bc"));
	assert_false(facts_file(&facts, "b") || facts_file(&facts, ""));
	assert_string_equal(facts_annotation(&facts, "kk"), "2");
	assert_null(facts_annotation(&facts, "kkk"));
}
