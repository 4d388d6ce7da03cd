/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: any annotations under a fixed policy. The attacker is whoever may create a container.
 *
 * The input is lines of "key=value"; "~" at the beginning of a key stands for "cgdeleg.io/", so that the fuzzer
 * gets to the values sooner. Holds: nothing is granted without an approved key that asks; nothing is above the
 * profile; no other profile than the allowed ones; all text is printable.
 */
#include "policy/decide.h"
#include "tests/fuzz/fuzz.h"

#define MOST 24

/* "asking": only when asked. "always": also unasked. The profile "secret" has no ceilings to speak of. */
static const char policy[] =
	"[profile small]\nmemory.max = 1G\npids.max = 100\ncpu.max = 2\n"
	"[profile ci]\nmemory.max = 4G\npids.max = 100\ncpu.max = 4\n"
	"[profile secret]\nmemory.max = max\ncgroup.max.depth = max\ncgroup.max.descendants = max\n"
	"[handler asking]\nengine = containerd\nprofile = small\nprofiles = small ci\n"
	"approved_annotations = cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/memory.max cgdeleg.io/pids.max cgdeleg.io/cpu.max cgdeleg.io/cgroup.max.depth\n"
	"[handler always]\nengine = crio\nprofile = small\ncgroup_writable = true\n"
	"approved_annotations = cgdeleg.io/writable cgdeleg.io/memory.max\n"
	"[handler deaf]\nengine = podman\nprofile = small\n";

static const char *const handlers[] = { "asking", "always", "deaf" };

static const char *const files[] = {
	"cgroup.max.descendants", "cgroup.max.depth", "memory.max", "pids.max", "cpu.max", NULL
};

static const struct {
	const char *file;
	uint64_t most; /* of the larger of the two allowed profiles; cpu.max: of 100000 */
} ceilings[] = {
	{ "memory.max", UINT64_C(4) << 30 }, { "pids.max", 100 }, { "cpu.max", 400000 }, { "cgroup.max.depth", 12 },
	{ "cgroup.max.descendants", 256 },
};

/* "key=value" at *text into *ret, in memory from `pool`. */
static char *split(char *line, struct annotation *ret, char *pool)
{
	char *equal = strchr(line, '=');
	size_t len;

	ret->value = equal ? equal + 1 : "";
	if (equal)
		*equal = '\0';
	ret->key = pool;
	if (*line == '~') {
		memcpy(pool, "cgdeleg.io/", 11);
		pool += 11;
		line++;
	}
	len = strlen(line) + 1;
	memcpy(pool, line, len);
	return pool + len;
}

static bool is_approved_key(const char *key)
{
	static const char *const asking[] = { "cgdeleg.io/writable", "cgdeleg.io/profile", NULL };

	/* Any form of the two: the container's name is the fuzzer's too. */
	for (const char *const *k = asking; *k; k++)
		if (strncmp(key, *k, strlen(*k)) == 0 && (key[strlen(*k)] == '\0' || key[strlen(*k)] == '.'))
			return true;
	return false;
}

static bool somebody_asks(const struct facts *facts)
{
	for (size_t i = 0; i < facts->n_annotations; i++)
		if (is_approved_key(facts->annotations[i].key) && strcmp(facts->annotations[i].value, "false") != 0)
			return true;
	return false;
}

static void check_ceilings(const struct decision *d)
{
	for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
		const struct ceiling *c = d->ceilings;

		while (c < d->ceilings + d->n_ceilings && strcmp(c->file, ceilings[i].file) != 0)
			c++;
		require(c < d->ceilings + d->n_ceilings);
		require(c->value.number <= ceilings[i].most);
		require(c->type->kind != LIMIT_CPU || c->value.period == LIMIT_CPU_PERIOD);
	}
}

static void check(const struct ruleset *rules, const struct facts *facts, const struct decision *d)
{
	const struct facts state = { .handler = facts->handler,
				     .annotations = facts->annotations,
				     .n_annotations = facts->n_annotations };
	static struct decision early; /* by the state alone */

	for (size_t i = 0; i < d->n_reasons; i++)
		for (const char *p = d->reasons[i].text; *p; p++)
			require((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
	require(!d->profile || strcmp(d->profile, "secret") != 0);
	if (strcmp(facts->handler, "deaf") == 0)
		require(d->verdict == VERDICT_PASS);
	policy_decide(rules, &state, &early);
	require(early.verdict != VERDICT_PASS || d->verdict == VERDICT_PASS);
	if (d->verdict != VERDICT_GRANT)
		return;
	require(strcmp(facts->handler, "always") == 0 || somebody_asks(facts));
	check_ceilings(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decision decision;
	static struct ruleset rules;
	struct annotation annotations[MOST];
	char text[4096], pool[4096 + MOST * 12], *at = pool, *rest = NULL;
	struct facts facts = { .annotations = annotations,
			       .userns = USERNS_PRIVATE,
			       .root_uid = 100000,
			       .root_gid = 100000,
			       .capabilities_known = TRI_YES,
			       .cgroupns_private = TRI_YES,
			       .grants_known = TRI_YES,
			       .files = files,
			       .device_bpf = DEVICE_BPF_MULTI };

	if (!rules.arena) {
		if (ruleset_load_text("p.ini", policy, sizeof(policy) - 1, &rules, NULL) < 0)
			abort();
		require(!ruleset_is_broken(&rules));
	}
	if (size >= sizeof(text))
		return -1;
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line && facts.n_annotations < MOST;
	     line = strtok_r(NULL, "\n", &rest))
		at = split(line, &annotations[facts.n_annotations++], at);
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		facts.handler = handlers[i];
		policy_decide(&rules, &facts, &decision);
		check(&rules, &facts, &decision);
	}
	return 0;
}
