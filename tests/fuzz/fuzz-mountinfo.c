/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as /proc/<pid>/mountinfo. Holds: what is found has a root and the point that was asked for; what
 * is put on top of it by another line counts.
 */
#include "cgdeleg/kernel/mount.h"
#include "tests/fuzz/fuzz.h"

#define POINT "/bundle/rootfs/sys/fs/cgroup"

static const char cover[] = "\n9 1 0:1 / " POINT " ro - tmpfs t rw\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + sizeof(cover));
	struct cgroup_mount mount, covered;
	struct err err = { 0 };
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	r = mount_parse(text, POINT, &mount, &err);
	require((r == 0) == (err.code == 0) && (r == 0) == (err.text[0] == '\0'));
	if (r == 0) {
		size_t len = strlen(text);

		require(mount.root[0] && mount.layers > 0 && strcmp(mount.point, POINT) == 0);
		if (text[len - 1] == '\n')
			len--;
		memcpy(text + len, cover, sizeof(cover));
		require(mount_parse(text, POINT, &covered, NULL) < 0);
	}
	free(text);
	return 0;
}
