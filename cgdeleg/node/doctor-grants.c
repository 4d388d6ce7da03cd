/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, grants - do the ceilings and guards of everything that is delegated hold now? See doctor.h, doctor-part.h. */
#include "base/cleanup.h"
#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/doctor-part.h"
#include "cgdeleg/node/inspect.h"
#include "cgdeleg/node/sharers.h"

/* How many grants there are of each kind. */
struct tally_of_grants {
	const struct host *host;
	struct attached_names names;
	struct sharers sharers;
	size_t n, unreadable, above, unchecked, unguarded, n_guards_unknown;
};

static void inspect_limits(struct tally_of_grants *t, const struct grant *grant, int fd)
{
	_cleanup_(inspect_done) struct inspect inspect = INSPECT_CLOSED;
	struct limit_state limit = { 0 };
	bool above = false, unchecked = false;

	if (inspect_open(t->host->sys_fd, fd, grant->id, &grant->attribute, &inspect, NULL) < 0) {
		t->unchecked++;
		return;
	}
	while (inspect_next(&inspect, &limit)) {
		const int r = inspect_read(&inspect, &limit, NULL);

		/* A file that was skipped at the grant is not there now either. */
		unchecked = unchecked || (r < 0 && r != -ENOENT && r != -ENODEV);
		above = above || (r >= 0 && limit.above);
	}
	t->above += above;
	t->unchecked += unchecked;
}

static int look_at_grant(struct grant *grant, int fd, void *userdata, struct err *err)
{
	enum guard_state states[GUARD_KINDS];
	struct tally_of_grants *t = userdata;

	t->n++;
	if (!grant->attribute.present) {
		t->unreadable++;
		return 0;
	}
	inspect_limits(t, grant, fd);
	if (inspect_guards(&t->names, fd, states, NULL) < 0) {
		t->n_guards_unknown++;
	} else {
		bool lost = false;

		for (int kind = 0; kind < GUARD_KINDS; kind++)
			lost = lost || (inspect_had_guard(&grant->attribute, (enum guard_kind)kind) &&
					states[kind] != GUARD_IN_FORCE);
		t->unguarded += lost;
	}
	return sharers_add(&t->sharers, grant, err);
}

/* Counts, and no names: `cgdeleg list` has those. */
static void say_tally(struct doctor *d, const struct tally_of_grants *t)
{
	const struct {
		size_t n;
		enum doctor_result result;
		const char *what, *remedy;
	} rows[] = {
		{ t->unreadable, DOCTOR_FAIL, "an attribute that cannot be read, so that nobody knows the ceilings",
		  "run `cgdeleg list`, which says why; a newer cgdeleg may have made them" },
		{ t->above, DOCTOR_WARN, "a limit above its ceiling",
		  "run `cgdeleg watch --once`, and keep cgdeleg-watch.service running" },
		{ t->unguarded, DOCTOR_WARN, "lost a guard",
		  "run `cgdeleg watch --once`, and keep cgdeleg-watch.service running" },
		{ t->unchecked, DOCTOR_WARN, "a ceiling that could not be compared", "run `cgdeleg list`, which says why" },
		{ t->sharers.n_sharing, DOCTOR_NOTE,
		  "host ids in common with another: the root of each owns the other's cgroup",
		  "set shared_ids = refuse to keep the next one out" },
	};
	const size_t before = d->n;

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (rows[i].n > 0) {
			doctor_say(d, rows[i].result, "%zu of %zu grants %s %s", rows[i].n, t->n,
				   rows[i].n == 1 ? "has" : "have", rows[i].what);
			doctor_advise(d, "%s", rows[i].remedy);
		}
	if (d->n == before)
		doctor_say(d, DOCTOR_OK, "%zu grants, and all their ceilings and guards hold", t->n);
}

static void check_grants(struct doctor *d)
{
	struct tally_of_grants t = { .host = &d->host };
	struct err err = { 0 };

	if (!doctor_has_cgroups(d) || !doctor_is_privileged(d, "which cgroups are delegated"))
		return;
	if (grants_walk(&d->host, look_at_grant, &t, NULL, &err) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "%s", err.text);
	} else {
		sharers_compare(&t.sharers);
		say_tally(d, &t);
	}
	sharers_done(&t.sharers);
}

const struct doctor_check doctor_grant_checks[] = {
	{ "cgdeleg.grants", "a grant is safe only if its limits are within their ceilings and its guards are attached",
	  check_grants },
	{ 0 },
};
