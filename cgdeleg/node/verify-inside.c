/* SPDX-License-Identifier: Apache-2.0 */
/* Verify - the claims that a child inside tries, and what the host must agree to. See verify.h and visit.h. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/cgroup.h"
#include "cgdeleg/kernel/devices.h"
#include "cgdeleg/node/verify-part.h"

#define VISIT_MS      30000		 /* milliseconds for the whole visit; some hundred system calls need a few */
#define DEVICES_TRIED (512 << 8)	 /* character devices, by major and minor */
#define ASKED	      "cgroup.max.depth" /* a file of every cgroup that the grant guard lets nobody in it write */

/* Do the rules let a process read that device? As device_guard.bpf.c: the last rule that names the access decides. */
static bool may_read(const struct attribute *a, uint16_t type, uint32_t major, uint32_t minor)
{
	bool allowed = false;

	for (size_t i = 0; i < a->n_rules; i++) {
		const struct device_rule *rule = &a->rules[i];

		if ((rule->types & type) && (rule->access & BPF_DEVCG_ACC_READ) &&
		    (rule->major == DEVICE_GUARD_ANY || rule->major == major) &&
		    (rule->minor == DEVICE_GUARD_ANY || rule->minor == minor))
			allowed = rule->allow;
	}
	return allowed;
}

/* A node of it that has no name any more when this returns, and never had one where others than root could see it. */
static int make_node(dev_t device)
{
	char directory[] = "/run/cgdeleg-verify.XXXXXX";
	_cleanup_close_ int dir = -EBADF;
	int fd = -ENOENT;

	if (!mkdtemp(directory))
		return -errno;
	dir = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0 && mknodat(dir, "device", S_IFCHR | 0600, device) == 0) {
		fd = openat(dir, "device", O_PATH | O_NOFOLLOW | O_CLOEXEC);
		(void)unlinkat(dir, "device", 0);
	}
	(void)rmdir(directory);
	return fd;
}

static uint64_t count_device_refusals(const struct verify *v)
{
	struct device_rules rules;

	if (v->pinned.device.rules_fd < 0 || device_guard_read(&v->pinned.device, v->found->id, &rules, NULL) < 0)
		return LIMIT_MAX;
	return rules.refused;
}

static uint64_t count_guard_refusals(const struct verify *v)
{
	struct guard_grant grant;

	if (v->pinned.grant.grants_fd < 0 || grant_guard_read(&v->pinned.grant, v->found->fd, &grant, NULL) < 0)
		return LIMIT_MAX;
	return grant.refused[GUARD_RULE_ROOT];
}

/* The guards are asked first; the device guard for the first device that the rules refuse. `v->visit.device_fd` is the
 * caller's to close. */
static void plan_guards(struct verify *v)
{
	const struct attribute *a = v->attribute;
	dev_t device = 0;

	v->ask_device = v->ask_guard = TRY_NONE;
	v->visit.device_fd = -EBADF;
	for (unsigned number = 1; a->device_guard && device == 0 && number < DEVICES_TRIED; number++)
		if (!may_read(a, BPF_DEVCG_DEV_CHAR, number >> 8, number & 255))
			device = makedev(number >> 8, number & 255);
	if (device != 0) {
		(void)snprintf(v->device_name, sizeof(v->device_name), "c %u:%u", major(device), minor(device));
		v->visit.device_fd = make_node(device);
		if (v->visit.device_fd >= 0)
			v->ask_device = visit_add(&v->visit, ATTEMPT_DEVICE, NULL);
	}
	if (a->guarded)
		v->ask_guard = visit_add(&v->visit, ATTEMPT_OPEN, ASKED);
}

static uint64_t count_descendants(const struct verify *v)
{
	char text[1024];

	if (file_read_record_at(v->found->fd, "cgroup.stat", text, sizeof(text)) < 0 ||
	    strncmp(text, "nr_descendants ", strlen("nr_descendants ")) != 0)
		return LIMIT_MAX;
	return strtoull(text + strlen("nr_descendants "), NULL, 10);
}

void verify_visit(struct verify *v)
{
	struct limit_state limit = { 0 };
	struct visit *visit = &v->visit;

	visit->host = v->host;
	visit->process = &v->init;
	visit->cgroup_fd = v->found->fd;
	visit->cgroup = v->found->path;
	visit->deadline_ms = clock_monotonic_ms() + VISIT_MS;
	plan_guards(v);
	v->try_mount = visit_add(&v->visit, ATTEMPT_MOUNT, NULL);
	while (inspect_next(&v->inspect, &limit)) {
		char id[LIMIT_FILE_SIZE + 32];

		(void)snprintf(id, sizeof(id), REFUSED_PREFIX "%s", limit.ceiling.file);
		if (limit.place == PLACE_ROOT && verify_wants(v, id))
			(void)visit_add(&v->visit, ATTEMPT_WRITE, limit.ceiling.file);
	}
	v->try_depth = v->args->throw_away ? visit_add(&v->visit, ATTEMPT_DEPTH, NULL) : TRY_NONE;
	v->try_count = v->args->throw_away ? visit_add(&v->visit, ATTEMPT_COUNT, NULL) : TRY_NONE;
	v->device_refused = count_device_refusals(v);
	v->guard_refused = count_guard_refusals(v);
	v->descendants = count_descendants(v);
	if (v->init.pid > 0)
		visit_run(visit);
	else
		(void)snprintf(visit->why, sizeof(visit->why), "%.400s", v->init_why.text);
	visit->device_fd = close_fd(visit->device_fd);
	if (!visit->mounts)
		return;
	free(v->mounts);
	v->mounts = visit->mounts;
	visit->mounts = NULL;
	v->all_mounts = true;
}

const struct attempt *verify_answer(const struct verify *v, int index, struct outcome *ret)
{
	if (index != TRY_NONE && v->visit.attempts[index].answered)
		return &v->visit.attempts[index];
	OUTCOME(ret, CLAIM_UNKNOWN, "%s", v->visit.why[0] ? v->visit.why : "it was not tried");
	return NULL;
}

/* Did the process inside find this very cgroup at /sys/fs/cgroup? */
static bool is_same_directory(const struct verify *v)
{
	const struct attempt *place = v->try_mount == TRY_NONE ? NULL : &v->visit.attempts[v->try_mount];
	struct stat st;

	return place && place->answered && (place->error == 0 || place->error == EROFS) &&
	       fstat(v->found->fd, &st) == 0 && st.st_dev == place->numbers[0] && st.st_ino == place->numbers[1];
}

void claim_mount(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	_cleanup_free_ struct cgroup_mount *seen = malloc(sizeof(*seen));
	const struct attempt *answer = verify_answer(v, v->try_mount, ret);
	struct err err = { 0 };

	(void)limit;
	if (v->attribute->writable_by > WRITABLE_BY_NONE) {
		OUTCOME(ret, CLAIM_NOT_MADE, "nothing was given to this container: it was only bounded");
		return;
	}
	if (!seen || !v->mounts) {
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", v->init.pid > 0 ? "its mounts cannot be read" : v->init_why.text);
		return;
	}
	/* The host's side first: a failure there needs nobody inside. */
	if (mount_parse(v->mounts, "/sys/fs/cgroup", seen, &err) < 0)
		OUTCOME(ret, CLAIM_FAILED, "%s", err.text);
	else if (strcmp(seen->root, v->found->path) != 0)
		OUTCOME(ret, CLAIM_FAILED, "/sys/fs/cgroup in the container shows the cgroup '%s'", seen->root);
	else if (seen->readonly)
		OUTCOME(ret, CLAIM_FAILED, "/sys/fs/cgroup is read-only in the container");
	else if (!answer)
		return;
	else if (answer->error != 0)
		OUTCOME(ret, CLAIM_FAILED, "a process that went inside found no such mount at /sys/fs/cgroup: %s",
			strerror(answer->error));
	else if (!is_same_directory(v))
		OUTCOME(ret, CLAIM_FAILED, "a process that went inside found another directory at /sys/fs/cgroup");
	else
		OUTCOME(ret, CLAIM_PROVEN,
			"mount %llu of process %d shows '%s' and is read-write; a process that went inside found the same directory",
			(unsigned long long)seen->id, v->init.pid, seen->root);
}

/* Why the kernel has to refuse the write, as the host sees it; NULL: it sees no reason. */
static const char *find_reason(const struct verify *v, const char *file)
{
	struct stat st;

	if (v->userns && fstatat(v->found->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == 0 &&
	    st.st_gid == 0 && !(st.st_mode & 0022) && v->uid_map[0] && !map_reaches(v->uid_map, 0))
		return "it is root's, and the container's ids are others";
	if (process_shares(v->host, &v->init, NAMESPACE_CGROUP, NULL) == 0 &&
	    text_has_word(v->mount.options, "nsdelegate"))
		return "nsdelegate: it is a file of the root of the container's cgroup namespace";
	if (v->ask_guard != TRY_NONE && v->visit.attempts[v->ask_guard].error == EPERM)
		return "the grant guard refuses it";
	return NULL;
}

void claim_refused(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	const struct attempt *answer = NULL;
	const char *reason = find_reason(v, limit->ceiling.file);

	for (size_t i = 0; i < v->visit.n; i++)
		if (v->visit.attempts[i].kind == ATTEMPT_WRITE &&
		    strcmp(v->visit.attempts[i].file, limit->ceiling.file) == 0)
			answer = &v->visit.attempts[i];
	if (!answer || !answer->answered) {
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", v->visit.why[0] ? v->visit.why : "it was not tried");
		return;
	}
	if (!is_same_directory(v)) {
		OUTCOME(ret, CLAIM_UNKNOWN, "/sys/fs/cgroup in the container is not this cgroup: see the claim mount.own");
		return;
	}
	switch (answer->error) {
	case EPERM:
	case EACCES:
	case EROFS:
		if (reason)
			OUTCOME(ret, CLAIM_PROVEN, "a write of the same value from inside ended with '%s' (%s)",
				strerror(answer->error), reason);
		else
			OUTCOME(ret, CLAIM_UNKNOWN,
				"a write from inside ended with '%s', but the host sees no reason for it",
				strerror(answer->error));
		return;
	case EXDEV:
	case ELOOP:
	case ENOENT:
		OUTCOME(ret, CLAIM_UNKNOWN, "the file cannot be reached in the container's /sys/fs/cgroup: %s",
			strerror(answer->error));
		return;
	default:
		OUTCOME(ret, CLAIM_FAILED, "a write of the same value from inside was not refused%s%s",
			answer->error ? ", only its value: " : "", answer->error ? strerror(answer->error) : "");
	}
}

static void judge_state(struct verify *v, enum guard_kind kind, struct outcome *ret)
{
	struct err err = { 0 };
	const int state = inspect_guard(&v->inspect, &v->pinned, kind, &err);

	if (state < 0)
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", err.text);
	else if (state == GUARD_GONE)
		OUTCOME(ret, CLAIM_FAILED,
			"it is not attached to the cgroup, or does not enforce what the attribute says");
	else if (state == GUARD_IN_PART)
		OUTCOME(ret, CLAIM_FAILED, "only some of its programs are attached");
	else
		OUTCOME(ret, CLAIM_PROVEN, "it is attached");
}

/* It is attached: does the kernel ask it? `grown` is by how much its own count of refusals has grown; LIMIT_MAX: the
 * count cannot be read. `alone`: nothing else could have refused. */
static void judge_asked(const struct attempt *answer, uint64_t grown, bool alone, const char *what, struct outcome *ret)
{
	if (answer->error == 0)
		OUTCOME(ret, CLAIM_FAILED, "it is attached, but %s was not refused: the kernel does not ask it", what);
	else if (answer->error != EPERM)
		OUTCOME(ret, CLAIM_UNKNOWN, "it is attached; %s ended with '%s'", what, strerror(answer->error));
	else if (grown != LIMIT_MAX && grown > 0)
		OUTCOME(ret, CLAIM_PROVEN, "it is attached; %s was refused, and it counted that", what);
	else if (grown == 0)
		OUTCOME(ret, CLAIM_FAILED, "it is attached; %s was refused, but not by it", what);
	else if (alone)
		OUTCOME(ret, CLAIM_PROVEN, "it is attached; %s was refused, and nothing else could have", what);
	else
		OUTCOME(ret, CLAIM_UNKNOWN, "it is attached; %s was refused, but its count is not pinned by this build",
			what);
}

static uint64_t growth(uint64_t before, uint64_t now)
{
	return before == LIMIT_MAX || now == LIMIT_MAX ? LIMIT_MAX : now > before ? now - before : 0;
}

void claim_device_guard(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	const struct attempt *answer;
	char what[80];

	(void)limit;
	if (!v->attribute->device_guard) {
		OUTCOME(ret, CLAIM_NOT_MADE, "the grant was made without it");
		return;
	}
	judge_state(v, DEVICE_GUARD, ret);
	if (ret->state != CLAIM_PROVEN)
		return;
	if (!v->device_name[0]) {
		OUTCOME(ret, CLAIM_PROVEN, "it is attached; its rules allow every device, so that nothing can be refused");
		return;
	}
	answer = verify_answer(v, v->ask_device, ret);
	(void)snprintf(what, sizeof(what), "reading device %s in the cgroup", v->device_name);
	if (answer)
		judge_asked(answer, growth(v->device_refused, count_device_refusals(v)), false, what, ret);
}

void claim_grant_guard(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	const struct attempt *answer;

	(void)limit;
	if (!v->attribute->guarded) {
		OUTCOME(ret, CLAIM_NOT_MADE, "the grant was made without it");
		return;
	}
	judge_state(v, GRANT_GUARD, ret);
	if (ret->state != CLAIM_PROVEN)
		return;
	answer = verify_answer(v, v->ask_guard, ret);
	if (answer)
		judge_asked(answer, growth(v->guard_refused, count_guard_refusals(v)), true,
			    "opening '" ASKED "' for writing as host root in the cgroup", ret);
}

void claim_exec(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	const struct visit *visit = &v->visit;

	(void)limit;
	if (visit->landed[0] && cgroup_is_within(visit->landed, v->found->path))
		OUTCOME(ret, CLAIM_PROVEN, "a process that was started there as by exec is in '%s'", visit->landed);
	else if (visit->landed[0])
		OUTCOME(ret, CLAIM_FAILED, "a process that was started there as by exec is in '%s'", visit->landed);
	else if (visit->frozen)
		OUTCOME(ret, CLAIM_FAILED, "an exec would hang, because the cgroup where it lands is frozen");
	else
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", visit->why);
}

/* On a container that nobody needs it is tried. */
static void judge_made(const struct verify *v, int index, uint64_t most, const char *what, struct outcome *ret)
{
	const struct attempt *answer = verify_answer(v, index, ret);

	if (!answer)
		return;
	if (answer->error != EAGAIN)
		OUTCOME(ret, CLAIM_FAILED, "%llu cgroups %s could be made from inside, and then: %s",
			(unsigned long long)answer->numbers[0], what,
			answer->error ? strerror(answer->error) : "no refusal");
	else if (answer->numbers[0] != most || answer->seen != v->descendants + answer->numbers[0])
		OUTCOME(ret, CLAIM_FAILED,
			"%llu cgroups %s could be made from inside, %llu were expected; the host saw %llu in all",
			(unsigned long long)answer->numbers[0], what, (unsigned long long)most,
			(unsigned long long)answer->seen);
	else
		OUTCOME(ret, CLAIM_PROVEN,
			"%llu cgroups %s were made from inside, the host saw them, and one more was refused",
			(unsigned long long)most, what);
}

/* The bound that the file has now; false where there is none, and then *ret says so. */
static bool has_bound(struct verify *v, const char *file, uint64_t *bound, struct outcome *ret)
{
	const struct ceiling *c = attribute_find(v->attribute, file);
	char text[64];

	if (!c || c->value.number == LIMIT_MAX) {
		OUTCOME(ret, CLAIM_NOT_MADE, "the policy set no bound");
		return false;
	}
	if (file_read_record_at(v->found->fd, file, text, sizeof(text)) < 0) {
		OUTCOME(ret, CLAIM_UNKNOWN, "cannot read '%s'", file);
		return false;
	}
	text[strcspn(text, "\n")] = '\0';
	if (text_to_u64(text, bound) == 0)
		return true;
	OUTCOME(ret, CLAIM_NOT_MADE, "'%s' is '%s': see the claim ceiling.%s", file, text, file);
	return false;
}

void claim_descendants(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	const uint64_t now = count_descendants(v);
	uint64_t bound;

	(void)limit;
	if (!has_bound(v, "cgroup.max.descendants", &bound, ret))
		return;
	if (now == LIMIT_MAX)
		OUTCOME(ret, CLAIM_UNKNOWN, "cannot read 'cgroup.stat'");
	else if (now > bound)
		OUTCOME(ret, CLAIM_FAILED, "there are %llu cgroups below it, and the bound is %llu",
			(unsigned long long)now, (unsigned long long)bound);
	else if (v->args->throw_away)
		judge_made(v, v->try_count, bound - v->descendants, "beside each other", ret);
	else
		OUTCOME(ret, CLAIM_PROVEN, "there are %llu cgroups below it, and the kernel makes no more than %llu",
			(unsigned long long)now, (unsigned long long)bound);
}

/* Levels of cgroups below the directory, `most` + 1 at the most. The names are the container's: nothing follows a link, and
 * what vanishes meanwhile was none. */
static uint64_t measure_depth(int fd, uint64_t most)
{
	_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
	uint64_t deepest = 0;

	if (most == 0 || cgroup_list(fd, &listing) < 0)
		return 0;
	for (size_t i = 0; i < listing.n_children; i++) {
		_cleanup_close_ int below =
			openat(fd, listing.children[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		const uint64_t depth = below < 0 ? 0 : 1 + measure_depth(below, most - 1);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest;
}

void claim_depth(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	_cleanup_close_ int fd = openat(v->found->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t bound, now, left;

	(void)limit;
	/* The number of cgroups may bound their depth further. */
	if (!has_bound(v, "cgroup.max.descendants", &left, ret))
		left = LIMIT_MAX;
	else
		left -= v->descendants;
	if (!has_bound(v, "cgroup.max.depth", &bound, ret))
		return;
	now = measure_depth(fd, bound < CGROUP_DEPTH_MAX ? bound + 1 : CGROUP_DEPTH_MAX);
	if (fd < 0)
		OUTCOME(ret, CLAIM_UNKNOWN, "cannot open the cgroup");
	else if (now > bound)
		OUTCOME(ret, CLAIM_FAILED, "there are cgroups %llu levels below it, and the bound is %llu",
			(unsigned long long)now, (unsigned long long)bound);
	else if (v->args->throw_away)
		judge_made(v, v->try_depth, bound < left ? bound : left, "below each other", ret);
	else
		OUTCOME(ret, CLAIM_PROVEN, "its cgroups are %llu levels deep, and the kernel makes no more than %llu",
			(unsigned long long)now, (unsigned long long)bound);
}
