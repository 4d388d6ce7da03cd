/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as a manifest, and the config.json of each of its containers. Holds: a failure has a sentence; what is taken
 * is within the bounds; what is made of it can be read by the hook, or it says why not.
 */
#include "base/cleanup.h"
#include "cgdeleg/cli/pod.h"
#include "cgdeleg/grant/oci.h"
#include "tests/fuzz/fuzz.h"

struct maker {
	struct arena arena;
	enum engine engine;
};

static void check_depth(const struct node *node, unsigned depth, size_t *left)
{
	require(depth <= MANIFEST_DEPTH_MAX + 1);
	for (const struct node *child = node->first; child && *left > 0; child = child->next, --*left)
		check_depth(child, depth + 1, left);
}

static int make(struct pod_container *container, void *userdata, struct err *err)
{
	struct maker *maker = userdata;
	const enum engine engine = maker->engine;
	struct oci oci = OCI_EMPTY;
	struct err why = { 0 };
	char *config = NULL;
	size_t len;
	int r = pod_config(container, engine, &maker->arena, &config, &len, err);

	require((r >= 0) == (config != NULL));
	if (r < 0)
		return r;
	r = oci_parse_config(config, len, &oci, &why);
	require((r == 0) == (why.text[0] == '\0'));
	if (r == 0)
		require(oci.rootfs && oci.process_uid < FACT_ID_UNKNOWN);
	oci_done(&oci);
	free(config);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maker maker = { .engine = size ? (enum engine)(data[size - 1] % ENGINE_MAX) : ENGINE_CONTAINERD };
	char *text = calloc(1, size + 1);
	const struct node *documents;
	struct err err = { 0 };
	size_t left = 10000; /* aliases share: the whole of it may be endless to walk */
	int r;

	require(text != NULL);
	memcpy(text, data, size);
	r = manifest_parse("fuzz", text, size, &maker.arena, &documents, &err);
	require((r == 0) == (err.text[0] == '\0'));
	if (r == 0) {
		check_depth(documents, 0, &left);
		r = pods_each("fuzz", documents, &maker.arena, make, &maker, &err);
		require((r == 0) == (err.text[0] == '\0'));
	}
	free(text);
	arena_done(&maker.arena);
	return 0;
}
