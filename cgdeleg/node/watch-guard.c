/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, guards - attaches the BPF guards of a grant again when somebody has detached them. See watch.h.
 *
 * The kernel sends no event for a detached program, so each sweep asks. The rules are lost with the program; the
 * attribute has them, and watch never writes others: not what a runtime allows by now, since the kernel asks the
 * runtime's own program too. A program of another build counts as attached: watch need not understand it. If only some
 * programs of a grant guard are attached, as with every older cgdeleg, watch attaches the rest.
 */
#include <errno.h>
#include <syslog.h>

#include "base/clock.h"
#include "cgdeleg/node/watch-parts.h"

static bool is_pinned(const struct guards *guards, enum guard_kind kind)
{
	return kind == DEVICE_GUARD ? guards->device.program_fd >= 0 : guards->grant.grants_fd >= 0;
}

/* Opens them anew in each sweep: in the meantime somebody may have loaded them, or those of another build. */
static void open_pins(struct watch *watch)
{
	if (watch->guards_opened)
		return;
	guards_done(&watch->guards);
	watch->guards_err = (struct err) { 0 };
	(void)guards_open(watch->args.host->sys_fd, WANT_BOTH_GUARDS, &watch->guards, &watch->guards_err);
	watch->guards_opened = true;
}

void watch_guards_begin(struct watch *watch)
{
	watch->guards_opened = false;
}

/* Loads what is needed and not pinned, as a hook would. If that fails, it does not try again in every sweep. */
static int need_pins(struct watch *watch, enum guard_kind kind, struct err *err)
{
	const int64_t now = clock_monotonic_ms();
	struct err failed = { 0 };
	const char *cannot;

	if (is_pinned(&watch->guards, kind))
		return 0;
	if (!watch->guards_err.code && watch->args.load_guards && now >= watch->load_again_ms) {
		watch->load_again_ms = now + WATCH_LOAD_MS;
		/* It may have failed for the other guard only. */
		(void)watch->args.load_guards(watch->args.host->sys_fd, &failed);
		watch->guards_opened = false;
		open_pins(watch);
		if (!is_pinned(&watch->guards, kind) && !watch->guards_err.code)
			watch->guards_err = failed;
	}
	if (is_pinned(&watch->guards, kind))
		return 0;
	if (watch->guards_err.code) {
		*err = watch->guards_err;
		return -err->code;
	}
	cannot = kind == DEVICE_GUARD ? watch->guards.device_cannot : watch->guards.grant_cannot;
	return err_set(err, ENOENT, "%s", cannot[0] ? cannot : "it is not loaded; run 'cgdeleg guard status' to see why");
}

/*
 * Attaches all programs of this build beside those of another: the kernel asks each, and one that refuses is enough. A
 * guard that is half attached would refuse everything until it has its flags, so it is taken off again; one that could
 * not be given its flags does refuse everything, until the next sweep.
 */
static int restore(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
		   enum guard_kind kind, struct err *err)
{
	struct device_rules rules;
	unsigned attached;
	int r;

	if (kind == DEVICE_GUARD) {
		inspect_device_rules(attribute, &rules);
		r = device_guard_attach(&guards->device, w->fd, err);
		return r < 0 ? r : device_guard_write(&guards->device, w->id, &rules, err);
	}
	if (attribute->pressure == TRI_UNKNOWN)
		return err_set(err, ENODATA, "an older cgdeleg made this grant and did not record what the guard allows");
	r = grant_guard_attach(&guards->grant, w->fd, &attached, err);
	if (r < 0) {
		(void)grant_guard_detach(&guards->grant, w->fd, attached, NULL);
		return r;
	}
	return grant_guard_write(&guards->grant, w->fd, inspect_grant_flags(attribute), err);
}

static void check(struct watch *watch, struct watched *w, const struct inspect *grant, enum guard_kind kind)
{
	const int64_t now = clock_monotonic_ms();
	struct err err = { 0 };
	const int state = inspect_guard(grant, &watch->guards, kind, &err);
	int r = state < 0 ? state : 0;

	if (state != GUARD_IN_FORCE) {
		if (r >= 0)
			r = need_pins(watch, kind, &err);
		if (r >= 0)
			r = restore(&watch->guards, w, grant->attribute, kind, &err);
		if (r < 0) {
			/* Reported when it is seen, and again after a long time. */
			if (!w->guard_missing[kind] || now >= w->remind_ms[kind]) {
				w->remind_ms[kind] = now + WATCH_REMIND_MS;
				watch_note(watch, w, "guard-missing", LOG_ALERT,
					   "its %s is not %s and cannot be put back: %s", guard_kind_name(kind),
					   state == GUARD_IN_PART ? "whole" : "in force", err.text);
			}
			w->guard_missing[kind] = true;
			return;
		}
		watch->counts.guards_restored++;
		watch_note(watch, w, "guard-restored", LOG_WARNING,
			   state == GUARD_IN_PART
				   ? "only a part of its %s was attached (an older cgdeleg attached fewer programs, or somebody detached some); all of it is now"
				   : "its %s was no longer in force and has been attached again as granted; its counters start at zero",
			   guard_kind_name(kind));
	}
	w->guard_missing[kind] = false;
}

void watch_guards(struct watch *watch, struct watched *w, const struct inspect *grant)
{
	for (int kind = 0; kind < GUARD_KINDS; kind++)
		if (inspect_had_guard(grant->attribute, (enum guard_kind)kind)) {
			open_pins(watch);
			check(watch, w, grant, (enum guard_kind)kind);
		}
}
