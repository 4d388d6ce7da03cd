/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, guards - sees that the BPF guards of a grant are on its cgroup, and puts them back. See watch.h.
 *
 * The kernel tells nobody of a detached program, so they are looked for now and then. What a guard was told went with
 * it; the attribute has it, and nothing else is ever told: not what a runtime allows by now, which the kernel asks
 * beside ours. A program of another build counts as there: it is not understood, and need not be. A grant guard of
 * which only a part is there, as every older cgdeleg's, is made whole.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "bpf/attached.h"
#include "cgdeleg/node/watched.h"

static bool has_device_guard(const struct attribute *attribute)
{
	return attribute->device_guard;
}

static bool has_grant_guard(const struct attribute *attribute)
{
	return attribute->guarded;
}

static void device_rules_of(const struct attribute *attribute, struct device_rules *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ready = DEVICE_GUARD_READY;
	ret->n_rules = (uint32_t)attribute->n_rules;
	memcpy(ret->rules, attribute->rules, attribute->n_rules * sizeof(ret->rules[0]));
}

/* Of a guard on its cgroup. */
enum { GONE, IN_FORCE, IN_PART };

/* Another build's counts. */
static int device_guard_by_name(const struct watched *w, struct err *err)
{
	struct attached_names names = { 0 };
	struct attached_guards now;
	int r = guards_attached(&names, w->fd, &now, err);

	return r < 0 ? r : now.device ? IN_FORCE : GONE;
}

/* Attached by this build and without its rules: whoever attached it has died before it could tell them. */
static int device_guard_holds(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
			      struct err *err)
{
	const struct device_guard *guard = &guards->device;
	struct device_rules wanted, found;
	int r = guard->program_fd < 0 ? 0 : device_guard_is_attached(guard, w->fd, err);

	if (r <= 0)
		return r < 0 ? r : device_guard_by_name(w, err);
	device_rules_of(attribute, &wanted);
	r = device_guard_read(guard, w->id, &found, err);
	return r < 0 ? r : device_rules_equal(&found, &wanted) ? IN_FORCE : GONE;
}

static int restore_device_guard(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
				struct err *err)
{
	struct device_rules rules;
	int r = device_guard_attach(&guards->device, w->fd, err);

	device_rules_of(attribute, &rules);
	return r < 0 ? r : device_guard_write(&guards->device, w->id, &rules, err);
}

static uint64_t grant_flags(const struct attribute *attribute)
{
	return attribute->pressure == TRI_YES ? GUARD_ALLOW_PRESSURE : 0;
}

/* An older build's had fewer programs; so has one of which somebody has taken off some. */
static int grant_guard_by_name(const struct watched *w, struct err *err)
{
	struct attached_names names = { 0 };
	struct attached_guards now;
	int r = guards_attached(&names, w->fd, &now, err);

	if (r < 0)
		return r;
	return now.grant ? IN_FORCE : now.grant_part ? IN_PART : GONE;
}

static int grant_guard_holds(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
			     struct err *err)
{
	const struct grant_guard *guard = &guards->grant;
	struct guard_grant grant;
	int r = guard->grants_fd < 0 ? 0 : grant_guard_is_attached(guard, w->fd, err);

	if (r <= 0)
		return r < 0 ? r : grant_guard_by_name(w, err);
	r = grant_guard_read(guard, w->fd, &grant, err);
	if (r < 0 || attribute->pressure == TRI_UNKNOWN)
		return r < 0 ? r : IN_FORCE;
	return grant.root == w->id && grant.flags == grant_flags(attribute) ? IN_FORCE : GONE;
}

/* All of this build's, beside what there is of another's: each is asked, and one that refuses is enough. What is half
 * there would refuse all until it is told, so it goes; what could not be told does that, until the next sweep. */
static int restore_grant_guard(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
			       struct err *err)
{
	unsigned attached;
	int r;

	if (attribute->pressure == TRI_UNKNOWN)
		return err_set(err, ENODATA,
			       "an older cgdeleg granted it, which kept no note of what the guard allowed");
	r = grant_guard_attach(&guards->grant, w->fd, &attached, err);
	if (r < 0) {
		(void)grant_guard_detach(&guards->grant, w->fd, attached, NULL);
		return r;
	}
	return grant_guard_write(&guards->grant, w->fd, grant_flags(attribute), err);
}

static const struct {
	const char *name;
	bool (*is_granted)(const struct attribute *attribute);
	int (*holds)(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
		     struct err *err);
	int (*restore)(const struct guards *guards, const struct watched *w, const struct attribute *attribute,
		       struct err *err);
} kinds[WATCH_GUARDS] = {
	[WATCH_DEVICE_GUARD] = { "device guard", has_device_guard, device_guard_holds, restore_device_guard },
	[WATCH_GRANT_GUARD] = { "grant guard", has_grant_guard, grant_guard_holds, restore_grant_guard },
};

static bool is_pinned(const struct guards *guards, int kind)
{
	return kind == WATCH_DEVICE_GUARD ? guards->device.program_fd >= 0 : guards->grant.grants_fd >= 0;
}

/* Anew in each sweep: somebody may have loaded them, or another build's, meanwhile. */
static void open_pins(struct watch *watch)
{
	if (watch->guards_opened)
		return;
	guards_done(&watch->guards);
	watch->guards_err = (struct err) { 0 };
	(void)guards_open(watch->args.host->sys_fd, &watch->guards, &watch->guards_err);
	watch->guards_opened = true;
}

void watch_guards_begin(struct watch *watch)
{
	watch->guards_opened = false;
}

/* What is needed and not pinned is loaded, as a hook would do it. Where that fails it is not tried in every sweep. */
static int need_pins(struct watch *watch, int kind, struct err *err)
{
	const int64_t now = clock_monotonic_ms();

	if (is_pinned(&watch->guards, kind))
		return 0;
	if (!watch->guards_err.code && watch->args.load_guards && now >= watch->load_again_ms) {
		watch->load_again_ms = now + WATCH_LOAD_MS;
		if (watch->args.load_guards(watch->args.host->sys_fd, &watch->guards_err) >= 0) {
			watch->guards_opened = false;
			open_pins(watch);
		}
	}
	if (is_pinned(&watch->guards, kind))
		return 0;
	if (watch->guards_err.code) {
		*err = watch->guards_err;
		return -err->code;
	}
	return err_set(err, ENOENT, "it is not loaded; cgdeleg guard status says why");
}

/* Said when it is seen, and again after a long time. */
static void complain(struct watch *watch, struct watched *w, int kind, int state, const struct err *err)
{
	const int64_t now = clock_monotonic_ms();

	if (w->guard_missing[kind] && now < w->remind_ms[kind])
		return;
	w->guard_missing[kind] = true;
	w->remind_ms[kind] = now + WATCH_REMIND_MS;
	watch_say(watch, LOG_ALERT, "%s: its %s is not %s and cannot be put back: %s", w->name, kinds[kind].name,
		  state == IN_PART ? "whole" : "in force", err->text);
}

static void say_restored(struct watch *watch, const struct watched *w, int kind, int state)
{
	if (state == IN_PART)
		watch_say(
			watch, LOG_WARNING,
			"%s: of its %s only a part was there, an older cgdeleg's or what somebody has left; it is whole now",
			w->name, kinds[kind].name);
	else
		watch_say(
			watch, LOG_WARNING,
			"%s: its %s was not in force any more and is back, as it was granted; what it had counted is lost",
			w->name, kinds[kind].name);
}

static void look_at(struct watch *watch, struct watched *w, const struct attribute *attribute, int kind)
{
	struct err err = { 0 };
	int state = kinds[kind].holds(&watch->guards, w, attribute, &err);
	int r = state < 0 ? state : 0;

	if (state == IN_FORCE) {
		w->guard_missing[kind] = false;
		return;
	}
	if (r == 0)
		r = need_pins(watch, kind, &err);
	if (r >= 0)
		r = kinds[kind].restore(&watch->guards, w, attribute, &err);
	if (r < 0) {
		complain(watch, w, kind, state, &err);
		return;
	}
	w->guard_missing[kind] = false;
	watch->counts.guards_restored++;
	say_restored(watch, w, kind, state);
}

void watch_guards(struct watch *watch, struct watched *w)
{
	struct attribute attribute;

	if (attribute_read(w->fd, &attribute, NULL) < 0 || !attribute.present)
		return;
	for (int kind = 0; kind < WATCH_GUARDS; kind++) {
		if (!kinds[kind].is_granted(&attribute))
			continue;
		open_pins(watch);
		look_at(watch, w, &attribute, kind);
	}
}
