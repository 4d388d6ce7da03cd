/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Require - what must be true of a container before anything is given to it. See request.h.
 *
 * The limits of a delegated cgroup are safe because host root owns the limit files and the container's root is somebody
 * else. So a user namespace comes first. Without one (or with one that reaches host id 0) ownership protects nothing,
 * and nsdelegate guards only the root of the caller's innermost cgroup namespace. Then only the grant guard stands
 * between container and host, so the container must have no capability that bypasses it. All faults are collected: one
 * refusal should not hide the next.
 */
#include <linux/capability.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"

#ifndef CAP_PERFMON /* linux/capability.h before 5.8 */
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

/* Capabilities that, in the host's user namespace, undo the ceilings or reach the device programs. */
static const struct {
	int number;
	const char *name;
	const char *why;
} capabilities[] = {
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "it can mount the whole cgroup tree" },
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "it can open any cgroup by its handle" },
	{ CAP_CHOWN, "CAP_CHOWN", "it can take the limit files for itself" },
	{ CAP_FOWNER, "CAP_FOWNER", "it can change the modes of the limit files" },
	{ CAP_BPF, "CAP_BPF", "it can load BPF programs of its own" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "it can attach BPF programs to cgroups" },
	{ CAP_PERFMON, "CAP_PERFMON", "it can load tracing programs" },
};

static void unknown(struct request *request, const char *what)
{
	request_refuse(request, REASON_UNKNOWN, NULL, "%s is not known, and what is not known is not granted", what);
}

/* No user namespace, and the policy does not require one. */
static void require_bare(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_REQUIRE_USERNS);

	request->decision->guard = GUARD_REQUIRE;
	request_nsdelegate(request, setting);
	/* If config.json was not read at all, request_require() has reported it. */
	for (size_t i = 0; i < ELEMENTS(capabilities); i++)
		if (request->facts->capabilities >> capabilities[i].number & 1)
			request_refuse(
				request, REASON_CAPABILITY, setting,
				"the container has %s and no user namespace of its own: %s; drop the capability or use a user namespace",
				capabilities[i].name, capabilities[i].why);
}

static const struct engine_words with_userns = {
	.pod = "set 'hostUsers: false' in the pod",
	.podman = "run it with --userns=auto or --uidmap",
	.docker = "set userns-remap in Docker's daemon.json",
	.any = "set 'hostUsers: false' in the pod, --userns=auto with podman, userns-remap with Docker",
};

static const struct engine_words with_cgroupns = {
	.pod = "a privileged pod has none: take 'privileged' out",
	.podman = "run it with --cgroupns=private and without --privileged",
	.docker = "run it with --cgroupns=private and without --privileged",
	.any = "give it a namespace of type 'cgroup'; privileged containers have none",
};

static const struct engine_words without_cover = {
	.pod = "take it out of there",
	.podman = "run it with --security-opt unmask=/sys/fs/cgroup",
	.docker = "run it with --security-opt systempaths=unconfined, or take it out of there",
	.any = "take it out of there",
};

static void require_userns(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_REQUIRE_USERNS);
	const struct facts *facts = request->facts;
	const enum userns_kind userns = facts->userns;

	if (userns == USERNS_PRIVATE)
		return;
	if (userns != USERNS_NONE && userns != USERNS_HOST_IDS)
		unknown(request, "the container's user namespace");
	else if (!request_is(request, KEY_REQUIRE_USERNS, "true"))
		require_bare(request);
	else if (userns == USERNS_NONE)
		request_refuse(request, REASON_USERNS_MISSING, setting,
			       "the container has no user namespace of its own, so its root could write its own limits; %s",
			       explain_by_engine(request, &with_userns));
	else
		request_refuse(
			request, REASON_USERNS_HOST_IDS, setting,
			"%s, so the container's user namespace counts as none; give it a range of host ids that does not contain 0: %s",
			facts->host_ids ? facts->host_ids : "host id 0 is mapped",
			explain_by_engine(request, &with_userns));
}

/* `owner = root` is refused for a container without root, and is of no use to a process that is somebody else. */
static void require_root_owner(struct request *request, const struct setting *setting)
{
	const struct facts *facts = request->facts;
	const char *missing = request->decision->owner_uid == FACT_ID_UNKNOWN ? "uid" : "gid";

	if (facts->root_uid != FACT_ID_UNKNOWN && facts->root_gid != FACT_ID_UNKNOWN) {
		if (facts->process_uid != facts->root_uid && !(facts->ambient >> CAP_DAC_OVERRIDE & 1))
			request_note(
				request, REASON_OWNER_UNUSED, setting,
				"the cgroup belongs to the container's root, and config.json starts its process as another user, who cannot write there; if that user should, set owner = process");
	} else if (facts->process_uid != FACT_ID_UNKNOWN && facts->process_gid != FACT_ID_UNKNOWN) {
		request_refuse(
			request, REASON_OWNER_UNMAPPED, setting,
			"the container's root has no host %s, because its user namespace does not map it; set owner = process, which gives the cgroup to %u:%u, the user that config.json names, or extend the map",
			missing, facts->process_uid, facts->process_gid);
	} else {
		request_refuse(
			request, REASON_OWNER_UNMAPPED, setting,
			"the container's root has no host %s, because its user namespace does not map it; extend the map",
			missing);
	}
}

static void require_process_owner(struct request *request, const struct setting *setting)
{
	const struct decision *d = request->decision;

	if (d->owner_uid == FACT_ID_UNKNOWN || d->owner_gid == FACT_ID_UNKNOWN)
		request_refuse(
			request, REASON_OWNER_UNMAPPED, setting,
			"the user that config.json names has no host %s, because its user namespace does not map it; extend the map",
			d->owner_uid == FACT_ID_UNKNOWN ? "uid" : "gid");
}

static void require_owner(struct request *request)
{
	const struct facts *facts = request->facts;
	struct decision *d = request->decision;
	const bool process = request_is(request, KEY_OWNER, "process");
	const struct setting *setting = request_setting(request, KEY_OWNER);

	d->owner_uid = process ? facts->process_uid : facts->root_uid;
	d->owner_gid = process ? facts->process_gid : facts->root_gid;
	if (facts->userns == USERNS_UNKNOWN)
		return; /* and so are the ids */
	if (process)
		require_process_owner(request, setting);
	else
		require_root_owner(request, setting);
	/* A private namespace does not reach host id 0. If the facts say that it does, they are wrong, or were never
	 * filled in. */
	if (facts->userns == USERNS_PRIVATE && (d->owner_uid == 0 || d->owner_gid == 0))
		request_refuse(request, REASON_OWNER_UNMAPPED, setting,
			       "the %s is host id 0, although its user namespace does not map host id 0",
			       process ? "user that config.json names" : "container's root");
}

/*
 * The owner of a cgroup is a host id. Where two user namespaces have that id, the root of either is the owner of both
 * cgroups, and only the view keeps him out. Many nodes cannot do otherwise (Docker has one range for all), so that it is
 * a note where the policy says no more. A container that has its grant already is not asked again.
 */
static void require_own_ids(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_SHARED_IDS);
	const bool refuse = request_is(request, KEY_SHARED_IDS, "refuse");
	const struct facts *facts = request->facts;
	const char *sharer = facts->sharer && facts->sharer[0] ? facts->sharer : "?";

	/* Of a user namespace that is not known require_userns() has said so. */
	if (facts->granted || facts->shares_ids == TRI_NO || facts->userns == USERNS_UNKNOWN)
		return;
	if (facts->shares_ids == TRI_YES)
		request_reason(
			request, refuse ? REASON_REFUSES : REASON_NOTES, REASON_SHARED_IDS, setting,
			"host %s %u to %u are also those of container '%s', which has a grant: the root of each owns the other's cgroup; give each container a range of its own (--userns=auto, hostUsers: false)",
			facts->shared_gids ? "gids" : "uids", facts->shared.first,
			(uint32_t)(facts->shared.first + (facts->shared.count - 1)), FOREIGN(sharer));
	else if (refuse && facts->sharer && facts->sharer[0])
		request_refuse(
			request, REASON_SHARED_IDS, setting,
			"it cannot be told whether container '%s' has the same host ids, because an older cgdeleg made its grant; create that container again",
			FOREIGN(sharer));
	else if (refuse)
		request_refuse(
			request, REASON_SHARED_IDS, setting,
			"it cannot be told whether another grant has host ids of this container, and shared_ids = refuse depends on it");
}

static void require_cgroupns(struct request *request)
{
	if (request->facts->cgroupns_private == TRI_UNKNOWN)
		unknown(request, "the container's cgroup namespace");
}

bool request_placed(struct request *request)
{
	const struct facts *facts = request->facts;

	if (facts->cgroupns_private == TRI_NO)
		request_refuse(
			request, REASON_CGROUPNS_SHARED, NULL,
			"the container shares the host's cgroup namespace, so /sys/fs/cgroup would be the host's tree; %s",
			explain_by_engine(request, &with_cgroupns));
	if (facts->place_fault)
		request_refuse(request, REASON_CGROUP_MOUNT, NULL, "%s", facts->place_fault);
	return facts_placed(facts);
}

/*
 * A guard that is not there: is that the end of it? `prefer` and `withhold` do without a guard that this kernel cannot
 * have, as was proven (GUARD_FACT_CANNOT): the caller decides on that. Everything else is refused: what is merely broken,
 * because somebody can repair it, and may have broken it; what could not be checked just now, because a burst of
 * containers, or one that starves the hook, must not lead to a grant that stays without a guard. In `check`, what nobody
 * has loaded yet is only noted.
 */
static bool settle_guard(struct request *request, const struct setting *setting, const char *what,
			 enum guard_fact guard, const char *why, const char *without)
{
	const char *colon = why && why[0] ? ": " : "";

	why = why ? why : "";
	if (guard == GUARD_FACT_THERE)
		return true;
	if (guard == GUARD_FACT_CANNOT)
		return false;
	if (guard == GUARD_FACT_NOT_LOADED)
		request_note(request, REASON_GUARD_NOT_LOADED, setting,
			     "%s has not been loaded since boot; the hook loads it, and refuses the container if that fails ('cgdeleg guard status' tries it)",
			     what);
	else if (guard == GUARD_FACT_BROKEN)
		request_refuse(request, REASON_GUARD_BROKEN, setting, "%s does not work%s%.230s; repair it, or set %s",
			       what, colon, why, without);
	else
		request_refuse(request, REASON_UNKNOWN, setting,
			       "it cannot be told just now whether %s can be attached%s%.160s; create the container again",
			       what, colon, why);
	return true;
}

static bool is_usable(enum guard_fact guard)
{
	return guard == GUARD_FACT_THERE || guard == GUARD_FACT_NOT_LOADED;
}

/* The device guard beside the runtime's program. On a kernel without the device guard the runtime's is enough; without
 * both nothing is granted. */
static void require_device_guard(struct request *request, const struct setting *setting, enum device_bpf_state state)
{
	const struct facts *facts = request->facts;
	const char *why = facts->device_guard_why ? facts->device_guard_why : "";

	request->decision->device_guard = is_usable(facts->device_guard);
	if (settle_guard(request, setting, "the device guard", facts->device_guard, why, "device_bpf = runtime"))
		return;
	if (state == DEVICE_BPF_ABSENT)
		request_refuse(
			request, REASON_DEVICE_BPF_ABSENT, setting,
			"no device program is on the container's cgroup, and the device guard cannot be attached%s%.160s; repair either, or set device_bpf = runtime",
			*why ? ": " : "", why);
	else
		request_note(request, REASON_DEVICE_GUARD_ABSENT, setting,
			     "only the runtime's device program is on the container's cgroup%s%.200s", *why ? ": " : "",
			     why);
}

static void require_device_bpf(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_DEVICE_BPF);
	const struct facts *facts = request->facts;
	const enum device_bpf_state state = facts->device_bpf;
	const struct decision *d = request->decision;
	const char *cgroup = facts->device_cgroup ? facts->device_cgroup : "?";

	if (state == DEVICE_BPF_REPLACEABLE)
		request_refuse(
			request, REASON_DEVICE_BPF_REPLACEABLE, setting,
			"device program %u on cgroup '%s' was attached without BPF_F_ALLOW_MULTI, so the container could replace or detach it",
			facts->device_program, FOREIGN(cgroup));
	else if (state != DEVICE_BPF_ABSENT && state != DEVICE_BPF_MULTI)
		unknown(request, "which device programs are on the container's cgroup");
	else if (d->device_bpf == DEVICE_BPF_RUNTIME && state == DEVICE_BPF_ABSENT)
		request_note(request, REASON_DEVICE_BPF_ABSENT, setting, "no device program is on the container's cgroup");
	else if (d->device_bpf == DEVICE_BPF_WITHHOLD)
		require_device_guard(request, setting, state);
}

static void require_guard(struct request *request)
{
	const struct setting *setting = request_setting(request, KEY_GUARD);
	const struct facts *facts = request->facts;
	const enum guard_mode mode = request->decision->guard;
	const bool asked = request_is(request, KEY_GUARD, "require");
	const char *why = facts->grant_guard_why ? facts->grant_guard_why : "";

	if (mode == GUARD_OFF)
		return;
	request->decision->grant_guard = is_usable(facts->grant_guard);
	if (settle_guard(request, setting, "the grant guard", facts->grant_guard, why, "guard = off"))
		return;
	if (mode == GUARD_REQUIRE)
		request_refuse(request, REASON_GUARD_MISSING,
			       asked ? setting : request_setting(request, KEY_REQUIRE_USERNS),
			       "the grant guard is not in force on this node, and %s requires it%s%.150s",
			       asked ? "guard = require" : "a container without a user namespace", *why ? ": " : "", why);
	else
		request_note(request, REASON_GUARD_ABSENT, setting,
			     "the grant guard is not in force on this node%s%.200s", *why ? ": " : "", why);
}

/* Ways in which a container could get somebody else's BPF program or cgroup. */
static void require_no_bpf(struct request *request)
{
	const struct facts *facts = request->facts;

	if (facts->bpf_token)
		request_refuse(
			request, REASON_BPFFS, NULL,
			"a bpffs with delegate_* options is mounted in the container, from which it could make a BPF token; take it out of config.json's mounts");
	else if (facts->bpffs)
		request_refuse(
			request, REASON_BPFFS, NULL,
			"a bpffs is mounted in the container, from which it could take BPF programs; take it out of config.json's mounts");
	if (facts->unseen)
		unknown(request, facts->unseen);
	if (facts->other_cgroup)
		request_refuse(request, REASON_OTHER_CGROUP_MOUNT, NULL,
			       "the container has a second way to cgroups: %s; remove the volume or mount that provides it",
			       facts->other_cgroup);
	if (facts->inherited)
		request_refuse(
			request, REASON_DESCRIPTOR, NULL,
			"the container's init would keep %s, open across its exec; find out who gave it to the runtime",
			facts->inherited);
	if (facts->seccomp_bpf == TRI_YES)
		request_note(request, REASON_SECCOMP_BPF, NULL,
			     "the container's seccomp profile lets bpf(2) through, which a container seldom needs");
}

bool request_no_volumes(struct request *request)
{
	const struct setting *line = request_setting(request, KEY_WRITABLE_MOUNT);
	const struct facts *facts = request->facts;

	if ((facts->userns != USERNS_NONE && facts->userns != USERNS_HOST_IDS) ||
	    request_is(request, KEY_WRITABLE_MOUNT, "pass"))
		return true;
	if (facts->other_cgroup)
		request_refuse(
			request, REASON_OTHER_CGROUP_MOUNT, line,
			"the container declines a writable cgroup, but has another way to cgroups, and writable_mount = %s: %s; take the volume or mount that brings it out of the container",
			line->value, facts->other_cgroup);
	if (facts->unseen)
		request_refuse(request, REASON_UNKNOWN, line, "%s is not known, and writable_mount = %s depends on it",
			       facts->unseen, line->value);
	return !facts->other_cgroup && !facts->unseen;
}

void request_require(struct request *request)
{
	struct decision *d = request->decision;
	const char *covered = request->facts->covered_by;

	d->device_bpf = request_is(request, KEY_DEVICE_BPF, "runtime") ? DEVICE_BPF_RUNTIME : DEVICE_BPF_WITHHOLD;
	d->guard = request_is(request, KEY_GUARD, "off")      ? GUARD_OFF
		   : request_is(request, KEY_GUARD, "prefer") ? GUARD_PREFER
							      : GUARD_REQUIRE;
	d->pressure = request_is(request, KEY_PRESSURE, "allow");
	require_userns(request);
	/* Who is bounded is given nothing. What its runtime has given away is none of the limits: gather() sees to that. */
	if (!request->bounding)
		require_owner(request);
	require_own_ids(request);
	require_cgroupns(request);
	require_device_bpf(request);
	require_guard(request);
	require_no_bpf(request);
	if (covered && !request->bounding)
		request_refuse(
			request, REASON_COVERED, NULL,
			"'%s' is in the container's readonlyPaths or maskedPaths and would cover /sys/fs/cgroup after the hook; %s",
			FOREIGN(covered), explain_by_engine(request, &without_cover));
	/* Read-only paths and capabilities are facts only if config.json was read. */
	if (request->facts->capabilities_known != TRI_YES)
		unknown(request, "what config.json gives the container");
}
