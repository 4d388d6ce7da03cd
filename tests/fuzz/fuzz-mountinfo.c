/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz: bytes as /proc/<pid>/mountinfo. Holds: what is found has a root and the point that was asked for; what
 * is put on top of it by another line counts.
 */
#include "cgdeleg/kernel/mount.h"
#include "tests/fuzz/fuzz.h"

#define POINT "/bundle/rootfs/sys/fs/cgroup"

static const char cover[] = "\n9 1 0:1 / " POINT " ro - tmpfs t rw\n";

/* The host's own mount: only words, a command of only flags and options, and every mount of a table comes to its end. */
static void check_host(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ";
	static const char line[] = "abcdefghijklmnopqrstuvwxyz_, /`-:";
	const char *at = text;
	struct cgroup_mount mount = { 0 };
	struct tree_mount tree;
	char remedy[HOST_REMEDY_SIZE];

	if (mount_find_host(text, &mount, NULL) == 0) {
		const struct host_mount host = mount_host(&mount);
		const char *const lists[] = { host.options, host.flags };

		require(!mount.options[strspn(mount.options, plain)] &&
			!mount.host_flags[strspn(mount.host_flags, plain)]);
		require(host_option_remedy(&host, lists, 2, remedy, sizeof(remedy))[0]);
		require(!remedy[strspn(remedy, line)]);
	}
	while (mount_next_tree(&at, &tree) > 0)
		require(memchr(tree.point, '\0', sizeof(tree.point)));
	(void)mount_peers(text, "/sys/fs/cgroup");
}

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
	check_host(text);
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
