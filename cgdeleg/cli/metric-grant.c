/* SPDX-License-Identifier: Apache-2.0 */
/* Metric, grant - one grant as labels that no other has. See metric.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgdeleg/cli/metric.h"

#define ID (METRIC_GRANT_LABELS_N - 1)

static int compare_ids(const void *left, const void *right)
{
	const struct metric_grant *const *a = left, *const *b = right;

	return strcmp((*a)->values[ID], (*b)->values[ID]);
}

/* "ID@4711": the kernel never uses a number again. The beginning of an id is enough then. */
static void name_cgroup(struct metric_grant *grant)
{
	(void)snprintf(grant->id, sizeof(grant->id), "%.128s@%llu", grant->values[ID],
		       (unsigned long long)grant->cgroup_id);
	grant->values[ID] = grant->id;
}

/* Without memory for the comparison every id gets its number. */
void metric_grants_tell_apart(struct metric_grant *grants, size_t n)
{
	struct metric_grant **sorted = calloc(n ? n : 1, sizeof(*sorted));

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < METRIC_GRANT_LABELS_N; k++)
			grants[i].values[k] = grants[i].values[k] ? grants[i].values[k] : "";
		if (sorted)
			sorted[i] = &grants[i];
		else
			name_cgroup(&grants[i]);
	}
	if (!sorted)
		return;
	qsort(sorted, n, sizeof(struct metric_grant *), compare_ids);
	for (size_t i = 0, end; i < n; i = end) {
		const char *id = sorted[i]->values[ID];

		for (end = i + 1; end < n && strcmp(sorted[end]->values[ID], id) == 0; end++)
			;
		if (end - i > 1 || !id[0] || strlen(id) >= sizeof(sorted[i]->id))
			for (size_t k = i; k < end; k++)
				name_cgroup(sorted[k]);
	}
	free(sorted);
}
