/* SPDX-License-Identifier: Apache-2.0 */
/* Bundle hook - adds a createRuntime hook to a bundle's config.json. See bundle-hook.h. */
#include "hooks/bundle-hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cgdeleg/grant/oci.h"

#define TEMPORARY ".config.json.cgdeleg"

struct file {
	int bundle_fd, fd;
};

static void close_file(struct file *file)
{
	file->bundle_fd = close_fd(file->bundle_fd);
	file->fd = close_fd(file->fd);
}

static bool same_args(yyjson_val *args, const struct descriptor *hook)
{
	const char *wanted[DESCRIPTOR_ARGS];
	size_t n = 0;

	descriptor_args(hook, wanted);
	while (wanted[n] && yyjson_equals_str(yyjson_arr_get(args, n), wanted[n]))
		n++;
	return !wanted[n] && yyjson_arr_size(args) == n;
}

/* 1: it is there; 0: it is not. */
static int find_hook(yyjson_val *config, const struct descriptor *hook, struct err *err)
{
	yyjson_val *stage = yyjson_obj_get(yyjson_obj_get(config, "hooks"), "createRuntime");
	yyjson_val *entry;
	size_t i, n;

	if (!stage) /* yyjson's loops use the pointer before they check it */
		return 0;
	yyjson_arr_foreach(stage, i, n, entry)
	{
		if (!yyjson_equals_str(yyjson_obj_get(entry, "path"), hook->path))
			continue;
		if (same_args(yyjson_obj_get(entry, "args"), hook))
			return 1;
		return err_set(
			err, EEXIST,
			"config.json runs '%s' already, but not with the arguments for handler '%s': add the hook in one place only",
			hook->path, hook->handler);
	}
	return 0;
}

static int compose(yyjson_doc *config, const struct descriptor *hook, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_doc_mut_copy(config, NULL);

	if (!doc)
		return err_set(err, ENOMEM, "config.json: out of memory");
	if (descriptor_add(doc, yyjson_mut_doc_get_root(doc), hook, err) < 0)
		return err_wrap(err, "config.json");
	*ret = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, ret_len);
	return *ret ? 0 : err_set(err, ENOMEM, "config.json: cannot be rewritten with the hook in it");
}

/* Not synced: a bundle does not survive a reboot, and the runtime reads it at once. */
static int replace(const struct file *file, const char *text, size_t len, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int fd = openat(file->bundle_fd, TEMPORARY, flags, 0600);
	struct stat st;
	int r;

	/* A killed run may have left one. */
	if (fd < 0 && errno == EEXIST && unlinkat(file->bundle_fd, TEMPORARY, 0) == 0)
		fd = openat(file->bundle_fd, TEMPORARY, flags, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot create '" TEMPORARY "' in the bundle");
	if (fstat(file->fd, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0)
		r = -errno;
	else
		r = file_write_fd(fd, text, len);
	if (r >= 0 && renameat(file->bundle_fd, TEMPORARY, file->bundle_fd, "config.json") < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(file->bundle_fd, TEMPORARY, 0);
		return err_set_errno(err, r, "cannot replace config.json in the bundle");
	}
	return 0;
}

static int add(const struct file *file, const struct descriptor *hook, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	_cleanup_free_ char *text = NULL, *changed = NULL;
	size_t len = 0;
	int r = file_slurp(file->fd, OCI_CONFIG_MAX, &text, &len);

	if (r < 0)
		return err_set_errno(err, r, "cannot read config.json");
	r = json_parse_verbatim(text, len, OCI_DEPTH_MAX, "config.json", &doc, err);
	if (r < 0)
		return r;
	r = find_hook(yyjson_doc_get_root(doc), hook, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = compose(doc, hook, &changed, &len, err);
	return r < 0 ? r : replace(file, changed, len, err);
}

int bundle_hook_add(const char *bundle, uid_t owner, const struct descriptor *hook, struct err *err)
{
	_cleanup_(close_file) struct file file = { -EBADF, -EBADF };
	int r = oci_open_bundle(bundle, owner, &file.bundle_fd, &file.fd, err);

	if (r >= 0)
		r = add(&file, hook, err);
	return r < 0 ? err_wrap(err, "bundle '%s'", bundle) : 0;
}
