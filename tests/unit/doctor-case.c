/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor case - one check on a described node; stands in for what bpf/program.h has. See doctor-case.h. */
#include "tests/unit/doctor-case.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "bpf/program.h"
#include "tests/unit/check.h"

const char doctor_node[] = "proc/sys/kernel/osrelease = 6.12.57+deb13-amd64\n"
			   "proc/sys/user/max_user_namespaces = 15000\n"
			   "proc/sys/fs/inotify/max_user_instances = 4\n"
			   "proc/sys/fs/inotify/max_user_watches = 40\n"
			   "proc/1/fd/0 -> /dev/null\n"
			   "proc/1/fd/7 -> anon_inode:inotify\n"
			   "proc/1/fdinfo/7 = pos: 0\\ninotify wd:1 ino:1 sdev:2\\ninotify wd:2 ino:2 sdev:2\n"
			   "var/lib/containerd/\n"
			   "var/lib/kubelet/\n"
			   "run/\n"
			   "dev/null =\n"
			   "proc/1/mountinfo = 21 1 8:1 / / rw shared:1 - ext4 /dev/root rw\\n"
			   "22 21 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
			   "rw,nsdelegate,memory_recursiveprot\\n"
			   "23 21 0:30 / /sys/fs/bpf rw,nosuid shared:10 - bpf bpf rw,mode=700\n"
			   "sys/kernel/cgroup/features = nsdelegate\\nfavordynmods\\nmemory_localevents\\n"
			   "memory_recursiveprot\\nmemory_hugetlb_accounting\n"
			   "sys/kernel/cgroup/delegate = cgroup.procs\\ncgroup.threads\\ncgroup.subtree_control\\n"
			   "memory.oom.group\\nmemory.reclaim\n"
			   "sys/fs/cgroup/cgroup.controllers = cpuset cpu io memory hugetlb pids rdma misc\n"
			   "sys/fs/cgroup/cgroup.subtree_control = cpu memory pids\n"
			   "sys/fs/cgroup/cgroup.stat = nr_descendants 40\\nnr_dying_descendants 2\n"
			   "sys/fs/cgroup/system.slice/engine.service/\n"
			   "sys/fs/cgroup/kubepods.slice/cgroup.subtree_control = cpu memory pids\n"
			   "sys/fs/cgroup/kubepods.slice/kubepods-pod1.slice/\n"
			   "sys/kernel/security/lsm = capability,landlock,lockdown,yama,apparmor,bpf\n"
			   "sys/kernel/security/lockdown = [none] integrity confidentiality\n"
			   "sys/fs/bpf/guards = device grant\n"
			   "proc/1/comm = systemd\n"
			   "proc/self/status = Name:\\tcgdeleg\\nSeccomp:\\t0\\nSeccomp_filters:\\t0\n"
			   "proc/sys/kernel/seccomp/actions_avail = kill_process errno allow\n"
			   "usr/lib/systemd/libsystemd-shared-257.so =\n"
			   "run/systemd/private =\n"
			   "run/cgdeleg/\n"
			   "var/log/cgdeleg/audit.jsonl = {}\n"
			   "etc/logrotate.d/cgdeleg = /var/log/cgdeleg/audit.jsonl {}\n"
			   "etc/cgdeleg/policy.ini = [profile ci]\\nmemory.max = 1G\\ncgroup.max.descendants = 100\\n"
			   "[handler ci]\\nengine = containerd\\nprofile = ci\\ncgroup_writable = true\n";

static int fails;

static int try_nothing(struct err *err)
{
	return fails ? err_set_errno(err, fails, "what was tried") : 0;
}

static int try_directory(int fd, struct err *err)
{
	(void)fd;
	return try_nothing(err);
}

/* The device's file says whether a program refuses it. */
static int open_device(int root_fd, const char *path)
{
	char text[16];

	return file_read_at(root_fd, path, text, sizeof(text)) > 0 && strcmp(text, "refused\n") == 0 ? -EPERM : -ENOENT;
}

int program_name(uint32_t id, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", id == 7 ? "sd_devices" : "box");
	return 0;
}

/* lsm.hooks of the cgroup: numbers. */
ssize_t program_lsm_hooks(int cgroup_fd, uint32_t ret[LSM_HOOKS])
{
	char text[64], word[16];
	const char *list = text;
	ssize_t n = 0;

	if (file_read_record_at(cgroup_fd, "lsm.hooks", text, sizeof(text)) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "none") == 0)
		return -EOPNOTSUPP;
	while (text_next_word(&list, word, sizeof(word)) > 0)
		ret[n++] = (uint32_t)strtoul(word, NULL, 10);
	return n;
}

static int try_guard(int cgroup_fd, const struct grant_guard *guard, struct err *err)
{
	(void)guard;
	return try_directory(cgroup_fd, err);
}

static const struct doctor_check *find_check(const struct doctor_check *checks, const char *id)
{
	for (; checks->id; checks++)
		if (strcmp(checks->id, id) == 0)
			return checks;
	fail_msg("there is no check '%s' in that table", id);
	return NULL;
}

static const struct doctor_answer *worst_of(const struct doctor *d)
{
	const struct doctor_answer *worst = d->answers;

	for (size_t i = 1; i < d->n; i++)
		if (d->answers[i].result > worst->result)
			worst = &d->answers[i];
	return worst;
}

static void compare(const struct doctor_case *c, const struct doctor_answer *got)
{
	if (got->result != c->result)
		fail_msg("%s: %s: \"%s\", %s was expected", c->id, doctor_result_name(got->result), got->text,
			 doctor_result_name(c->result));
	if (!strstr(got->text, c->text))
		fail_msg("%s: it says \"%s\", \"%s\" was expected", c->id, got->text, c->text);
	if (!got->remedy != !c->remedy || (c->remedy && !strstr(got->remedy, c->remedy)))
		fail_msg("%s: the remedy is \"%s\", \"%s\" was expected", c->id, got->remedy ? got->remedy : "(none)",
			 c->remedy ? c->remedy : "(none)");
}

static void run_case(const struct doctor_check *check, const struct doctor_case *c)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(doctor_done) struct doctor d = { .root_fd = -EBADF, .host = HOST_CLOSED };
	struct doctor_args args = {
		.policy = POLICY_DIRECTORY,
		.audit = AUDIT_DIRECTORY,
		.run = BUDGET_DIRECTORY,
		.privileged = !c->user,
		.tries = { try_nothing, try_directory, try_nothing, try_directory, open_device, try_guard },
	};

	fails = c->fails;
	tree_new(&tree, doctor_node);
	tree_edit(&tree, c->lines);
	if (c->prepare)
		c->prepare(&tree);
	args.root = tree.root;
	args.machine = tree_machine(&tree);
	CHECK(c->id, doctor_open(&args, &d, &why), NULL);
	d.host.helpers = d.host.helpers ? "/usr/libexec/cgdeleg" : NULL;
	doctor_run(&d, check);
	assert_false(d.lost);
	compare(c, worst_of(&d));
	for (size_t i = 0; i < d.n; i++)
		if (strchr(d.answers[i].text, '\n') || d.answers[i].text[strlen(d.answers[i].text) - 1] == '.')
			fail_msg("%s: \"%s\" is not one sentence without newline and full stop", c->id, d.answers[i].text);
}

void doctor_cases(const struct doctor_check *checks, const struct doctor_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_case(find_check(checks, cases[i].id), &cases[i]);
	for (const struct doctor_check *check = checks; check->id; check++) {
		bool provoked = false, clean = false;

		for (size_t i = 0; i < n; i++) {
			const bool about = strcmp(cases[i].id, check->id) == 0;

			provoked = provoked || (about && cases[i].result >= DOCTOR_NOTE);
			clean = clean || (about && cases[i].result == DOCTOR_OK);
		}
		if (!provoked || !clean)
			fail_msg("no case %s %s", provoked ? "leaves in peace" : "provokes", check->id);
	}
}
