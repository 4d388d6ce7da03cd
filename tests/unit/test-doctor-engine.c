/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's checks of engines and runtimes: each with a node that provokes it, and one that does not. */
#include "cgdeleg/node/doctor-part.h"
#include "tests/unit/check.h"
#include "tests/unit/engine-machine.h"

#define POLICY(handler, engine)                                                                  \
	"etc/cgdeleg/policy.ini = [profile p]\\ncgroup.max.descendants = 10\\n[handler " handler \
	"]\\nengine = " engine "\\napproved_annotations = cgdeleg.io/writable\\nprofile = p\n"
#define BOUND(handler, engine)                                                                   \
	"etc/cgdeleg/policy.ini = [profile p]\\ncgroup.max.descendants = 10\\n[handler " handler \
	"]\\nengine = " engine "\\ncgroup_writable = true\\nwritable_mount = bound\\nprofile = p\n"
/* What the samples' configurations name. */
#define INSTALLED                                                                              \
	"usr/local/libexec/oci/hooks.d/cgdeleg-hook = x\n"                                     \
	"usr/local/libexec/cgdeleg/cgdeleg-runtime = x\nusr/bin/crun = x\nusr/sbin/runc = x\n" \
	"proc/1/comm = init\nproc/sys/kernel/osrelease = 6.12.0\n"
#define PROGRAM(path, says) path " = #!/bin/sh\\necho " says "\n"
#define KUBELET(version)    PROGRAM("usr/bin/kubelet", "Kubernetes v" version)
#define RUNC(version)	    PROGRAM("usr/sbin/runc", "runc version " version)
#define CRUN(version)	    PROGRAM("usr/bin/crun", "crun version " version)
#define KERNEL(version)	    "proc/sys/kernel/osrelease = " version "\n"
#define CONTAINERD(version) PROGRAM("usr/bin/containerd", "containerd x " version)
#define RUNS                                                                                  \
	"proc/9/comm = containerd\nproc/9/cmdline = containerd\nproc/9/status = NSpid:\\t9\n" \
	"proc/stat = cpu 1\\nbtime 4102444800\n"                                              \
	"proc/9/stat = 9 (containerd) S 1 9 9 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 777 9 10\n"
/* The samples' page-perfect forms. */
#define CI POLICY("runc-ci", "containerd") "- etc/containerd/drop\n"
#define NO_MISTAKE                                                                                                           \
	"etc/containerd/config.toml = version = 3\\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc-ci]\\n" \
	"runtime_type = 'io.containerd.runc.v2'\\nbase_runtime_spec = '/etc/containerd/cgdeleg-runc-ci.json'\\n"             \
	"pod_annotations = ['cgdeleg.io/*']\n"
#define PERFECT CONTAINERD("2.1.9") NO_MISTAKE CI

static const struct {
	const char *id, *machine, *lines;
	enum doctor_result result; /* the worst */
	const char *text, *remedy; /* parts; NULL: none */
} rows[] = {
	{ "engine.found", "docker", "", DOCTOR_OK, "containerd 2.1.5, docker 28.5.2", NULL },
	{ "engine.found", "containerd-1", RUNS, DOCTOR_OK, "containerd 1.7.24 (runs)", NULL },
	{ "engine.found", "containerd-1", "- usr/bin\n", DOCTOR_NOT_APPLICABLE, "there is no containerd", NULL },
	{ "engine.found", "docker", "- proc\n", DOCTOR_UNKNOWN,
	  "does not see which engines run; installed: containerd 2.1.5, docker", NULL },
	{ "engine.listens", "docker", "", DOCTOR_NOT_APPLICABLE, "no engine runs", NULL },
	{ "engine.listens", "containerd-1", RUNS, DOCTOR_WARN, "nobody answers on /run/containerd/containerd.sock",
	  "journal" },
	{ "engine.configuration", "containerd-1", PERFECT, DOCTOR_OK, "can be used", NULL },
	{ "engine.configuration", "containerd-1", PERFECT "etc/containerd/config.toml = x\n", DOCTOR_FAIL,
	  "is not TOML", "mend the file" },
	{ "engine.configuration", "containerd-3", "", DOCTOR_NOT_APPLICABLE, "no engine here has the hook", NULL },
	{ "engine.ignored", "containerd-1", PERFECT, DOCTOR_OK, "passed over", NULL },
	{ "engine.ignored", "containerd-1", CI, DOCTOR_WARN,
	  "/etc/containerd/config.toml:23: containerd ignores the runtime 'lost'", "version 2" },
	{ "engine.restart", "containerd-1", PERFECT RUNS, DOCTOR_OK, "no configuration has changed", NULL },
	{ "engine.restart", "containerd-1", PERFECT RUNS "proc/stat = cpu 1\\nbtime 99\n", DOCTOR_WARN,
	  "was started before this file", "restart" },
	{ "engine.hook", "containerd-1", PERFECT, DOCTOR_OK, "every hook is there", NULL },
	{ "engine.hook", "containerd-1", PERFECT "- usr/local/libexec\n", DOCTOR_FAIL, "there is no program",
	  "install it" },
	{ "engine.hook", "containerd-1", "- etc/cgdeleg\n", DOCTOR_OK, "every hook is there", NULL },
	{ "engine.wired", "containerd-1", PERFECT, DOCTOR_OK, "runs the hook for every handler", NULL },
	{ "engine.wired", "containerd-1", PERFECT POLICY("other", "containerd"), DOCTOR_WARN,
	  "runs no hook with --handler other", "docs/engines.md" },
	{ "engine.wired", "containerd-1", PERFECT "etc/cgdeleg/policy.ini = [handler\n", DOCTOR_UNKNOWN,
	  "see cgdeleg.policy", NULL },
	{ "engine.wired", "containerd-1", PERFECT "etc/cgdeleg/policy.ini = [handler h]\n", DOCTOR_UNKNOWN,
	  "see cgdeleg.policy", NULL },
	{ "engine.handler", "containerd-1", PERFECT, DOCTOR_OK, "every hook has a handler", NULL },
	{ "engine.handler", "containerd-1", PERFECT POLICY("runc-cj", "containerd"), DOCTOR_WARN,
	  "did you mean 'runc-cj'?", "correct the name" },
	{ "engine.default-runtime", "containerd-1", PERFECT, DOCTOR_OK, "no default runtime", NULL },
	{ "engine.default-runtime", "docker", POLICY("docker", "docker") "etc/docker/daemon.json = {}\n", DOCTOR_NOTE,
	  "goes past", "default-runtime" },
	{ "engine.descriptor", "podman", BOUND("podman", "podman"), DOCTOR_OK, "matches its descriptor", NULL },
	{ "engine.descriptor", "crio", BOUND("crio", "crio"), DOCTOR_WARN, "is for containers that do not ask, too",
	  "always" },
	{ "engine.annotations", "containerd-1", PERFECT, DOCTOR_OK, "reaches the hook", NULL },
	{ "engine.annotations", "docker", POLICY("docker", "docker") PROGRAM("usr/bin/dockerd", "Docker version 20.10.5"),
	  DOCTOR_WARN, "has no --annotation", "cgroup_writable = true" },
	{ "engine.writable", "containerd-1", PERFECT, DOCTOR_OK, "nothing bounds", NULL },
	{ "engine.writable", "containerd-2", POLICY("ci", "containerd"), DOCTOR_WARN, "cgroup_writable of containerd",
	  "writable_mount = bound" },
	/* The matrix of versions. */
	{ "engine.userns", "containerd-3", "", DOCTOR_NOT_APPLICABLE, "no engine here has the hook", NULL },
	{ "engine.userns", "containerd-1", CI, DOCTOR_OK, "can make user namespaces", NULL },
	{ "engine.userns", "containerd-1", CI KUBELET("1.26.9"), DOCTOR_NOTE, "changes its owner", "containerd 2.0" },
	{ "engine.userns", "containerd-1", CI KUBELET("1.27.0"), DOCTOR_FAIL, "kubelet 1.27.0 needs containerd 2.0",
	  "containerd 2.0" },
	{ "engine.userns", "containerd-1", CI KERNEL("5.10.0"), DOCTOR_WARN, "wants Linux 5.15", "5.15" },
	{ "engine.userns", "containerd-1", CI CONTAINERD("1.6.20"), DOCTOR_FAIL,
	  "ignores hostUsers: false without a word", "2.0" },
	{ "engine.userns", "containerd-1", CI PROGRAM("usr/bin/containerd", "nothing"), DOCTOR_UNKNOWN,
	  "does not say its version", NULL },
	{ "engine.userns", "containerd-1", PERFECT KUBELET("1.36.1") RUNC("1.2.0"), DOCTOR_OK,
	  "can make user namespaces", NULL },
	{ "engine.userns", "containerd-1", PERFECT KUBELET("1.36.1") RUNC("1.1.15"), DOCTOR_WARN,
	  "'runc-ci' is runc 1.1.15", "upgrade runc" },
	{ "engine.userns", "containerd-1", PERFECT RUNC("1.1.15"), DOCTOR_OK, "can make user namespaces", NULL },
	{ "engine.userns", "containerd-1", PERFECT KUBELET("1.36.1") RUNC("1.3.6") KERNEL("6.1.0"), DOCTOR_WARN,
	  "cannot mount tmpfs", "6.3" },
	{ "engine.userns", "crio", POLICY("crio", "crio") KUBELET("1.34.0") CRUN("1.8.1"), DOCTOR_WARN,
	  "'crun' is crun 1.8.1", "upgrade crun" },
	{ "engine.userns", "crio", POLICY("crio", "crio") KUBELET("1.34.0") CRUN("1.9") "usr/bin/runc = x\n", DOCTOR_OK,
	  "can make", NULL },
	{ "engine.userns", "crio", POLICY("crio", "crio") PROGRAM("usr/bin/crio", "crio version 1.24.6"), DOCTOR_FAIL,
	  "CRI-O 1.24.6 ignores", "1.25" },
	{ "engine.userns", "podman", "", DOCTOR_OK, "can make user namespaces", NULL },
	{ "engine.userns", "podman", PROGRAM("usr/bin/podman", "podman version 5.1.9"), DOCTOR_FAIL,
	  "the hook refuses it", "5.2" },
	{ "engine.userns", "docker", POLICY("docker", "docker"), DOCTOR_OK, "can make user namespaces", NULL },
	{ "engine.userns", "docker", POLICY("docker", "docker") "etc/docker/daemon.json = {}\n", DOCTOR_FAIL,
	  "userns-remap is off", "/etc/docker" },
	{ "engine.userns", "docker",
	  "etc/docker/daemon.json = {}\netc/cgdeleg/policy.ini = [defaults]\\nrequire_userns = false\\n[profile p]\\n"
	  "cgroup.max.descendants = 10\\n[handler docker]\\nengine = docker\\nprofile = p\\ncgroup_writable = true\n",
	  DOCTOR_OK, "can make", NULL },
	/* The cgroup of a described node is none, so that its kernel cannot be tried. */
	{ "runtime.bpf-query", "podman", RUNC("1.5.1"), DOCTOR_OK, "Linux 6.12.0 does not write past the end", NULL },
	{ "runtime.bpf-query", "podman", RUNC("1.5.1") KERNEL("6.17.0"), DOCTOR_NOTE, "what runc 1.5.1 gives", "7.2" },
	{ "runtime.bpf-query", "podman", RUNC("1.5.1") KERNEL("7.2.0"), DOCTOR_OK, "Linux 7.2.0 does not", NULL },
	{ "runtime.bpf-query", "podman", RUNC("1.5.2") KERNEL("7.1.4"), DOCTOR_OK, "leaves enough room", NULL },
	{ "runtime.bpf-query", "podman", "- usr/sbin/runc\n" KERNEL("7.1.4"), DOCTOR_NOT_APPLICABLE, "there is no runc",
	  NULL },
	{ "runtime.bpf-query", "podman", PROGRAM("usr/sbin/runc", "x") KERNEL("7.1.4"), DOCTOR_UNKNOWN,
	  "does not say its version", NULL },
	{ "runtime.bpf-query", "podman", KERNEL("x"), DOCTOR_UNKNOWN, "release cannot be read", NULL },
};

static const struct doctor_answer *worst_of(const struct doctor *d)
{
	const struct doctor_answer *worst = d->answers;

	for (size_t i = 1; i < d->n; i++)
		if (d->answers[i].result > worst->result)
			worst = &d->answers[i];
	return worst;
}

/* Says what is wrong, and goes on. */
static bool check_row(size_t i)
{
	const struct doctor_check *check = doctor_engine_checks;
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(doctor_done) struct doctor d = { .root_fd = -EBADF, .host = HOST_CLOSED };
	struct doctor_args args = {
		.policy = POLICY_DIRECTORY, .audit = AUDIT_DIRECTORY, .run = BUDGET_DIRECTORY, .privileged = true
	};
	const struct doctor_answer *got;

	machine_new(&tree, rows[i].machine);
	machine_edit(&tree, INSTALLED);
	machine_edit(&tree, rows[i].lines);
	args.root = tree.root;
	args.machine = tree_machine(&tree);
	while (check->id && strcmp(check->id, rows[i].id) != 0)
		check++;
	assert_non_null(check->id);
	CHECK(rows[i].id, doctor_open(&args, &d, &why), NULL);
	doctor_run(&d, check);
	assert_false(d.lost);
	got = worst_of(&d);
	if (got->result == rows[i].result && strstr(got->text, rows[i].text) && !got->remedy == !rows[i].remedy &&
	    (!got->remedy || strstr(got->remedy, rows[i].remedy)))
		return true;
	print_error("%zu: %s: %s \"%s\", do \"%s\"; %s \"%s\", do \"%s\" was expected\n", i, rows[i].id,
		    doctor_result_name(got->result), got->text, got->remedy, doctor_result_name(rows[i].result),
		    rows[i].text, rows[i].remedy);
	return false;
}

TEST(test_checks)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		n_bad += !check_row(i);
	assert_int_equal(n_bad, 0);
}

/* engine.listens has its good case in test-engine.c's sockets; engine.found has nothing to find amiss. */
TEST(test_both_ways)
{
	for (const struct doctor_check *check = doctor_engine_checks; check->id; check++) {
		bool provoked = strcmp(check->id, "engine.found") == 0, clean = strcmp(check->id, "engine.listens") == 0;

		for (size_t i = 0; i < ELEMENTS(rows); i++) {
			const bool about = strcmp(rows[i].id, check->id) == 0;

			provoked |= about && rows[i].result >= DOCTOR_NOTE;
			clean |= about && rows[i].result == DOCTOR_OK;
		}
		if (!provoked || !clean)
			fail_msg("no case %s %s", provoked ? "leaves in peace" : "provokes", check->id);
	}
}
