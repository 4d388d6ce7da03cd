/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptor - the hook as engines and bundles name it: one source of its path, arguments, environment and timeout.
 *
 * Used for a bundle's config.json (cgdeleg-runtime), for a base spec of containerd and for the file of a hooks directory
 * (cgdeleg descriptor). Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

struct descriptor {
	const char *path;    /* the hook program, absolute */
	const char *handler; /* its --handler */
};

#define DESCRIPTOR_ARGS 5

/* Arguments as the hook gets them, with a NULL at the end. The strings are literals and the descriptor's. */
void descriptor_args(const struct descriptor *descriptor, const char *ret[DESCRIPTOR_ARGS]);

/* Adds the hook behind all others of the stage createRuntime to `spec`, the object of an OCI configuration in `doc`, whose
 * strings stay the descriptor's. -EBADMSG: its "hooks" have another form; -ENOMEM. */
int descriptor_add(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct descriptor *descriptor, struct err *err);

/*
 * The file of a hooks directory, as CRI-O and podman read them (oci-hooks(5)). `always`: for every container, which
 * writable_mount needs; else for those with an annotation of cgdeleg's. The caller frees it; NULL: no memory.
 */
yyjson_mut_doc *descriptor_file(const struct descriptor *descriptor, bool always);
