/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest - the documents of a YAML or JSON file as trees of nodes, each with its place. Over libyaml; a JSON text that
 * libyaml does not take is read by yyjson.
 *
 * Threats. Manifests come from whoever wants his pods explained. An alias shares the node that it names, and never
 * copies what is below it, so that a few lines cannot become gigabytes. Depth, nodes, anchors and bytes are bounded;
 * an alias to a node that it is a part of is refused, so there is no circle. A key that stands twice in a mapping is an
 * error, as it is for the API server.
 *
 * Types are those of Kubernetes' YAML (1.1): a plain yes, no, on or off is a boolean.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "cgdeleg/cli/node.h"

#define MANIFEST_MAX	     (16 * 1024 * 1024) /* bytes of a file */
#define MANIFEST_DEPTH_MAX   64			/* mappings and lists in each other */
#define MANIFEST_NODES_MAX   1000000
#define MANIFEST_ANCHORS_MAX 256

/* Reads all documents into a list, which belongs to the arena. `name` is the file's, for the message:
 * "pod.yaml:3:7: ...". */
int manifest_parse(const char *name, const char *text, size_t len, struct arena *arena, const struct node **ret,
		   struct err *err);
