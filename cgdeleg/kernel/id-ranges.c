/* SPDX-License-Identifier: Apache-2.0 */
/* Id ranges - the host ids that one user namespace has. See id-ranges.h. */
#include "cgdeleg/kernel/id-ranges.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define IDS_END ((uint64_t)UINT32_MAX) /* (uid_t)-1 is no id */

static uint64_t end_of(struct id_range range)
{
	return (uint64_t)range.first + range.count;
}

/* Joins the ranges i and i + 1, and what lies between them. */
static void join(struct id_ranges *ranges, size_t i)
{
	struct id_range *a = &ranges->ranges[i];
	const uint64_t end = end_of(a[0]) > end_of(a[1]) ? end_of(a[0]) : end_of(a[1]);

	a->count = (uint32_t)(end - a->first);
	memmove(a + 1, a + 2, (ranges->n - i - 2) * sizeof(*a));
	ranges->n--;
}

/* The range after which the narrowest gap comes. */
static size_t find_nearest(const struct id_ranges *ranges)
{
	uint64_t least = UINT64_MAX;
	size_t found = 0;

	for (size_t i = 0; i + 1 < ranges->n; i++) {
		const uint64_t gap = ranges->ranges[i + 1].first - end_of(ranges->ranges[i]);

		if (gap < least) {
			least = gap;
			found = i;
		}
	}
	return found;
}

void id_ranges_add(struct id_ranges *ranges, uint64_t first, uint64_t count)
{
	struct id_range *all = ranges->ranges;
	size_t at = 0;

	if (first >= IDS_END || count == 0)
		return;
	count = count > IDS_END - first ? IDS_END - first : count;
	if (ranges->n == ID_RANGES_MAX)
		join(ranges, find_nearest(ranges));
	while (at < ranges->n && all[at].first <= first)
		at++;
	memmove(&all[at + 1], &all[at], (ranges->n - at) * sizeof(*all));
	all[at] = (struct id_range) { (uint32_t)first, (uint32_t)count };
	ranges->n++;
	/* What it touches becomes one with it. */
	while (at + 1 < ranges->n && all[at + 1].first <= end_of(all[at]))
		join(ranges, at);
	if (at > 0 && all[at].first <= end_of(all[at - 1]))
		join(ranges, at - 1);
}

struct id_range id_ranges_hull(const struct id_ranges *ranges)
{
	const struct id_range *all = ranges->ranges;

	if (ranges->n == 0)
		return (struct id_range) { 0 };
	return (struct id_range) { all[0].first, (uint32_t)(end_of(all[ranges->n - 1]) - all[0].first) };
}

bool id_range_common(struct id_range a, struct id_range b, struct id_range *ret)
{
	const uint64_t first = a.first > b.first ? a.first : b.first;
	const uint64_t end = end_of(a) < end_of(b) ? end_of(a) : end_of(b);

	if (first >= end)
		return false;
	*ret = (struct id_range) { (uint32_t)first, (uint32_t)(end - first) };
	return true;
}

bool id_ranges_common(const struct id_ranges *a, const struct id_ranges *b, struct id_range *ret)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (id_range_common(a->ranges[i], b->ranges[j], ret))
				return true;
	return false;
}

char *id_ranges_format(const struct id_ranges *ranges, char *buf)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ranges->n; i++)
		used += (size_t)snprintf(buf + used, ID_RANGES_TEXT_SIZE - used, "%s%u-%u", i > 0 ? " " : "",
					 ranges->ranges[i].first, (uint32_t)(end_of(ranges->ranges[i]) - 1));
	return buf;
}

int id_ranges_parse(const char *text, struct id_ranges *ret)
{
	struct id_ranges ranges = { 0 };
	char word[32];
	int len;

	*ret = ranges;
	while ((len = text_next_word(&text, word, sizeof(word))) != 0) {
		char *last = len > 0 ? strchr(word, '-') : NULL;
		uint64_t from, to;

		if (last)
			*last++ = '\0';
		if (!last || text_to_u64(word, &from) < 0 || text_to_u64(last, &to) < 0 || from > to || to >= IDS_END)
			return -EINVAL;
		id_ranges_add(&ranges, from, to - from + 1);
	}
	*ret = ranges;
	return 0;
}
