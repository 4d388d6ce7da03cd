/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, kernel - what the kernel is and does. See doctor.h, doctor-part.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/node/doctor-part.h"

unsigned doctor_release(const char *text)
{
	unsigned long parts[2];

	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		char *end;

		parts[i] = strtoul(text, &end, 10);
		if (end == text || parts[i] >= 1000 || (i == 0 && *end != '.'))
			return 0;
		text = end + 1;
	}
	return RELEASE((unsigned)parts[0], (unsigned)parts[1]);
}

unsigned doctor_kernel_release(const struct doctor *d, char *buf, size_t size)
{
	return doctor_read(d, "proc/sys/kernel/osrelease", buf, size) > 0 ? doctor_release(buf) : 0;
}

static void check_version(struct doctor *d)
{
	char text[128];
	const unsigned release = doctor_kernel_release(d, text, sizeof(text));

	if (!release) {
		doctor_say(d, DOCTOR_UNKNOWN, "the kernel's release cannot be read");
	} else if (release < RELEASE(5, 12)) {
		doctor_say(d, DOCTOR_FAIL,
			   "Linux %s is older than 5.12, so no container's cgroup mount can be made writable", text);
		doctor_advise(d, "boot Linux 5.12 or newer");
	} else if (release < RELEASE(6, 0)) {
		doctor_say(d, DOCTOR_NOTE, "Linux %s has no grant guard, which needs 6.0", text);
		doctor_advise(d, "boot Linux 6.0 or newer for guard = require, and for require_userns = false");
	} else {
		doctor_say(d, DOCTOR_OK, "Linux %s", text);
	}
}

static void check_userns(struct doctor *d)
{
	struct err err = { 0 };
	uint64_t most = 0;
	char text[32];
	ssize_t n = doctor_read(d, "proc/sys/user/max_user_namespaces", text, sizeof(text));

	if (n == -ENOENT) {
		doctor_say(d, DOCTOR_FAIL, "this kernel has no user namespaces");
		doctor_advise(d, "boot a kernel that has them");
	} else if (n < 0 || text_to_u64(text, &most) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "user.max_user_namespaces cannot be read");
	} else if (most == 0) {
		doctor_say(d, DOCTOR_FAIL, "user.max_user_namespaces is 0, so no container gets a user namespace");
		doctor_advise(d, "run `sysctl user.max_user_namespaces=15000`, and put it into /etc/sysctl.d");
	} else if (!d->args.privileged) {
		/* What this user may make is not what an engine may. */
		doctor_say(d, DOCTOR_OK, "the kernel allows %s user namespaces", text);
	} else if (d->args.tries.userns && d->args.tries.userns(&err) < 0) {
		doctor_say(d, DOCTOR_FAIL, "%s, although user.max_user_namespaces is %s", err.text, text);
		doctor_advise(d, "look for a security module or a seccomp filter that forbids it");
	} else {
		doctor_say(d, DOCTOR_OK, "root can make user namespaces");
	}
}

/* Says of one directory whether its file system can be mapped. False: it is not there. */
static bool judge_idmap(struct doctor *d, const char *path, enum doctor_result bad, const char *without, const char *remedy)
{
	_cleanup_close_ int fd = doctor_open_file(d, path, O_PATH | O_DIRECTORY);
	struct err err = { 0 };
	int r;

	if (fd < 0)
		return false;
	r = d->args.tries.idmap ? d->args.tries.idmap(fd, &err) : 0;
	if (r == -EINVAL || r == -EOPNOTSUPP || r == -ENOSYS) {
		doctor_say(d, bad, "the file system of /%s takes no mount with other ids: %s", path, without);
		doctor_advise(d, "%s", remedy);
	} else if (r < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "it cannot be tried whether /%s takes a mount with other ids: %s", path,
			   err.text);
	} else {
		doctor_say(d, DOCTOR_OK, "/%s takes mounts with other ids", path);
	}
	return true;
}

/* Where engines keep images, and /var/lib where there is none of them. */
static void check_idmap(struct doctor *d)
{
	static const char *const storages[] = { "var/lib/containerd", "var/lib/containers", "var/lib/docker" };
	bool any = false;

	if (!doctor_is_privileged(d, "whether file systems take mounts with other ids"))
		return;
	for (size_t i = 0; i < ELEMENTS(storages) + 1; i++)
		if (i < ELEMENTS(storages) || !any)
			any |= judge_idmap(d, i < ELEMENTS(storages) ? storages[i] : "var/lib", DOCTOR_WARN,
					   "engines change the owner of every file of an image, or refuse",
					   "keep images on ext4, xfs or btrfs, with Linux 5.19 or newer");
	if (!any)
		doctor_say(d, DOCTOR_UNKNOWN, "there is no /var/lib to try it on");
}

/* A kubelet's secrets and tokens are on tmpfs. */
static void check_idmap_tmpfs(struct doctor *d)
{
	_cleanup_close_ int kubelet = doctor_open_file(d, "var/lib/kubelet", O_PATH | O_DIRECTORY);

	if (kubelet == -ENOENT)
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "there is no kubelet");
	else if (doctor_is_privileged(d, "whether tmpfs takes mounts with other ids") &&
		 !judge_idmap(d, "run", DOCTOR_WARN, "pods with hostUsers: false and a secret or token do not start",
			      "boot Linux 6.3 or newer"))
		doctor_say(d, DOCTOR_UNKNOWN, "there is no /run to try it on");
}

const struct doctor_check doctor_kernel_checks[] = {
	{ "kernel.version", "older kernels lack system calls that a grant or a guard is made with", check_version },
	{ "kernel.userns",
	  "with require_userns, as it is by default, only a container with a user namespace gets a grant", check_userns },
	{ "kernel.idmap", "engines give an image to a user namespace by a mount with other ids, or else copy it",
	  check_idmap },
	{ "kernel.idmap-tmpfs", "Kubernetes mounts secrets and tokens into a pod from tmpfs, with the pod's ids",
	  check_idmap_tmpfs },
	{ "kernel.inotify",
	  "cgdeleg watch hears of a raised limit by inotify; without it the limit stays until the next sweep",
	  doctor_check_inotify },
	{ 0 },
};
