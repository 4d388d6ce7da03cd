/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, state - what cgdeleg has on the node: policy, audit record, directories, helpers, watch. See doctor.h,
 * doctor-part.h. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/owner.h"
#include "cgdeleg/node/doctor-part.h"
#include "cgdeleg/node/watch-sign.h"

#define MIB	    (1024ULL * 1024)
#define LEAST_FREE  (64 * MIB)
#define LARGE_AUDIT (1024 * MIB)
#define SLACK_MS    10000 /* a sweep may take so long, and be late by as much */

static void check_policy(struct doctor *d)
{
	const struct complaint *first = d->rules->complaints;
	size_t n = 0;

	switch (d->policy) {
	case POLICY_MISSING:
		doctor_say(d, DOCTOR_NOTE,
			   "there is no policy in %s: nothing is granted, and a container that asks is refused",
			   d->args.policy);
		doctor_advise(d, "write one; an example is share/cgdeleg/default.ini among the installed files");
		return;
	case POLICY_UNREADABLE:
		doctor_say(d, d->args.privileged ? DOCTOR_FAIL : DOCTOR_UNKNOWN, "%s", d->policy_err.text);
		if (d->args.privileged)
			doctor_advise(d, "mend that, then run `cgdeleg check`");
		return;
	case POLICY_BROKEN:
		for (const struct complaint *c = first; c; c = c->next)
			n++;
		/* The hook is root, and may read what this user may not. */
		if (!d->args.privileged && first && strstr(first->text, "Permission denied")) {
			doctor_say(d, DOCTOR_UNKNOWN, "this user may not read the policy");
			return;
		}
		doctor_say(d, DOCTOR_FAIL, "the policy has %zu fault%s, so the containers that it concerns are refused",
			   n, n == 1 ? "" : "s");
		doctor_advise(d, "run `cgdeleg check` to see them");
		return;
	default:
		doctor_say(d, DOCTOR_OK, "the policy is valid");
	}
}

/* The file system of the directory, or of the one above where it is not made yet. */
static void judge_space(struct doctor *d, int fd, const struct stat *file)
{
	unsigned long long left;
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "the space that is left for audit records cannot be told");
		return;
	}
	left = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY) {
		doctor_say(d, DOCTOR_FAIL, "the file system of %s is read-only, so no grant can be recorded",
			   d->args.audit);
		doctor_advise(d, "mount it for writing, or give the hook another --audit");
	} else if (left < LEAST_FREE) {
		doctor_say(d, DOCTOR_WARN, "the file system of %s has %llu MiB left", d->args.audit, left / MIB);
		doctor_advise(d, "make room there");
	} else if (file && (unsigned long long)file->st_size > LARGE_AUDIT) {
		doctor_say(d, DOCTOR_WARN, "the audit record has grown to %llu MiB",
			   (unsigned long long)file->st_size / MIB);
		doctor_advise(d, "rotate it: see cgdeleg.rotation");
	} else {
		doctor_say(d, DOCTOR_OK, "audit records can be written to %s", d->args.audit);
	}
}

/* The hook makes the last directory, and none above it. */
static void judge_missing_audit(struct doctor *d)
{
	const char *slash = strrchr(d->args.audit, '/');
	_cleanup_close_ int above = -EBADF;
	char parent[PATH_MAX];

	(void)snprintf(parent, sizeof(parent), "%.*s/", slash ? (int)(slash - d->args.audit) : 0, d->args.audit);
	above = doctor_open_file(d, parent, O_RDONLY | O_DIRECTORY);
	if (above >= 0) {
		judge_space(d, above, NULL);
	} else if (above == -ENOENT) {
		doctor_say(d, DOCTOR_FAIL, "%s does not exist, nor does the directory above it", d->args.audit);
		doctor_advise(d, "run `systemd-tmpfiles --create`, or make the directory above it");
	} else {
		doctor_say(d, DOCTOR_UNKNOWN, "this user may not look into %s", parent);
	}
}

static void check_audit(struct doctor *d)
{
	_cleanup_close_ int fd = doctor_open_file(d, d->args.audit, O_RDONLY | O_DIRECTORY);
	struct stat st, file;
	struct err err = { 0 };
	bool there;

	if (fd == -ENOENT) {
		judge_missing_audit(d);
		return;
	}
	/* A user who may not open it need not be able to. */
	if (fd < 0 || fstat(fd, &st) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "this user may not look into %s", d->args.audit);
		return;
	}
	there = fstatat(fd, AUDIT_FILE, &file, AT_SYMLINK_NOFOLLOW) == 0;
	if (owner_check(&st, d->args.machine->owner, OWNER_MAY_READ, d->args.audit, &err) < 0 ||
	    (there && owner_check(&file, d->args.machine->owner, OWNER_MAY_READ, AUDIT_FILE, &err) < 0) ||
	    (there && !S_ISREG(file.st_mode) && err_set(&err, EPERM, "'" AUDIT_FILE "' is no regular file"))) {
		doctor_say(d, DOCTOR_FAIL, "%s", err.text);
		doctor_advise(d, "run `chown -R root %s && chmod -R go-w %s`", d->args.audit, d->args.audit);
		return;
	}
	judge_space(d, fd, there ? &file : NULL);
}

/* Whoever else rotates does it by a file whose name we do not know. */
static void check_rotation(struct doctor *d)
{
	_cleanup_close_ int fd = doctor_open_file(d, d->args.audit, O_RDONLY | O_DIRECTORY);
	char record[PATH_MAX], rotated[PATH_MAX + 2];

	(void)snprintf(record, sizeof(record), "%s/" AUDIT_FILE, d->args.audit);
	(void)snprintf(rotated, sizeof(rotated), "%s.1", record);
	if (doctor_exists(d, "etc/logrotate.d/cgdeleg")) {
		doctor_say(d, DOCTOR_OK, "logrotate has a file for the audit record");
	} else if (doctor_exists(d, rotated)) {
		doctor_say(d, DOCTOR_OK, "the audit record has been rotated");
	} else if (fd < 0 && fd != -ENOENT) {
		doctor_say(d, DOCTOR_UNKNOWN, "this user may not look into %s", d->args.audit);
	} else if (!doctor_exists(d, record)) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "there is no audit record yet that could be rotated");
	} else {
		doctor_say(d, DOCTOR_NOTE, "nothing seems to rotate the audit record");
		doctor_advise(
			d,
			"copy cgdeleg.logrotate, which share/cgdeleg has among the installed files, to /etc/logrotate.d/cgdeleg");
	}
}

/* For images whose /var starts empty. */
static void check_tmpfiles(struct doctor *d)
{
	static const char *const places[] = { "etc/tmpfiles.d/cgdeleg.conf", "run/tmpfiles.d/cgdeleg.conf",
					      "usr/lib/tmpfiles.d/cgdeleg.conf", "usr/local/lib/tmpfiles.d/cgdeleg.conf" };

	for (size_t i = 0; i < ELEMENTS(places); i++)
		if (doctor_exists(d, places[i])) {
			doctor_say(d, DOCTOR_OK, "systemd-tmpfiles makes the audit record's directory at boot");
			return;
		}
	if (doctor_exists(d, "var/log") || doctor_exists(d, d->args.audit)) {
		doctor_say(d, DOCTOR_OK, "the hook makes the directory with the first audit record");
		return;
	}
	doctor_say(d, DOCTOR_WARN, "/var/log is missing, and nothing makes the audit record's directory at boot");
	doctor_advise(
		d,
		"copy cgdeleg.tmpfiles.conf, which share/cgdeleg has among the installed files, to /etc/tmpfiles.d/cgdeleg.conf");
}

static void check_run(struct doctor *d)
{
	_cleanup_close_ int fd = doctor_open_file(d, d->args.run, O_PATH | O_DIRECTORY);
	struct err err = { 0 };
	struct stat st;

	if (fd == -ENOENT) {
		doctor_say(d, DOCTOR_OK, "%s is made by the first grant, or by cgdeleg watch", d->args.run);
	} else if (fd < 0 || fstat(fd, &st) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "%s cannot be looked at", d->args.run);
	} else if (owner_check(&st, d->args.machine->owner, OWNER_MAY_READ, d->args.run, &err) < 0) {
		doctor_say(d, DOCTOR_FAIL, "%s", err.text);
		doctor_advise(d, "run `chown root %s && chmod 0700 %s`", d->args.run, d->args.run);
	} else {
		doctor_say(d, DOCTOR_OK, "%s is root's alone", d->args.run);
	}
}

static void check_helpers(struct doctor *d)
{
	static const char *const names[] = { "cgdeleg-guard", "cgdeleg-unit" };
	const size_t before = d->n;

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		_cleanup_close_ int fd = -EBADF;
		char path[PATH_MAX];
		struct err err = { 0 };
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", d->host.helpers ? d->host.helpers : "", names[i]);
		fd = doctor_open_file(d, path, O_PATH | O_NOFOLLOW);
		if (fd == -ENOENT || fd == -ENOTDIR) {
			doctor_say(d, i == 0 ? DOCTOR_FAIL : DOCTOR_WARN, "the helper %s is missing", path);
			doctor_advise(
				d, "install cgdeleg anew; without systemd (-Dsystemd=false) cgdeleg-unit is not there");
		} else if (fd < 0 || fstat(fd, &st) < 0) {
			doctor_say(d, DOCTOR_UNKNOWN, "%s cannot be looked at", path);
		} else if (owner_check(&st, d->args.machine->owner, OWNER_MAY_READ, path, &err) < 0 ||
			   (!(st.st_mode & S_IXUSR) && err_set(&err, EACCES, "%s is not executable", path))) {
			doctor_say(d, DOCTOR_FAIL, "%s", err.text);
			doctor_advise(d, "run `chown root %s && chmod 0755 %s`", path, path);
		}
	}
	if (d->n == before)
		doctor_say(d, DOCTOR_OK, "the hook's helpers are there");
}

static void judge_watch(struct doctor *d, const struct watch_sign *sign)
{
	const int64_t age_ms = clock_monotonic_ms() - sign->swept_ms;
	const int64_t late_ms = (int64_t)sign->interval_seconds * 2000 + SLACK_MS;

	if (!sign->alive) {
		doctor_say(d, DOCTOR_WARN, "cgdeleg watch does not run; it made its last sweep %lld s ago",
			   (long long)age_ms / 1000);
		doctor_advise(d, "run `systemctl enable --now cgdeleg-watch.service`");
	} else if (age_ms > late_ms) {
		doctor_say(d, DOCTOR_WARN, "cgdeleg watch made its last sweep %lld s ago, and should every %llu s",
			   (long long)age_ms / 1000, (unsigned long long)sign->interval_seconds);
		doctor_advise(d, "run `systemctl restart cgdeleg-watch.service`, and look at its journal");
	} else if ((int64_t)sign->verified_seconds * 1000 > late_ms) {
		doctor_say(d, DOCTOR_WARN, "cgdeleg watch has not found all ceilings of some grant to hold for %llu s",
			   (unsigned long long)sign->verified_seconds);
		doctor_advise(d, "run `cgdeleg list` to see which, and look at the journal of cgdeleg-watch.service");
	} else {
		doctor_say(d, DOCTOR_OK, "cgdeleg watch lives, made its last sweep %lld s ago, and has %llu grants",
			   (long long)age_ms / 1000, (unsigned long long)sign->grants);
	}
}

static void check_watch(struct doctor *d)
{
	_cleanup_close_ int fd = -EBADF;
	struct watch_sign sign;
	char path[PATH_MAX];

	if (!doctor_is_privileged(d, "whether cgdeleg watch lives"))
		return;
	(void)snprintf(path, sizeof(path), "%s/" WATCH_SIGN_FILE, d->args.run);
	fd = doctor_open_file(d, path, O_RDONLY | O_NOFOLLOW);
	if (fd >= 0 && watch_sign_read(fd, &sign) >= 0) {
		judge_watch(d, &sign);
	} else if (fd != -ENOENT) {
		doctor_say(d, DOCTOR_UNKNOWN, "%s cannot be read, or another version of cgdeleg watch has written it",
			   path);
	} else if (d->policy == POLICY_MISSING) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE,
			   "cgdeleg watch has not run since boot, and there is no policy that could grant");
	} else {
		doctor_say(d, DOCTOR_WARN, "cgdeleg watch has not run since boot, so nobody puts a raised limit back");
		doctor_advise(d, "run `systemctl enable --now cgdeleg-watch.service`");
	}
}

const struct doctor_check doctor_state_checks[] = {
	{ "cgdeleg.policy", "a policy with a fault refuses all containers that it might concern", check_policy },
	{ "cgdeleg.audit", "unless the policy sets audit = prefer, the hook makes no grant that it cannot record",
	  check_audit },
	{ "cgdeleg.rotation", "an audit record that nobody rotates fills its file system", check_rotation },
	{ "cgdeleg.tmpfiles",
	  "on an image whose /var starts empty, the audit record's directory is made at boot or not at all",
	  check_tmpfiles },
	{ "cgdeleg.run", "whoever may write the table of grants could make the hook count wrong", check_run },
	{ "cgdeleg.helpers", "the hook executes helpers to load the guards and to have systemd lower limits",
	  check_helpers },
	{ "cgdeleg.watch",
	  "when anybody raises a limit above its ceiling, or takes a guard off, cgdeleg watch puts it back", check_watch },
	{ 0 },
};
