/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as the OCI state. Holds: what is taken is within its bounds and whole, what is not is an error
 * with a sentence, and nothing of it is left.
 */
#include <errno.h>
#include <limits.h>

#include "cgdeleg/grant/oci.h"
#include "tests/fuzz/fuzz.h"

static void check_taken(const struct oci *oci)
{
	require(oci->state_doc && !oci->config_doc);
	require(oci->pid > 1);
	require(oci->id[0] && strlen(oci->id) <= OCI_ID_MAX);
	require(oci->bundle[0] == '/' && strlen(oci->bundle) < PATH_MAX);
	require(strcmp(oci->status, "creating") == 0 || strcmp(oci->status, "created") == 0 || oci->restoring);
	require(oci->restoring == (strcmp(oci->status, "stopped") == 0));
	for (size_t i = 0; i < oci->n_annotations; i++)
		require(oci->annotations[i].key && oci->annotations[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci oci = OCI_EMPTY;
	struct err err = { 0 };
	int r = oci_parse_state((const char *)data, size, &oci, &err);

	require((r == 0) == (err.code == 0) && (r == 0) == (err.text[0] == '\0'));
	if (r == 0)
		check_taken(&oci);
	else
		require(!oci.state_doc && !oci.annotations && r == -err.code);
	oci_done(&oci);
	return 0;
}
