/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as config.json, alone and beside a state that it must agree with. Holds: what is taken is within
 * its bounds; with a state, the annotations are the state's.
 */
#include <errno.h>

#include "cgdeleg/grant/oci.h"
#include "tests/fuzz/fuzz.h"

static const char state[] = "{\"id\":\"c1\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b\","
			    "\"annotations\":{\"a\":\"b\"}}";

static void check_taken(const struct oci *oci)
{
	require(oci->rootfs != NULL);
	require(oci->process_uid < FACT_ID_UNKNOWN && oci->process_gid < FACT_ID_UNKNOWN);
	require(oci->has_mount || !oci->mount_readonly || oci->config_doc);
}

static int parse(const uint8_t *data, size_t size, struct oci *oci)
{
	struct err err = { 0 };
	int r = oci_parse_config((const char *)data, size, oci, &err);

	require((r == 0) == (err.code == 0) && (r == 0) == (err.text[0] == '\0'));
	if (r == 0)
		check_taken(oci);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci alone = OCI_EMPTY, beside = OCI_EMPTY;
	struct err err = { 0 };

	if (parse(data, size, &alone) == 0 && oci_adopt_annotations(&alone, &err) == 0)
		for (size_t i = 0; i < alone.n_annotations; i++)
			require(alone.annotations[i].key && alone.annotations[i].value);
	oci_done(&alone);

	require(oci_parse_state(state, strlen(state), &beside, NULL) == 0);
	if (parse(data, size, &beside) == 0)
		require(oci_adopt_annotations(&beside, NULL) == 0 && beside.n_annotations == 1);
	oci_done(&beside);
	return 0;
}
