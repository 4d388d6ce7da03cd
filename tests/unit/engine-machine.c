/* SPDX-License-Identifier: Apache-2.0 */
/* Engine machine - machines with engines, from tests/unit/engines. See engine-machine.h. */
#include "tests/unit/engine-machine.h"

#include "tests/unit/check.h"

/* A copy, because a checkout may be writable for a group, whose programs nobody executes. */
void machine_new(struct tree *tree, const char *name)
{
	char command[1024];

	tree_new(tree, "");
	(void)snprintf(command, sizeof(command), "cp -r '%s/tests/unit/engines/%s/.' '%s' && chmod -R go-w '%s'",
		       getenv("CGDELEG_SOURCE_ROOT"), name, tree->root, tree->root);
	if (system(command) != 0) // NOLINT(cert-env33-c)
		fail_msg("cannot copy the machine '%s'", name);
}

/* tree_edit() writes files that nobody may execute. */
void machine_edit(const struct tree *tree, const char *lines)
{
	char command[256];

	tree_edit(tree, lines);
	(void)snprintf(command, sizeof(command), "chmod -R a+X,u+x '%s/usr'", tree->root);
	if (system(command) != 0) // NOLINT(cert-env33-c)
		fail_msg("cannot edit the machine");
}
