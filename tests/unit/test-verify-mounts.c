/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: what the mounts of a container prove, which its first process can hide by another root directory. */
#include <fcntl.h>
#include <unistd.h>

#include "cgdeleg/node/verify-part.h"
#include "tests/unit/check.h"

#define MOUNT(point, root) "30 20 0:26 " root " " point " rw - cgroup2 cgroup2 rw\n"

static const struct {
	const char *mounts;
	bool all;
	enum claim_state state;
	const char *how;
} rows[] = {
	{ MOUNT("/sys/fs/cgroup", "/ci/box"), true, CLAIM_PROVEN, "none of the 1 mounts" },
	{ MOUNT("/sys/fs/cgroup", "/ci/box") MOUNT("/host", "/ci"), true, CLAIM_FAILED, "'/host'" },
	{ MOUNT("/sys/fs/cgroup", "/ci/box") MOUNT("/host", "/ci"), false, CLAIM_FAILED, "'/host'" },
	{ MOUNT("/sys/fs/cgroup", "/ci/box"), false, CLAIM_UNKNOWN,
	  "may hide some; nobody went inside to see all: frozen" },
	{ "", false, CLAIM_UNKNOWN, "may hide some" },
};

TEST(test_other)
{
	const struct host host = { .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), .machine = &real_machine };
	struct verify *v = calloc(1, sizeof(*v));
	char path[] = "/ci/box";
	struct found found = FOUND_NONE;

	assert_non_null(v);
	found.path = path;
	v->found = &found;
	v->host = &host;
	(void)snprintf(v->visit.why, sizeof(v->visit.why), "frozen");
	CHECK("this process", process_open(&host, getpid(), &v->init, &why), NULL);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct outcome outcome = { 0 };

		v->mounts = strdup(rows[i].mounts);
		v->all_mounts = rows[i].all;
		claim_mount_other(v, NULL, &outcome);
		check_string(rows[i].mounts, claim_state_name(outcome.state), claim_state_name(rows[i].state));
		if (!strstr(outcome.how.text, rows[i].how))
			fail_msg("row %zu: '%s', '%s' was expected", i, outcome.how.text, rows[i].how);
		free(v->mounts);
	}
	process_done(&v->init);
	(void)close(host.proc_fd);
	free(v);
}
