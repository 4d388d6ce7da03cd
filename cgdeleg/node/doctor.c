/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor - the order of the checks, what they say, the node's files. See doctor.h, doctor-part.h. */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/node/doctor-part.h"
#include "cgdeleg/node/engine.h"

#define SENTENCE_SIZE 700		 /* bytes; longer ones are cut */
#define TABLE_MAX     (16 * 1024 * 1024) /* bytes of mountinfo */

static const struct doctor_check *const tables[] = {
	doctor_kernel_checks, doctor_cgroup_checks, doctor_bpf_checks,	 doctor_system_checks,
	doctor_engine_checks, doctor_state_checks,  doctor_grant_checks,
};

const char *doctor_result_name(enum doctor_result result)
{
	static const char *const names[DOCTOR_RESULTS] = {
		[DOCTOR_OK] = "ok",	[DOCTOR_NOT_APPLICABLE] = "n/a", [DOCTOR_UNKNOWN] = "unknown",
		[DOCTOR_NOTE] = "note", [DOCTOR_WARN] = "warn",		 [DOCTOR_FAIL] = "fail",
	};

	return names[result];
}

const struct doctor_check *doctor_next(size_t *at)
{
	size_t left = (*at)++;

	for (size_t i = 0; i < ELEMENTS(tables); i++)
		for (const struct doctor_check *check = tables[i]; check->id; check++)
			if (left-- == 0)
				return check;
	return NULL;
}

static struct doctor_answer *add_answer(struct doctor *d)
{
	if (d->n == d->size) {
		const size_t size = d->size ? d->size * 2 : 64;
		struct doctor_answer *more = reallocarray(d->answers, size, sizeof(*more));

		if (!more)
			return NULL;
		d->answers = more;
		d->size = size;
	}
	return &d->answers[d->n++];
}

static const char *keep_sentence(struct doctor *d, const char *fmt, va_list ap)
{
	char text[SENTENCE_SIZE];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return NULL;
	/* What comes from the node's files may hold anything. */
	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return arena_strdup(&d->arena, text);
}

void doctor_say(struct doctor *d, enum doctor_result result, const char *fmt, ...)
{
	struct doctor_answer *answer = add_answer(d);
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = keep_sentence(d, fmt, ap);
	va_end(ap);
	if (answer)
		*answer = (struct doctor_answer) { d->current, result, text ? text : "", NULL };
	if (!answer || !text)
		d->lost = true;
}

void doctor_advise(struct doctor *d, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = keep_sentence(d, fmt, ap);
	va_end(ap);
	if (d->n == 0 || !text)
		d->lost = true;
	else
		d->answers[d->n - 1].remedy = text;
}

bool doctor_has_cgroups(struct doctor *d)
{
	if (d->host.cgroup_fd >= 0)
		return true;
	doctor_say(d, DOCTOR_UNKNOWN, "cgroup2 cannot be read here, see cgroup.mount");
	return false;
}

bool doctor_is_privileged(struct doctor *d, const char *what)
{
	if (d->args.privileged)
		return true;
	doctor_say(d, DOCTOR_UNKNOWN, "only root can see %s", what);
	return false;
}

int doctor_open_file(const struct doctor *d, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK)),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, d->root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

ssize_t doctor_read(const struct doctor *d, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = doctor_open_file(d, path, O_RDONLY);
	ssize_t n = fd < 0 ? fd : file_read_fd(fd, buf, size);

	if (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
	return n;
}

const char *doctor_path(const struct doctor *d, const char *path, char *buf, size_t size)
{
	const char *root = strcmp(d->args.root, "/") == 0 ? "" : d->args.root;

	if (snprintf(buf, size, "%s%s", root, path) >= (int)size)
		buf[0] = '\0';
	return buf;
}

bool doctor_exists(const struct doctor *d, const char *path)
{
	_cleanup_close_ int fd = doctor_open_file(d, path, O_PATH);

	return fd >= 0;
}

char *doctor_mountinfo(const struct doctor *d)
{
	_cleanup_close_ int fd = doctor_open_file(d, "proc/1/mountinfo", O_RDONLY);
	char *text = NULL;

	if (fd < 0)
		fd = doctor_open_file(d, "proc/self/mountinfo", O_RDONLY);
	return fd >= 0 && file_slurp(fd, TABLE_MAX, &text, NULL) >= 0 ? text : NULL;
}

static void read_policy(struct doctor *d)
{
	_cleanup_close_ int fd = doctor_open_file(d, d->args.policy, O_PATH | O_DIRECTORY);
	char path[PATH_MAX];

	if (fd == -ENOENT) {
		d->policy = POLICY_MISSING;
		return;
	}
	if (ruleset_load(doctor_path(d, d->args.policy, path, sizeof(path)), geteuid(), d->rules, &d->policy_err) < 0)
		d->policy = POLICY_UNREADABLE;
	else
		d->policy = ruleset_is_broken(d->rules) ? POLICY_BROKEN : POLICY_READ;
}

int doctor_open(const struct doctor_args *args, struct doctor *ret, struct err *err)
{
	*ret = (struct doctor) { .args = *args, .host = HOST_CLOSED };
	ret->root_fd = open(args->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->root_fd < 0)
		return err_set_errno(err, errno, "cannot open the root directory '%s'", args->root);
	ret->rules = arena_alloc(&ret->arena, sizeof(*ret->rules));
	if (!ret->rules)
		return err_set(err, ENOMEM, "out of memory");
	(void)host_open(args->root, args->machine, &ret->host, &ret->host_err);
	read_policy(ret);
	return 0;
}

void doctor_done(struct doctor *d)
{
	free(d->answers);
	if (d->engines)
		engines_done(d->engines);
	if (d->rules)
		ruleset_done(d->rules);
	host_done(&d->host);
	arena_done(&d->arena);
	d->root_fd = close_fd(d->root_fd);
}

void doctor_run(struct doctor *d, const struct doctor_check *check)
{
	const size_t before = d->n;

	d->current = check;
	check->run(d);
	if (d->n == before)
		doctor_say(d, DOCTOR_UNKNOWN, "the check came to no result");
}
