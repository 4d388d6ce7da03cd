/* SPDX-License-Identifier: Apache-2.0 */
/* Privilege - what this process may do from here on. See privilege.h. */
#include "base/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Without these three, a descriptor that is opened later could become "standard error" and be written to. One call
 * checks all of them, since they are hardly ever closed. */
static int fill_standard_fds(struct err *err)
{
	struct pollfd fds[STDERR_FILENO + 1];

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		fds[fd] = (struct pollfd) { .fd = fd };
	if (poll(fds, ELEMENTS(fds), 0) < 0)
		return err_set_errno(err, errno, "cannot check descriptors 0 to 2");
	/* The lowest first, so that each gets its own number; without O_CLOEXEC, like the usual three. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if ((fds[fd].revents & POLLNVAL) && open("/dev/null", O_RDWR) != fd)
			return err_set_errno(err, errno, "cannot open '/dev/null' as descriptor %d", fd);
	return 0;
}

int privilege_scrub(struct err *err)
{
	static const struct rlimit no_core = { 0, 0 };
	int r;

	if (clearenv() != 0)
		return err_set(err, ENOMEM, "cannot empty the environment");
	r = fill_standard_fds(err);
	if (r < 0)
		return r;
	if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
		return err_set_errno(err, errno, "cannot close inherited descriptors");
	if (chdir("/") < 0)
		return err_set_errno(err, errno, "cannot change to '/'");
	/* Both: a change of file system ids makes the process as dumpable as fs.suid_dumpable says (commit_creds()). */
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set_errno(err, errno, "cannot forbid core dumps");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, errno, "cannot set no_new_privs");
	return 0;
}

static struct __user_cap_header_struct header(void)
{
	return (struct __user_cap_header_struct) { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
}

bool privilege_has(int capability)
{
	struct __user_cap_header_struct head = header();
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 && (data[capability / 32].effective >> (capability % 32) & 1);
}

static int set_capabilities(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = header();
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int privilege_limit(uint64_t effective, uint64_t permitted, struct err *err)
{
	struct __user_cap_header_struct head = header();
	struct __user_cap_data_struct data[2] = { 0 };
	int r = set_capabilities(effective & permitted, permitted);

	if (r != -EPERM)
		return r < 0 ? err_set_errno(err, r, "cannot reduce this process's capabilities") : 0;
	/* The runtime gave fewer than the mask has, or an earlier phase left fewer. */
	if (syscall(SYS_capget, &head, data) < 0)
		return err_set_errno(err, errno, "cannot read this process's capabilities");
	permitted &= (uint64_t)data[1].permitted << 32 | data[0].permitted;
	r = set_capabilities(effective & permitted, permitted);
	return r < 0 ? err_set_errno(err, r, "cannot reduce this process's capabilities") : 0;
}

int privilege_make_as(uint32_t uid, uint32_t gid, struct err *err)
{
	struct __user_cap_header_struct head = header();
	struct __user_cap_data_struct data[2] = { 0 };

	(void)setfsgid(gid);
	(void)setfsuid(uid);
	/* When the fsuid leaves 0, the kernel removes the file system capabilities from the effective set. */
	if (syscall(SYS_capget, &head, data) < 0)
		return err_set_errno(err, errno, "cannot read this process's capabilities");
	data[0].effective |= data[0].permitted & (1U << CAP_DAC_OVERRIDE);
	head = header();
	if (syscall(SYS_capset, &head, data) < 0)
		return err_set_errno(err, errno, "cannot keep CAP_DAC_OVERRIDE");
	return 0;
}

int privilege_make_as_root(uint32_t uid, uint32_t gid, struct err *err)
{
	/* Neither call reports a failure, but both return the previous id. */
	const uint32_t gid_before = (uint32_t)setfsgid(0);
	const uint32_t uid_before = (uint32_t)setfsuid(0);

	if (uid_before != uid || gid_before != gid)
		return err_set(err, EPERM, "cannot set the file system ids to %u:%u", uid, gid);
	return 0;
}
