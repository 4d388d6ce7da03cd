/* SPDX-License-Identifier: Apache-2.0 */
/* List, case - a described node with grants, for the programs that list them. */
#pragma once

#include "cgdeleg/cli/list.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define C "sys/fs/cgroup/"
#define RECORD_OF(id, pod, guarded, scope, ceilings, more)                                          \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"ci\","    \
	"\"namespace\":\"n\",\"pod\":\"" pod "\",\"name\":\"c\",\"line\":\"policy.ini:7\","         \
	"\"method\":\"keep\",\"leaf\":\"\",\"since\":1000,\"guarded\":" guarded ",\"scope\":" scope \
	",\"ceilings\":{" ceilings "}" more "}\n"
#define RECORD(id, pod, scope, ceilings) RECORD_OF(id, pod, "true", scope, ceilings, "")

static inline void open_machine(struct tree *tree, struct host *host, const char *lines)
{
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
	tree_new(tree, lines);
	tree_host(tree, host);
}
