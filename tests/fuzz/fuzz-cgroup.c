/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as /proc/<pid>/cgroup, and as uid_map. Holds: a path begins with '/' and is a line of the text; an
 * id that was found is one of the ranges, a map that covers host id 0 is said to, and ranges survive being written and
 * read.
 */
#include "cgdeleg/grant/gather.c" /* next_number() is its own */
#include "tests/fuzz/fuzz.h"

static void check_path(const char *text)
{
	char path[PATH_MAX];
	struct err err = { 0 };
	int r = cgroup_parse_path(text, path, sizeof(path), &err);

	require((r == 0) == (err.code == 0));
	if (r < 0)
		return;
	require(path[0] == '/' && !strchr(path, '\n') && strstr(text, path));
	require(cgroup_is_within(path, path) && cgroup_is_within(path, "/"));
}

static void check_ranges(const struct id_ranges *ranges)
{
	const struct id_range hull = id_ranges_hull(ranges);
	char text[ID_RANGES_TEXT_SIZE];
	struct id_ranges back;

	require(ranges->n <= ID_RANGES_MAX);
	for (size_t i = 0; i < ranges->n; i++) {
		const struct id_range r = ranges->ranges[i];

		require(r.count > 0 && (uint64_t)r.first + r.count <= UINT32_MAX);
		require(r.first >= hull.first && (uint64_t)r.first + r.count <= (uint64_t)hull.first + hull.count);
		require(i == 0 || r.first > (uint64_t)ranges->ranges[i - 1].first + ranges->ranges[i - 1].count);
	}
	require(id_ranges_parse(id_ranges_format(ranges, text), &back) == 0 && back.n == ranges->n);
	require(memcmp(back.ranges, ranges->ranges, ranges->n * sizeof(back.ranges[0])) == 0);
}

/* As read_map() does with a file. */
static void check_map(const char *text)
{
	static struct target target;
	struct id_ranges all = { 0 };
	struct id_map map = ID_MAP("uid_map", 1000, &all);
	struct facts facts = { .userns = USERNS_PRIVATE };
	struct id_extent e;

	target.host_ids[0] = '\0';
	while (*text && next_number(&text, &e.inside) && next_number(&text, &e.outside) && next_number(&text, &e.count))
		/* The kernel's numbers are below 2^32. */
		if (e.inside <= UINT32_MAX && e.outside <= UINT32_MAX && e.count <= UINT32_MAX)
			gather_extent(&e, &map, &target, &facts);
	gather_ids(&map, &map, &facts);
	check_ranges(&all);
	for (size_t i = 0; i < 2; i++) {
		const struct id_ranges found = { 1, { { map.found[i], 1 } } };
		struct id_range common;

		require(map.found[i] == FACT_ID_UNKNOWN || id_ranges_common(&all, &found, &common));
		require(map.found[i] != 0 || facts.userns == USERNS_HOST_IDS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_path(text);
	check_map(text);
	free(text);
	return 0;
}
