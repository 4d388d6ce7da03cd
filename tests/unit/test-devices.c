/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: from linux.resources.devices to rules; and what the kernel answers under them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/device_guard.h"
#include "bpf/guard-objects.h"
#include "cgdeleg/kernel/devices.h"
#include "tests/unit/check.h"

#define N_DEFAULTS 10
#define A(more)	   "{\"allow\":true" more "}"
#define D(more)	   "{\"allow\":false" more "}"
#define T(type)	   ",\"type\":\"" type "\""
#define N(ma, mi)  ",\"major\":" #ma ",\"minor\":" #mi
#define X(access)  ",\"access\":\"" access "\""

static int translate(const char *text, struct device_rules *ret, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;

	static char whole[64 * DEVICE_GUARD_RULES_MAX];

	if (!text)
		return devices_translate(NULL, ret, err);
	(void)snprintf(whole, sizeof(whole), "{\"devices\":%s}", text);
	assert_int_equal(json_parse(whole, strlen(whole), 8, "test", &doc, NULL), 0);
	return devices_translate(yyjson_obj_get(yyjson_doc_get_root(doc), "devices"), ret, err);
}

/* The rules before the default ones: "+c 1:3 rw, -a *:* rwm". */
static void print_rules(const struct device_rules *rules, char *buf, size_t size)
{
	static const char types[] = "?bca";
	size_t used = 0;

	buf[0] = '\0';
	for (__u32 i = 0; i + N_DEFAULTS < rules->n_rules; i++) {
		const struct device_rule *r = &rules->rules[i];
		char ma[16], mi[16];

		(void)snprintf(ma, sizeof(ma), r->major == DEVICE_GUARD_ANY ? "*" : "%u", r->major);
		(void)snprintf(mi, sizeof(mi), r->minor == DEVICE_GUARD_ANY ? "*" : "%u", r->minor);
		used += (size_t)snprintf(buf + used, size - used, "%s%c%c %s:%s %s%s%s", i ? ", " : "",
					 r->allow ? '+' : '-', types[r->types & 3], ma, mi,
					 r->access & BPF_DEVCG_ACC_READ ? "r" : "",
					 r->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
					 r->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
	}
}

TEST(test_translate)
{
	static const struct {
		const char *devices, *want;
	} cases[] = {
		{ NULL, "" },
		{ "[]", "" },
		{ "[" D(X("rwm")) "]", "" }, /* what every engine begins with; nothing is there to take away */
		{ "[" D(T("a") X("rwm")) "," A(T("c") N(1, 3) X("rw")) "]", "+c 1:3 rw" },
		{ "[" A(T("c") N(1, 3) X("r")) "," D("") "]", "" },
		{ "[" A("") "]", "+a *:* rwm" },
		{ "[" A(T("c") N(4, 5)) "," A(T("a") X("rwm")) "," D(T("b") N(8, -1) X("w")) "]", "+a *:* rwm, -b 8:* w" },
		{ "[" A(T("b") N(-1, 7) X("m")) "]", "+b *:7 m" },
		{ "[" A(T("c") ",\"major\":10" X("r")) "]", "+c 10:* r" },
		{ "[" A(T("c") ",\"minor\":0" X("r")) "]", "+c *:0 r" },
		{ "[" A(T("u") N(10, 229) X("wr")) "]", "+c 10:229 rw" },
		{ "[" A(T("a") N(10, 229) X("")) "]", "+a 10:229 " },
		{ "[" D(T("a") X("rw")) "," A(T("c") N(1, 11) X("r")) "]", "-a *:* rw, +c 1:11 r" },
		{ "[" A(T("c") N(4294967294, 1048575) X("mrw")) "]", "+c 4294967294:1048575 rwm" },
		{ "[{\"allow\":true,\"major\":null,\"type\":\"b\",\"access\":\"r\",\"x\":1}]", "+b *:* r" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct device_rules rules;
		char got[256];
		int r = translate(cases[i].devices, &rules, &why);

		check_result(cases[i].devices ? cases[i].devices : "absent", r, &why, NULL);
		print_rules(&rules, got, sizeof(got));
		check_string(cases[i].devices, got, cases[i].want);
		assert_int_equal(rules.ready, DEVICE_GUARD_READY);
		assert_int_equal(rules.refused, 0);
	}
}

TEST(test_malformed)
{
	static const struct {
		const char *devices, *want;
	} cases[] = {
		{ "[{}]", "'allow'" },
		{ "[{\"allow\":1}]", "'allow'" },
		{ "[3]", "devices" },
		{ "[" A(T("p")) "]", "type 'p' is not 'a', 'b' or 'c'" },
		{ "[" A(T("")) "]", "type '' is not 'a', 'b' or 'c'" },
		{ "[" A(X("rx")) "]", "access 'rx' may have only 'r', 'w' and 'm'" },
		{ "[" A(N(-2, 0)) "]", "major -2 is out of range" },
		{ "[" A(N(1, 4294967295)) "]", "minor 4294967295 is out of range" },
		{ "[" A(N(1, 1.5)) "]", "minor" },
		{ "[" A(N("1", 1)) "]", "major" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct device_rules rules;
		int r = translate(cases[i].devices, &rules, &why);

		check_result(cases[i].devices, r, &why, cases[i].want);
	}
}

/* As many as fit, and one more; one that is about everything makes room again. */
TEST(test_most)
{
	static char text[64 * DEVICE_GUARD_RULES_MAX];
	const int most = DEVICE_GUARD_RULES_MAX - N_DEFAULTS;
	struct device_rules rules;

	for (int extra = 0; extra < 3; extra++) {
		int n = snprintf(text, sizeof(text), "[");

		for (int i = 0; i < most; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      "%s{\"allow\":true,\"type\":\"c\",\"major\":%d}", i ? "," : "", i);
		(void)snprintf(text + n, sizeof(text) - (size_t)n, "%s]",
			       extra == 0   ? ""
			       : extra == 1 ? "," A(T("c"))
					    : "," D(""));
		CHECK("most", translate(text, &rules, &why), extra == 1 ? "more than 246 rules" : NULL);
		if (extra != 1)
			assert_int_equal(rules.n_rules, extra == 0 ? DEVICE_GUARD_RULES_MAX : N_DEFAULTS);
	}
}

/* --- the kernel's own answers: a cgroup, the program on it, and a child that tries ------------------ */

struct probe {
	struct bpf_object *object;
	struct device_guard guard;
	char cgroup[128], nodes[64];
	int cgroup_fd;
	uint64_t id;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static bool load_program(struct probe *p)
{
	struct bpf_program *program;
	struct bpf_prog_info info = { 0 };
	__u32 info_size = sizeof(info);
	size_t size;

	if (!guard_objects[0].name)
		return false;
	(void)libbpf_set_print(quiet);
	const void *elf = guard_objects[0].elf(&size);

	p->object = bpf_object__open_mem(elf, size, NULL);
	if (!p->object || bpf_object__load(p->object) < 0)
		return false;
	program = bpf_object__find_program_by_name(p->object, "device_guard");
	p->guard.program_fd = bpf_program__fd(program);
	p->guard.rules_fd = bpf_object__find_map_fd_by_name(p->object, "device_rules");
	assert_int_equal(bpf_obj_get_info_by_fd(p->guard.program_fd, &info, &info_size), 0);
	p->guard.id = info.id;
	return true;
}

static bool make_cgroup(struct probe *p)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;
	struct stat st;

	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		if (statfs(roots[i], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		(void)snprintf(p->cgroup, sizeof(p->cgroup), "%s/cgdeleg-unit-%d", roots[i], getpid());
		if (mkdir(p->cgroup, 0755) < 0)
			return false;
		p->cgroup_fd = open(p->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(fstat(p->cgroup_fd, &st), 0);
		p->id = st.st_ino;
		return true;
	}
	return false;
}

/* In a mount namespace of its own: nodes that may be opened. Nothing has to be cleaned up. */
static bool make_nodes(struct probe *p)
{
	(void)snprintf(p->nodes, sizeof(p->nodes), "/tmp");
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", p->nodes, "tmpfs", 0, NULL) == 0;
}

static void probe_free(struct probe *p)
{
	bpf_object__close(p->object);
	(void)close_fd(p->cgroup_fd);
	if (p->cgroup[0])
		assert_int_equal(rmdir(p->cgroup), 0);
}

static bool probe_new(struct probe *p)
{
	*p = (struct probe) { .cgroup_fd = -EBADF };
	if (geteuid() == 0 && load_program(p) && make_nodes(p) && make_cgroup(p))
		return true;
	probe_free(p);
	return false;
}

static void enter(const struct probe *p)
{
	int fd;

	fd = open(format("%s/cgroup.procs", p->cgroup), O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(99);
	(void)close(fd);
}

/* What a process of the cgroup gets: "c 1:3 rw" opens such a node, with 'm' it makes one. 0 or an errno. */
static int try_access(const struct probe *p, const char *what)
{
	unsigned major, minor;
	char type, access[8], path[128];
	int status;
	pid_t pid;

	assert_int_equal(sscanf(what, "%c %u:%u %7s", &type, &major, &minor, access), 4);
	const mode_t mode = (type == 'b' ? S_IFBLK : S_IFCHR) | 0600;

	(void)snprintf(path, sizeof(path), "%s/%c-%u-%u", p->nodes, type, major, minor);
	(void)unlink(path);
	if (access[0] != 'm')
		assert_int_equal(mknod(path, mode, makedev(major, minor)), 0);
	pid = fork();
	if (pid == 0) {
		const int flags = strcmp(access, "rw") == 0 ? O_RDWR : access[0] == 'w' ? O_WRONLY : O_RDONLY;

		enter(p);
		if (access[0] == 'm')
			_exit(mknod(path, mode, makedev(major, minor)) < 0 ? errno : 0);
		_exit(open(path, flags | O_NONBLOCK | O_NOCTTY) < 0 ? errno : 0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* No driver has the majors 240 to 254 and 300: what the guard allows ends as ENXIO. */
#define NO_DRIVER(r) ((r) == ENXIO || (r) == ENODEV)

static const struct {
	const char *devices, *what;
	bool allowed;
} answers[] = {
	{ "[" D("") "]", "c 1:3 rw", true }, /* a default device, whatever the list says */
	{ "[" D("") "]", "c 1:9 r", true },
	{ "[" D("") "]", "c 136:999 m", true },
	{ "[" D("") "]", "b 8:0 m", true }, /* making a node gives nothing */
	{ "[" D("") "]", "b 300:0 r", false },
	{ "[" D("") "]", "c 1:1 r", false },
	{ "[" D("") "]", "c 300:1 w", false },
	{ NULL, "c 300:1 r", false },
	{ "[" A("") "]", "c 300:1 rw", true },
	{ "[" A("") "]", "b 300:1 rw", true },
	{ "[" A(T("c")) "]", "c 300:1 rw", true },
	{ "[" A(T("c")) "]", "b 300:1 r", false },
	{ "[" A(T("b")) "]", "c 300:1 r", false },
	{ "[" A(T("c") N(300, -1) X("r")) "]", "c 300:7 r", true },
	{ "[" A(T("c") N(300, -1) X("r")) "]", "c 300:7 w", false },
	{ "[" A(T("c") N(300, -1) X("r")) "]", "c 300:7 rw", false }, /* all that is asked for, or nothing */
	{ "[" A(T("c") N(300, -1) X("r")) "]", "c 301:7 r", false },
	{ "[" A(T("c") N(-1, 7) X("rw")) "]", "c 300:7 rw", true },
	{ "[" A(T("c") N(-1, 7) X("rw")) "]", "c 300:8 r", false },
	/* Two lines that speak of one device: bit by bit. */
	{ "[" A(T("c") N(300, 1) X("r")) "," A(T("c") N(300, 1) X("w")) "]", "c 300:1 rw", true },
	{ "[" A(T("c") N(300, 1) X("rw")) "," D(T("c") N(300, 1) X("w")) "]", "c 300:1 rw", false },
	{ "[" A(T("c") N(300, 1) X("rw")) "," D(T("c") N(300, 1) X("w")) "]", "c 300:1 r", true },
	/* The order counts. */
	{ "[" D(T("c") N(300, 1)) "," A(T("c") N(300, -1)) "]", "c 300:1 r", true },
	{ "[" A(T("c") N(300, -1)) "," D(T("c") N(300, 1)) "]", "c 300:1 r", false },
	{ "[" A(T("c") N(300, -1)) "," D(T("c") N(300, 1)) "]", "c 300:2 r", true },
	{ "[" A("") "," D(T("b")) "]", "b 300:2 r", false },
	{ "[" A("") "," D(T("b")) "]", "c 300:2 r", true },
	{ "[" A("") "," D("") "]", "c 300:2 r", false },
	{ "[" A("") "," D(T("a") X("w")) "]", "c 300:2 r", true },
	{ "[" A("") "," D(T("a") X("w")) "]", "c 300:2 w", false },
};

TEST(test_answers)
{
	struct probe p;

	if (!probe_new(&p))
		skip(); /* root, cgroup2, a kernel that takes the program, and a build that has it */
	assert_int_equal(device_guard_attach(&p.guard, p.cgroup_fd, NULL), 1);
	for (size_t i = 0; i < ELEMENTS(answers); i++) {
		struct device_rules rules;
		int r;

		assert_int_equal(translate(answers[i].devices, &rules, &why), 0);
		CHECK("write", device_guard_write(&p.guard, p.id, &rules, &why), NULL);
		r = try_access(&p, answers[i].what);
		if ((r == EPERM) == answers[i].allowed || (r != EPERM && r != 0 && !NO_DRIVER(r)))
			fail_msg("%s: %s", format("%s: %s", answers[i].devices, answers[i].what), strerror(r));
		assert_int_equal(device_guard_read(&p.guard, p.id, &rules, NULL), 0);
		assert_int_equal(rules.refused, !answers[i].allowed);
	}
	assert_int_equal(device_guard_detach(&p.guard, p.cgroup_fd, NULL), 0);
	/* The control: it was us. */
	assert_true(NO_DRIVER(try_access(&p, "c 300:1 r")));
	probe_free(&p);
}

/* From attaching to the rules everything is refused, and who was refused is remembered, also from below. */
TEST(test_unarmed)
{
	struct device_rules rules;
	struct probe p, below;
	int saved;

	if (!probe_new(&p))
		skip(); /* as above */
	assert_int_equal(device_guard_is_attached(&p.guard, p.cgroup_fd, NULL), 0);
	CHECK("not there", device_guard_read(&p.guard, p.id, &rules, &why), "cannot read the cgroup's device rules");
	CHECK("not there", device_guard_detach(&p.guard, p.cgroup_fd, &why), "cannot detach");
	assert_int_equal(device_guard_attach(&p.guard, p.cgroup_fd, NULL), 1);
	assert_int_equal(device_guard_attach(&p.guard, p.cgroup_fd, NULL), 0);
	assert_int_equal(device_guard_is_attached(&p.guard, p.cgroup_fd, NULL), 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(try_access(&p, "c 1:3 w"), EPERM);
	below = p;
	saved = snprintf(below.cgroup, sizeof(below.cgroup), "%.100s/below", p.cgroup);
	assert_true(saved > 0 && mkdir(below.cgroup, 0755) == 0);
	assert_int_equal(try_access(&below, "b 300:5 rw"), EPERM);
	assert_int_equal(rmdir(below.cgroup), 0);
	assert_int_equal(device_guard_read(&p.guard, p.id, &rules, NULL), 0);
	assert_int_equal(rules.ready, 0);
	assert_int_equal(rules.refused, 21);
	const struct device_refusal *last = &rules.refusals[20 % DEVICE_GUARD_REFUSALS];

	assert_int_equal(last->major, 300);
	assert_int_equal(last->minor, 5);
	assert_int_equal(last->type, BPF_DEVCG_DEV_BLOCK);
	assert_int_equal(last->access, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE);
	check_string("comm", last->comm, "test-devices");
	assert_true(last->pid > 1 && last->when > 0);
	assert_int_equal(rules.refusals[19 % DEVICE_GUARD_REFUSALS].major, 1);
	probe_free(&p);
}
