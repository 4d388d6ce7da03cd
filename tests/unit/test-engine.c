/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engines as they are configured: samples of whole configurations in tests/unit/engines, each a machine of its own, and what is
 * to be read from them.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cgdeleg/node/engine.h"
#include "tests/unit/check.h"
#include "tests/unit/engine-machine.h"

static void add(char *buf, size_t size, const char *format, ...) _printf_(3, 4);
static void add(char *buf, size_t size, const char *format, ...)
{
	const size_t used = strlen(buf);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(buf + used, size - used, format, args);
	va_end(args);
}

static void add_words(char *buf, size_t size, const char *name, const struct engine_word *words)
{
	if (words)
		add(buf, size, " %s", name);
	for (const struct engine_word *w = words; w; w = w->next)
		add(buf, size, "%c%s", w == words ? '=' : ',', w->text);
}

static void add_hook(char *buf, size_t size, const struct engine_hook *hook)
{
	static const char *const ways[] = { "base-spec", "descriptor", "wrapper" };

	add(buf, size, "   %s %s %s handler=%s", ways[hook->way], hook->place.file, hook->program, hook->handler);
	if (hook->stage)
		add(buf, size, " stage=%s timeout=%d", hook->stage, (int)hook->timeout);
	if (hook->runtime)
		add(buf, size, " runtime=%s", hook->runtime);
	add_words(buf, size, "keys", hook->keys);
	add(buf, size, "%s%s\n", hook->always ? " always" : "", hook->narrowed ? " narrowed" : "");
}

static void add_runtime(char *buf, size_t size, const struct engine_runtime *r)
{
	add(buf, size, "  %s%s %s:%u", r->name, r->is_default ? "*" : "", r->place.file ? r->place.file : "(built in)",
	    r->place.line);
	if (r->path)
		add(buf, size, " path=%s", r->path);
	if (r->base_spec)
		add(buf, size, " base=%s", r->base_spec);
	add_words(buf, size, "annotations", r->annotations);
	add(buf, size, "%s%s%s\n", r->systemd_cgroup ? " systemd" : "", r->makes_writable ? " writable" : "",
	    r->unread ? " unread" : "");
	for (const struct engine_hook *hook = r->hooks; hook; hook = hook->next)
		add_hook(buf, size, hook);
}

static void add_engine(char *buf, size_t size, const struct engine_conf *e)
{
	add(buf, size, "%s %s pid=%d%s%s\n", engine_names[e->kind], e->version, (int)e->pid,
	    e->without_cri ? " without-cri" : "", e->userns ? " userns" : "");
	for (const struct engine_file *file = e->files; file; file = file->next)
		add(buf, size, " read %s %d\n", file->path, (int)file->version);
	for (const struct engine_word *w = e->unimported; w; w = w->next)
		add(buf, size, " unimported %s\n", w->text);
	for (const struct engine_fault *f = e->faults; f; f = f->next)
		add(buf, size, " fault %s:%u %s\n", f->place.file, f->place.line, f->text);
	for (const struct engine_runtime *r = e->misplaced; r; r = r->next)
		add(buf, size, " misplaced %s\n", r->name);
	for (const struct engine_word *w = e->hooks_dirs; w; w = w->next)
		add(buf, size, " hooks %s\n", w->text);
	for (const struct engine_runtime *r = e->runtimes; r; r = r->next)
		add_runtime(buf, size, r);
	for (const struct engine_hook *hook = e->hooks; hook; hook = hook->next)
		add_hook(buf, size, hook);
}

static const struct {
	const char *machine, *read;
} machines[] = {
	/* Version 2; a table of another version's; hooks that are not cgdeleg's. */
	{ "containerd-1",
	  "containerd 1.7.24 pid=0\n"
	  " read /etc/containerd/config.toml 2\n"
	  " read /etc/containerd/cgdeleg-runc-ci.json 0\n"
	  " misplaced lost\n"
	  "  runc* /etc/containerd/config.toml:13\n"
	  "  runc-ci /etc/containerd/config.toml:16 base=/etc/containerd/cgdeleg-runc-ci.json annotations=cgdeleg.io/* systemd\n"
	  "   base-spec /etc/containerd/cgdeleg-runc-ci.json /usr/local/libexec/oci/hooks.d/cgdeleg-hook handler=runc-ci"
	  " stage=createRuntime timeout=30 always\n" },
	/* Version 4 with imports of 3 and 2, one missing; a second containerd beside it; one in a container, which is not this
	 * node's. */
	{ "containerd-2",
	  "containerd 2.3.1 pid=812\n"
	  " read /etc/containerd/config.toml 4\n"
	  " read /etc/containerd/conf.d/10-ci.toml 3\n"
	  " read /etc/containerd/conf.d/20-old.toml 2\n"
	  " read /etc/containerd/ci.json 0\n"
	  " fault /etc/containerd/gone.toml:0 cannot read '/etc/containerd/gone.toml': No such file or directory\n"
	  " fault /etc/containerd/gone.json:0 cannot read '/etc/containerd/gone.json': No such file or directory\n"
	  " misplaced old\n"
	  "  ci /etc/containerd/config.toml:12 path=/usr/bin/crun base=/etc/containerd/ci.json"
	  " annotations=cgdeleg.io/*,ci.example.com/?[a-z]* writable\n"
	  "   base-spec /etc/containerd/ci.json /opt/cgdeleg/cgdeleg-hook-1.2 handler=ci stage=poststop timeout=0 always\n"
	  "   base-spec /etc/containerd/ci.json /opt/cgdeleg/cgdeleg-hook-1.2 handler=other stage=prestart timeout=5 always\n"
	  "  second /etc/containerd/conf.d/20-old.toml:2 base=/etc/containerd/gone.json unread\n"
	  "  runc* (built in):0\n"
	  "containerd 2.3.1 pid=950\n"
	  " read /var/lib/k3s/containerd/config.toml 3\n"
	  "  crun* /var/lib/k3s/containerd/config.toml:2 path=/usr/local/sbin/runc-of-team systemd\n"
	  "   wrapper /usr/local/sbin/runc-of-team /usr/local/libexec/cgdeleg/cgdeleg-runtime handler=team runtime=/usr/bin/crun always\n"
	  "  runc (built in):0\n" },
	{ "containerd-3", "containerd 2.1.9 pid=0\n"
			  " read /etc/containerd/config.toml 3\n"
			  " unimported /etc/containerd/conf.d/cgdeleg.toml\n"
			  "  runc* (built in):0\n" },
	{ "docker",
	  "containerd 2.1.5 pid=0 without-cri\n"
	  " read /etc/containerd/config.toml 1\n"
	  "  runc* (built in):0\n"
	  "docker 28.5.2 pid=0 userns\n"
	  " read /etc/docker/daemon.json 0\n"
	  "  cgdeleg* /etc/docker/daemon.json:0 path=/usr/local/libexec/cgdeleg/cgdeleg-runtime\n"
	  "   wrapper /etc/docker/daemon.json /usr/local/libexec/cgdeleg/cgdeleg-runtime handler=docker runtime=/usr/sbin/runc always\n"
	  "  crun /etc/docker/daemon.json:0 path=/usr/bin/crun\n"
	  "  shim /etc/docker/daemon.json:0 path=/usr/local/bin/wrapped\n"
	  "   wrapper /usr/local/bin/wrapped /usr/local/libexec/cgdeleg/cgdeleg-runtime handler=docker2 runtime=/usr/sbin/runc always\n"
	  "  runc (built in):0\n" },
	/* A later drop-in's table of a runtime takes the earlier one's place; a later directory's descriptor, too. */
	{ "crio",
	  "crio 1.34.1 pid=0\n"
	  " read /etc/crio/crio.conf 0\n"
	  " read /etc/crio/crio.conf.d/00-default.conf 0\n"
	  " read /etc/crio/crio.conf.d/50-cgdeleg.conf 0\n"
	  " hooks /etc/containers/oci/hooks.d\n"
	  " hooks /opt/hooks.d\n"
	  "  crun* /etc/crio/crio.conf.d/50-cgdeleg.conf:4\n"
	  "  runc /etc/crio/crio.conf:9 path=/usr/bin/runc annotations=io.containers.trace-syscall\n"
	  "   descriptor /etc/containers/oci/hooks.d/50-cgdeleg-crio.json /usr/local/libexec/oci/hooks.d/cgdeleg-hook handler=crio"
	  " stage=createRuntime timeout=30 keys=^cgdeleg[.]io/\n" },
	{ "podman",
	  "podman 5.4.2 pid=0\n"
	  " read /usr/share/containers/containers.conf 0\n"
	  " read /etc/containers/containers.conf 0\n"
	  " read /etc/containers/containers.conf.d/10-more.conf 0\n"
	  " read /etc/containers/containers.conf.d/20-more.conf 0\n"
	  " hooks /usr/share/containers/oci/hooks.d\n"
	  " hooks /srv/hooks\n"
	  " hooks /etc/containers/oci/hooks.d\n"
	  "  crun* /usr/share/containers/containers.conf:7 path=/usr/local/bin/crun\n"
	  "  team /usr/share/containers/containers.conf:8 path=/usr/local/bin/team\n"
	  "   wrapper /usr/local/bin/team /usr/local/libexec/cgdeleg/cgdeleg-runtime handler=team runtime=/usr/bin/crun always\n"
	  "   descriptor /etc/containers/oci/hooks.d/50-cgdeleg.json /usr/local/libexec/oci/hooks.d/cgdeleg-hook handler=podman"
	  " stage=createRuntime timeout=30 always\n" },
};

/* What a tree's engines are, as text; the program's own memory. */
static const char *read_machine(const struct tree *tree)
{
	static char text[16384];
	struct engines engines;

	CHECK("read", engines_read(tree->root, ENGINES_ALL, &engines, &why), NULL);
	text[0] = '\0';
	for (const struct engine_conf *engine = engines.first; engine; engine = engine->next)
		add_engine(text, sizeof(text), engine);
	engines_done(&engines);
	return text;
}

TEST(test_machines)
{
	for (size_t i = 0; i < ELEMENTS(machines); i++) {
		struct tree tree;

		machine_new(&tree, machines[i].machine);
		check_string(machines[i].machine, read_machine(&tree), machines[i].read);
		tree_free(&tree);
	}
}

/* What an edit of a machine changes: NULL must not be there any more, or must be. */
static const struct {
	const char *machine, *edit, *must, *must_not;
} edits[] = {
	/* podman 6: the administrator's file hides the vendor's; drop-ins of root's podman in more places. */
	{ "podman",
	  "usr/bin/podman = #!/bin/sh\\necho podman version 6.0.1\n"
	  "etc/containers/containers.rootful.conf.d/15-mine.conf = [engine]\\nhooks_dir = ['/srv/six']\n",
	  " read /etc/containers/containers.rootful.conf.d/15-mine.conf 0\n"
	  " read /etc/containers/containers.conf.d/20-more.conf 0\n"
	  " hooks /srv/six\n"
	  " hooks /etc/containers/oci/hooks.d\n"
	  "  crun* (built in):0\n",
	  "/usr/share/containers/containers.conf" },
	/* containerd 1.x takes a plugin whole from the last file that has it. */
	{ "containerd-1",
	  "etc/containerd/drop/a.toml = version = 2\\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.last]\\n"
	  "runtime_type = \"io.containerd.runc.v2\"\n",
	  "  last /etc/containerd/drop/a.toml:2\n", "runc-ci" },
	{ "containerd-1", "etc/containerd/drop/a.toml = version = 3\n",
	  " fault /etc/containerd/drop/a.toml:0 containerd 1.x reads no file of version 3, and does not start\n", NULL },
	/* Not TOML, not JSON, a directory; and what is right beside it is still read. */
	{ "containerd-1", "etc/containerd/drop/a.toml = version = = 2\n",
	  " fault /etc/containerd/drop/a.toml:0 /etc/containerd/drop/a.toml:1:11: this is not TOML", NULL },
	{ "containerd-1", "etc/containerd/drop/a.toml = x = \"\\u0000\"\n", "a.toml:1: a string has a NUL in it\n", NULL },
	{ "containerd-1", "etc/containerd/cgdeleg-runc-ci.json = {\"hooks\"\n",
	  "annotations=cgdeleg.io/* systemd unread\n", "handler=" },
	{ "containerd-1", "- etc/containerd/cgdeleg-runc-ci.json\netc/containerd/cgdeleg-runc-ci.json/\n",
	  "cannot read '/etc/containerd/cgdeleg-runc-ci.json': Is a directory\n", "handler=" },
	{ "docker", "etc/docker/daemon.json = { \"runtimes\": {} \n", "docker 28.5.2", "handler=" },
	/* Links lead where the machine's own root has them. */
	{ "containerd-1",
	  "srv/base.json = {}\n- etc/containerd/cgdeleg-runc-ci.json\netc/containerd/cgdeleg-runc-ci.json -> /srv/base.json\n",
	  "annotations=cgdeleg.io/* systemd\n", "fault" },
	/* Imports that import one another; a star in a directory's name. */
	{ "containerd-1", "etc/containerd/drop/a.toml = version = 2\\nimports = ['../drop/a.toml', '/etc/*/x.toml']\n",
	  " fault /etc/containerd/drop/a.toml:2 imports has a '*' in the name of a directory", NULL },
	{ "containerd-3", "etc/containerd/config.toml = version = 3\\nimports = ['conf.d/*.toml']\n",
	  " read /etc/containerd/conf.d/cgdeleg.toml 3\n  ci /etc/containerd/conf.d/cgdeleg.toml:2\n  runc* (built in):0\n",
	  "unimported" },
	/* Without a file at all containerd has its built-in runtime. */
	{ "containerd-3", "- etc/containerd/config.toml\n",
	  "containerd 2.1.9 pid=0\n unimported /etc/containerd/conf.d/cgdeleg.toml\n", "fault" },
	/* CRI-O's own annotation, for one runtime and for all. */
	{ "crio",
	  "etc/crio/crio.conf.d/60 = [crio.runtime.runtimes.runc]\\nallowed_annotations = "
	  "['io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw']\n",
	  "  runc /etc/crio/crio.conf.d/60:1 annotations=io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw writable\n",
	  NULL },
	{ "crio",
	  "etc/crio/crio.conf.d/60 = [crio.runtime.workloads.w]\\nactivation_annotation = 'w'\\n"
	  "allowed_annotations = ['cgroup2-mount-hierarchy-rw.crio.io']\n",
	  "  crun* /etc/crio/crio.conf.d/50-cgdeleg.conf:4 writable\n", NULL },
	/* Descriptors that engines refuse, or that match more narrowly. */
	{ "crio",
	  "opt/hooks.d/70.json = {\"version\": \"1.0.0\", \"hook\": {\"path\": \"/x/cgdeleg-hook\"}, \"when\": {\"always\": true}}\n",
	  " fault /opt/hooks.d/70.json:0 a descriptor needs \"stages\": [\"createRuntime\"], or the engine refuses it\n",
	  "/x/" },
	{ "crio",
	  "opt/hooks.d/70.json = {\"version\": \"1.0.0\", \"hook\": {\"path\": \"/x/cgdeleg-hook\"}, \"when\": {\"always\": true, "
	  "\"commands\": [\"sh\"]}, \"stages\": [\"createRuntime\", \"poststop\"]}\n",
	  "   descriptor /opt/hooks.d/70.json /x/cgdeleg-hook handler=(null) stage=createRuntime timeout=0 narrowed\n"
	  "   descriptor /opt/hooks.d/70.json /x/cgdeleg-hook handler=(null) stage=poststop timeout=0 narrowed\n",
	  NULL },
	/* Docker's daemon with options of its own. */
	{ "docker", "proc/7/comm = dockerd\nproc/7/status = NSpid:\\t7\nproc/7/cmdline = x\nproc/7/comm = dockerd\n",
	  "docker 28.5.2 pid=7 userns\n", "docker 28.5.2 pid=0" },
	/* Somebody else's process of that name, or one that he made root's by a set-user-ID bit. */
	{ "docker",
	  "proc/7/comm = dockerd\nproc/7/status = Name: x\\nUid: 65533 65533 65533 65533\\nNSpid:\\t7\nproc/7/cmdline = x\n",
	  "docker 28.5.2 pid=0", "pid=7" },
	{ "docker", "proc/7/comm = dockerd\nproc/7/status = Name: x\\nUid: 65533 0 0 0\\nNSpid:\\t7\nproc/7/cmdline = x\n",
	  "docker 28.5.2 pid=0", "pid=7" },
	{ "docker", "proc/7/comm = dockerd\nproc/7/status = Name: x\\nUid: 0 0 0 0\\nNSpid:\\t7\nproc/7/cmdline = x\n",
	  "docker 28.5.2 pid=7", "docker 28.5.2 pid=0" },
	/* With another mount namespace than the node's, its path means nothing here. */
	{ "docker",
	  "proc/7/comm = dockerd\nproc/7/status = NSpid:\\t7\nproc/7/cmdline = x\nproc/7/exe -> /usr/bin/other\n"
	  "usr/bin/other = #!/bin/sh\\necho 99.9.9\nproc/1/ns/mnt -> mnt:[1]\nproc/7/ns/mnt -> mnt:[2]\n",
	  "docker 28.5.2 pid=7", "99.9.9" },
	{ "docker",
	  "proc/7/comm = dockerd\nproc/7/status = NSpid:\\t7\nproc/7/cmdline = x\nproc/7/exe -> /usr/bin/other\n"
	  "usr/bin/other = #!/bin/sh\\necho 99.9.9\nproc/1/ns/mnt -> mnt:[1]\nproc/7/ns/mnt -> mnt:[1]\n",
	  "docker 99.9.9 pid=7", NULL },
	/* A program that says nothing, or that others may write. */
	{ "docker", "usr/bin/dockerd = #!/bin/sh\\ntrue\n", "docker (null) pid=0", NULL },
};

TEST(test_edits)
{
	for (size_t i = 0; i < ELEMENTS(edits); i++) {
		struct tree tree;
		const char *text;

		machine_new(&tree, edits[i].machine);
		machine_edit(&tree, edits[i].edit);
		text = read_machine(&tree);
		if (!strstr(text, edits[i].must) || (edits[i].must_not && strstr(text, edits[i].must_not)))
			fail_msg("%s, edited with \"%s\":\n%s\"%s\" was expected, without \"%s\"", edits[i].machine,
				 edits[i].edit, text, edits[i].must, edits[i].must_not);
		tree_free(&tree);
	}
}

/* Nothing is an engine whose program is not there, and that does not run. */
TEST(test_nothing)
{
	struct tree tree;
	struct engines engines;

	tree_new(&tree, "etc/containerd/config.toml = version = 2\nproc/1/comm = init\n");
	assert_string_equal(read_machine(&tree), "");
	CHECK("read", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	assert_false(engines.processes_unread);
	engines_done(&engines);
	tree_edit(&tree, "- proc\n");
	CHECK("read", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	assert_true(engines.processes_unread);
	engines_done(&engines);
	CHECK("no root", engines_read("/nonexistent", ENGINES_ALL, &engines, &why), "No such file");
	engines_done(&engines);
	tree_free(&tree);
}

/* What others may replace is not executed. */
TEST(test_foreign_program)
{
	struct tree tree;
	struct arena arena = { 0 };
	char path[128];

	machine_new(&tree, "docker");
	check_string("alone", engine_ask_version(tree.root, "/usr/bin/dockerd", &arena), "28.5.2");
	(void)snprintf(path, sizeof(path), "%s/usr/bin", tree.root);
	assert_int_equal(chmod(path, 0777), 0);
	assert_null(engine_ask_version(tree.root, "/usr/bin/dockerd", &arena));
	assert_int_equal(chmod(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/usr/bin/dockerd", tree.root);
	assert_int_equal(chmod(path, 0777), 0);
	assert_null(engine_ask_version(tree.root, "/usr/bin/dockerd", &arena));
	arena_done(&arena);
	tree_free(&tree);
}

/* The path may lead elsewhere a moment after it was checked: what was checked is executed. */
TEST(test_checked_program)
{
	struct tree tree;
	struct arena arena = { 0 };

	machine_new(&tree, "docker");
	machine_edit(&tree,
		     "usr/bin/dockerd = #!/bin/sh\\ncase $0 in /proc/self/fd/*) echo 1.2.3;; *) echo 6.6.6;; esac\n");
	check_string("by descriptor", engine_ask_version(tree.root, "/usr/bin/dockerd", &arena), "1.2.3");
	arena_done(&arena);
	tree_free(&tree);
}

TEST(test_socket)
{
	struct tree tree;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct engines engines;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	machine_new(&tree, "containerd-3");
	tree_edit(&tree, "run/containerd/\nproc/1/comm = init\n");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/containerd/containerd.sock", tree.root);
	CHECK("none", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	assert_int_equal(engines.first->listens, ENGINE_SILENT);
	engines_done(&engines);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	CHECK("left behind", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	assert_int_equal(engines.first->listens, ENGINE_SILENT);
	engines_done(&engines);
	assert_int_equal(listen(fd, 1), 0);
	CHECK("in use", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	assert_int_equal(engines.first->listens, ENGINE_LISTENS);
	engines_done(&engines);
	(void)close(fd);
	tree_free(&tree);
}

/* The time of the boot, and the 22nd field in hundredths. */
TEST(test_started)
{
	struct tree tree;
	struct engines engines;

	machine_new(&tree, "containerd-2");
	CHECK("read", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	assert_int_equal(engines.first->started, 1795906003 + 4200 / sysconf(_SC_CLK_TCK));
	assert_string_equal(engines.first->next->socket, "/run/k3s/containerd/containerd.sock");
	engines_done(&engines);
	tree_free(&tree);
}

static const struct {
	const char *pattern, *name;
	bool match;
} patterns[] = {
	{ "*", "cgdeleg", true },
	{ "*", "cgdeleg.io/writable", false },
	{ "cgdeleg.io/*", "cgdeleg.io/writable", true },
	{ "cgdeleg.io/*", "cgdeleg.io/", true },
	{ "cgdeleg.io/*", "cgdeleg.io/a/b", false },
	{ "cgdeleg.io/writable", "cgdeleg.io/writable", true },
	{ "cgdeleg.io/writable", "cgdeleg.io/writabl", false },
	{ "*/*", "cgdeleg.io/writable", true },
	{ "*/w*e", "cgdeleg.io/writable", true },
	{ "*/w*x", "cgdeleg.io/writable", false },
	{ "cgdeleg?io/writable", "cgdeleg.io/writable", true },
	{ "cgdeleg.io?writable", "cgdeleg.io/writable", false },
	{ "cgdeleg.io/[a-z]*", "cgdeleg.io/writable", true },
	{ "cgdeleg.io/[^a-v]*", "cgdeleg.io/writable", true },
	{ "cgdeleg.io/[^a-z]*", "cgdeleg.io/writable", false },
	{ "cgdeleg.io/[w", "cgdeleg.io/w", false },
	{ "cgdeleg\\.io/*", "cgdeleg.io/writable", true },
	{ "", "", true },
	{ "", "a", false },
};

TEST(test_path_match)
{
	for (size_t i = 0; i < ELEMENTS(patterns); i++)
		if (engine_path_match(patterns[i].pattern, patterns[i].name) != patterns[i].match)
			fail_msg("'%s' and '%s'", patterns[i].pattern, patterns[i].name);
}

static const struct {
	const char *said, *version;
} versions[] = {
	{ "containerd github.com/containerd/containerd/v2 v2.1.5 fcd4", "2.1.5" },
	{ "containerd github.com/containerd/containerd 1.7.24~ds1 1.7.24~ds1-6", "1.7.24" },
	{ "Docker version 28.5.2+dfsg4, build 5.6", "28.5.2" },
	{ "runc version 1.1.15+ds1\ncommit: 1.1.15\nspec: 1.0.2-dev", "1.1.15" },
	{ "crun version 1.28\ncommit: 8c3d", "1.28" },
	{ "podman version 6.0.0-rc1", "6.0.0" },
	{ "version 12", NULL },
	{ "", NULL },
};

TEST(test_versions)
{
	for (size_t i = 0; i < ELEMENTS(versions); i++) {
		size_t len = 0;
		const char *at = engine_version_in(versions[i].said, &len);

		check_string(versions[i].said, at ? format("%.*s", (int)len, at) : NULL, versions[i].version);
	}
}

/* Which hooks run for a runtime, and which annotations reach them. */
TEST(test_runtime)
{
	struct tree tree;
	struct engines engines;
	const struct engine_runtime *runtime;
	const struct engine_hook *hook;

	machine_new(&tree, "podman");
	CHECK("read", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	runtime = engine_runtime_find(engines.first, "team");
	hook = engine_hook_next(engines.first, runtime, NULL);
	check_string("first", hook->handler, "team");
	hook = engine_hook_next(engines.first, runtime, hook);
	check_string("second", hook->handler, "podman");
	assert_null(engine_hook_next(engines.first, runtime, hook));
	assert_null(engine_runtime_find(engines.first, "tea"));
	assert_true(engine_passes(engines.first, runtime, "cgdeleg.io/writable"));
	engines_done(&engines);
	tree_free(&tree);
	machine_new(&tree, "containerd-1");
	CHECK("read", engines_read(tree.root, ENGINES_ALL, &engines, &why), NULL);
	runtime = engine_runtime_find(engines.first, "runc-ci");
	assert_true(engine_passes(engines.first, runtime, "cgdeleg.io/writable"));
	assert_false(engine_passes(engines.first, runtime, "cgroup2-mount-hierarchy-rw.crio.io"));
	assert_false(engine_passes(engines.first, engine_runtime_find(engines.first, "runc"), "cgdeleg.io/writable"));
	assert_null(engine_hook_next(engines.first, engine_runtime_find(engines.first, "runc"), NULL));
	engines_done(&engines);
	tree_free(&tree);
}

static const struct {
	const char *version;
	unsigned major, minor, patch;
	bool since;
} comparisons[] = {
	{ "1.2.0", 1, 2, 0, true },  { "1.1.15", 1, 2, 0, false }, { "1.10", 1, 9, 0, true },
	{ "1.9", 1, 9, 0, true },    { "1.9", 1, 9, 1, false },	   { "2.0.0", 1, 9, 9, true },
	{ "1.5.1", 1, 5, 2, false }, { "1.5.2", 1, 5, 2, true },   { "0.9.9", 1, 0, 0, false },
	{ "x", 0, 0, 0, false },     { NULL, 0, 0, 0, false },
};

TEST(test_since)
{
	for (size_t i = 0; i < ELEMENTS(comparisons); i++)
		if (engine_version_is_since(comparisons[i].version, comparisons[i].major, comparisons[i].minor,
					    comparisons[i].patch) != comparisons[i].since)
			fail_msg("%zu: %s", i, comparisons[i].version);
}
