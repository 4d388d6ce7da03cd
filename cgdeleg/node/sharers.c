/* SPDX-License-Identifier: Apache-2.0 */
/* Sharers - which grants of the node have host ids in common. See sharers.h. */
#include "cgdeleg/node/sharers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

int sharers_add(struct sharers *sharers, const struct grant *grant, struct err *err)
{
	const struct attribute *attribute = &grant->attribute;
	const bool has_id = attribute->id && attribute->id[0];
	struct sharing *one;

	/* Doubled when it is a power of two. */
	if ((sharers->n & (sharers->n - 1)) == 0) {
		one = reallocarray(sharers->all, sharers->n ? 2 * sharers->n : 1, sizeof(*one));
		if (!one)
			return err_set(err, ENOMEM, "out of memory");
		sharers->all = one;
	}
	one = &sharers->all[sharers->n++];
	*one = (struct sharing) { 0 };
	(void)text_escape(has_id ? attribute->id : grant->path, one->id, sizeof(one->id));
	(void)id_ranges_parse(attribute->uids ? attribute->uids : "", &one->uids);
	(void)id_ranges_parse(attribute->gids ? attribute->gids : "", &one->gids);
	return 0;
}

static void note(struct sharing *one, size_t other, struct id_range common, bool of_gids)
{
	if (one->n_others++ > 0)
		return;
	one->other = other;
	one->common = common;
	one->of_gids = of_gids;
}

void sharers_compare(struct sharers *sharers)
{
	struct sharing *all = sharers->all;

	for (size_t i = 0; i < sharers->n; i++)
		for (size_t j = i + 1; j < sharers->n; j++) {
			struct id_range common;
			const bool of_uids = id_ranges_common(&all[i].uids, &all[j].uids, &common);

			if (!of_uids && !id_ranges_common(&all[i].gids, &all[j].gids, &common))
				continue;
			note(&all[i], j, common, !of_uids);
			note(&all[j], i, common, !of_uids);
		}
	sharers->n_sharing = 0;
	for (size_t i = 0; i < sharers->n; i++)
		sharers->n_sharing += all[i].n_others > 0;
}

void sharers_done(struct sharers *sharers)
{
	free(sharers->all);
	*sharers = (struct sharers) { 0 };
}

bool sharers_describe(const struct sharers *sharers, char *buf, size_t size)
{
	const struct sharing *one = sharers->all;

	if (sharers->n_sharing == 0)
		return false;
	while (one->n_others == 0)
		one++;
	(void)snprintf(
		buf, size,
		"%zu containers with a grant share host ids, among them '%s' and '%s' with the %s %u to %u: the root of each owns the other's cgroup",
		sharers->n_sharing, one->id, sharers->all[one->other].id, one->of_gids ? "gids" : "uids",
		one->common.first, one->common.first + (one->common.count - 1));
	return true;
}
