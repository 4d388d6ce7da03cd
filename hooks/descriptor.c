/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor - the hook as engines and bundles name it. See descriptor.h. */
#include "hooks/descriptor.h"

#include <errno.h>

#include "base/cleanup.h"

#define HOOK_ENVIRONMENT "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
#define HOOK_TIMEOUT	 "30" /* seconds; above the hook's own deadline */
#define ASKS		 "^cgdeleg[.]io/"

void descriptor_args(const struct descriptor *descriptor, const char *ret[DESCRIPTOR_ARGS])
{
	ret[0] = "cgdeleg-hook";
	ret[1] = "createRuntime";
	ret[2] = "--handler";
	ret[3] = descriptor->handler;
	ret[4] = NULL;
}

/* The runtime-spec's Hook. yyjson's functions take NULL for what could not be made, and then fail, too. */
static bool fill(yyjson_mut_doc *doc, yyjson_mut_val *entry, const struct descriptor *descriptor)
{
	yyjson_mut_val *args, *env;
	const char *words[DESCRIPTOR_ARGS];

	descriptor_args(descriptor, words);
	if (!yyjson_mut_obj_add_str(doc, entry, "path", descriptor->path))
		return false;
	args = yyjson_mut_obj_add_arr(doc, entry, "args");
	for (size_t i = 0; words[i]; i++)
		if (!yyjson_mut_arr_add_str(doc, args, words[i]))
			return false;
	env = yyjson_mut_obj_add_arr(doc, entry, "env");
	return yyjson_mut_arr_add_str(doc, env, HOOK_ENVIRONMENT) &&
	       yyjson_mut_obj_add_val(doc, entry, "timeout", yyjson_mut_raw(doc, HOOK_TIMEOUT));
}

/* The member `name` of obj; made if it is absent or null. NULL if it has another type, or memory ran out. */
static yyjson_mut_val *member(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *name, bool array)
{
	yyjson_mut_val *value = yyjson_mut_obj_get(obj, name);

	if (value && !yyjson_mut_is_null(value))
		return (array ? yyjson_mut_is_arr(value) : yyjson_mut_is_obj(value)) ? value : NULL;
	if (value)
		(void)yyjson_mut_obj_remove_key(obj, name);
	value = array ? yyjson_mut_arr(doc) : yyjson_mut_obj(doc);
	return yyjson_mut_obj_add_val(doc, obj, name, value) ? value : NULL;
}

int descriptor_add(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct descriptor *descriptor, struct err *err)
{
	yyjson_mut_val *hooks = member(doc, spec, "hooks", false);
	yyjson_mut_val *stage = hooks ? member(doc, hooks, "createRuntime", true) : NULL;

	if (!stage)
		return err_set(err, EBADMSG, "'hooks' is not an object or its 'createRuntime' not an array");
	return fill(doc, yyjson_mut_arr_add_obj(doc, stage), descriptor) ? 0 : err_set(err, ENOMEM, "out of memory");
}

yyjson_mut_doc *descriptor_file(const struct descriptor *descriptor, bool always)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *when, *stages;
	yyjson_mut_doc *ret = doc;

	yyjson_mut_doc_set_root(doc, root);
	if (!yyjson_mut_obj_add_str(doc, root, "version", "1.0.0") ||
	    !fill(doc, yyjson_mut_obj_add_obj(doc, root, "hook"), descriptor))
		return NULL;
	when = yyjson_mut_obj_add_obj(doc, root, "when");
	stages = yyjson_mut_obj_add_arr(doc, root, "stages");
	if (always ? !yyjson_mut_obj_add_bool(doc, when, "always", true)
		   : !yyjson_mut_obj_add_str(doc, yyjson_mut_obj_add_obj(doc, when, "annotations"), ASKS, ".*"))
		return NULL;
	if (!yyjson_mut_arr_add_str(doc, stages, "createRuntime"))
		return NULL;
	doc = NULL;
	return ret;
}
