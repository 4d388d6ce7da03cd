/* SPDX-License-Identifier: Apache-2.0 */
/* Budget - how much is delegated. See budget.h. */
#include "cgdeleg/grant/budget.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/owner.h"
#include "cgdeleg/kernel/walk.h"
#include "policy/usage.h"

/* In the place of the first record. Another version's table is not believed: it is made anew. */
static const struct budget_hint head = { .id = 1, .handler = "cgdeleg grants 1" };

_Static_assert(sizeof(struct budget_hint) == 128, "a record must not cross a page");

static off_t offset_of(size_t index)
{
	return (off_t)((index + 1) * sizeof(struct budget_hint));
}

static struct flock record_lock(short type, off_t start)
{
	return (struct flock) {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = sizeof(struct budget_hint)
	};
}

/* Waits by looking again: a lock that is waited for in the kernel would end with a signal only. */
static int lock_table(int fd, int64_t deadline_ms, struct err *err)
{
	struct timespec pause = { .tv_nsec = 100000 };

	for (;;) {
		struct flock lock = record_lock(F_WRLCK, 0);

		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return err_set_errno(err, errno, "cannot lock the table of grants");
		if (deadline_ms > 0 && clock_monotonic_ms() >= deadline_ms)
			return err_set(err, ETIMEDOUT,
				       "another process keeps the table of grants locked: `lslocks` tells which");
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < 2000000)
			pause.tv_nsec *= 2;
	}
}

int budget_directory_open(const char *path, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && (mkdir(path, 0700) == 0 || errno == EEXIST))
		fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open the directory '%s'", path);
	r = owner_check_fd(fd, S_IFDIR, geteuid(), path, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* The file may be another by the time it is locked. */
static int open_table(int dirfd, int64_t deadline_ms, size_t *ret_size, struct err *err)
{
	for (;;) {
		_cleanup_close_ int fd = openat(dirfd, BUDGET_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		struct stat st;
		int r;

		if (fd < 0)
			return err_set_errno(err, errno, "cannot open the table of grants");
		r = lock_table(fd, deadline_ms, err);
		if (r < 0)
			return r;
		if (fstat(fd, &st) < 0)
			return err_set_errno(err, errno, "cannot stat the table of grants");
		if (!S_ISREG(st.st_mode))
			return err_set(err, EPERM, "the table of grants is not a regular file");
		r = owner_check(&st, geteuid(), OWNER_MAY_READ, BUDGET_FILE, err);
		if (r < 0)
			return r;
		*ret_size = (size_t)st.st_size;
		if (st.st_nlink > 0)
			return TAKE_FD(fd);
	}
}

static int write_record(int fd, off_t offset, const struct budget_hint *hint, struct err *err)
{
	ssize_t n = pwrite(fd, hint, sizeof(*hint), offset);

	if (n < 0)
		return err_set_errno(err, errno, "cannot write to the table of grants");
	if (n != sizeof(*hint))
		return err_set(err, EIO, "the table of grants took only a part of a record");
	return 0;
}

void usage_of_attribute(const struct attribute *attribute, struct usage *ret)
{
	struct attribute_ceiling ceiling;
	const char *at = NULL;

	usage_init(ret);
	while (attribute_next(attribute, &at, &ceiling))
		usage_note(ret, ceiling.file, &ceiling.value);
}

/* What a cgroup with the attribute adds. One whose record cannot be read may have any ceilings but this. */
static void usage_of_grant(const struct grant *grant, int fd, struct usage *ret)
{
	const struct limit_type *type = limit_type_find("cgroup.max.descendants");
	struct limit_value value;
	char text[64];

	if (grant->attribute.present) {
		usage_of_attribute(&grant->attribute, ret);
		return;
	}
	usage_init(ret);
	if (file_read_record_at(fd, type->key, text, sizeof(text)) >= 0 &&
	    limit_parse_kernel(type, text, &value, NULL) == 0)
		usage_note(ret, type->key, &value);
}

static void fill_hint(const struct grant *grant, int fd, struct budget_hint *ret)
{
	*ret = (struct budget_hint) { .id = grant->id };
	usage_of_grant(grant, fd, &ret->usage);
	if (grant->attribute.present)
		(void)snprintf(ret->handler, sizeof(ret->handler), "%s", grant->attribute.handler);
}

static int append(struct budget *budget, const struct budget_hint *hint, struct err *err)
{
	struct budget_hint *more;

	if (budget->n >= BUDGET_HINTS_MAX)
		return err_set(err, E2BIG, "the table of grants has more than %d records", BUDGET_HINTS_MAX);
	more = reallocarray(budget->hints, budget->n + 1, sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "out of memory");
	budget->hints = more;
	more[budget->n] = *hint;
	return write_record(budget->fd, offset_of(budget->n++), hint, err);
}

static int append_grant(const struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct budget_hint hint;

	fill_hint(grant, fd, &hint);
	return append(userdata, &hint, err);
}

/* After a boot, or when somebody has removed it. The head comes last: a table without it is none. */
static int make_table(struct budget *budget, struct err *err)
{
	int r;

	if (ftruncate(budget->fd, 0) < 0)
		return err_set_errno(err, errno, "cannot empty the table of grants");
	r = grants_walk(budget->host, append_grant, budget, NULL, err);
	return r < 0 ? r : write_record(budget->fd, 0, &head, err);
}

static int read_table(struct budget *budget, size_t size, struct err *err)
{
	const size_t n = size / sizeof(struct budget_hint);
	_cleanup_free_ struct budget_hint *all = NULL;
	ssize_t len;

	if (n == 0 || n > BUDGET_HINTS_MAX)
		return make_table(budget, err);
	all = calloc(n, sizeof(*all));
	if (!all)
		return err_set(err, ENOMEM, "out of memory");
	len = pread(budget->fd, all, n * sizeof(*all), 0);
	if (len < 0)
		return err_set_errno(err, errno, "cannot read the table of grants");
	if ((size_t)len != n * sizeof(*all))
		return err_set(err, EIO, "cannot read the whole table of grants");
	if (memcmp(&all[0], &head, sizeof(head)) != 0)
		return make_table(budget, err);
	budget->n = n - 1;
	memmove(all, all + 1, budget->n * sizeof(*all));
	budget->hints = TAKE_PTR(all);
	return 0;
}

int budget_open(const char *directory, const struct host *host, int64_t deadline_ms, struct budget *ret,
		struct err *err)
{
	_cleanup_(budget_done) struct budget budget = BUDGET_CLOSED;
	_cleanup_close_ int dirfd = -EBADF;
	size_t size = 0;
	int r;

	budget.host = host;
	dirfd = budget_directory_open(directory, err);
	if (dirfd < 0)
		return dirfd;
	budget.fd = open_table(dirfd, deadline_ms, &size, err);
	if (budget.fd < 0)
		return budget.fd;
	r = read_table(&budget, size, err);
	if (r < 0)
		return r;
	*ret = budget;
	budget = (struct budget)BUDGET_CLOSED;
	return 0;
}

void budget_done(struct budget *budget)
{
	budget->fd = close_fd(budget->fd);
	free(budget->hints);
	budget->hints = NULL;
}

/* A grant whose record cannot be read names no handler: it may be anybody's. */
static bool is_of_handler(const struct budget_hint *hint, const char *handler)
{
	return !hint->handler[0] || strncmp(hint->handler, handler, sizeof(hint->handler) - 1) == 0;
}

void budget_sum(const struct budget *budget, uint64_t but, const char *handler, struct usage *ret_node,
		struct usage *ret_handler)
{
	*ret_node = *ret_handler = (struct usage) { 0 };
	for (size_t i = 0; i < budget->n; i++) {
		const struct budget_hint *hint = &budget->hints[i];

		if (hint->id == 0 || hint->id == but)
			continue;
		usage_add(ret_node, &hint->usage);
		if (is_of_handler(hint, handler))
			usage_add(ret_handler, &hint->usage);
	}
}

/* Does the hook that has reserved it still run? It keeps the record locked until it ends. */
static bool is_in_the_making(const struct budget *budget, size_t index)
{
	struct flock lock = record_lock(F_WRLCK, offset_of(index));

	return fcntl(budget->fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

/* Brings one record in line with the kernel. What cannot be told counts on as it is. */
static void refresh(struct budget *budget, size_t index, struct attribute *attribute)
{
	struct budget_hint *hint = &budget->hints[index];
	_cleanup_close_ int fd = grant_open(budget->host, hint->id);

	if (fd == -ESTALE || fd == -ENOENT) {
		*hint = (struct budget_hint) { 0 };
		return;
	}
	if (fd < 0 || attribute_read(fd, attribute, NULL) < 0)
		return;
	if (attribute->marked) {
		usage_of_attribute(attribute, &hint->usage);
		if (!hint->handler[0])
			(void)snprintf(hint->handler, sizeof(hint->handler), "%s", attribute->handler);
	} else if (!is_in_the_making(budget, index)) {
		*hint = (struct budget_hint) { 0 };
	}
}

int budget_verify(struct budget *budget, struct err *err)
{
	_cleanup_free_ struct attribute *attribute = calloc(1, sizeof(*attribute));
	int dropped = 0;

	if (!attribute)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < budget->n; i++) {
		const struct budget_hint before = budget->hints[i];
		int r;

		if (before.id == 0)
			continue;
		refresh(budget, i, attribute);
		if (memcmp(&before, &budget->hints[i], sizeof(before)) == 0)
			continue;
		dropped += budget->hints[i].id == 0;
		r = write_record(budget->fd, offset_of(i), &budget->hints[i], err);
		if (r < 0)
			return r;
	}
	return dropped;
}

/* The record is seen locked or not at all: one that nobody holds, of a cgroup that is not granted yet, would
 * be dropped. -EAGAIN: another hook's, which has given it back and has not ended yet. */
static int lock_record(const struct budget *budget, size_t index)
{
	struct flock own = record_lock(F_WRLCK, offset_of(index));

	return fcntl(budget->fd, F_OFD_SETLK, &own) < 0 ? -errno : 0;
}

/* The cgroup's own record, else a free one, else a new one; locked. */
static int choose_slot(const struct budget *budget, uint64_t id, size_t *ret)
{
	for (size_t i = 0; i < budget->n; i++)
		if (budget->hints[i].id == id) {
			*ret = i;
			return lock_record(budget, i);
		}
	for (size_t i = 0; i < budget->n; i++)
		if (budget->hints[i].id == 0 && lock_record(budget, i) == 0) {
			*ret = i;
			return 0;
		}
	*ret = budget->n;
	return budget->n < BUDGET_HINTS_MAX - 1 ? lock_record(budget, budget->n) : -ENOSPC;
}

/* Where no budget ever refuses anybody, nothing else would drop the stale records. Seldom: each time that the
 * table has doubled. */
static int tidy(struct budget *budget, struct err *err)
{
	if (budget->n < 64 || (budget->n & (budget->n - 1)) != 0)
		return 0;
	for (size_t i = 0; i < budget->n; i++)
		if (budget->hints[i].id == 0)
			return 0;
	return budget_verify(budget, err);
}

int budget_reserve(struct budget *budget, const struct budget_hint *hint, struct budget_slot *ret, bool *changed,
		   struct err *err)
{
	struct flock table = record_lock(F_UNLCK, 0);
	int r;

	r = tidy(budget, err);
	if (r < 0)
		return r;
	r = choose_slot(budget, hint->id, &ret->index);
	if (r < 0)
		return err_set_errno(err, r, "cannot take a record of the table of grants");
	ret->before = (struct budget_hint) { 0 };
	if (ret->index < budget->n)
		ret->before = budget->hints[ret->index];
	*changed = memcmp(&ret->before, hint, sizeof(*hint)) != 0;
	if (*changed)
		r = write_record(budget->fd, offset_of(ret->index), hint, err);
	if (r >= 0 && fcntl(budget->fd, F_OFD_SETLK, &table) < 0)
		r = err_set_errno(err, errno, "cannot unlock the table of grants");
	return r;
}

int budget_release(struct budget *budget, const struct budget_slot *slot, struct err *err)
{
	return write_record(budget->fd, offset_of(slot->index), &slot->before, err);
}

struct looking {
	struct budget_hint hint; /* id: the one to leave out; handler */
	struct usage *node, *of_handler;
};

static int look_at(const struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct looking *looking = userdata;
	struct budget_hint hint = { 0 };

	(void)err;
	if (grant->id == looking->hint.id)
		return 0;
	fill_hint(grant, fd, &hint);
	usage_add(looking->node, &hint.usage);
	if (is_of_handler(&hint, looking->hint.handler))
		usage_add(looking->of_handler, &hint.usage);
	return 0;
}

int budget_look(const struct host *host, uint64_t but, const char *handler, struct usage *ret_node,
		struct usage *ret_handler, struct err *err)
{
	struct looking looking = { .hint.id = but, .node = ret_node, .of_handler = ret_handler };

	*ret_node = *ret_handler = (struct usage) { 0 };
	(void)snprintf(looking.hint.handler, sizeof(looking.hint.handler), "%s", handler);
	return grants_walk(host, look_at, &looking, NULL, err);
}
