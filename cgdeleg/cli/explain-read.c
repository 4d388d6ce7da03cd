/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, read - the questions of a file: the pods of a manifest, or the container of a config.json. See explain.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/cli/expect.h"
#include "cgdeleg/cli/explain.h"

struct reading {
	struct asker *asker;
	const char *path;
	question_fn tell;
	void *userdata;
};

/* Which handler runs it, or why nobody knows. */
static void find_handler(const struct asker *asker, const struct pod_container *c, struct question *q)
{
	q->handler = asker->given->handler;
	if (q->handler)
		return;
	q->handler = c->runtime_handler;
	if (q->handler)
		return;
	q->handler_why =
		c->runtime_class
			? "the file has no RuntimeClass of the name in runtimeClassName; add it, or use --handler"
			: "the pod has no runtimeClassName, so the engine's default runtime runs it; use --handler to say which that is";
}

static int tell_container(struct pod_container *c, void *userdata, struct err *err)
{
	const struct reading *reading = userdata;
	struct asker *asker = reading->asker;
	const struct node *place = c->spec ? c->spec : c->pod_spec;
	struct question q = { .kind = c->kind, .object = c->object };
	const char *told;
	_cleanup_free_ char *config = NULL;
	char input[PATH_MAX + 16];
	int r;

	find_handler(asker, c, &q);
	if ((told = facts_given(asker->given, "namespace")))
		c->namespace = told;
	if ((told = facts_given(asker->given, "pod")))
		c->pod = told;
	if ((told = facts_given(asker->given, "container")))
		c->container = told;
	if ((told = facts_given(asker->given, "image")))
		c->image = told;
	if (!c->pod) {
		c->pod = "?";
		q.untold |= UNTOLD_POD;
	}
	if (!c->image) {
		c->image = "?";
		q.untold |= UNTOLD_IMAGE;
	}
	r = pod_config(c, explain_engine(asker->rules, q.handler), &asker->arena, &config, &q.config_len, err);
	if (r < 0)
		return r;
	(void)snprintf(input, sizeof(input), place && place->line ? "%s:%u" : "%s", reading->path,
		       place ? place->line : 0);
	q.input = arena_strdup(&asker->arena, input);
	q.container = c->container;
	q.config = config;
	q.notes = c->notes;
	r = q.input ? reading->tell(&q, reading->userdata, err) : err_set(err, ENOMEM, "out of memory");
	/* A file may have very many containers; of each nothing is kept. */
	arena_done(&asker->arena);
	return r;
}

static int tell_config(const struct reading *reading, const char *text, size_t len, struct err *err)
{
	struct asker *asker = reading->asker;
	struct question q = { .input = arena_strdup(&asker->arena, reading->path),
			      .config = arena_strndup(&asker->arena, text, len),
			      .config_len = len,
			      .handler = asker->given->handler };
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	char told[256];
	int r;

	if (!q.input || !q.config)
		return err_set(err, ENOMEM, "out of memory");
	r = oci_parse_config(text, len, &oci, err);
	if (r < 0)
		return err_wrap(err, "%s", reading->path);
	if (!q.handler && expect_handler(&oci, told, sizeof(told)))
		q.handler = arena_strdup(&asker->arena, told);
	if (!q.handler)
		q.handler_why = "config.json does not have the hook, whose --handler would say it; use --handler";
	return reading->tell(&q, reading->userdata, err);
}

static int read_text(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	const bool standard = strcmp(path, "-") == 0;
	_cleanup_close_ int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", path);
	r = file_slurp(fd, MANIFEST_MAX, ret, ret_len);
	if (r == -EFBIG)
		return err_set(err, EFBIG, "'%s' is larger than %d bytes", path, MANIFEST_MAX);
	return r < 0 ? err_set_errno(err, r, "cannot read '%s'", path) : 0;
}

int questions_read(struct asker *asker, const char *path, question_fn tell, void *userdata, struct err *err)
{
	struct reading reading = { asker, strcmp(path, "-") == 0 ? "standard input" : path, tell, userdata };
	_cleanup_(arena_done) struct arena arena = { 0 };
	_cleanup_free_ char *text = NULL;
	const struct node *documents;
	size_t len = 0;
	int r = read_text(path, &text, &len, err);

	if (r >= 0)
		r = manifest_parse(reading.path, text, len, &arena, &documents, err);
	if (r < 0)
		return r;
	/* No manifest has the member ociVersion. */
	if (documents->first && !documents->first->next && node_get(documents->first, "ociVersion"))
		return tell_config(&reading, text, len, err);
	return pods_each(reading.path, documents, &arena, tell_container, &reading, err);
}
