/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor case - one check on a described node. See doctor-case.h. */
#include "tests/unit/doctor-case.h"

#include <string.h>

#include "tests/unit/check.h"

const char doctor_node[] = "proc/sys/kernel/osrelease = 6.12.57+deb13-amd64\n"
			   "sys/fs/cgroup/\n";

static const struct doctor_check *find_check(const struct doctor_check *checks, const char *id)
{
	for (; checks->id; checks++)
		if (strcmp(checks->id, id) == 0)
			return checks;
	fail_msg("there is no check '%s' in that table", id);
	return NULL;
}

static const struct doctor_answer *worst_of(const struct doctor *d)
{
	const struct doctor_answer *worst = d->answers;

	for (size_t i = 1; i < d->n; i++)
		if (d->answers[i].result > worst->result)
			worst = &d->answers[i];
	return worst;
}

static void compare(const struct doctor_case *c, const struct doctor_answer *got)
{
	if (got->result != c->result)
		fail_msg("%s: %s: \"%s\", %s was expected", c->id, doctor_result_name(got->result), got->text,
			 doctor_result_name(c->result));
	if (!strstr(got->text, c->text))
		fail_msg("%s: it says \"%s\", \"%s\" was expected", c->id, got->text, c->text);
	if (!got->remedy != !c->remedy || (c->remedy && !strstr(got->remedy, c->remedy)))
		fail_msg("%s: the remedy is \"%s\", \"%s\" was expected", c->id, got->remedy ? got->remedy : "(none)",
			 c->remedy ? c->remedy : "(none)");
}

static void run_case(const struct doctor_check *check, const struct doctor_case *c)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(doctor_done) struct doctor d = { .root_fd = -EBADF, .host = HOST_CLOSED };
	struct doctor_args args = {
		.policy = POLICY_DIRECTORY, .audit = AUDIT_DIRECTORY, .run = BUDGET_DIRECTORY, .privileged = !c->user
	};

	tree_new(&tree, doctor_node);
	tree_edit(&tree, c->lines);
	args.root = tree.root;
	args.machine = tree_machine(&tree);
	CHECK(c->id, doctor_open(&args, &d, &why), NULL);
	doctor_run(&d, check);
	assert_false(d.lost);
	compare(c, worst_of(&d));
	for (size_t i = 0; i < d.n; i++)
		if (strchr(d.answers[i].text, '\n') || d.answers[i].text[strlen(d.answers[i].text) - 1] == '.')
			fail_msg("%s: \"%s\" is not one sentence without newline and full stop", c->id, d.answers[i].text);
}

void doctor_cases(const struct doctor_check *checks, const struct doctor_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_case(find_check(checks, cases[i].id), &cases[i]);
	for (const struct doctor_check *check = checks; check->id; check++) {
		bool provoked = false, clean = false;

		for (size_t i = 0; i < n; i++) {
			const bool about = strcmp(cases[i].id, check->id) == 0;

			provoked = provoked || (about && cases[i].result >= DOCTOR_NOTE);
			clean = clean || (about && cases[i].result == DOCTOR_OK);
		}
		if (!provoked || !clean)
			fail_msg("no case %s %s", provoked ? "leaves in peace" : "provokes", check->id);
	}
}
