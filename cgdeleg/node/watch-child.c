/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, child - child processes for what may take long, so that no limit waits for it. See watch.h.
 *
 * A child is looked for by its pid, which stays its own until it has been reaped here. So SIGCHLD keeps its default
 * action, and none of this changes it for the whole process. One that hangs in the kernel stays in the list, and keeps
 * others from being started for the same limit or unit; nobody waits for it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgdeleg/node/watch-parts.h"

pid_t watch_fork(struct watch *watch, enum watch_child_kind kind, struct watched *w, enum place place, const char *file)
{
	struct watch_child *child = calloc(1, sizeof(*child));
	sigset_t none;

	if (!child)
		return -ENOMEM;
	*child = (struct watch_child) { .kind = kind, .id = w->id, .place = place, .next = watch->children };
	strncpy(child->file, file, sizeof(child->file) - 1);
	child->pid = fork();
	if (child->pid < 0) {
		const int error = errno;

		free(child);
		return -error;
	}
	if (child->pid == 0) {
		free(child); /* its parent's alone */
		/* It ends with watch, and the signals that watch waits for must end it. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		return 0;
	}
	watch->children = child;
	return child->pid;
}

static void ended(struct watch *watch, const struct watch_child *child, int status)
{
	const int error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	struct watched *w = watch_find(watch, child->id);

	if (child->kind == CHILD_WRITE && child->id)
		watch_enforce_ended(watch, w, child->place, child->file, error);
	if (child->kind == CHILD_SYSTEMD && w)
		w->tell_failing[child->place] = error != 0;
}

void watch_collect(struct watch *watch)
{
	struct watch_child **at = &watch->children;

	while (*at) {
		struct watch_child *child = *at;
		int status = 0;
		const pid_t r = waitpid(child->pid, &status, WNOHANG);

		if (r == 0 || (r < 0 && errno == EINTR)) {
			at = &child->next;
			continue;
		}
		*at = child->next;
		ended(watch, child, status);
		free(child);
	}
}

size_t watch_running(struct watch *watch, enum watch_child_kind kind, const struct watched *w, enum place place,
		     const char *file)
{
	size_t n = 0;

	watch_collect(watch);
	for (const struct watch_child *child = watch->children; child; child = child->next)
		n += child->kind == kind &&
		     (!w || (child->id == w->id && child->place == place && strcmp(child->file, file) == 0));
	return n;
}

void watch_disown(struct watch *watch, const struct watched *w)
{
	for (struct watch_child *child = watch->children; child; child = child->next)
		if (child->id == w->id) {
			child->id = 0;
			(void)kill(child->pid, SIGKILL);
		}
}
