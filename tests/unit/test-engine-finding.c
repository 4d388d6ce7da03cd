/* SPDX-License-Identifier: Apache-2.0 */
/* What of the engines does not fit the policy: for each kind a machine and a policy that have it, and some that do not. */
#include <sys/stat.h>

#include "cgdeleg/node/engine-finding.h"
#include "tests/unit/check.h"
#include "tests/unit/engine-machine.h"

#define ASKS(engine) "\nengine = " engine "\napproved_annotations = cgdeleg.io/writable\nprofile = p\n"
#define PROFILE	     "[profile p]\ncgroup.max.descendants = 10\n"
/* Where the hook and the runtimes of the samples are. */
#define INSTALLED                                                                              \
	"usr/local/libexec/oci/hooks.d/cgdeleg-hook = x\n"                                     \
	"usr/local/libexec/cgdeleg/cgdeleg-runtime = x\nusr/bin/crun = x\nusr/sbin/runc = x\n" \
	"usr/bin/runc = x\n"
#define CI "/etc/containerd/cgdeleg-runc-ci.json"
#define HOOK(args, more)                                                                                                \
	"{\"hooks\": {\"createRuntime\": [{\"path\": \"/usr/local/libexec/oci/hooks.d/cgdeleg-hook\", \"args\": [" args \
	"]" more "}]}}\n"
#define CRIO_DESCRIPTOR(when, more)                                                              \
	"etc/containers/oci/hooks.d/50-cgdeleg-crio.json = {\"version\": \"1.0.0\", \"hook\": {" \
	"\"path\": \"/usr/local/libexec/oci/hooks.d/cgdeleg-hook\", "                            \
	"\"args\": [\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"crio\"]}, "            \
	"\"when\": {" when "}, \"stages\": [\"createRuntime\"]}" more "\n"
#define CRIO_CLEAN "- etc/containers/oci/hooks.d/60-masked.json\n"

static const struct {
	const char *machine, *edit, *policy, *found; /* ids, and a part of what is said; found "": nothing at all */
} rows[] = {
	/* As the pages of docs/ set the engines up: nothing to say. */
	{ "containerd-1", "", "[handler runc-ci]" ASKS("containerd"), "CGD413 /etc/containerd/config.toml:23" },
	{ "podman", "", "[handler podman]" ASKS("podman") "[handler team]" ASKS("podman"),
	  "CGD407 /usr/local/bin/team:0: the hook runs 2 times for each container of the runtime 'team'" },
	{ "podman", "usr/local/bin/team = x\n", "[handler podman]" ASKS("podman"), "" },
	{ "crio", CRIO_CLEAN, "[handler crio]" ASKS("crio"), "" },
	{ "docker",
	  "etc/docker/daemon.json = {\"default-runtime\": \"cgdeleg\", \"userns-remap\": \"default\", \"runtimes\": {\"cgdeleg\": "
	  "{\"path\": \"/usr/local/libexec/cgdeleg/cgdeleg-runtime\", \"runtimeArgs\": [\"--handler\", \"docker\", "
	  "\"--runtime\", \"/usr/sbin/runc\", \"--\"]}}}\n",
	  "[handler docker]" ASKS("docker"), "" },
	/* Engines that are somebody else's. */
	{ "containerd-3", "", "[handler docker]" ASKS("docker"), "" },
	{ "containerd-3", "", "", "" },
	/* CGD401 */
	{ "containerd-1", "", "[handler runc-ci]" ASKS("containerd") "[handler other]" ASKS("containerd"),
	  "CGD401 p:7: containerd of this node runs no hook with --handler other" },
	{ "containerd-3", "", "[handler runc-ci]" ASKS("containerd"), "CGD401" },
	{ "docker", "",
	  "[handler runc-ci]" ASKS("containerd") "[handler docker]" ASKS("docker") "[handler docker2]" ASKS("docker"),
	  "" },
	/* ... a hook that stands where it cannot act is none. */
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = {\"hooks\": {\"poststop\": [{\"path\": \"/usr/local/libexec/oci/hooks.d/cgdeleg-hook\", "
	  "\"args\": [\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"runc-ci\"]}]}}\n",
	  "[handler runc-ci]" ASKS("containerd"), "CGD401" },
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = {\"hooks\": {\"poststop\": [{\"path\": \"/usr/local/libexec/oci/hooks.d/cgdeleg-hook\", "
	  "\"args\": [\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"runc-ci\"]}]}}\n",
	  "[handler runc-ci]" ASKS("containerd"), "CGD405 " CI ":0: the hook is under 'poststop', where it cannot act" },
	/* ... and where nobody can tell, nothing is said. */
	{ "containerd-1", "- etc/containerd/cgdeleg-runc-ci.json\n", "[handler runc-ci]" ASKS("containerd"), "!CGD401" },
	/* CGD402 */
	{ "containerd-1", "", "[handler runc-cj]" ASKS("containerd"),
	  "CGD402 " CI
	  ":0: the hook runs with --handler runc-ci, which no [handler] of the policy has, so it leaves every container "
	  "alone, did you mean 'runc-cj'?" },
	{ "docker", "", "[handler docker]" ASKS("docker"), "CGD402 /usr/local/bin/wrapped:0" },
	/* CGD403 */
	{ "containerd-1", "", "[handler runc-ci]" ASKS("crio"),
	  "CGD403 " CI ":0: containerd runs the hook with --handler runc-ci, whose engine" },
	{ "containerd-1", "", "[handler runc-ci]" ASKS("containerd"), "!CGD403" },
	/* CGD404 */
	{ "containerd-1", "- usr/local/libexec\n", "[handler runc-ci]" ASKS("containerd"),
	  "CGD404 " CI
	  ":0: there is no program '/usr/local/libexec/oci/hooks.d/cgdeleg-hook', so every container of the runtime "
	  "'runc-ci' fails to start" },
	{ "containerd-1", "- usr/local/libexec\nusr/local/libexec/oci/hooks.d/cgdeleg-hook/\n",
	  "[handler runc-ci]" ASKS("containerd"),
	  "CGD404 " CI ":0: '/usr/local/libexec/oci/hooks.d/cgdeleg-hook' is not executable" },
	{ "containerd-1", "!usr/local/libexec/oci/hooks.d/cgdeleg-hook", "[handler runc-ci]" ASKS("containerd"),
	  "CGD404 " CI ":0: somebody other than root owns or may write" },
	{ "docker", "- usr/sbin\n", "[handler docker]" ASKS("docker"),
	  "CGD404 /etc/docker/daemon.json:0: there is no program '/usr/sbin/runc'" },
	{ "docker", "", "[handler docker]" ASKS("docker"), "!CGD404" },
	/* CGD405 */
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = " HOOK("\"createRuntime\", \"--handler\", \"runc-ci\"", ""),
	  "[handler runc-ci]" ASKS("containerd"),
	  "CGD405 " CI ":0: the hook's args do not begin with its name and createRuntime" },
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = " HOOK("\"cgdeleg-hook\", \"createRuntime\", \"--handlr\", \"runc-ci\"",
							""),
	  "[handler runc-ci]" ASKS("containerd"), "CGD405 " CI ":0: the hook has no --handler" },
	{ "docker",
	  "etc/docker/daemon.json = {\"runtimes\": {\"c\": {\"path\": \"/usr/local/libexec/cgdeleg/cgdeleg-runtime\", "
	  "\"runtimeArgs\": [\"--handler\", \"docker\", \"--\"]}}}\n",
	  "[handler docker]" ASKS("docker"), "CGD405 /etc/docker/daemon.json:0: cgdeleg-runtime has no --runtime" },
	{ "containerd-1", "", "[handler runc-ci]" ASKS("containerd"), "!CGD405" },
	/* CGD406 */
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = " HOOK("\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"runc-ci\"",
							", \"timeout\": 28"),
	  "[handler runc-ci]" ASKS("containerd"), "CGD406 " CI ":0: the engine ends the hook after 28 seconds" },
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = " HOOK("\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"runc-ci\"",
							", \"timeout\": 29"),
	  "[handler runc-ci]" ASKS("containerd"), "!CGD406" },
	{ "containerd-1",
	  "etc/containerd/cgdeleg-runc-ci.json = " HOOK("\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"runc-ci\"",
							""),
	  "[handler runc-ci]" ASKS("containerd"), "!CGD406" },
	/* CGD407 */
	{ "crio", CRIO_DESCRIPTOR("\"always\": true", ""),
	  "[handler crio]" ASKS("crio") "[handler masked]" ASKS("crio"), "!CGD407" },
	{ "crio", CRIO_DESCRIPTOR("\"always\": true", "") "- opt/hooks.d/60-masked.json\n", "[handler crio]" ASKS("crio"),
	  "CGD407 /etc/containers/oci/hooks.d/60-masked.json:0: more than one descriptor" },
	/* CGD408 */
	{ "crio", CRIO_CLEAN,
	  "[handler crio]\nengine = crio\nwritable_mount = bound\nprofile = p\ncgroup_writable = true\n",
	  "CGD408 /etc/containers/oci/hooks.d/50-cgdeleg-crio.json:0: [handler crio] is for containers that do not ask, too" },
	{ "crio", CRIO_CLEAN,
	  "[handler crio]" ASKS("crio") "[rule r]\nhandler = crio\nnamespaces = a\nwritable_mount = refuse\n", "CGD408" },
	{ "crio", CRIO_CLEAN CRIO_DESCRIPTOR("\"always\": true", ""),
	  "[handler crio]\nengine = crio\nwritable_mount = bound\nprofile = p\ncgroup_writable = true\n", "!CGD408" },
	{ "crio", CRIO_CLEAN,
	  "[handler crio]\nengine = crio\nprofile = p\napproved_annotations = cgdeleg.io/writable cgroup2-mount-hierarchy-rw.crio.io\n",
	  "a container that asks with 'cgroup2-mount-hierarchy-rw.crio.io', which [handler crio] approves, does not match" },
	{ "crio",
	  CRIO_CLEAN CRIO_DESCRIPTOR(
		  "\"annotations\": {\"^(cgdeleg[.]io/|cgroup2-mount-hierarchy-rw[.]crio[.]io)\": \".*\"}", ""),
	  "[handler crio]\nengine = crio\nprofile = p\napproved_annotations = cgdeleg.io/writable cgroup2-mount-hierarchy-rw.crio.io\n",
	  "!CGD408" },
	{ "crio", CRIO_CLEAN CRIO_DESCRIPTOR("\"annotations\": {\"^cgdeleg[.]io/\": \".*\", \"^cgroup2\": \".*\"}", ""),
	  "[handler crio]" ASKS("crio"), "CGD408" },
	{ "crio", CRIO_CLEAN CRIO_DESCRIPTOR("\"annotations\": {\"^cgdeleg[.]io/\": \".*\"}, \"commands\": [\"sh\"]", ""),
	  "[handler crio]" ASKS("crio"),
	  "CGD408 /etc/containers/oci/hooks.d/50-cgdeleg-crio.json:0: the descriptor has conditions" },
	/* ... a limit alone does not ask. */
	{ "crio", CRIO_CLEAN CRIO_DESCRIPTOR("\"annotations\": {\"^cgdeleg[.]io/writable\": \".*\"}", ""),
	  "[handler crio]\nengine = crio\nprofile = p\napproved_annotations = cgdeleg.io/writable cgdeleg.io/memory.max\n",
	  "!CGD408" },
	/* CGD409 */
	{ "containerd-1", "",
	  "[handler runc-ci]\nengine = containerd\nprofile = p\napproved_annotations = writable-cgroups.noderesource.dev\n",
	  "CGD409 /etc/containerd/config.toml:16: the runtime 'runc-ci' does not pass on 'writable-cgroups.noderesource.dev'" },
	{ "containerd-1", "", "[handler runc-ci]" ASKS("containerd"), "!CGD409" },
	{ "docker", "usr/bin/dockerd = #!/bin/sh\\necho Docker version 20.10.24+dfsg1, build 297e128\n",
	  "[handler docker]" ASKS("docker"), "CGD409 p:5: Docker 20.10.24 has no --annotation" },
	{ "docker", "usr/bin/dockerd = #!/bin/sh\\necho Docker version 24.0.0\n", "[handler docker]" ASKS("docker"),
	  "!CGD409" },
	/* CGD410 */
	{ "containerd-2", "- proc/950\n", "[handler ci]" ASKS("containerd"),
	  "CGD402 /etc/containerd/ci.json:0: the hook runs with --handler other" },
	{ "containerd-2", "- proc/950\n", "[handler ci]" ASKS("containerd"),
	  "CGD410 /etc/containerd/config.toml:12: cgroup_writable of containerd makes cgroups of the runtime 'ci' writable, and nothing "
	  "bounds them: the hook does not run there" },
	{ "containerd-2", "- proc/950\n", "[handler other]" ASKS("containerd"),
	  "nothing bounds those that do not ask cgdeleg" },
	{ "containerd-2", "- proc/950\n", "[handler other]" ASKS("containerd") "writable_mount = bound\n", "!CGD410" },
	{ "containerd-2", "- proc/950\n", "[handler other]\nengine = containerd\nprofile = p\ncgroup_writable = true\n",
	  "!CGD410" },
	{ "crio",
	  CRIO_CLEAN "etc/crio/crio.conf.d/60 = [crio.runtime.runtimes.crun]\\nallowed_annotations = "
		     "['cgroup2-mount-hierarchy-rw.crio.io']\n",
	  "[handler crio]" ASKS("crio"),
	  "CGD410 /etc/crio/crio.conf.d/60:1: CRI-O's own annotation makes cgroups of the runtime 'crun' writable" },
	/* CGD411 */
	{ "docker", "etc/docker/daemon.json = {\"userns-remap\": \"default\"}\n", "[handler docker]" ASKS("docker"),
	  "CGD411 /etc/docker/daemon.json:0: Docker's default runtime 'runc' goes past cgdeleg-runtime, and with userns-remap" },
	{ "docker", "etc/docker/daemon.json = {}\n", "[handler docker]" ASKS("docker"),
	  "CGD411 /etc/docker/daemon.json:0: Docker's default runtime 'runc' goes past cgdeleg-runtime;" },
	{ "docker", "", "[handler docker]" ASKS("docker"), "!CGD411" },
	/* CGD412 */
	{ "containerd-1", "etc/containerd/drop/a.toml = version = \n", "[handler runc-ci]" ASKS("containerd"),
	  "CGD412 /etc/containerd/drop/a.toml:0: containerd cannot use its configuration: /etc/containerd/drop/a.toml:1:" },
	{ "containerd-2", "", "[handler ci]" ASKS("containerd"), "CGD412 /etc/containerd/gone.toml:0" },
	{ "containerd-1", "etc/containerd/drop/a.toml = version = 2\\nimports = ['/etc/*/x.toml']\n",
	  "[handler runc-ci]" ASKS("containerd"), "!CGD412" },
	{ "containerd-2", "etc/containerd/config.toml = version = 2\\nimports = ['conf.d/10-ci.toml']\n",
	  "[handler ci]" ASKS("containerd"),
	  "CGD412 /etc/containerd/conf.d/10-ci.toml:0: the file has version 3 and imports it from a file of version 2" },
	{ "containerd-2",
	  "usr/local/bin/containerd = #!/bin/sh\\necho containerd x v2.2.1\netc/containerd/config.toml = version = 2\\nimports = ['conf.d/10-ci.toml']\n",
	  "[handler ci]" ASKS("containerd"), "!CGD412" },
	/* CGD413 */
	{ "containerd-3", "", "[handler ci]" ASKS("containerd"),
	  "CGD413 /etc/containerd/conf.d/cgdeleg.toml:0: containerd does not read this file" },
	{ "containerd-3", "etc/containerd/config.toml = version = 3\\nimports = ['conf.d/*.toml']\n",
	  "[handler ci]" ASKS("containerd"), "!CGD413" },
	/* CGD414: the machine's files are newer than a boot in the past. */
	{ "containerd-2", "proc/stat = cpu 1\\nbtime 1000\n", "[handler ci]" ASKS("containerd"),
	  "CGD414 /etc/containerd/config.toml:0: containerd was started before this file was changed last" },
	{ "containerd-2", "proc/stat = cpu 1\\nbtime 9999999999\n", "[handler ci]" ASKS("containerd"), "!CGD414" },
	{ "containerd-1", "", "[handler runc-ci]" ASKS("containerd"), "!CGD414" },
};

static void note(const struct finding *finding, void *userdata)
{
	char *text = userdata;
	const size_t used = strlen(text);

	(void)snprintf(text + used, 16384 - used, "%s %s:%u: %s; %s\n", finding->id,
		       finding->place.file ? finding->place.file : "?", finding->place.line, finding->text,
		       finding->remedy);
}

/* "!path" makes a file that everybody may write. */
static void edit(const struct tree *tree, const char *lines)
{
	char command[512];

	machine_edit(tree, INSTALLED "proc/1/comm = init\n");
	if (lines[0] != '!') {
		machine_edit(tree, lines);
	} else {
		(void)snprintf(command, sizeof(command), "%s/%s", tree->root, lines + 1);
		assert_int_equal(chmod(command, 0777), 0);
	}
}

/* Says what is wrong, and goes on. */
static bool check_row(size_t i)
{
	const char *found = rows[i].found;
	char text[16384] = "", *policy;
	struct engines engines;
	struct ruleset rules;
	struct tree tree;
	bool good;

	machine_new(&tree, rows[i].machine);
	edit(&tree, rows[i].edit);
	if (asprintf(&policy, PROFILE "%s", rows[i].policy) < 0)
		abort();
	CHECK("load", ruleset_load_text("p", policy, strlen(policy), &rules, &why), NULL);
	if (ruleset_is_broken(&rules))
		fail_msg("%zu: %s", i, rules.complaints->text);
	CHECK("read", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	engine_findings(&rules, &engines, note, text);
	good = found[0] == '!' ? !strstr(text, found + 1) : found[0] ? strstr(text, found) != NULL : text[0] == '\0';
	if (!good)
		print_error("%zu: %s, edited with \"%s\", with the policy\n%s\nfound\n%s\"%s\" was expected\n", i,
			    rows[i].machine, rows[i].edit, policy, text, found);
	engines_done(&engines);
	ruleset_done(&rules);
	free(policy);
	tree_free(&tree);
	return good;
}

TEST(test_findings)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		n_bad += !check_row(i);
	assert_int_equal(n_bad, 0);
}
