/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step - how each kind of step is run and undone. See step.h; nesting is in step-nest.c, systemd in
 * step-unit.c.
 *
 * Threats. Ownership is the grant: a container with CAP_SYS_ADMIN in its user namespace can mount its own writable
 * cgroup2, so a file is in its hands from the moment that it owns it, mount or no mount. Hence every ceiling has been
 * written and read back before the first STEP_OWN. The names of the files come from struct target, never from the
 * container, and are resolved only in the verified directory.
 */
#include "cgdeleg/grant/step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bpf/device.h"

int step_place_fd(const struct apply *apply, const struct step *step)
{
	return step->place == PLACE_SCOPE ? apply->target->scope_fd : apply->target->cgroup_fd;
}

/* The first step: nobody else can count until it is done. */
static int budget_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	return apply->budget ? budget_reserve(apply->budget, step->entry, &undo->slot, &undo->changed, err) : 0;
}

static int budget_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	return budget_release(apply->budget, &undo->slot, err);
}

static int ceiling_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	int r;

	undo->limit.skip_unknown = step->ceiling.skip_unknown;
	r = limit_lower(step_place_fd(apply, step), step->ceiling.file, step->ceiling.type, &step->ceiling.value,
			&undo->limit, err);
	undo->changed = undo->limit.changed;
	return r < 0 || undo->limit.n_skipped == 0 ? r : STEP_SKIPPED;
}

static int ceiling_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	const struct step *step = undo->step;

	return limit_restore(step_place_fd(apply, step), step->ceiling.file, step->ceiling.type, &undo->limit, err);
}

/* Checks once more, since a runtime could have replaced the program between the decision and the grant. After a call to
 * systemd it may be another program; then it only matters that there is one that the container cannot remove. */
static int device_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	struct device_programs now;
	bool same;
	int r;

	(void)undo;
	if (apply->target->device_fd < 0)
		return 0; /* there was none, and the policy allows that */
	r = device_query(apply->target->device_fd, &now, err);
	if (r < 0)
		return r;
	same = now.id == apply->target->device_program || step->by_systemd;
	if (now.count == 0 || !now.multi || !same)
		return err_set(
			err, EPERM,
			"the device controller's BPF programs have changed since the grant was decided; create the container again");
	return 0;
}

static int save_attribute(const struct apply *apply, struct undo *undo, struct err *err)
{
	char text[ATTRIBUTE_SIZE];
	ssize_t n = 0; /* gather() has seen that there is none */

	if (apply->target->attribute.marked)
		n = fgetxattr(apply->target->cgroup_fd, ATTRIBUTE_NAME, text, sizeof(text));
	if (n < 0 && errno != ENODATA)
		return err_set_errno(err, errno, "cannot read attribute " ATTRIBUTE_NAME);
	undo->text = n > 0 ? strndup(text, (size_t)n) : NULL;
	if (n > 0 && !undo->text)
		return err_set(err, ENOMEM, "out of memory");
	undo->changed = true;
	return 0;
}

static int attribute_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	int r = save_attribute(apply, undo, err);

	if (r >= 0 && undo->text && strcmp(undo->text, step->attribute) == 0)
		undo->changed = false;
	if (r < 0 || !undo->changed)
		return r;
	r = attribute_write(apply->target->cgroup_fd, step->attribute, !apply->target->attribute.marked, err);
	if (r == -EEXIST)
		undo->changed = false; /* another hook's, which came after the look: not ours to remove */
	return r;
}

static int attribute_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	return attribute_write(apply->target->cgroup_fd, undo->text, false, err);
}

static int forget_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	int r;

	(void)step;
	r = save_attribute(apply, undo, err);
	return r < 0 ? r : attribute_write(apply->target->cgroup_fd, NULL, false, err);
}

static int intent_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	(void)step;
	(void)undo;
	return apply->intent ? apply->intent(apply->userdata, err) : 0;
}

static int stat_name(int fd, const char *name, struct stat *ret, struct err *err)
{
	int r = strcmp(name, ".") == 0 ? fstat(fd, ret) : fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW);

	return r < 0 ? err_set_errno(err, errno, "cannot stat '%s' of the container's cgroup", name) : 0;
}

/* Gives one name to the owner, and checks that the owner has it now. */
static int chown_name(int fd, const char *name, struct ids owner, struct err *err)
{
	struct stat st;
	int r = strcmp(name, ".") == 0 ? fchown(fd, owner.uid, owner.gid)
				       : fchownat(fd, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW);

	if (r < 0)
		return err_set_errno(err, errno, "cannot give '%s' of the container's cgroup to %u:%u", name, owner.uid,
				     owner.gid);
	r = stat_name(fd, name, &st, err);
	if (r < 0)
		return r;
	if (st.st_uid != owner.uid || st.st_gid != owner.gid)
		return err_set(err, EIO, "'%s' of the container's cgroup belongs to %u:%u after giving it to %u:%u",
			       name, st.st_uid, st.st_gid, owner.uid, owner.gid);
	return 0;
}

static int own_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	const struct ids owner = step->own.owner;
	int fd = apply->target->cgroup_fd;
	struct stat st;
	int r;

	if (strchr(step->own.name, '/'))
		return err_set(err, EINVAL, "'%s' is not the name of a file in a cgroup", step->own.name);
	r = stat_name(fd, step->own.name, &st, err);
	if (r < 0 || (st.st_uid == owner.uid && st.st_gid == owner.gid))
		return r;
	undo->owner = (struct ids) { st.st_uid, st.st_gid };
	undo->changed = true;
	return chown_name(fd, step->own.name, owner, err);
}

/* A chown that was refused has changed nothing, and would be refused here too. */
static int own_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	const char *name = undo->step->own.name;
	const int fd = apply->target->cgroup_fd;
	struct stat st;

	if (stat_name(fd, name, &st, NULL) >= 0 && st.st_uid == undo->owner.uid && st.st_gid == undo->owner.gid)
		return 0;
	return chown_name(fd, name, undo->owner, err);
}

static int mount_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	const struct target *target = apply->target;
	struct mount_identity want = {
		.point = target->mount.point, .id = target->mount.id, .dev = target->dev, .ino = target->ino
	};
	int r = mount_make_writable(target->pidfd, &want, step->method, &undo->mount, err);

	undo->changed = undo->mount.fd >= 0;
	return r;
}

static int mount_step_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	(void)apply;
	return mount_undo(&undo->mount, err);
}

const struct step_operation step_operations[STEP_KIND_MAX] = {
	[STEP_BUDGET] = { PHASE_RESTRICT, true, budget_run, budget_undo },
	[STEP_UNIT] = { PHASE_RESTRICT, true, unit_run, unit_undo },
	[STEP_CEILING] = { PHASE_RESTRICT, true, ceiling_run, ceiling_undo },
	[STEP_DEVICE_BPF] = { PHASE_RESTRICT, false, device_run, NULL },
	[STEP_DEVICE_GUARD] = { PHASE_RESTRICT, true, device_guard_run, device_guard_undo },
	[STEP_GRANT_GUARD] = { PHASE_RESTRICT, true, grant_guard_run, grant_guard_undo },
	[STEP_LEAF] = { PHASE_RESTRICT, false, leaf_run, leaf_undo },
	[STEP_MOVE] = { PHASE_RESTRICT, false, move_run, move_undo },
	[STEP_CONTROLLERS] = { PHASE_RESTRICT, false, controllers_run, controllers_undo },
	[STEP_ATTRIBUTE] = { PHASE_RESTRICT, true, attribute_run, attribute_undo },
	[STEP_FORGET] = { PHASE_GRANT, false, forget_run, attribute_undo },
	[STEP_INTENT] = { PHASE_RESTRICT, false, intent_run, NULL },
	[STEP_OWN] = { PHASE_GRANT, false, own_run, own_undo },
	[STEP_MOUNT] = { PHASE_GRANT, false, mount_run, mount_step_undo },
};
