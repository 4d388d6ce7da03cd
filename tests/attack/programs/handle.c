/* SPDX-License-Identifier: Apache-2.0 */
/* handle CGROUP_ID... - can a cgroup outside be opened by its file handle, which is its number? */
#include <stdint.h>

#include "tests/attack/programs/answer.h"

#define FILEID_KERNFS 0xfe

int main(int argc, char **argv)
{
	int top = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = { .handle = { .handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS } };

	if (top < 0)
		cannot("/sys/fs/cgroup");
	for (int i = 1; i < argc; i++) {
		uint64_t id = strtoull(argv[i], NULL, 10);

		memcpy(u.handle.f_handle, &id, sizeof(id));
		for (int directory = 0; directory < 2; directory++) {
			int flags = O_RDONLY | O_CLOEXEC | (directory ? O_DIRECTORY : 0);

			answer_of(open_by_handle_at(top, &u.handle, flags), "cgroup %d%s", i,
				  directory ? ", O_DIRECTORY" : "");
		}
	}
	return 0;
}
