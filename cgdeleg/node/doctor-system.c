/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, system - systemd, and what of security modules stands in a container's way. See doctor.h, doctor-part.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/node/doctor-part.h"

#define PROFILES_MAX (1024 * 1024) /* bytes of AppArmor's list */

static bool is_systemd(const struct doctor *d)
{
	char text[64];

	return doctor_read(d, "proc/1/comm", text, sizeof(text)) > 0 && strcmp(text, "systemd") == 0;
}

/* The version that is installed, from the name of its library; 0: not found. */
static unsigned long systemd_version(const struct doctor *d)
{
	static const char library[] = "libsystemd-shared-";
	static const char *const folders[] = { "usr/lib/systemd", "usr/lib/x86_64-linux-gnu/systemd",
					       "usr/lib/aarch64-linux-gnu/systemd", "lib/systemd" };

	for (size_t i = 0; i < ELEMENTS(folders); i++) {
		_cleanup_dir_ DIR *dir = NULL;
		int fd = doctor_open_file(d, folders[i], O_RDONLY | O_DIRECTORY);
		const struct dirent *entry;

		dir = fd < 0 ? NULL : fdopendir(fd);
		while (dir && (entry = readdir(dir)))
			if (strncmp(entry->d_name, library, strlen(library)) == 0)
				return strtoul(entry->d_name + strlen(library), NULL, 10);
	}
	return 0;
}

/* The helper speaks to systemd by the socket that systemctl uses too. */
static void check_systemd(struct doctor *d)
{
	const unsigned long version = systemd_version(d);
	char shown[32] = "";

	if (!is_systemd(d)) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "process 1 is not systemd");
		return;
	}
	if (version)
		(void)snprintf(shown, sizeof(shown), " %lu", version);
	if (doctor_exists(d, "run/systemd/private") || doctor_exists(d, "run/dbus/system_bus_socket")) {
		doctor_say(d, DOCTOR_OK, "systemd%s is process 1, and can be spoken to", shown);
		return;
	}
	doctor_say(d, DOCTOR_WARN,
		   "systemd%s is process 1, and neither /run/systemd/private nor the system bus is there", shown);
	doctor_advise(d, "run `systemctl daemon-reexec`");
}

static void check_oomd(struct doctor *d)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;
	char text[32];
	ssize_t n;

	if (!doctor_has_cgroups(d))
		return;
	n = file_read_at(d->host.cgroup_fd, "system.slice/systemd-oomd.service/cgroup.procs", text, sizeof(text));
	if (n == -ENOENT || n == 0) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "systemd-oomd does not run");
		return;
	}
	if (!doctor_is_privileged(d, "whether the grant guard is loaded, which containers' attributes are under"))
		return;
	if (guards_open(d->host.sys_fd, WANT_GRANT_GUARD, &guards, NULL) >= 0 && guards.grant.grants_fd >= 0) {
		doctor_say(d, DOCTOR_OK, "systemd-oomd runs, and the grant guard keeps its attributes from containers");
		return;
	}
	doctor_say(d, DOCTOR_NOTE,
		   "systemd-oomd runs, and without the grant guard a container can have itself spared (user.oomd_omit)");
	doctor_advise(d, "see guard.grant");
}

static void check_selinux(struct doctor *d)
{
	char enforce[8], boolean[16];
	ssize_t n = doctor_read(d, "sys/fs/selinux/enforce", enforce, sizeof(enforce));

	if (n == -ENOENT) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "SELinux is not in use");
		return;
	}
	if (n < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "/sys/fs/selinux/enforce cannot be read");
		return;
	}
	n = doctor_read(d, "sys/fs/selinux/booleans/container_manage_cgroup", boolean, sizeof(boolean));
	if (n == -ENOENT) {
		doctor_say(d, DOCTOR_NOTE, "SELinux is in use, and its policy has no boolean container_manage_cgroup");
		doctor_advise(d, "install container-selinux if the engine labels containers");
	} else if (n < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "the boolean container_manage_cgroup cannot be read");
	} else if (boolean[0] == '1') {
		doctor_say(d, DOCTOR_OK, "SELinux lets containers write to their cgroup (container_manage_cgroup)");
	} else {
		doctor_say(d, enforce[0] == '1' ? DOCTOR_WARN : DOCTOR_NOTE,
			   "SELinux %s labelled containers every write to their cgroup, whoever owns it",
			   enforce[0] == '1' ? "refuses" : "is permissive, and would refuse");
		doctor_advise(d, "run `setsebool -P container_manage_cgroup on`");
	}
}

/* The mode of a profile, "name (mode)" on a line of AppArmor's list; false: there is no such profile. */
static bool find_profile(const char *list, const char *name, char mode[16])
{
	const size_t len = strlen(name);

	for (const char *line = list; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (strncmp(line, name, len) == 0 && strncmp(line + len, " (", 2) == 0)
			return sscanf(line + len + 2, "%15[^)]", mode) == 1;
	return false;
}

/* A hook runs under its runtime's profile. */
static void check_apparmor(struct doctor *d)
{
	static const char *const runtimes[] = { "runc", "crun", "/usr/bin/crun", "/usr/sbin/runc", "/usr/bin/runc" };
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *list = NULL;
	char text[8], mode[16];
	ssize_t n = doctor_read(d, "sys/module/apparmor/parameters/enabled", text, sizeof(text));

	if (n == -ENOENT || (n > 0 && text[0] != 'Y')) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "AppArmor is not in use");
		return;
	}
	fd = doctor_open_file(d, "sys/kernel/security/apparmor/profiles", O_RDONLY);
	if (fd < 0 || file_slurp(fd, PROFILES_MAX, &list, NULL) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "the profiles of AppArmor cannot be read");
		return;
	}
	for (size_t i = 0; i < ELEMENTS(runtimes); i++)
		if (find_profile(list, runtimes[i], mode) && strcmp(mode, "enforce") == 0) {
			doctor_say(d, DOCTOR_WARN,
				   "AppArmor confines the runtime by the profile %s, and so the hook too", runtimes[i]);
			doctor_advise(
				d,
				"let the profile allow what the hook does, or run `aa-complain %s` and look for denials",
				runtimes[i]);
			return;
		}
	doctor_say(d, DOCTOR_OK, "AppArmor is in use, and confines no runtime");
}

/* A filter on this very process: whoever runs it in a container sees that container. */
static void check_seccomp(struct doctor *d)
{
	char text[4096];
	const char *line;

	if (!doctor_exists(d, "proc/sys/kernel/seccomp/actions_avail")) {
		doctor_say(d, DOCTOR_WARN, "this kernel has no seccomp filters, so engines run containers without");
		doctor_advise(d, "boot a kernel that has them");
		return;
	}
	line = doctor_read(d, "proc/self/status", text, sizeof(text)) > 0 ? strstr(text, "\nSeccomp:") : NULL;
	if (!line) {
		doctor_say(d, DOCTOR_UNKNOWN, "it cannot be read whether this process is under a seccomp filter");
	} else if (line[strcspn(line, "0123456789")] != '0') {
		doctor_say(d, DOCTOR_NOTE,
			   "this process is under a seccomp filter, so what it tries may be refused by that and not by the node");
		doctor_advise(d, "run `cgdeleg doctor` outside of containers, from a shell of the node");
	} else {
		doctor_say(d, DOCTOR_OK, "the kernel has seccomp filters, and this process is under none");
	}
}

const struct doctor_check doctor_system_checks[] = {
	{ "systemd.manager", "limits that systemd manages are lowered through systemd, or it would put them back",
	  check_systemd },
	{ "systemd.oomd",
	  "systemd-oomd ends cgroups under memory pressure, and spares those with an attribute that their owner can set",
	  check_oomd },
	{ "security.selinux", "SELinux decides about a container's writes before the ownership of files does",
	  check_selinux },
	{ "security.apparmor", "the hook runs under the AppArmor profile of its runtime, which may forbid what it does",
	  check_apparmor },
	{ "security.seccomp", "engines keep containers from system calls by seccomp filters", check_seccomp },
	{ 0 },
};
