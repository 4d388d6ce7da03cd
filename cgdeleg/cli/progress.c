/* SPDX-License-Identifier: Apache-2.0 */
/* Progress - a line on a terminal for what takes longer than two seconds. See progress.h. */
#include "cgdeleg/cli/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t ended;
	const char *what; /* NULL: it is over */
	unsigned after_ms;
	pthread_t thread;
	bool runs; /* only of who begins and ends */
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

/* A line now, and then once a second. */
static void *show(void *userdata)
{
	const unsigned after_ms = progress.after_ms;
	struct timespec next;
	bool shown = false;

	(void)userdata;
	(void)clock_gettime(CLOCK_REALTIME, &next);
	next.tv_sec += after_ms / 1000;
	next.tv_nsec += (long)(after_ms % 1000) * 1000000;
	next.tv_sec += next.tv_nsec / 1000000000;
	next.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&progress.lock);
	for (unsigned seconds = after_ms / 1000; progress.what;) {
		if (pthread_cond_timedwait(&progress.ended, &progress.lock, &next) == 0 || !progress.what)
			continue; /* over, or for no reason */
		fprintf(stderr, "\r\033[Kcgdeleg: %s, %u s", progress.what, seconds++);
		(void)fflush(stderr);
		shown = true;
		next.tv_sec++;
	}
	(void)pthread_mutex_unlock(&progress.lock);
	if (shown)
		fputs("\r\033[K", stderr);
	return NULL;
}

void progress_begin_after(const char *what, unsigned after_ms)
{
	if (!isatty(STDERR_FILENO))
		return;
	(void)pthread_mutex_lock(&progress.lock);
	progress.what = what;
	progress.after_ms = after_ms;
	(void)pthread_mutex_unlock(&progress.lock);
	/* Where no thread can be had, nothing is shown. */
	if (!progress.runs)
		progress.runs = pthread_create(&progress.thread, NULL, show, NULL) == 0;
}

void progress_begin(const char *what)
{
	progress_begin_after(what, PROGRESS_AFTER_MS);
}

void progress_end(void)
{
	if (!progress.runs)
		return;
	(void)pthread_mutex_lock(&progress.lock);
	progress.what = NULL;
	(void)pthread_cond_signal(&progress.ended);
	(void)pthread_mutex_unlock(&progress.lock);
	(void)pthread_join(progress.thread, NULL);
	progress.runs = false;
}
