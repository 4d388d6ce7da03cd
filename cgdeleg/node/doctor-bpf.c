/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, BPF - whether the guards can be loaded, are, and do as they say. See doctor.h, doctor-part.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "bpf/cannot.h"
#include "cgdeleg/node/doctor-part.h"

#define BPFFS	    "/sys/fs/bpf"
#define WALK_DEPTH  4	/* levels of cgroups in which others' programs are looked for */
#define WALK_MS	    200 /* the longest that it may take */
#define LSM_LISTING 512

/* Does some container get no grant without the grant guard? */
static bool policy_needs_guard(const struct doctor *d)
{
	if (d->policy != POLICY_READ)
		return false;
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = d->rules->sections[kind]; s; s = s->next) {
			const struct setting *guard = section_get(s, KEY_GUARD);
			const struct setting *userns = section_get(s, KEY_REQUIRE_USERNS);

			if ((guard && strcmp(guard->value, "require") == 0) ||
			    (userns && strcmp(userns->value, "false") == 0))
				return true;
		}
	return false;
}

static enum doctor_result without_guard(const struct doctor *d)
{
	return policy_needs_guard(d) ? DOCTOR_FAIL : DOCTOR_NOTE;
}

static void check_bpffs(struct doctor *d)
{
	_cleanup_free_ char *table = doctor_mountinfo(d);
	_cleanup_close_ int fd = doctor_open_file(d, "sys/fs/bpf", O_PATH | O_DIRECTORY);
	const char *line = table ? strstr(table, " " BPFFS " ") : NULL;
	const char *end = line ? strchrnul(line, '\n') : NULL, *type = line ? strstr(line, " - bpf ") : NULL;
	struct stat st;

	if (!table || (fd < 0 && fd != -ENOENT)) {
		doctor_say(d, DOCTOR_UNKNOWN, "the mounts of this node cannot be read");
	} else if (!type || type > end) {
		doctor_say(d, DOCTOR_FAIL, "there is no bpffs at " BPFFS);
		doctor_advise(d, "run `mount -t bpf -o mode=0700 bpf " BPFFS "`; systemd mounts it at boot");
	} else if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IWOTH)) {
		doctor_say(d, DOCTOR_WARN,
			   BPFFS " has the mode %04o: a user can make " GUARD_DIRECTORY
				 " before root does, and then no guard is loaded",
			   st.st_mode & 07777);
		doctor_advise(d, "run `chmod 0700 " BPFFS "`, and mount it with mode=0700");
	} else {
		doctor_say(d, DOCTOR_OK, "bpffs is at " BPFFS ", and only root may write it");
	}
}

/* The kernel puts this one first by itself, and complains where the parameter names it. In place. */
static const char *bootable(char *list)
{
	static const char own[] = "capability,";
	char *at = strstr(list, own);

	if (at)
		memmove(at, at + strlen(own), strlen(at + strlen(own)) + 1);
	return list;
}

static void check_lsm(struct doctor *d)
{
	char text[LSM_LISTING], words[LSM_LISTING], release[128];
	ssize_t n = doctor_read(d, "sys/kernel/security/lsm", text, sizeof(text));
	const unsigned kernel = doctor_kernel_release(d, release, sizeof(release));

	if (n < 0) {
		doctor_say(d, DOCTOR_UNKNOWN,
			   "/sys/kernel/security/lsm cannot be read; securityfs may not be mounted here");
		return;
	}
	(void)snprintf(words, sizeof(words), "%s", text);
	for (char *comma = strchr(words, ','); comma; comma = strchr(comma, ','))
		*comma = ' ';
	if (text_has_word(words, "bpf")) {
		doctor_say(d, DOCTOR_OK, "bpf is one of the kernel's security modules");
		return;
	}
	doctor_say(d, without_guard(d),
		   "bpf is none of the security modules that this kernel was booted with, so it has no grant guard");
	if (kernel >= RELEASE(6, 0) || !kernel)
		doctor_advise(d, "boot with ',bpf' at the end of the kernel parameter lsm=, or with `lsm=%s%sbpf`",
			      bootable(text), text[0] ? "," : "");
	else
		doctor_advise(d, "boot Linux 6.0 or newer, with bpf in the kernel parameter lsm=");
}

static void check_lockdown(struct doctor *d)
{
	char text[128];
	ssize_t n = doctor_read(d, "sys/kernel/security/lockdown", text, sizeof(text));

	if (n == -ENOENT) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "this kernel has no lockdown, or securityfs is not mounted here");
	} else if (n < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "/sys/kernel/security/lockdown cannot be read");
	} else if (strstr(text, "[confidentiality]")) {
		doctor_say(d, without_guard(d),
			   "the kernel is locked down for confidentiality, in which BPF programs may not read its memory");
		doctor_advise(d, "boot with `lockdown=integrity` if guard.grant says that the guard cannot be loaded");
	} else {
		doctor_say(d, DOCTOR_OK, "lockdown does not concern the guards");
	}
}

/* Distinct hooks that others' programs are attached to. */
struct hooks {
	uint32_t ids[LSM_HOOKS];
	size_t n;
	int64_t end_ms;
	bool cut, absent;
};

static void add_hooks(struct hooks *hooks, int cgroup_fd)
{
	uint32_t found[LSM_HOOKS];
	ssize_t n = program_lsm_hooks(cgroup_fd, found);

	hooks->absent = hooks->absent || n == -EOPNOTSUPP;
	for (ssize_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < hooks->n && hooks->ids[k] != found[i])
			k++;
		if (k == hooks->n && hooks->n < LSM_HOOKS)
			hooks->ids[hooks->n++] = found[i];
	}
}

static void walk_hooks(struct hooks *hooks, int fd, unsigned depth)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	add_hooks(hooks, fd);
	while (depth < WALK_DEPTH && !hooks->absent && (n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			_cleanup_close_ int below = -EBADF;

			at += entry->d_reclen;
			if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
				continue;
			hooks->cut = hooks->cut || clock_monotonic_ms() > hooks->end_ms;
			if (hooks->cut)
				return;
			below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (below >= 0)
				walk_hooks(hooks, below, depth + 1);
		}
}

/* The guard's own are not counted: program_lsm_hooks() leaves them out. */
static void check_lsm_hooks(struct doctor *d)
{
	struct hooks hooks = { .end_ms = clock_monotonic_ms() + WALK_MS };
	_cleanup_close_ int fd = -EBADF;

	if (!doctor_has_cgroups(d) || !doctor_is_privileged(d, "which LSM hooks have programs"))
		return;
	fd = openat(d->host.cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		walk_hooks(&hooks, fd, 0);
	if (hooks.absent) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "this kernel has no LSM programs of cgroups");
	} else if (hooks.n + GUARD_PROGRAMS > LSM_HOOKS) {
		doctor_say(d, DOCTOR_WARN,
			   "other programs take %zu of the kernel's %d LSM hooks of cgroups, and the grant guard needs %d",
			   hooks.n, LSM_HOOKS, GUARD_PROGRAMS);
		doctor_advise(d, "run `bpftool cgroup tree` to see whose they are (attach type lsm_cgroup)");
	} else {
		doctor_say(d, DOCTOR_OK, "other programs take %s%zu of the kernel's %d LSM hooks of cgroups",
			   hooks.cut ? "at least " : "", hooks.n, LSM_HOOKS);
	}
}

/* Opens the pins for a check of one guard. False: said why not. */
static bool open_guards(struct doctor *d, unsigned which, struct guards *ret)
{
	struct err err = { 0 };

	*ret = (struct guards)GUARDS_NONE;
	if (!doctor_is_privileged(d, "which guards are loaded"))
		return false;
	if (d->host.sys_fd < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "/sys cannot be read here, see cgroup.mount");
		return false;
	}
	if (guards_open(d->host.sys_fd, which, ret, &err) >= 0)
		return true;
	doctor_say(d, DOCTOR_FAIL, "%s", err.text);
	doctor_advise(d, "remove " GUARD_DIRECTORY ", then run `cgdeleg guard load`");
	return false;
}

static void say_guard(struct doctor *d, bool there, const char *cannot, enum doctor_result without)
{
	if (there) {
		doctor_say(d, DOCTOR_OK, "it is loaded, and pinned below " GUARD_DIRECTORY);
	} else if (cannot[0]) {
		doctor_say(d, without, "%s", cannot);
		doctor_advise(d, "mend what the sentence names, then reboot");
	} else if (!guard_build[0]) {
		doctor_say(d, without, "this build of cgdeleg has no guards");
		doctor_advise(d, "build it with clang and bpftool");
	} else {
		doctor_say(d, DOCTOR_NOTE,
			   "it has not been loaded since boot: the first grant loads it, and its memory is charged to that container's engine");
		doctor_advise(d, "run `systemctl enable --now cgdeleg-guard.service`, or `cgdeleg guard load`");
	}
}

static void check_device_guard(struct doctor *d)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;

	if (open_guards(d, WANT_DEVICE_GUARD, &guards))
		say_guard(d, guards.device.program_fd >= 0, guards.device_cannot, DOCTOR_WARN);
}

static void check_grant_guard(struct doctor *d)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;

	if (open_guards(d, WANT_GRANT_GUARD, &guards))
		say_guard(d, guards.grant.grants_fd >= 0, guards.grant_cannot, without_guard(d));
}

static void check_canary(struct doctor *d)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;
	struct err err = { 0 };
	int r;

	if (!doctor_has_cgroups(d) || !open_guards(d, WANT_GRANT_GUARD, &guards))
		return;
	if (guards.grant.grants_fd < 0 || !d->args.tries.canary) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "the grant guard is not loaded");
		return;
	}
	r = d->args.tries.canary(d->host.cgroup_fd, &guards.grant, &err);
	if (r == -EROFS || r == -EPERM || r == -EACCES) {
		doctor_say(d, DOCTOR_UNKNOWN, "this process may not try it: %s", err.text);
	} else if (r != 0) {
		doctor_say(d, DOCTOR_FAIL, "%s", err.text);
		doctor_advise(d, "run `cgdeleg guard unload` and `cgdeleg guard load`, and look into the kernel's log");
	} else {
		doctor_say(d, DOCTOR_OK, "a process under the guard was refused what it must not do, and nothing else");
	}
}

const struct doctor_check doctor_bpf_checks[] = {
	{ "bpf.fs", "the guards are pinned on bpffs, where hooks find them", check_bpffs },
	{ "bpf.lsm",
	  "the grant guard is BPF LSM programs, which the kernel runs only if it was booted with bpf in its list",
	  check_lsm },
	{ "bpf.lockdown", "a kernel that is locked down refuses some BPF programs", check_lockdown },
	{ "bpf.lsm-hooks", "the kernel has ten places for LSM programs of cgroups, and the grant guard takes five",
	  check_lsm_hooks },
	{ "guard.device",
	  "the device guard keeps containers from devices where their runtime's own program can be taken off",
	  check_device_guard },
	{ "guard.grant", "the grant guard refuses what the ownership of files does not: bpf(2), pressure files, attributes",
	  check_grant_guard },
	{ "guard.canary", "programs that are attached and not run would guard nothing", check_canary },
	{ 0 },
};
