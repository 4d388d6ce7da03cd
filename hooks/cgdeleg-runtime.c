/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg-runtime - an OCI runtime for engines that run no hooks, Docker above all.
 *
 *     cgdeleg-runtime --handler NAME --runtime PATH [--hook PATH] -- ARGUMENT...
 *
 * The administrator writes what stands before "--", in the engine's configuration; the engine adds what follows it. For
 * a verb that makes a container, the hook is added to the bundle's config.json. Then this process executes the real
 * runtime in its own place, with the engine's arguments, environment, working directory and descriptors unchanged. If
 * the hook cannot be added, the runtime is not executed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/json.h"
#include "base/owner.h"
#include "hooks/bundle-hook.h"
#include "hooks/options.h"
#include "hooks/runtime-args.h"
#include "places.h"
#include "version.h"

static const char usage[] = "usage: cgdeleg-runtime --handler NAME --runtime PATH [--hook PATH] -- ARGUMENT...\n"
			    "       cgdeleg-runtime --help | --version\n";

struct own_args {
	const char *handler, *runtime, *hook;
	char **engine; /* what follows "--" */
};

static int parse_own(char **argv, struct own_args *ret, struct err *err)
{
	const struct option_row rows[] = {
		{ "--handler", &ret->handler, .required = true },
		{ "--runtime", &ret->runtime, .path = true, .required = true },
		{ "--hook", &ret->hook, .path = true },
	};
	const int n = options_read(argv + 1, rows, ELEMENTS(rows), err);

	if (n < 0)
		return n;
	ret->engine = argv + 1 + n;
	return *ret->engine ? 0 : err_set(err, EINVAL, "the '--' before the arguments of the runtime is missing");
}

/*
 * One line as runc writes it, NULL if memory ran out. containerd's and Docker's shim (go-runc's log.json) look for the last
 * object with the level "error" and take its "msg"; podman's conmon takes the whole file for one such object. "time" must be
 * RFC 3339 for the shim, or its object does not count. As text it is logrus' form.
 */
static char *log_line(const struct err *err, bool json)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *obj = yyjson_mut_obj(doc), *msg = yyjson_mut_strcpy(doc, err->text);
	_cleanup_free_ char *text = NULL;
	char *line = NULL, when[CLOCK_TEXT_SIZE];

	clock_format(clock_realtime_us(), when, sizeof(when));
	(void)yyjson_mut_obj_add_str(doc, obj, "level", "error");
	(void)yyjson_mut_obj_add_val(doc, obj, "msg", msg);
	(void)yyjson_mut_obj_add_str(doc, obj, "time", when);
	text = yyjson_mut_val_write(json ? obj : msg, YYJSON_WRITE_NOFLAG, NULL);
	if (!text || asprintf(&line, json ? "%s%s\n" : "time=\"%s\" level=error msg=%s\n", json ? "" : when, text) < 0)
		return NULL;
	return line;
}

/*
 * The engine looks for the runtime's error in this file. It names a directory of its own, as a rule; but if others may
 * write there, they may have put a link, a FIFO or a file of theirs in its place: root neither writes through the first nor
 * waits at the second. Where it is not written, standard error and the journal have the line.
 */
static void say_in_log(const struct runtime_args *args, const struct err *err)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	_cleanup_free_ char *line = log_line(err, args->log_json);
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	if (!args->log || !line)
		return;
	fd = open(args->log, flags, 0644);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && owner_is_alone(&st, geteuid(), 0))
		(void)file_write_fd(fd, line, strlen(line));
}

/* Wherever somebody may look: the terminal, the engine's own log, the node's. */
static void say(const struct runtime_args *args, const char *reason, struct err *err, const char *more)
{
	(void)err_wrap(err, "cgdeleg-runtime: error [%s]", reason);
	(void)fprintf(stderr, "%s\n%s", err->text, more);
	say_in_log(args, err);
	journal_error("cgdeleg-runtime", reason, err->text);
}

static int prepare(const struct own_args *own, struct runtime_args *args, struct err *err)
{
	const struct descriptor hook = { .path = own->hook, .handler = own->handler };
	int r = runtime_args_parse(own->engine + 1, args, err);

	if (r < 0 || !args->starts)
		return r;
	return bundle_hook_add(args->bundle, 0, &hook, err);
}

int main(int argc, char **argv)
{
	struct own_args own = { .hook = HOOK_PATH };
	struct runtime_args args = { 0 };
	struct err err = { 0 };

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("cgdeleg-runtime " CGDELEG_VERSION) < 0;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (argc < 1 || parse_own(argv, &own, &err) < 0) {
		runtime_args_find_log(argv, &args);
		say(&args, "arguments", &err, usage);
		return 2;
	}
	if (prepare(&own, &args, &err) >= 0) {
		/* The "--" becomes the program's name. */
		own.engine[0] = (char *)(uintptr_t)own.runtime;
		(void)execv(own.runtime, own.engine);
		(void)err_set_errno(&err, errno, "cannot execute the runtime '%s'", own.runtime);
	}
	say(&args, "runtime", &err, "");
	return 1;
}
