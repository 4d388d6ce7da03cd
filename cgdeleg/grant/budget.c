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
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/kernel/walk.h"
#include "policy/usage.h"

#define LOCK_PAUSE_LEAST 100000	 /* nanoseconds */
#define LOCK_PAUSE_MOST	 2000000 /* nanoseconds */
#define TIDY_FROM	 64	 /* entries: up to four pages of them may be stale and do no harm */

/* Stands in the place of the first entry. A table of another version is not trusted, but made anew. */
static const struct budget_entry head = { .id = 1, .handler = "cgdeleg grants 2" };

_Static_assert(sizeof(struct budget_entry) == 256, "an entry must not cross a page");

/* The head is row 0 of the file, entry i is row i + 1. */
static off_t offset_of_row(size_t row)
{
	return (off_t)(row * sizeof(struct budget_entry));
}

static int write_row(int fd, size_t row, const struct budget_entry *entry, struct err *err)
{
	ssize_t n = pwrite(fd, entry, sizeof(*entry), offset_of_row(row));

	if (n < 0)
		return err_set_errno(err, errno, "cannot write to the table of grants");
	if (n != sizeof(*entry))
		return err_set(err, EIO, "only a part of an entry could be written to the table of grants");
	return 0;
}

/* `command` is F_OFD_SETLK or F_OFD_GETLK, `type` F_WRLCK or F_UNLCK. Returns what the lock is then, or -errno. */
static int lock_row(int fd, size_t row, int command, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = offset_of_row(row), .l_len = sizeof(struct budget_entry)
	};

	return fcntl(fd, command, &lock) < 0 ? -errno : lock.l_type;
}

/* The head's lock is the table's. Tries again and again: only a signal would end a wait in the kernel. */
static int lock_table(int fd, int64_t deadline_ms, struct err *err)
{
	struct timespec pause = { .tv_nsec = LOCK_PAUSE_LEAST };

	for (;;) {
		int r = lock_row(fd, 0, F_OFD_SETLK, F_WRLCK);

		if (r >= 0)
			return 0;
		if (r != -EAGAIN && r != -EACCES)
			return err_set_errno(err, r, "cannot lock the table of grants");
		if (deadline_ms > 0 && clock_monotonic_ms() >= deadline_ms)
			return err_set(err, ETIMEDOUT,
				       "another process keeps the table of grants locked: `lslocks` shows which");
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < LOCK_PAUSE_MOST)
			pause.tv_nsec *= 2;
	}
}

int budget_directory_open(const struct host *host, const char *path, struct err *err)
{
	return owner_open_directory(path, host->machine->owner, true, err);
}

/* The file may be another by the time it is locked. */
static int open_table(const struct host *host, int dirfd, int64_t deadline_ms, size_t *ret_size, struct err *err)
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
		r = owner_check(&st, host->machine->owner, OWNER_MAY_READ, NULL, err);
		if (r < 0)
			return r;
		*ret_size = (size_t)st.st_size;
		if (st.st_nlink > 0)
			return TAKE_FD(fd);
	}
}

static void set_name(char *member, size_t size, const char *name)
{
	memset(member, 0, size);
	memcpy(member, name, strnlen(name, size - 1));
}

void budget_entry_name(struct budget_entry *entry, const char *handler, const char *rule, const char *namespace)
{
	set_name(entry->handler, sizeof(entry->handler), handler);
	set_name(entry->rule, sizeof(entry->rule), rule);
	set_name(entry->namespace, sizeof(entry->namespace), namespace);
}

void budget_describe(const struct attribute *attribute, int fd, struct budget_entry *entry)
{
	const struct limit_type *type = limit_type_find("cgroup.max.descendants");
	struct id_ranges uids, gids;
	struct limit_value value;
	char text[64];

	(void)id_ranges_parse(attribute->uids, &uids);
	(void)id_ranges_parse(attribute->gids, &gids);
	entry->uids = id_ranges_hull(&uids);
	entry->gids = id_ranges_hull(&gids);
	usage_init(&entry->usage);
	for (size_t i = 0; i < attribute->n_ceilings; i++)
		usage_note(&entry->usage, attribute->ceilings[i].file, &attribute->ceilings[i].value);
	if (attribute->present && !entry->handler[0])
		budget_entry_name(entry, attribute->handler, attribute->rule, attribute->namespace);
	if (!attribute->present && file_read_record_at(fd, type->key, text, sizeof(text)) >= 0 &&
	    limit_parse_kernel(type, text, NULL, &value, NULL) == 0)
		usage_note(&entry->usage, type->key, &value);
}

static int append_grant(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct budget *budget = userdata;
	struct budget_entry *more, entry = { .id = grant->id };

	if (budget->n >= BUDGET_ENTRIES_MAX)
		return err_set(err, E2BIG, "there are more than %d grants on this node", BUDGET_ENTRIES_MAX);
	more = reallocarray(budget->entries, budget->n + 1, sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "out of memory");
	budget->entries = more;
	budget_describe(&grant->attribute, fd, &entry);
	more[budget->n++] = entry;
	return budget->fd < 0 ? 0 : write_row(budget->fd, budget->n, &entry, err);
}

/* After a boot, or when somebody has removed it. The head comes last: a table without it is none. */
static int make_table(struct budget *budget, struct err *err)
{
	int r;

	if (ftruncate(budget->fd, 0) < 0)
		return err_set_errno(err, errno, "cannot empty the table of grants");
	r = grants_walk(budget->host, append_grant, budget, NULL, err);
	return r < 0 ? r : write_row(budget->fd, 0, &head, err);
}

static int read_table(struct budget *budget, size_t size, struct err *err)
{
	const size_t n = size / sizeof(struct budget_entry);
	_cleanup_free_ struct budget_entry *rows = NULL;
	ssize_t len;

	if (n == 0 || n > BUDGET_ENTRIES_MAX)
		return make_table(budget, err);
	rows = calloc(n, sizeof(*rows));
	if (!rows)
		return err_set(err, ENOMEM, "out of memory");
	len = pread(budget->fd, rows, n * sizeof(*rows), 0);
	if (len < 0)
		return err_set_errno(err, errno, "cannot read the table of grants");
	if ((size_t)len != n * sizeof(*rows))
		return err_set(err, EIO, "cannot read the whole table of grants");
	if (memcmp(&rows[0], &head, sizeof(head)) != 0)
		return make_table(budget, err);
	budget->n = n - 1;
	memmove(rows, rows + 1, budget->n * sizeof(*rows));
	budget->entries = TAKE_PTR(rows);
	return 0;
}

int budget_open(const char *directory, const struct host *host, int64_t deadline_ms, struct budget *ret, struct err *err)
{
	_cleanup_(budget_done) struct budget budget = BUDGET_CLOSED;
	size_t size = 0;
	int r;

	budget.host = host;
	if (directory) {
		budget.dirfd = budget_directory_open(host, directory, err);
		if (budget.dirfd < 0)
			return budget.dirfd;
		budget.fd = open_table(host, budget.dirfd, deadline_ms, &size, err);
		if (budget.fd < 0)
			return err_wrap(err, "'%s/" BUDGET_FILE "'", directory);
		r = read_table(&budget, size, err);
	} else {
		r = grants_walk(host, append_grant, &budget, NULL, err);
	}
	if (r < 0)
		return r;
	*ret = budget;
	budget = (struct budget)BUDGET_CLOSED;
	return 0;
}

void budget_done(struct budget *budget)
{
	budget->fd = close_fd(budget->fd);
	budget->dirfd = close_fd(budget->dirfd);
	free(budget->entries);
	budget->entries = NULL;
	budget->n = 0;
}

/* Brings one entry in line with the kernel. An entry that cannot be checked goes on counting. What its attribute says
 * goes to *ret, which is the caller's to end. */
static void refresh(const struct budget *budget, size_t index, struct attribute *ret)
{
	struct budget_entry *entry = &budget->entries[index];
	_cleanup_close_ int fd = grant_open(budget->host, entry->id);
	bool gone = fd == -ESTALE || fd == -ENOENT;

	if (!gone && (fd < 0 || attribute_read(fd, ret, NULL) < 0))
		return;
	if (!gone && ret->marked)
		budget_describe(ret, fd, entry);
	/* The hook that has reserved it keeps its row locked until it ends. */
	else if (gone || lock_row(budget->fd, index + 1, F_OFD_GETLK, F_WRLCK) == F_UNLCK)
		*entry = (struct budget_entry) { 0 };
}

/* The same, and writes the entry where it has changed. */
static int settle(struct budget *budget, size_t index, struct attribute *ret, struct err *err)
{
	const struct budget_entry before = budget->entries[index];

	refresh(budget, index, ret);
	if (budget->fd < 0 || memcmp(&before, &budget->entries[index], sizeof(before)) == 0)
		return 0;
	return write_row(budget->fd, index + 1, &budget->entries[index], err);
}

int budget_verify(struct budget *budget, struct err *err)
{
	int dropped = 0;

	for (size_t i = 0; i < budget->n; i++) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		int r;

		if (budget->entries[i].id == 0)
			continue;
		r = settle(budget, i, &attribute, err);
		if (r < 0)
			return r;
		dropped += budget->entries[i].id == 0;
	}
	return dropped;
}

static bool ids_are_known(const struct budget_entry *entry)
{
	return entry->uids.count > 0 && entry->gids.count > 0;
}

/* Asks the attribute of a grant. Where a hook has the entry and has not written the attribute yet, the hulls decide. */
static int compare_ids(struct budget *budget, size_t index, const struct id_ranges *uids, const struct id_ranges *gids,
		       struct sharer *ret, struct err *err)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	const struct budget_entry *entry = &budget->entries[index];
	struct id_ranges their_uids, their_gids;
	int r = settle(budget, index, &attribute, err);

	if (r < 0 || entry->id == 0)
		return r;
	(void)id_ranges_parse(attribute.uids ? attribute.uids : "", &their_uids);
	(void)id_ranges_parse(attribute.gids ? attribute.gids : "", &their_gids);
	(void)snprintf(ret->id, sizeof(ret->id), "%s", attribute.id ? attribute.id : "");
	if (!attribute.marked && ids_are_known(entry)) {
		ret->of_gids = !id_range_common(entry->uids, id_ranges_hull(uids), &ret->common);
		ret->shares = !ret->of_gids || id_range_common(entry->gids, id_ranges_hull(gids), &ret->common) ? TRI_YES
														: TRI_NO;
	} else if (their_uids.n == 0 || their_gids.n == 0) {
		ret->shares = TRI_UNKNOWN;
	} else {
		ret->of_gids = !id_ranges_common(&their_uids, uids, &ret->common);
		ret->shares = !ret->of_gids || id_ranges_common(&their_gids, gids, &ret->common) ? TRI_YES : TRI_NO;
	}
	return 0;
}

int budget_find_sharer(struct budget *budget, uint64_t but, const struct id_ranges *uids, const struct id_ranges *gids,
		       bool every, struct sharer *ret, struct err *err)
{
	struct sharer unknown = { .shares = TRI_NO };

	for (size_t i = 0; i < budget->n; i++) {
		const struct budget_entry *entry = &budget->entries[i];
		struct sharer sharer = { .shares = TRI_NO };
		struct id_range common;
		int r = 0;

		if (entry->id == 0 || entry->id == but)
			continue;
		if (uids->n == 0 || gids->n == 0 || (!ids_are_known(entry) && !every))
			sharer.shares = TRI_UNKNOWN;
		else if (!ids_are_known(entry) || id_range_common(entry->uids, id_ranges_hull(uids), &common) ||
			 id_range_common(entry->gids, id_ranges_hull(gids), &common))
			r = compare_ids(budget, i, uids, gids, &sharer, err);
		if (r < 0)
			return r;
		if (sharer.shares == TRI_YES) {
			*ret = sharer;
			return 0;
		}
		if (sharer.shares == TRI_UNKNOWN && unknown.shares == TRI_NO)
			unknown = sharer;
	}
	*ret = unknown;
	return 0;
}

/*
 * The cgroup's own entry, else a free one, else a new one. It is locked, because an entry that nobody locks, of a
 * cgroup that is not granted yet, would be dropped. -EAGAIN: it belongs to another hook, which has given it back and
 * not ended yet.
 */
static int choose_slot(const struct budget *budget, uint64_t id, size_t *ret)
{
	for (*ret = 0; *ret < budget->n; (*ret)++)
		if (budget->entries[*ret].id == id)
			return lock_row(budget->fd, *ret + 1, F_OFD_SETLK, F_WRLCK);
	for (*ret = 0; *ret < budget->n; (*ret)++)
		if (budget->entries[*ret].id == 0 && lock_row(budget->fd, *ret + 1, F_OFD_SETLK, F_WRLCK) >= 0)
			return 0;
	return budget->n < BUDGET_ENTRIES_MAX - 1 ? lock_row(budget->fd, *ret + 1, F_OFD_SETLK, F_WRLCK) : -ENOSPC;
}

/* If no budget ever refuses anybody, nothing else drops the stale entries. Happens seldom: each time the table has
 * doubled. */
static int tidy(struct budget *budget, struct err *err)
{
	if (budget->n < TIDY_FROM || (budget->n & (budget->n - 1)) != 0)
		return 0;
	for (size_t i = 0; i < budget->n; i++)
		if (budget->entries[i].id == 0)
			return 0;
	return budget_verify(budget, err);
}

int budget_reserve(struct budget *budget, const struct budget_entry *entry, struct budget_slot *ret, bool *changed,
		   struct err *err)
{
	int r = tidy(budget, err);

	if (r < 0)
		return r;
	r = choose_slot(budget, entry->id, &ret->index);
	if (r < 0)
		return err_set_errno(err, r, "cannot take an entry of the table of grants");
	ret->before = ret->index < budget->n ? budget->entries[ret->index] : (struct budget_entry) { 0 };
	*changed = memcmp(&ret->before, entry, sizeof(*entry)) != 0;
	r = *changed ? write_row(budget->fd, ret->index + 1, entry, err) : 0;
	if (r < 0)
		return r;
	r = lock_row(budget->fd, 0, F_OFD_SETLK, F_UNLCK);
	return r < 0 ? err_set_errno(err, r, "cannot unlock the table of grants") : 0;
}

int budget_release(struct budget *budget, const struct budget_slot *slot, struct err *err)
{
	return write_row(budget->fd, slot->index + 1, &slot->before, err);
}
