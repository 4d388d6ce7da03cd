/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as /proc/<pid>/cgroup, and as uid_map. Holds: a path begins with '/' and is a line of the text; an
 * id that was found is one, and a map that covers host id 0 is said to.
 */
#include "cgdeleg/grant/gather.c" /* look_up() is its own */
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

static void check_map(const char *text)
{
	static const uint32_t inside[] = { 0, 1, 1000, UINT32_MAX - 1 };

	for (size_t i = 0; i < ELEMENTS(inside); i++) {
		char *copy = strdup(text);
		bool covers_root = false;
		uint32_t outside = 0;

		if (!copy)
			return;
		if (look_up(copy, inside[i], &outside, &covers_root) == 0 && outside == 0)
			require(covers_root);
		free(copy);
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
