/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throw-away - a container that is started by an engine only to be verified, and removed on every path.
 *
 * podman and docker make a container; containerd and CRI-O, through crictl, a pod with one container. It runs `sleep` for
 * THROW_AWAY_SECONDS, and podman and Docker remove it when that ends: also if nobody is left to do it here.
 */
#pragma once

#include <limits.h>

#include "cgdeleg/cli/cli.h"
#include "policy/annotation.h"

#define THROW_AWAY_SECONDS "600"

struct throw_away_args {
	const char *handler; /* of the policy, as in the hook's arguments */
	const char *image;
	const char *namespace;		       /* of the pod; NULL: "default" */
	const struct option_list *annotations; /* "KEY=VALUE", beside cgdeleg.io/writable=true */
	const struct option_list *options;     /* more words for `podman run` or `docker run` */
};

/* How the handler is reached: found in the engines' configurations. */
struct throw_away {
	enum engine kind;
	char runtime[128];	 /* the engine's name of the runtime; "": none need be named */
	char endpoint[PATH_MAX]; /* CRI: "unix:///run/..." */
	bool annotates;		 /* false: Docker before 24, which has no --annotation */
	bool systemd;		 /* CRI: its cgroups are systemd's */
	char name[64];		 /* of the container or pod */
	char directory[64];	 /* of the files for crictl; "": none */
	char pod[128];		 /* CRI: its id; "": none was made */
	char id[128];		 /* of the container, as the attribute has it; "": none was made */
	bool made;		 /* podman, docker: there may be one of that name */
};

/* Starts it and returns when it runs. Whatever it returns, throw_away_remove() has to be called. -ENOENT: no engine has the
 * hook for that handler. */
int throw_away_start(const struct throw_away_args *args, struct throw_away *ret, struct err *err);

/* Removes all that there may be; an error says what is left. */
int throw_away_remove(struct throw_away *container, struct err *err);
