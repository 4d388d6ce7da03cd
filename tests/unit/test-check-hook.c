/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check and hook: thousands of generated bundles and policies get the same answer from both, in the same words.
 *
 * Each bundle is made twice from the same choices: as config.json, which is all that check has, and as the machine that a
 * runtime would make of it, which is all that the hook looks at. The rows below say both, so nothing here computes the
 * one from the other. Where check says "unknown", the hook may say anything.
 *
 *     CGDELEG_CASES=1000000 CGDELEG_SEED=7 build/tests/unit/test-check-hook
 */
#include <fcntl.h>
#include <stdlib.h>

#include "cgdeleg/cli/expect.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define CASES 3000
#define SEED  20240229

static uint64_t seed;

static size_t pick(size_t n)
{
	return (size_t)(random_next(&seed) >> 16) % n;
}

static bool chance(unsigned percent)
{
	return pick(100) < percent;
}

struct text {
	char *at;
	size_t len;
	FILE *to;
};

static void text_open(struct text *text)
{
	text->to = open_memstream(&text->at, &text->len);
	assert_non_null(text->to);
}

static void text_close(struct text *text)
{
	assert_int_equal(fclose(text->to), 0);
}

/* One choice: what config.json says, and the lines that the container's mountinfo then has; \1 stands for the host's
 * options of cgroup2, \2 for the flag of a mount that is to be read-only, which some runtimes set only after the hook. */
struct mount_row {
	const char *json;
	const char *lines[5]; /* "DEV ROOT POINT FLAG - TYPE none OPTIONS", below the root filesystem */
};

#define BIND(source, point, option) \
	"\"destination\":\"" point "\",\"type\":\"bind\",\"source\":\"" source "\",\"options\":[\"" option "\",\"ro\"]"
#define NEW(type, point)	  "\"destination\":\"" point "\",\"type\":\"" type "\",\"source\":\"x\""
#define OWN(type, point, options) NEW(type, point) ",\"options\":[" options "]"
#define HOST_ROOT(point)	  "8:1 / " point " ro - ext4 none rw"
#define HOST_SYS(point)		  "0:20 / " point " ro - sysfs none rw"
#define HOST_CGROUP(root, point)  "0:29 " root " " point " ro - cgroup2 none \1"
#define HOST_BPF(point)		  "0:30 / " point " ro - bpf none rw,mode=700"
#define ITS_OWN(point)		  "0:29 /ci/box " point " \2 - cgroup2 none \1"

static const struct mount_row own_rows[] = {
	{ OWN("cgroup", "/sys/fs/cgroup", "\"nosuid\",\"ro\""), { ITS_OWN("/sys/fs/cgroup") } },
	{ OWN("cgroup", "//sys/./fs/cgroup/", "\"rro\""), { ITS_OWN("/sys/fs/cgroup") } },
	{ OWN("cgroup2", "/sys/fs/cgroup", "\"ro\",\"rw\""), { "0:29 /ci/box /sys/fs/cgroup rw - cgroup2 none \1" } },
	{ OWN("cgroup", "/sys/fs/cgroup", "\"rw\""), { "0:29 /ci/box /sys/fs/cgroup rw - cgroup2 none \1" } },
};

static const struct mount_row other_rows[] = {
	{ NEW("sysfs", "/sys"), { "0:31 / /sys ro - sysfs none ro" } },
	{ NEW("tmpfs", "/tmp"), { "0:32 / /tmp ro - tmpfs none rw" } },
	{ NEW("proc", "/proc"), { "0:33 / /proc ro - proc none rw" } },
	{ NEW("tmpfs", "/sys/fs/cgroup"), { "0:34 / /sys/fs/cgroup ro - tmpfs none rw" } },
	{ NEW("tmpfs", "/sys"), { "0:35 / /sys ro - tmpfs none rw" } },
	{ NEW("cgroup", "/cg"), { ITS_OWN("/cg") } },
	{ NEW("bpf", "/bpf"), { "0:36 / /bpf ro - bpf none rw" } },
	{ NEW("bpf", "/bpf") ",\"options\":[\"delegate_cmds=any\"]", { "0:36 / /bpf ro - bpf none delegate_cmds=any" } },
	{ BIND("/etc", "/etc", "rbind"), { HOST_ROOT("/etc") } },
	{ BIND("/etc", "/sys/fs", "bind"), { HOST_ROOT("/sys/fs") } },
	{ BIND("/", "/host", "bind"), { HOST_ROOT("/host") } },
	{ BIND("/", "/host", "rbind"),
	  { HOST_ROOT("/host"), HOST_SYS("/host/sys"), HOST_CGROUP("/", "/host/sys/fs/cgroup"),
	    HOST_BPF("/host/sys/fs/bpf") } },
	{ BIND("/sys", "/sys", "rbind"),
	  { HOST_SYS("/sys"), HOST_CGROUP("/", "/sys/fs/cgroup"), HOST_BPF("/sys/fs/bpf") } },
	{ BIND("/sys", "/sys", "bind"), { HOST_SYS("/sys") } },
	{ BIND("/sys/fs/cgroup", "/sys/fs/cgroup", "rbind"), { HOST_CGROUP("/", "/sys/fs/cgroup") } },
	{ BIND("/sys/fs/cgroup/ci", "/sys/fs/cgroup", "bind"), { HOST_CGROUP("/ci", "/sys/fs/cgroup") } },
	{ BIND("/sys/fs/cgroup/ci", "/other", "bind"), { HOST_CGROUP("/ci", "/other") } },
	{ BIND("/cgroups", "/other", "bind"), { HOST_CGROUP("/ci", "/other") } }, /* a link */
	/* Read-only or not: without "ro" it stays as it is, and "ro" is not for what is below. */
	{ OWN("cgroup", "/cg", "\"rw\""), { "0:29 /ci/box /cg rw - cgroup2 none \1" } },
	{ OWN("cgroup", "/cg", "\"ro\""), { ITS_OWN("/cg") } },
	{ "\"destination\":\"/cgs\",\"type\":\"bind\",\"source\":\"/sys/fs/cgroup/ci\",\"options\":[\"bind\"]",
	  { "0:29 /ci /cgs rw - cgroup2 none \1" } },
	{ BIND("/sys", "/node", "rbind"),
	  { HOST_SYS("/node"), "0:29 / /node/fs/cgroup rw - cgroup2 none \1", HOST_BPF("/node/fs/bpf") } },
	{ BIND("/sys/fs/bpf", "/pins", "bind"), { HOST_BPF("/pins") } },
	{ BIND("/not/yet/there", "/volume", "bind"), { HOST_CGROUP("/", "/volume") } },
};

/* Extents of one map, for both of its forms. */
struct map_row {
	unsigned n, extents[3][3];
};

static const struct map_row map_rows[] = {
	{ 1, { { 0, 100000, 65536 } } },
	{ 1, { { 0, 100000, 65536 } } },
	{ 1, { { 0, 100000, 65536 } } },
	{ 1, { { 0, 0, 4294967295 } } },
	{ 1, { { 0, 1, 65536 } } },
	{ 1, { { 1000, 1000, 1 } } },
	{ 2, { { 0, 100000, 1000 }, { 1000, 0, 1 } } },
	{ 2, { { 1000, 1000, 1 }, { 0, 100000, 1000 } } },
	{ 3, { { 0, 70000, 1 }, { 1, 100000, 999 }, { 1000, 5, 1 } } },
};

enum shared { OWN_NAMESPACE, HOSTS, BY_PATH };

struct bundle {
	const struct mount_row *mounts[8];
	size_t n_mounts;
	const struct map_row *uids, *gids;
	enum shared cgroupns, userns;
	bool mount_namespace, nsdelegate, readonly_now;
	bool path_is_hosts; /* BY_PATH: it leads to the host's */
	unsigned uid, gid;
	const char *capabilities, *paths, *annotations;
};

static const char *one_of(const char *const *words, size_t n)
{
	return words[pick(n)];
}
#define ONE_OF(...) one_of((const char *const[]) { __VA_ARGS__ }, ELEMENTS(((const char *const[]) { __VA_ARGS__ })))

static enum shared pick_shared(void)
{
	return chance(80) ? OWN_NAMESPACE : chance(70) ? HOSTS : BY_PATH;
}

static void pick_bundle(struct bundle *b)
{
	const size_t own = chance(92) ? pick(5) : 9; /* where its own cgroup mount comes among the others */

	*b = (struct bundle) { .uids = &map_rows[pick(ELEMENTS(map_rows))], .gids = &map_rows[pick(ELEMENTS(map_rows))] };
	for (size_t n = pick(6), i = 0; i <= n || (own < 9 && i <= own); i++)
		b->mounts[b->n_mounts++] = i == own	? &own_rows[pick(ELEMENTS(own_rows))]
					   : chance(60) ? &other_rows[pick(3)]
							: &other_rows[pick(ELEMENTS(other_rows))];
	b->cgroupns = pick_shared();
	b->userns = pick_shared();
	b->mount_namespace = chance(95);
	b->nsdelegate = chance(80);
	b->readonly_now = chance(50);
	b->path_is_hosts = chance(50);
	b->uid = chance(60) ? 0 : 1000;
	b->gid = chance(60) ? 0 : 1000;
	b->capabilities = ONE_OF("", "\"bounding\":[\"CAP_KILL\"]", "\"bounding\":[\"CAP_SYS_ADMIN\"]",
				 "\"ambient\":[\"CAP_DAC_OVERRIDE\"]", "\"effective\":[\"CAP_CHOWN\",\"CAP_BPF\"]");
	b->paths = ONE_OF("\"readonlyPaths\":[\"/proc/sys\"]", "\"readonlyPaths\":[\"/proc/sys\"]",
			  "\"readonlyPaths\":[\"/proc/sys\"]", "\"maskedPaths\":[\"/sys/fs/cgroup\"]",
			  "\"readonlyPaths\":[\"/proc\",\"/sys\"]", "\"maskedPaths\":[\"/sys/fs/cgroup/x\"]");
	b->annotations = ONE_OF("", "", "\"cgdeleg.io/writable\":\"true\"", "\"cgdeleg.io/writable\":\"false\"",
				"\"cgdeleg.io/writable\":\"maybe\"", "\"cgdeleg.io/memory.max\":\"1M\"",
				"\"cgdeleg.io/memory.max\":\"9T\"", "\"cgdeleg.io/profile\":\"none\"");
}

static void put_namespace(FILE *to, const char *type, enum shared shared)
{
	if (shared != HOSTS)
		fprintf(to, ",{\"type\":\"%s\"%s}", type, shared == BY_PATH ? ",\"path\":\"/proc/77/ns/x\"" : "");
}

static void put_mappings(FILE *to, const char *name, const struct map_row *row)
{
	fprintf(to, ",\"%s\":[", name);
	for (unsigned i = 0; i < row->n; i++)
		fprintf(to, "%s{\"containerID\":%u,\"hostID\":%u,\"size\":%u}", i ? "," : "", row->extents[i][0],
			row->extents[i][1], row->extents[i][2]);
	fputs("]", to);
}

/* As an engine would write it. */
static void put_config(FILE *to, const struct bundle *b)
{
	fprintf(to, "{\"root\":{\"path\":\"rootfs\"},\"annotations\":{%s},\"process\":{\"user\":{\"uid\":%u,\"gid\":%u},",
		b->annotations, b->uid, b->gid);
	fprintf(to, "\"capabilities\":{%s}},\"mounts\":[", b->capabilities);
	for (size_t i = 0; i < b->n_mounts; i++)
		fprintf(to, "%s{%s}", i ? "," : "", b->mounts[i]->json);
	fprintf(to, "],\"linux\":{%s,\"namespaces\":[{\"type\":\"pid\"}", b->paths);
	if (b->mount_namespace)
		fputs(",{\"type\":\"mount\"}", to);
	put_namespace(to, "cgroup", b->cgroupns);
	put_namespace(to, "user", b->userns);
	fputs("]", to);
	put_mappings(to, "uidMappings", b->uids);
	put_mappings(to, "gidMappings", b->gids);
	fputs("}}", to);
}

static void put_map(FILE *to, const char *name, const struct map_row *row)
{
	fprintf(to, "proc/4711/%s = ", name);
	for (unsigned i = 0; i < row->n; i++)
		fprintf(to, "%s%10u %10u %10u", i ? "\\n" : "", row->extents[i][0], row->extents[i][1],
			row->extents[i][2]);
	fputs("\n", to);
}

static bool is_hosts(enum shared shared, const struct bundle *b)
{
	return shared == HOSTS || (shared == BY_PATH && b->path_is_hosts);
}

static void put_mount_line(FILE *to, const struct bundle *b, const char *line)
{
	const char *point = strchr(strchr(line, ' ') + 1, ' ') + 1;

	fprintf(to, "\\n30 21 %.*s/bundle/rootfs", (int)(point - line), line);
	for (const char *p = point; *p; p++) {
		if (*p == '\1')
			fputs(b->nsdelegate ? "rw,nsdelegate" : "rw", to);
		else if (*p == '\2')
			fputs(b->readonly_now ? "ro,nosuid" : "rw,nosuid", to);
		else
			fputc(*p, to);
	}
}

/* As a kernel and a runtime would make it, for tree_edit(). */
static void put_machine(FILE *to, const struct bundle *b)
{
	static const struct map_row identity = { 1, { { 0, 0, 4294967295 } } };
	const bool hosts = is_hosts(b->userns, b);

	fprintf(to, "proc/4711/ns/mnt -> mnt:[%d]\n", b->mount_namespace ? 2 : 1);
	fprintf(to, "proc/4711/ns/cgroup -> cgroup:[%d]\n", is_hosts(b->cgroupns, b) ? 1 : 2);
	fprintf(to, "proc/4711/ns/user -> user:[%s]\n", hosts ? "4026531837" : "2");
	put_map(to, "uid_map", hosts ? &identity : b->uids);
	put_map(to, "gid_map", hosts ? &identity : b->gids);
	for (size_t i = 0; i < 2; i++)
		fprintf(to,
			"%sproc/%s/mountinfo = 21 1 8:1 / / rw - ext4 r rw\\n22 21 0:20 / /sys rw - sysfs s rw\\n"
			"23 22 0:29 / /sys/fs/cgroup rw - cgroup2 c %s\\n24 22 0:30 / /sys/fs/bpf rw - bpf b rw,mode=700",
			i ? "\n" : "", i ? "4711" : "self", b->nsdelegate ? "rw,nsdelegate" : "rw");
	fputs("\\n29 21 8:1 / /bundle/rootfs rw - ext4 r rw", to);
	for (size_t i = 0; i < b->n_mounts; i++)
		for (const char *const *line = b->mounts[i]->lines; *line; line++)
			put_mount_line(to, b, *line);
	fputs("\n", to);
}

static void put_policy(FILE *to)
{
	fputs("[defaults]\n", to);
	if (chance(40))
		fprintf(to, "require_userns = %s\n", ONE_OF("true", "false", "false"));
	if (chance(40))
		fprintf(to, "on_refusal = %s\n", ONE_OF("fail", "readonly", "readonly"));
	if (chance(30))
		fputs("owner = process\n", to);
	if (chance(30))
		fprintf(to, "guard = %s\n", ONE_OF("require", "prefer", "off"));
	if (chance(30))
		fprintf(to, "device_bpf = %s\n", ONE_OF("withhold", "runtime"));
	if (chance(10))
		fprintf(to, "max_total_descendants = %s\n", ONE_OF("5", "max"));
	fputs("[profile p]\nmemory.max = 1G\n", to);
	if (chance(15))
		fputs("hugetlb.2MB.max = 2M\n", to);
	if (chance(50))
		fputs("on_missing_limit = skip\n", to);
	if (chance(30))
		fputs("nest = init\n", to);
	fputs("[handler h]\nengine = podman\nprofile = p\n", to);
	if (chance(85))
		fprintf(to, "cgroup_writable = %s\n", ONE_OF("true", "true", "true", "false"));
	if (chance(60))
		fprintf(to, "writable_mount = %s\n", ONE_OF("pass", "bound", "refuse"));
	if (chance(60))
		fputs("approved_annotations = cgdeleg.io/writable cgdeleg.io/memory.max cgdeleg.io/profile\n", to);
}

/* The machine that stays the same, for one run of the program. */
struct scene {
	struct tree tree;
	struct host host;
	struct text config, machine, policy;
};

static const char around[] = "proc/self/cgroup = 0::/session/shell\n"
			     "sys/fs/cgroup/cgroup.controllers = cpu memory pids\n"
			     "sys/fs/cgroup/session/cgroup.procs =\n"
			     "sys/fs/cgroup/session/cgroup.subtree_control =\n"
			     "sys/fs/cgroup/session/cgroup.controllers = cpu memory pids\n"
			     "sys/fs/cgroup/session/cgroup.max.descendants = max\n"
			     "sys/fs/cgroup/session/cgroup.max.depth = max\n"
			     "sys/fs/cgroup/session/memory.max = max\n"
			     "sys/fs/cgroup/session/memory.oom.group = 0\n"
			     "sys/fs/cgroup/session/pids.max = max\n"
			     "sys/fs/cgroup/session/cpu.max = max 100000\n"
			     "sys/fs/bpf/guards = device grant\n"
			     "etc/\ncgroups -> sys/fs/cgroup/ci\n";

/* What run_create_runtime() decides first, from the state alone. */
static bool is_passed(struct trail *trail)
{
	trail->facts.handler = "h";
	trail->facts.annotations = trail->oci.annotations;
	trail->facts.n_annotations = trail->oci.n_annotations;
	policy_decide(&trail->rules, &trail->facts, &trail->decision);
	return trail->decision.verdict == VERDICT_PASS;
}

/* One of the two: with a state the hook's way, without one check's. */
static int ask(struct scene *s, bool hook, const char *annotations, struct trail *trail)
{
	const struct run_args args = { .handler = "h", .every_fact = !hook, .look = hook ? NULL : expect_container };
	char state[512];
	int r = 0;

	(void)snprintf(state, sizeof(state),
		       "{\"id\":\"c1\",\"status\":\"creating\",\"pid\":4711,\"bundle\":\"/bundle\",\"annotations\":{%s}}",
		       annotations);
	if (hook)
		r = oci_parse_state(state, strlen(state), &trail->oci, &trail->err);
	if (r >= 0)
		r = oci_parse_config(s->config.at, s->config.len, &trail->oci, &trail->err);
	if (r >= 0)
		r = oci_adopt_annotations(&trail->oci, &trail->err);
	trail->oci.bundle_fd = openat(s->tree.fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r >= 0)
		r = ruleset_load_text("policy.ini", s->policy.at, s->policy.len, &trail->rules, &trail->err);
	assert_false(r >= 0 && ruleset_is_broken(&trail->rules));
	if (r >= 0 && hook && is_passed(trail))
		return 0;
	if (r >= 0)
		r = run_plan(&s->host, &args, trail);
	if (r >= 0 && !hook)
		expect_judge(&s->host, trail);
	return r;
}

/* Verdict, reasons and their sentences. What the container's own cgroup is called, and whether a runtime has made it
 * writable for a container that the policy passes, only the hook knows. */
static void put_answer(FILE *to, const struct trail *trail, int r)
{
	if (r < 0) {
		fprintf(to, "error: %s\n", trail->err.text);
		return;
	}
	fprintf(to, "%s\n", verdict_name(trail->decision.verdict));
	for (size_t i = 0; i < trail->decision.n_reasons; i++) {
		const struct reason *reason = &trail->decision.reasons[i];
		const char *own = strstr(reason->text, "/its-own");
		const bool left_out = reason->code == REASON_UNBOUNDED;
		const int len = own ? (int)(own - reason->text) : (int)strlen(reason->text);

		if (!left_out)
			fprintf(to, "%s %s: %.*s%s%s\n", reason_kind_name(reason->kind), reason_code_name(reason->code),
				len, reason->text, own ? "/ci/box" : "", own ? own + strlen("/its-own") : "");
	}
}

/* Something is not known, and it is refused for another reason all the same: only that it is refused is compared. */
static bool is_partly_known(const struct trail *check)
{
	const struct decision *d = &check->decision;

	for (size_t i = 0; i < d->n_reasons; i++)
		if (d->reasons[i].kind == REASON_REFUSES && d->reasons[i].code == REASON_UNKNOWN)
			return true;
	return d->verdict == VERDICT_REFUSE && check->facts.cgroupns_private == TRI_UNKNOWN;
}

static bool is_same(const struct trail *hook, int hook_r, const struct trail *check, const struct text answers[2])
{
	if (check->decision.verdict == VERDICT_UNKNOWN)
		return true;
	if (is_partly_known(check))
		return hook_r < 0 || hook->decision.verdict == check->decision.verdict;
	return strcmp(answers[0].at, answers[1].at) == 0;
}

static void compare(struct scene *s, const struct bundle *b, unsigned long number, unsigned counts[VERDICT_MAX])
{
	struct trail *trails[2] = { trail_new(), trail_new() };
	struct text answers[2];
	int r[2];

	for (size_t i = 0; i < 2; i++) {
		r[i] = ask(s, i == 0, b->annotations, trails[i]);
		text_open(&answers[i]);
		put_answer(answers[i].to, trails[i], r[i]);
		text_close(&answers[i]);
	}
	counts[trails[1]->decision.verdict]++;
	if (!is_same(trails[0], r[0], trails[1], answers))
		fail_msg("case %lu: the hook says\n%sand check says\n%sof\n%s\n%s\n%s", number, answers[0].at,
			 answers[1].at, s->config.at, s->policy.at, s->machine.at);
	for (size_t i = 0; i < 2; i++) {
		trail_free(trails[i]);
		free(answers[i].at);
	}
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : otherwise;
}

TEST(test_same_answers)
{
	const unsigned long cases = from_environment("CGDELEG_CASES", CASES);
	unsigned counts[VERDICT_MAX] = { 0 };
	struct scene s;

	seed = from_environment("CGDELEG_SEED", SEED);
	print_message("%lu cases, seed %llu\n", cases, (unsigned long long)seed);
	tree_new(&s.tree, tree_container);
	tree_edit(&s.tree, around);
	tree_host(&s.tree, &s.host);
	for (unsigned long i = 0; i < cases; i++) {
		struct bundle b;

		pick_bundle(&b);
		text_open(&s.config);
		text_open(&s.machine);
		text_open(&s.policy);
		put_config(s.config.to, &b);
		put_machine(s.machine.to, &b);
		put_policy(s.policy.to);
		text_close(&s.config);
		text_close(&s.machine);
		text_close(&s.policy);
		tree_edit(&s.tree, s.machine.at);
		compare(&s, &b, i, counts);
		free(s.config.at);
		free(s.machine.at);
		free(s.policy.at);
	}
	host_done(&s.host);
	tree_free(&s.tree);
	/* Each answer was there often enough to be compared. */
	for (enum verdict v = VERDICT_PASS; v < VERDICT_ERROR; v++) {
		print_message("%s: %u\n", verdict_name(v), counts[v]);
		if (counts[v] < cases / 1000)
			fail_msg("%s: %u of %lu cases", verdict_name(v), counts[v], cases);
	}
}
