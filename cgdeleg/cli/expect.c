/* SPDX-License-Identifier: Apache-2.0 */
/* Expect - the container that a runtime would make of config.json. See expect.h. */
#include "cgdeleg/cli/expect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/*
 * The top cgroup above this process stands for one that a runtime would make: runtimes and systemd enable the
 * controllers that a container needs on the way down to it. What the session of a shell has is not what a container
 * gets.
 */
static int expect_files(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	char text[2 * PATH_MAX], own[PATH_MAX];
	ssize_t n;
	int r;

	n = file_read_at(host->proc_fd, "self/cgroup", text, sizeof(text));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/self/cgroup'");
	r = cgroup_parse_path(text, own, sizeof(own), err);
	if (r < 0)
		return r;
	own[own[0] == '/' ? 1 + strcspn(own + 1, "/") : 0] = '\0';
	target->cgroup_fd = file_open_beneath(host->cgroup_fd, own, O_RDONLY | O_DIRECTORY);
	if (target->cgroup_fd < 0 || cgroup_list(target->cgroup_fd, &target->listing) < 0)
		return err_set(err, ENOENT, "cannot list this process's cgroup '%s'", own);
	facts->files = target->listing.files;
	r = cgroup_delegated(host, &target->listing, &target->delegated, err);
	facts->delegated = target->delegated.recognised;
	facts->given = target->delegated.given;
	facts->unrecognised = target->delegated.unrecognised;
	return r;
}

/* runc ends at a list whose entries are of another type, and crun leaves them out. */
static int expect_strings(yyjson_val *list, const char *where, struct err *err)
{
	yyjson_val *item;
	size_t i, n;

	if (!list)
		return 0;
	yyjson_arr_foreach(list, i, n, item)
	{
		if (!yyjson_is_str(item))
			return err_set(err, EBADMSG, "config.json: %s[%zu] is not a string, which runc rejects", where, i);
	}
	return 0;
}

/* runc ends at a type that comes twice; crun makes or joins what one of them says. */
static int expect_namespaces(yyjson_val *list, struct err *err)
{
	yyjson_val *item;
	size_t i, n;

	if (!list)
		return 0;
	yyjson_arr_foreach(list, i, n, item)
	{
		const char *type = yyjson_get_str(yyjson_obj_get(item, "type"));
		char shown[64];

		for (size_t before = 0; type && before < i; before++)
			if (yyjson_equals_str(yyjson_obj_get(yyjson_arr_get(list, before), "type"), type))
				return err_set(
					err, EBADMSG,
					"config.json: linux.namespaces[%zu] is another of type '%s', which runc rejects",
					i, text_escape(type, shown, sizeof(shown)));
	}
	return 0;
}

static int expect_types(const struct oci *oci, struct err *err)
{
	yyjson_val *linux_ = yyjson_obj_get(yyjson_doc_get_root(oci->config_doc), "linux"), *item;
	size_t i, n;
	int r = expect_strings(yyjson_obj_get(linux_, "readonlyPaths"), "linux.readonlyPaths", err);

	if (r >= 0)
		r = expect_strings(yyjson_obj_get(linux_, "maskedPaths"), "linux.maskedPaths", err);
	if (r >= 0)
		r = expect_namespaces(yyjson_obj_get(linux_, "namespaces"), err);
	if (r < 0 || !oci->mounts)
		return r;
	yyjson_arr_foreach(oci->mounts, i, n, item)
	{
		char where[48];

		(void)snprintf(where, sizeof(where), "mounts[%zu].options", i);
		r = expect_strings(yyjson_obj_get(item, "options"), where, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* To whom the runtime will give the cgroup shows only then: crun does it for every user namespace. */
static enum writable_by expect_writable(const struct host *host, const struct oci *oci)
{
	/* The hook does not look at a container that has the host's mounts. */
	if (!oci_namespace(oci, "mount"))
		return WRITABLE_BY_UNKNOWN;
	if (oci->mounted_writable == TRI_YES)
		return WRITABLE_BY_MOUNT;
	return oci->mounted_writable == TRI_NO && !oci_namespace(oci, "user") && !expect_other_cgroups(host, oci)
		       ? WRITABLE_BY_NONE
		       : WRITABLE_BY_UNKNOWN;
}

int expect_container(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		     struct err *err)
{
	yyjson_val *cgroup = oci_namespace(oci, "cgroup");
	int r;

	gather_config(oci, facts);
	facts->writable_by = expect_writable(host, oci);
	r = expect_types(oci, err);
	if (r < 0 || !facts_placed(facts))
		return r;
	facts->cgroupns_private = yyjson_get_len(yyjson_obj_get(cgroup, "path")) > 0 ? TRI_UNKNOWN : TRI_YES;
	facts->device_bpf = DEVICE_BPF_MULTI;
	r = expect_maps(oci, target, facts, err);
	if (r >= 0)
		r = expect_mounts(host, oci, target, facts, err);
	return r < 0 ? r : expect_files(host, target, facts, err);
}

/* Does this host have the controller at all? Then a runtime may enable it for the container. */
static bool may_be_offered(const struct host *host, const struct facts *facts, const struct ceiling *ceiling)
{
	char controllers[512], name[32];
	ssize_t n;

	if (facts_file(facts, ceiling->file))
		return true;
	n = file_read_at(host->cgroup_fd, "cgroup.controllers", controllers, sizeof(controllers));
	if (n < 0 || strncmp(ceiling->file, "cgroup.", strlen("cgroup.")) == 0)
		return true;
	controllers[strcspn(controllers, "\n")] = '\0';
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(ceiling->file, "."), ceiling->file);
	return text_has_word(controllers, name);
}

static bool rests_on_the_unknown(const struct host *host, const struct trail *trail, const struct reason *reason)
{
	const struct decision *d = &trail->decision;

	if (reason->code == REASON_LIMIT_MISSING) {
		for (size_t i = 0; i < d->n_ceilings; i++)
			if (!may_be_offered(host, &trail->facts, &d->ceilings[i]))
				return false;
		return true;
	}
	if (reason->code == REASON_NOT_TAKEN_BACK)
		return trail->facts.userns == USERNS_UNKNOWN;
	return reason->code == REASON_UNKNOWN;
}

/*
 * Nothing to take back is known only with the user namespace and the cgroup namespace: where these are not, a refusal of
 * on_refusal = readonly may end either way, and so may a declined grant.
 */
static bool may_end_otherwise(const struct trail *trail, bool not_taken_back)
{
	const struct facts *facts = &trail->facts;

	return trail->decision.verdict == VERDICT_READONLY
		       ? facts->userns == USERNS_UNKNOWN || facts->cgroupns_private == TRI_UNKNOWN
		       : not_taken_back && facts_placed(facts) && facts->userns == USERNS_UNKNOWN;
}

void expect_judge(const struct host *host, struct trail *trail)
{
	struct decision *d = &trail->decision;
	bool unknown = false, certain = false, not_taken_back = false;

	for (size_t i = 0; i < d->n_reasons; i++) {
		const struct reason *reason = &d->reasons[i];
		const bool known = reason->kind != REASON_REFUSES || !rests_on_the_unknown(host, trail, reason);

		not_taken_back |= reason->code == REASON_NOT_TAKEN_BACK;
		unknown |= !known;
		certain |= known && reason->kind == REASON_REFUSES;
	}
	if (!may_end_otherwise(trail, not_taken_back) && (!unknown || (certain && d->verdict == VERDICT_REFUSE)))
		return;
	d->verdict = VERDICT_UNKNOWN;
	trail->plan.n_steps = 0;
}
