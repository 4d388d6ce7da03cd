/* SPDX-License-Identifier: Apache-2.0 */
/* What was meant: keys, units, words and patterns of other systems are faults that say what to write here. */
#include "policy/foreign.h"
#include "policy/limit-list.h"
#include "policy/ruleset.h"
#include "tests/unit/check.h"

#define H "[handler h]\nengine = containerd\n"

/* The only complaint about a policy, or NULL if there is none. */
static const char *complaint_of(const char *text)
{
	struct ruleset rules;
	const char *got = NULL;

	assert_int_equal(ruleset_load_text("test.ini", text, strlen(text), &rules, NULL), 0);
	if (rules.complaints)
		got = format("%s%s", rules.complaints->text, rules.complaints->next ? " AND MORE" : "");
	ruleset_done(&rules);
	return got;
}

/* `want` is a part of the complaint, "" if there is to be none; a '$' at its end is the complaint's end. */
static void expect(const char *text, const char *want)
{
	const char *got = complaint_of(text), *at;
	size_t len = strlen(want);
	const bool whole = len > 0 && want[len - 1] == '$';

	if (!*want && !got)
		return;
	at = got ? strstr(got, format("%.*s", (int)(len - whole), want)) : NULL;
	if (!*want || !at || strstr(got, "AND MORE") || (whole && strlen(at) != len - 1))
		fail_msg("%s: expected \"%s\", got \"%s\"", text, want, got ? got : "(none)");
}

static const struct {
	const char *line, *want;
} key_cases[] = {
	/* systemd */
	{ "TasksMax = 512", "unknown key 'TasksMax' in [profile]; write 'pids.max = 512'$" },
	{ "TasksMax = infinity", "write 'pids.max = max'$" },
	{ "CPUQuota = 200%", "write 'cpu.max = 2'$" },
	{ "CPUQuota = 50%", "write 'cpu.max = 0.5'$" },
	{ "CPUQuotaPeriodSec = 10ms", "second number of cpu.max" },
	{ "MemoryMax = 16G", "write 'memory.max = 16G'$" },
	{ "MemoryHigh = 1.5G", "write 'memory.high = 1536M'$" },
	{ "MemorySwapMax = 0", "write 'memory.swap.max = 0'$" },
	{ "MemoryZSwapMax = infinity", "write 'memory.zswap.max = max'$" },
	{ "MemoryLimit = 1G", "write 'memory.max = 1G'$" },
	{ "MemoryMax = 50%", "write 'memory.max = ...'$" },
	{ "AllowedCPUs = 0 1 2", "write 'cpuset.cpus = 0,1,2'$" },
	{ "AllowedMemoryNodes = 0-1", "write 'cpuset.mems = 0-1'$" },
	{ "IOReadBandwidthMax = /dev/sda 10M", "write 'io.max = 8:0 rbps=10M', with the device's numbers" },
	{ "IOWriteIOPSMax = /dev/sda 1000", "write 'io.max = 8:0 wiops=1000'" },
	{ "CPUWeight = 100", "a share or a guarantee, not a ceiling" },
	{ "MemoryLow = 1G", "a share or a guarantee" },
	{ "Delegate = yes", "write 'cgroup_writable'$" },
	/* Docker and podman: compose, command line, API */
	{ "mem_limit = 16g", "write 'memory.max = 16G'$" },
	{ "--memory = 512m", "write 'memory.max = 512M'$" },
	{ "memswap_limit = 2g", "'memory.swap.max': it is swap alone" },
	{ "pids_limit = 100", "write 'pids.max = 100'$" },
	{ "PidsLimit = -1", "write 'pids.max = max'$" },
	{ "cpus = 2.5", "write 'cpu.max = 2.5'$" },
	{ "cpu_quota = 50000", "write 'cpu.max = 50000 100000'$" },
	{ "cpu_quota = 5000", "write 'cpu.max = 5000 100000'$" },
	{ "cpu_shares = 1024", "a share or a guarantee" },
	{ "cpuset_cpus = 0-3", "write 'cpuset.cpus = 0-3'$" },
	{ "device_read_bps = /dev/sda:1mb", "write 'io.max = 8:0 rbps=1M'" },
	{ "mem_reservation = 1g", "a share or a guarantee" },
	{ "shm_size = 64m", "/dev/shm" },
	/* Kubernetes */
	{ "limits.memory = 1Gi", "write 'memory.max = 1G'$" },
	{ "resources.limits.cpu = 500m", "write 'cpu.max = 0.5'$" },
	{ "memory = 1000Mi", "write 'memory.max = 1000M'$" },
	{ "cpu = 200m", "write 'cpu.max = 0.2'$" },
	{ "requests.cpu = 1", "a share or a guarantee" },
	{ "podPidsLimit = 1024", "write 'pids.max = 1024'$" },
	{ "ephemeral-storage = 1Gi", "disk space" },
	{ "hugepages-2Mi = 64Mi", "write 'hugetlb.2MB.max = 64M'$" },
	/* config.json, cgroup v1, LXC, and ours written otherwise */
	{ "pids.limit = 64", "write 'pids.max = 64'$" },
	{ "memory.limit_in_bytes = 1G", "write 'memory.max = 1G'$" },
	{ "cpu.cfs_quota_us = 100000", "write 'cpu.max = 100000 100000'$" },
	{ "lxc.cgroup2.memory.max = 2G", "write 'memory.max = 2G'$" },
	{ "lxc.cgroup2.cpu.weight = 100", "a share or a guarantee" },
	{ "limits.processes = 200", "write 'pids.max = 200'$" },
	{ "Memory.Max = 2G", "write 'memory.max = 2G'$" },
	{ "pids_max = 5", "write 'pids.max = 5'$" },
	{ "memory.low = 1G", "a share or a guarantee, not a ceiling" },
	/* nobody's: the nearest, or nothing */
	{ "memory.maks = 1G", "did you mean 'memory.max'?$" },
	{ "frobnicate = 1", "unknown key 'frobnicate' in [profile]$" },
	{ "limits = 1", "unknown key 'limits' in [profile]$" },
};

TEST(test_keys)
{
	for (size_t i = 0; i < ELEMENTS(key_cases); i++)
		expect(format("[profile p]\n%s\n", key_cases[i].line), key_cases[i].want);
	expect(H "TasksMax = 512\n", "unknown key 'TasksMax' in [handler]; write 'pids.max = 512' in a [profile]$");
	expect("[defaults]\nuserns = true\n", "write 'require_userns'$");
	expect(H "[rule r]\nhandler = h\nnamespace = x\n", "write 'namespaces'$");
}

/* "" in `want`: it is a value. */
static const struct value_case {
	const char *file, *value, *want;
} value_cases[] = {
	{ "memory.max", "16G", "" },
	{ "memory.max", "16g", "; write '16G'$" },
	{ "memory.max", "16GB", "; write '16G'$" },
	{ "memory.max", "16GiB", "; write '16G'$" },
	{ "memory.max", "16 GiB", "; write '16G'$" },
	{ "memory.max", "1000Mi", "; write '1000M'$" },
	{ "memory.max", "1Gi", "; write '1G'$" },
	{ "memory.max", "1.5G", "; write '1536M'$" },
	{ "memory.max", "512kb", "; write '512K'$" },
	{ "memory.max", "1e9", "; write '1000000000'$" },
	{ "memory.max", "1_000", "; write '1000'$" },
	{ "memory.max", "1,000", "; write '1000'$" },
	{ "memory.max", "100b", "; write '100'$" },
	{ "memory.max", "2Pi", "; write '2048T'$" },
	{ "memory.max", "infinity", "; write 'max'$" },
	{ "memory.max", "unlimited", "; write 'max'$" },
	{ "memory.max", "Max", "; write 'max'$" },
	{ "memory.max", "none", "; write 'max'$" },
	{ "memory.max", "-1", "; write 'max'$" },
	{ "memory.max", "max 100000", "; write 'max'$" },
	{ "memory.max", "\"16G\"", "; write '16G'$" },
	{ "memory.max", "'2g'", "; write '2G'$" },
	{ "memory.max", "50%", "; a share of what the machine has cannot be written here: write the number$" },
	{ "memory.max", "1x", "or 'max'$" },
	{ "memory.max", "-5", "or 'max'$" },
	{ "memory.max", "16Zi", "or 'max'$" },
	{ "memory.max", "99999999999999999999G", "above the kernel's maximum" },
	{ "pids.max", "unlimited", "; write 'max'$" },
	{ "pids.max", "1_000", "; write '1000'$" },
	{ "pids.max", "1e3", "; write '1000'$" },
	{ "pids.max", "\"64\"", "; write '64'$" },
	{ "pids.max", "4k", "; write the number with all its digits, and no unit$" },
	{ "pids.max", "80%", "; a share of what the machine has" },
	{ "cpu.max", "2.5", "" },
	{ "cpu.max", "max 100000", "" },
	{ "cpu.max", "200m", "; write '0.2'$" },
	{ "cpu.max", "1500m", "; write '1.5'$" },
	{ "cpu.max", "50%", "; write '0.5'$" },
	{ "cpu.max", "200%", "; write '2'$" },
	{ "cpu.max", "33.5%", "; write '0.335'$" },
	{ "cpu.max", "2,5", "; write '2.5'$" },
	{ "cpu.max", ".5", "; write '0.5'$" },
	{ "cpu.max", "2 cores", "; write '2'$" },
	{ "cpu.max", "-1", "; write 'max'$" },
	{ "cpu.max", "-1 100000", "; write 'max'$" },
	{ "cpu.max", "infinity", "; write 'max'$" },
	{ "cpu.max", "100ms", "; write '100000 100000'$" },
	{ "cpu.max", "50ms 100ms", "; write '50000 100000'$" },
	{ "cpu.max", "50000/100000", "; write '50000 100000'$" },
	{ "cpu.max", "100000", "; write '100000 100000'$" },
	{ "cpu.max", "\"2\"", "; write '2'$" },
	{ "cpu.max", "fast", "or 'max'$" },
	{ "cpu.max", "0%", "or 'max'$" },
	{ "cpuset.cpus", "0-3", "" },
	{ "cpuset.cpus", "0 1 2", "; write '0,1,2'$" },
	{ "cpuset.cpus", "0, 2", "; write '0,2'$" },
	{ "cpuset.cpus", "0..3", "; write '0-3'$" },
	{ "cpuset.cpus", "\"0-3\"", "; write '0-3'$" },
	{ "cpuset.cpus", "all", "like 0-3,7$" },
	{ "io.max", "8:0 rbps=10m", "; write '10M'$" },
	{ "io.max", "8:0 riops=unlimited", "; write 'max'$" },
	{ "io.max", "/dev/sda rbps=1M", "lsblk shows" },
};

TEST(test_values)
{
	for (size_t i = 0; i < ELEMENTS(value_cases); i++) {
		const struct value_case *c = &value_cases[i];

		expect(format("[profile p]\n%s = %s\n", c->file, c->value), c->want);
	}
	expect(H "max_delegated = unlimited\n", "; write 'max'$");
	expect(H "budget.memory.max = 16Gi\n", "; write '16G'$");
}

/* What is advised is always a value: nobody must be sent from one fault to the next. */
TEST(test_advice_is_valid)
{
	static const char pieces[][8] = { "1", "16",   "0",   ".5", "e3", "g", "Mi", "%",    "m",    " ",
					  ",", "_000", "max", "-1", "ms", "/", "\"", "core", "99999" };
	uint64_t seed = 7;

	for (int n = 0; n < 20000; n++) {
		const struct limit_type *type = &limit_types[random_next(&seed) % n_limit_types];
		char text[64] = "", advised[64];
		struct limit_value value;
		uint64_t bits[LIMIT_SET_BITS / 64];

		for (uint64_t words = random_next(&seed) % 5; words > 0; words--)
			strcat(text, pieces[random_next(&seed) % ELEMENTS(pieces)]);
		if (!limit_translate(type, text, advised, sizeof(advised)))
			continue;
		assert_true(type->kind != LIMIT_LINES);
		if (type->kind == LIMIT_SET ? limit_set_parse(advised, bits, NULL) < 0
					    : limit_parse(type, advised, NULL, &value, NULL) < 0)
			fail_msg("%s: '%s' is to be '%s', which is no value", type->key, text, advised);
	}
}

/* Whoever may create a container writes such values into annotations. */
TEST(test_advice_on_long_numbers)
{
	static const char tails[][4] = { "", "1", "1m", "1%", "1ms", "1G", "1e9" };
	const char *const files[] = { "cpu.max", "memory.max", "pids.max" };
	char text[128], buf[128];

	for (size_t f = 0; f < ELEMENTS(files); f++)
		for (int zeros = 0; zeros <= 120; zeros++)
			for (size_t t = 0; t < ELEMENTS(tails); t++) {
				(void)snprintf(text, sizeof(text), "0.%0*d%s", zeros + 1, 0, tails[t]);
				(void)limit_advice(limit_type_find(files[f]), text, buf, sizeof(buf));
			}
	assert_string_equal(limit_advice(limit_type_find("cpu.max"), "1e4294967297", buf, sizeof(buf)), "");
	assert_string_equal(limit_advice(limit_type_find("cpu.max"), "0.0000000000000000001e18", buf, sizeof(buf)),
			    "; write '0.1'");
}

TEST(test_words)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "nest = none", "" },
		{ "nest = init", "" },
		{ "nest = nothing-else", "" },
		{ "nest = no", "'no' is not a leaf's name; write none, or a leaf's name such as init$" },
		{ "nest = false", "write none, or a leaf's name such as init$" },
		{ "nest = Off", "write none, or a leaf's name such as init$" },
		{ "nest = 0", "write none, or a leaf's name such as init$" },
		{ "nest = NONE", "write none, or a leaf's name such as init$" },
		{ "nest = true", "a leaf's name such as init" },
		{ "nest = YES", "a leaf's name such as init" },
		{ "nest = 1", "a leaf's name such as init" },
		{ "nest = on", "a leaf's name such as init" },
		{ "guard = true", "write require, prefer or off, did you mean 'require'?$" },
		{ "guard = No", "did you mean 'off'?$" },
		{ "guard = REQUIRED", "did you mean 'require'?$" },
		{ "guard = Off", "did you mean 'off'?$" },
		{ "audit = yes", "did you mean 'require'?$" },
		{ "audit = off", "did you mean 'prefer'?$" },
		{ "audit_sync = true", "write yes or no, did you mean 'yes'?$" },
		{ "audit_sync = 0", "did you mean 'no'?$" },
		{ "on_refusal = false", "write fail or readonly, did you mean 'readonly'?$" },
		{ "on_refusal = read-only", "did you mean 'readonly'?$" },
		{ "on_refusal = deny", "did you mean 'fail'?$" },
		{ "on_missing_limit = ignore", "did you mean 'skip'?$" },
		{ "owner = true", "did you mean 'process'?$" },
		{ "owner = 1000", "write root or process$" },
		{ "device_bpf = off", "did you mean 'runtime'?$" },
		{ "pressure = no", "did you mean 'deny'?$" },
		{ "require_userns = yes", "write true or false, did you mean 'true'?$" },
		{ "require_userns = 0", "did you mean 'false'?$" },
		{ "enable_controllers = cpu,memory", "blanks separate the words of a list, not commas$" },
		{ "enable_controllers = \"cpu\"", "without quotes" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		expect(format("[defaults]\n%s\n", cases[i].line), cases[i].want);
	expect(H "cgroup_writable = readonly\n", "write true or false, did you mean 'false'?$");
	expect(H "cgroup_writable = Yes\n", "did you mean 'true'?$");
	expect(H "profiles = a,b\n", "blanks separate the words of a list, not commas$");
	expect(H "profile = a b\n", "only 'profiles' takes several names$");
	expect(H "approved_annotations = cgdeleg.io/writable=true\n", "write the key alone");
	expect(H "approved_annotations = cgdeleg.io/*\n", "takes no patterns");
	expect("[handler h]\nengine = CRI-O\n", "did you mean 'crio'?$");
}

/* A boolean where a section's name belongs; a section of that name may be meant. */
TEST(test_names_that_are_booleans)
{
	expect(H "profile = none\n", "leave 'profile' out");
	expect(H "profile = no\n", "leave 'profile' out");
	expect(H "profiles = false\n", "leave 'profiles' out");
	expect(H "[rule r]\nhandler = all\n", "name each handler");
	expect(H "profile = no\n[profile no]\npids.max = 5\n", "");
}

TEST(test_patterns)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "namespaces = ci-* build [!a-c]? x[[:digit:]] *", "" },
		{ "namespaces = !kube-system *", "'!kube-system' has a '!', which no namespace's name has: put a rule with "
						 "cgroup_writable = false for it before this one" },
		{ "namespaces = -kube-system", "begins with '-', and no namespace's name does: put a rule" },
		{ "namespaces = ^kube", "has a '^', which no namespace's name has: patterns are shell wildcards" },
		{ "namespaces = a+", "has a '+'" },
		{ "namespaces = a:b", "only images have one" },
		{ "namespaces = x@y", "has a '@'" },
		{ "namespaces = kube-system/web", "have a key each" },
		{ "namespaces = a,b", "has a ',', which no namespace's name has: blanks separate several, not commas" },
		{ "namespaces = a, b", "blanks separate several" },
		{ "namespaces = #x", "a comment" },
		{ "namespaces = $ns", "has a '$'" },
		{ "namespaces = (a|b)", "has a '('" },
		{ "namespaces = {a,b}", "a pattern of its own" },
		{ "namespaces = kube.*", "write * for any text" },
		{ "namespaces = Kube-System", "has a 'K', which no namespace's name has: write small letters" },
		{ "namespaces = [A-Z]*", "has a 'A'" },
		{ "namespaces = my_ns", "has a '_'" },
		{ "namespaces = kube-", "write 'kube-*', if more may follow$" },
		{ "namespaces = \"a\"", "without quotes" },
		{ "namespaces = \xc3\xa4", "has a '\\xc3'" },
		{ "namespaces = [a", "'[' without a ']'" },
		{ "namespaces = a]", "has a ']'" },
		{ "namespaces = []", "with nothing in it" },
		{ "namespaces = [z-a]", "runs backwards" },
		{ "namespaces = [a+b]", "has a '+'" },
		{ "namespaces = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "" },
		{ "namespaces = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*", "" },
		{ "namespaces = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?",
		  "longer than any namespace's name" },
		{ "pods = web-0 my.pod x_y Z*", "" },
		{ "pods = !web", "which no pod's name has: put a rule" },
		{ "pods = ^web$", "has a '^'" },
		{ "pods = .*", "begins with '.', and no pod's name does: patterns are shell wildcards" },
		{ "containers = app build-* x_1", "" },
		{ "containers = !app", "which no container's name has" },
		{ "containers = app:x", "has a ':'" },
		{ "images = docker.io/library/busybox:1.36 registry:5000/*@sha256:?[!a]* Host/x:Tag", "" },
		{ "images = x@sha512+b64:abc *+b64:*", "" },
		{ "images = !docker.io/*", "which no image's name has: put a rule" },
		{ "images = ^docker.io/*", "has a '^'" },
		{ "images = a+b", "has a '+'" },
		{ "images = https://registry/x", "has a scheme" },
		{ "images = registry.example/ci/", "write 'registry.example/ci/*', if more may follow" },
		{ "images = a#b", "has a '#'" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		expect(format(H "[rule r]\nhandler = h\n%s\n", cases[i].line), cases[i].want);
}
