/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler - a queue of rows and the threads that read them. See list-sampler.h. */
#include "cgdeleg/cli/list-sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define THREADS_MAX 3	/* beside the caller's */
#define FEW	    32	/* rows that are not worth a thread */
#define QUEUE_SIZE  32	/* rows, each with a descriptor */
#define FIRST_FD    128 /* of those: what lies below is the walk's, and never used up here */

struct job {
	struct grant grant;
	int fd;
	struct cell *cells;
	char path[];
};

struct sampler {
	const struct sampler_work *work;
	struct look look; /* the caller's own */
	size_t n_rows, n_threads, n_threads_max;
	pthread_t threads[THREADS_MAX];
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	bool ended;
	size_t first, n_jobs;
	struct job *jobs[QUEUE_SIZE];
};

static size_t other_processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > THREADS_MAX ? THREADS_MAX : (size_t)n - 1;
}

struct sampler *sampler_new(const struct sampler_work *work)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));

	if (!sampler)
		return NULL;
	sampler->work = work;
	sampler->look = work->look;
	sampler->n_threads_max = other_processors();
	(void)pthread_mutex_init(&sampler->lock, NULL);
	(void)pthread_cond_init(&sampler->more, NULL);
	return sampler;
}

static void read_row(const struct sampler_work *work, struct look *look, const struct grant *grant, int fd,
		     struct cell *cells)
{
	struct sample sample;

	sample_begin(&sample, grant, fd, look);
	for (size_t i = 0; i < work->n_columns; i++)
		column_read(work->columns[i], &sample, &cells[i]);
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

/* NULL where there is no memory or no descriptor; else the grant's attribute is the job's. */
static struct job *job_new(struct grant *grant, int fd, struct cell *cells)
{
	const size_t size = strlen(grant->path) + 1;
	struct job *job = calloc(1, sizeof(*job) + size);

	if (!job)
		return NULL;
	job->fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (job->fd < 0)
		return job_free(job);
	job->grant = *grant;
	grant->attribute = (struct attribute) { 0 };
	job->cells = cells;
	memcpy(job->path, grant->path, size);
	job->grant.path = job->path;
	return job;
}

/* The next row, or NULL at the end. */
static struct job *take(struct sampler *sampler)
{
	struct job *job = NULL;

	(void)pthread_mutex_lock(&sampler->lock);
	while (sampler->n_jobs == 0 && !sampler->ended)
		(void)pthread_cond_wait(&sampler->more, &sampler->lock);
	if (sampler->n_jobs > 0) {
		job = sampler->jobs[sampler->first];
		sampler->first = (sampler->first + 1) % QUEUE_SIZE;
		sampler->n_jobs--;
	}
	(void)pthread_mutex_unlock(&sampler->lock);
	return job;
}

static bool put(struct sampler *sampler, struct job *job)
{
	bool room;

	(void)pthread_mutex_lock(&sampler->lock);
	room = sampler->n_jobs < QUEUE_SIZE;
	if (room)
		sampler->jobs[(sampler->first + sampler->n_jobs++) % QUEUE_SIZE] = job;
	(void)pthread_cond_signal(&sampler->more);
	(void)pthread_mutex_unlock(&sampler->lock);
	return room;
}

static bool is_full(struct sampler *sampler)
{
	bool full;

	(void)pthread_mutex_lock(&sampler->lock);
	full = sampler->n_jobs == QUEUE_SIZE;
	(void)pthread_mutex_unlock(&sampler->lock);
	return full;
}

static void *work_through(void *userdata)
{
	struct sampler *sampler = userdata;
	struct look look = sampler->work->look;
	struct job *job;

	while ((job = take(sampler)) != NULL) {
		read_row(sampler->work, &look, &job->grant, job->fd, job->cells);
		job = job_free(job);
	}
	return NULL;
}

/* A thread that cannot be started is one less. */
static void start_threads(struct sampler *sampler)
{
	const size_t most = sampler->n_threads_max;

	sampler->n_threads_max = 0; /* once */
	while (sampler->n_threads < most &&
	       pthread_create(&sampler->threads[sampler->n_threads], NULL, work_through, sampler) == 0)
		sampler->n_threads++;
}

/* A full queue is no reason to wait: this thread reads as well as any. */
void sampler_add(struct sampler *sampler, struct grant *grant, int fd, struct cell *cells)
{
	struct job *job = NULL;

	if (++sampler->n_rows > FEW && sampler->n_threads_max > 0)
		start_threads(sampler);
	if (sampler->n_threads > 0 && !is_full(sampler))
		job = job_new(grant, fd, cells);
	if (job && put(sampler, job))
		return;
	read_row(sampler->work, &sampler->look, job ? &job->grant : grant, fd, cells);
	job = job_free(job);
}

struct sampler *sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return NULL;
	(void)pthread_mutex_lock(&sampler->lock);
	sampler->ended = true;
	(void)pthread_cond_broadcast(&sampler->more);
	(void)pthread_mutex_unlock(&sampler->lock);
	/* What is still queued is read here too. */
	if (sampler->n_threads > 0)
		(void)work_through(sampler);
	for (size_t i = 0; i < sampler->n_threads; i++)
		(void)pthread_join(sampler->threads[i], NULL);
	(void)pthread_cond_destroy(&sampler->more);
	(void)pthread_mutex_destroy(&sampler->lock);
	free(sampler);
	return NULL;
}
