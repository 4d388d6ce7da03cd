/* SPDX-License-Identifier: Apache-2.0 */
/* OCI - what the runtime says: the state. See oci.h; config.json is read in oci-config.c. */
#include "cgdeleg/grant/oci.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define NO_PID INT64_MIN /* runc leaves it out when the process has ended */

struct raw_state {
	const char *id, *status, *bundle;
	int64_t pid;
	yyjson_val *annotations;
};

static const struct json_field state_fields[] = {
	{ "id", JSON_STRING, offsetof(struct raw_state, id), true },
	{ "status", JSON_STRING, offsetof(struct raw_state, status), true },
	{ "pid", JSON_I64, offsetof(struct raw_state, pid), false },
	{ "bundle", JSON_STRING, offsetof(struct raw_state, bundle), true },
	{ "annotations", JSON_OBJECT, offsetof(struct raw_state, annotations), false },
};

void oci_done(struct oci *oci)
{
	free(oci->annotations);
	yyjson_doc_free(oci->state_doc);
	yyjson_doc_free(oci->config_doc);
	(void)close_fd(oci->bundle_fd);
	*oci = (struct oci)OCI_EMPTY;
}

/* *ret_closed: nobody has it open for writing any more, so what there is now is all that there will be. */
static int wait_readable(int fd, int64_t deadline_ms, bool *ret_closed)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t left = deadline_ms ? deadline_ms - clock_monotonic_ms() : -1;
	int r;

	if (deadline_ms && left <= 0)
		return -ETIMEDOUT;
	r = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left);
	*ret_closed = r > 0 && (pfd.revents & POLLHUP);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

/* Always reads to the end: crun writes the state with one write(2) and must not find the pipe closed. */
static int read_all(int fd, int64_t deadline_ms, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	size_t size = 0, len = 0;

	for (;;) {
		bool closed;
		ssize_t n;
		int r;

		if (len == size) {
			char *bigger = realloc(buf, size = size ? 4 * size : 16384);

			if (!bigger)
				return -ENOMEM;
			buf = bigger;
		}
		r = wait_readable(fd, deadline_ms, &closed);
		if (r < 0)
			return r;
		n = read(fd, buf + len, size - len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len > OCI_STATE_MAX)
			return -EFBIG;
		if (n == 0 || (closed && len < size))
			break;
	}
	*ret = TAKE_PTR(buf);
	*ret_len = len;
	return 0;
}

int oci_read_state(int fd, int64_t deadline_ms, struct oci *ret, struct err *err)
{
	_cleanup_free_ char *buf = NULL;
	size_t len = 0;
	int r = read_all(fd, deadline_ms, &buf, &len);

	if (r == -EFBIG)
		return err_set(err, EFBIG, "container state: larger than %d bytes", OCI_STATE_MAX);
	if (r == -ETIMEDOUT)
		return err_set(
			err, ETIMEDOUT,
			"container state: it was not complete within the deadline; the runtime must write the state and close the pipe");
	if (r < 0)
		return err_set_errno(err, r, "container state: cannot read it");
	return oci_parse_state(buf, len, ret, err);
}

static int take_annotations(yyjson_val *obj, struct oci *oci, const char *what, struct err *err)
{
	yyjson_val *key, *value;
	size_t i, n;

	n = yyjson_obj_size(obj);
	if (n == 0)
		return 0;
	if (n > OCI_ANNOTATIONS_MAX)
		return err_set(err, E2BIG, "%s: %zu annotations, more than %d", what, n, OCI_ANNOTATIONS_MAX);
	oci->annotations = calloc(n, sizeof(*oci->annotations));
	if (!oci->annotations)
		return err_set(err, ENOMEM, "%s: out of memory", what);
	yyjson_obj_foreach(obj, i, n, key, value)
	{
		char shown[80];

		if (!yyjson_is_str(value) || strlen(yyjson_get_str(value)) != yyjson_get_len(value))
			return err_set(err, EBADMSG, "%s: annotation '%s' is not a string", what,
				       text_escape(yyjson_get_str(key), shown, sizeof(shown)));
		oci->annotations[i] = (struct annotation) { .key = yyjson_get_str(key), .value = yyjson_get_str(value) };
	}
	oci->n_annotations = n;
	return 0;
}

/* runc also runs the createRuntime hooks for a container that it restores, before it has written the new state. */
static bool is_restoring(const struct raw_state *raw)
{
	return strcmp(raw->status, "stopped") == 0 && raw->pid > 1;
}

/* The state has no word for the stage; what the container is by then shows it. prestart cannot be told from createRuntime,
 * and need not be: runtimes run both at the same moment. A poststart hook of runc is told "created", see mount_parse(). */
static int refuse_stage(const char *status, struct err *err)
{
	static const struct {
		const char *status, *stage;
	} stages[] = {
		{ "running", ", as in a poststart hook" },
		{ "stopped", ", as in a poststop hook" },
	};
	const char *stage = "";
	char shown[40];

	for (size_t i = 0; i < ELEMENTS(stages); i++)
		if (strcmp(status, stages[i].status) == 0)
			stage = stages[i].stage;
	return err_set(
		err, EBADMSG,
		"container state: 'status' is '%s'%s, and cgdeleg acts only while a container is 'creating' or 'created'; move the hook to createRuntime",
		text_escape(status, shown, sizeof(shown)), stage);
}

static int check_state(const struct raw_state *raw, struct err *err)
{
	size_t id_len = strlen(raw->id);

	if (id_len == 0 || id_len > OCI_ID_MAX)
		return err_set(err, EBADMSG, "container state: 'id' has %zu bytes, 1 to %d are valid", id_len, OCI_ID_MAX);
	if (raw->bundle[0] != '/' || strlen(raw->bundle) >= PATH_MAX)
		return err_set(err, EBADMSG, "container state: 'bundle' is not an absolute path");
	if (strcmp(raw->status, "creating") != 0 && strcmp(raw->status, "created") != 0 && !is_restoring(raw))
		return refuse_stage(raw->status, err);
	if (raw->pid == NO_PID)
		return err_set(err, EBADMSG, "container state: 'pid' is missing, an integer was expected");
	/* In a createContainer or startContainer hook the pid is 1 (runc) or 0 (crun), counted in the container's pid
	 * namespace, while /proc is the host's: /proc/1 is the host's init. */
	if (raw->pid <= 1 || raw->pid > INT_MAX)
		return err_set(
			err, EBADMSG,
			"container state: 'pid' is %lld, a number above 1 was expected: the hook is under createContainer or startContainer, where it cannot act; move it to createRuntime",
			(long long)raw->pid);
	return 0;
}

int oci_parse_state(const char *text, size_t len, struct oci *ret, struct err *err)
{
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	struct raw_state raw = { .pid = NO_PID };
	int r = json_parse(text, len, OCI_DEPTH_MAX, "container state", &oci.state_doc, err);

	if (r < 0)
		return r;
	r = json_dispatch(yyjson_doc_get_root(oci.state_doc), state_fields, ELEMENTS(state_fields), &raw,
			  "container state", err);
	if (r < 0)
		return r;
	r = check_state(&raw, err);
	if (r < 0)
		return r;
	r = take_annotations(raw.annotations, &oci, "container state", err);
	if (r < 0)
		return r;
	oci.id = raw.id;
	oci.status = raw.status;
	oci.restoring = is_restoring(&raw);
	oci.bundle = raw.bundle;
	oci.pid = (pid_t)raw.pid;
	*ret = oci;
	oci = (struct oci)OCI_EMPTY;
	return 0;
}

int oci_adopt_annotations(struct oci *oci, struct err *err)
{
	yyjson_val *annotations;

	if (oci->state_doc)
		return 0;
	annotations = yyjson_obj_get(yyjson_doc_get_root(oci->config_doc), "annotations");
	return take_annotations(annotations, oci, "config.json", err);
}
