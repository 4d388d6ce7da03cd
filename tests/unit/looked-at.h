/* SPDX-License-Identifier: Apache-2.0 */
/* Looked at - what gather() finds of the container in a temporary tree that was edited. */
#pragma once

#include <fcntl.h>

#include "cgdeleg/grant/gather.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

struct looked_at {
	struct tree tree;
	struct host host;
	struct oci oci;
	struct target target;
	struct facts facts;
};

static inline void looked_at_done(struct looked_at *l)
{
	target_done(&l->target);
	oci_done(&l->oci);
	host_done(&l->host);
	tree_free(&l->tree);
}

static inline int look(const char *edits, const char *config, struct looked_at *l)
{
	static const char state[] = "{\"id\":\"c1\",\"status\":\"creating\",\"pid\":4711,\"bundle\":\"/bundle\"}";

	*l = (struct looked_at) { .oci = OCI_EMPTY };
	target_init(&l->target);
	tree_new(&l->tree, tree_container);
	tree_edit(&l->tree, edits);
	tree_host(&l->tree, &l->host);
	assert_int_equal(oci_parse_state(state, strlen(state), &l->oci, NULL), 0);
	assert_int_equal(oci_parse_config(config, strlen(config), &l->oci, NULL), 0);
	l->oci.bundle_fd = openat(l->tree.fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return gather(&l->host, &l->oci, &l->target, &l->facts, &why);
}

/* The namespaces without which nothing is looked at. */
#define NAMESPACES "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}]}"

/* The config.json of most. */
static const char plain[] = "{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":1000,\"gid\":100}},"
			    "\"mounts\":[{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","
			    "\"options\":[\"ro\"]}]," NAMESPACES "}";
