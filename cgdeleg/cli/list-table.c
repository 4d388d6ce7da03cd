/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List, table - which columns, and the rows, read on as many processors as there are. See list.h.
 *
 * The kernel takes some microseconds for each file of a cgroup, and a row wants a dozen files: that is what a list of a
 * thousand cgroups costs, and it can be done side by side. One thread walks the tree and puts rows into a queue, others
 * read them. Few rows are read by the walking thread alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/cli/list.h"
#include "cgdeleg/node/inner.h"
#include "policy/nearest.h"

#define THREADS_MAX 3	/* beside the one that walks */
#define FEW	    32	/* rows that are not worth a thread */
#define QUEUE_SIZE  32	/* rows, each with a descriptor */
#define FIRST_FD    128 /* of those: what lies below is the walk's, and never used up here */

static int unknown_column(const char *name, struct err *err)
{
	char word[64], hint[96];
	struct nearest nearest = nearest_to(column_name(name, word, sizeof(word)));

	for (size_t i = 0; i < n_columns; i++)
		nearest_try(&nearest, columns[i].name);
	return err_set(err, EINVAL, "there is no column '%.64s'%s", name, nearest_hint(&nearest, hint, sizeof(hint)));
}

static int add_column(struct table *table, const struct column *column, struct err *err)
{
	if (table->n_columns == TABLE_COLUMNS_MAX)
		return err_set(err, E2BIG, "more than %d columns", TABLE_COLUMNS_MAX);
	table->columns[table->n_columns++] = column;
	return 0;
}

int table_choose(struct table *table, const char *names, bool all, struct err *err)
{
	const bool adds = names && names[0] == '+';
	_cleanup_free_ char *copy = names ? strdup(names + adds) : NULL;
	char *save = NULL;
	int r = 0;

	if (names && !copy)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; (!names || adds) && i < n_columns; i++)
		if ((columns[i].flags & COLUMN_INITIAL) || all)
			r = add_column(table, &columns[i], err);
	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; r >= 0 && name; name = strtok_r(NULL, ",", &save)) {
		const struct column *column = column_find(name);

		r = column ? add_column(table, column, err) : unknown_column(name, err);
	}
	if (r >= 0 && table->n_columns == 0)
		return err_set(err, EINVAL, "no column is given");
	return r;
}

int table_sort_by(struct table *table, const char *name, struct err *err)
{
	table->descending = name[0] == '-';
	name += name[0] == '-' || name[0] == '+';
	table->sort = column_find(name);
	return table->sort ? 0 : unknown_column(name, err);
}

/* A row to be read. */
struct job {
	struct grant grant;
	int fd;
	struct cell *cells;
	char path[];
};

struct filling {
	struct table *table;
	const struct column *columns[TABLE_COLUMNS_MAX + 1]; /* the table's, and after them the one to sort by */
	size_t n_columns;
	struct reader fresh; /* copied by each thread, and not changed */
	struct reader own;   /* the walking thread's */
	size_t n_threads, n_threads_max;
	pthread_t threads[THREADS_MAX];
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	bool ended;
	size_t first, n_jobs;
	struct job *jobs[QUEUE_SIZE];
};

static void read_row(const struct filling *filling, struct reader *reader, const struct grant *grant, int fd,
		     struct cell *cells)
{
	struct sample sample;

	sample_begin(&sample, grant, fd, reader);
	for (size_t i = 0; i < filling->n_columns; i++)
		column_read(filling->columns[i], &sample, &cells[i]);
}

static struct job *job_free(struct job *job)
{
	if (job) {
		(void)close_fd(job->fd);
		attribute_done(&job->grant.attribute);
	}
	free(job);
	return NULL;
}

/* NULL where the queue is full, which is no reason to wait: the walking thread reads as well as any; or where there is
 * no memory or no descriptor. Otherwise the attribute of the grant is the job's. */
static struct job *job_new(struct filling *filling, struct grant *grant, int fd, struct cell *cells)
{
	const size_t size = strlen(grant->path) + 1;
	struct job *job;
	bool full;

	(void)pthread_mutex_lock(&filling->lock);
	full = filling->n_jobs == QUEUE_SIZE;
	(void)pthread_mutex_unlock(&filling->lock);
	job = full ? NULL : calloc(1, sizeof(*job) + size);
	if (!job)
		return NULL;
	job->fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (job->fd < 0)
		return job_free(job);
	job->grant = *grant;
	grant->attribute = (struct attribute) { 0 };
	job->cells = cells;
	job->grant.path = memcpy(job->path, grant->path, size);
	return job;
}

/* The next row, or NULL at the end. */
static struct job *take(struct filling *filling)
{
	struct job *job = NULL;

	(void)pthread_mutex_lock(&filling->lock);
	while (filling->n_jobs == 0 && !filling->ended)
		(void)pthread_cond_wait(&filling->more, &filling->lock);
	if (filling->n_jobs > 0) {
		job = filling->jobs[filling->first];
		filling->first = (filling->first + 1) % QUEUE_SIZE;
		filling->n_jobs--;
	}
	(void)pthread_mutex_unlock(&filling->lock);
	return job;
}

static void *work(void *userdata)
{
	struct filling *filling = userdata;
	struct reader reader = filling->fresh;
	struct job *job;

	while ((job = take(filling)) != NULL) {
		read_row(filling, &reader, &job->grant, job->fd, job->cells);
		job = job_free(job);
	}
	return NULL;
}

static int add_row(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct filling *filling = userdata;
	struct table *table = filling->table;
	struct cell *cells = calloc(table->n_columns + 1, sizeof(*cells));
	struct job *job = NULL;
	int r;

	/* The number of rows is doubled when it is a power of two. */
	if ((table->n_rows & (table->n_rows - 1)) == 0) {
		struct row *more = reallocarray(table->rows, table->n_rows ? 2 * table->n_rows : 1, sizeof(*more));

		if (!more) {
			free(cells);
			return err_set(err, ENOMEM, "out of memory");
		}
		table->rows = more;
	}
	if (!cells)
		return err_set(err, ENOMEM, "out of memory");
	r = table->inside ? 0 : sharers_add(&table->sharers, grant, err);
	if (r < 0) {
		free(cells);
		return r;
	}
	table->n_faults += grant->fault.text[0] != '\0';
	table->rows[table->n_rows++].cells = cells;
	/* A thread that cannot be started is one less. */
	while (table->n_rows > FEW && filling->n_threads < filling->n_threads_max)
		if (pthread_create(&filling->threads[filling->n_threads], NULL, work, filling) == 0)
			filling->n_threads++;
		else
			filling->n_threads_max = filling->n_threads;
	if (filling->n_threads > 0)
		job = job_new(filling, grant, fd, cells);
	if (!job) {
		read_row(filling, &filling->own, grant, fd, cells);
		return 0;
	}
	/* Only this thread puts: where job_new() saw room there still is. */
	(void)pthread_mutex_lock(&filling->lock);
	filling->jobs[(filling->first + filling->n_jobs++) % QUEUE_SIZE] = job;
	(void)pthread_cond_signal(&filling->more);
	(void)pthread_mutex_unlock(&filling->lock);
	return 0;
}

static int compare_rows(const void *left, const void *right, void *userdata)
{
	const struct table *table = userdata;
	const struct cell *a = &((const struct row *)left)->cells[table->n_columns];
	const struct cell *b = &((const struct row *)right)->cells[table->n_columns];
	int order;

	if (!a->known || !b->known)
		order = (int)a->known - (int)b->known; /* what is not known comes first */
	else if (table->sort->kind == COLUMN_TEXT)
		order = strcmp(a->text, b->text);
	else if (table->sort->kind == COLUMN_SECONDS || table->sort->kind == COLUMN_PERCENT)
		order = (a->real > b->real) - (a->real < b->real);
	else if (table->sort->kind == COLUMN_CEILINGS)
		order = (a->n_ceilings > b->n_ceilings) - (a->n_ceilings < b->n_ceilings);
	else
		order = (a->number > b->number) - (a->number < b->number);
	return table->descending ? -order : order;
}

static int walk(const struct host *host, struct filling *filling, struct err *err)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1, r;

	filling->n_threads_max = n > THREADS_MAX ? THREADS_MAX : (size_t)n - 1;
	(void)pthread_mutex_init(&filling->lock, NULL);
	(void)pthread_cond_init(&filling->more, NULL);
	r = filling->table->inside ? inner_walk(filling->table->inside->fd, add_row, filling, &filling->table->seen, err)
				   : grants_walk(host, add_row, filling, &filling->table->seen, err);
	(void)pthread_mutex_lock(&filling->lock);
	filling->ended = true;
	(void)pthread_cond_broadcast(&filling->more);
	(void)pthread_mutex_unlock(&filling->lock);
	/* What is still queued is read here too. */
	if (filling->n_threads > 0)
		(void)work(filling);
	for (size_t i = 0; i < filling->n_threads; i++)
		(void)pthread_join(filling->threads[i], NULL);
	(void)pthread_cond_destroy(&filling->more);
	(void)pthread_mutex_destroy(&filling->lock);
	return r;
}

/* Before the rows are sorted. */
static void fill_shared(struct filling *filling, size_t column)
{
	const struct sharers *sharers = &filling->table->sharers;
	char text[256];

	for (size_t row = 0; row < sharers->n; row++) {
		const struct sharing *one = &sharers->all[row];
		struct cell *cell = &filling->table->rows[row].cells[column];

		cell->number = one->n_others;
		if (one->n_others > 1)
			(void)snprintf(text, sizeof(text), "%s and %zu more", sharers->all[one->other].id,
				       one->n_others - 1);
		else
			(void)snprintf(text, sizeof(text), "%s", one->n_others == 1 ? sharers->all[one->other].id : "");
		cell_set_text(cell, text);
		cell->known = cell->text && one->uids.n > 0 && one->gids.n > 0;
	}
}

int table_fill(const struct host *host, struct table *table, struct err *err)
{
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;
	struct filling filling = { .table = table,
				   .fresh = { .pinned = &guards, .sys_fd = host->sys_fd, .now = time(NULL) } };
	char controllers[1024];
	bool asks_guards = false;
	int r;

	for (size_t i = 0; i < table->n_columns; i++)
		filling.columns[filling.n_columns++] = table->columns[i];
	if (table->sort)
		filling.columns[filling.n_columns++] = table->sort;
	for (size_t i = 0; i < filling.n_columns; i++)
		asks_guards = asks_guards || (filling.columns[i]->flags & COLUMN_GUARDS);
	/* Once for all rows. Where they cannot be opened, what they would say is not known. */
	if (asks_guards)
		(void)guards_open(host->sys_fd, WANT_BOTH_GUARDS, &guards, NULL);
	if (file_read_record_at(host->cgroup_fd, "cgroup.controllers", controllers, sizeof(controllers)) >= 0) {
		controllers[strcspn(controllers, "\n")] = '\0';
		filling.fresh.controllers = controllers;
	}
	filling.own = filling.fresh;
	r = walk(host, &filling, err);
	sharers_compare(&table->sharers);
	for (size_t i = 0; r >= 0 && i < filling.n_columns; i++)
		if (filling.columns[i]->flags & COLUMN_SHARED)
			fill_shared(&filling, i);
	if (r >= 0 && table->sort && table->n_rows > 1)
		qsort_r(table->rows, table->n_rows, sizeof(*table->rows), compare_rows, table);
	return r;
}

void table_empty(struct table *table)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		for (size_t c = 0; c <= table->n_columns; c++)
			cell_done(&table->rows[i].cells[c]);
		free(table->rows[i].cells);
	}
	free(table->rows);
	sharers_done(&table->sharers);
	table->rows = NULL;
	table->n_rows = table->n_faults = 0;
}
