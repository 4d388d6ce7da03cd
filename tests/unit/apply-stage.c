/* SPDX-License-Identifier: Apache-2.0 */
/* Stage - see apply-stage.h. */
#include "tests/unit/apply-stage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgdeleg/grant/guards.h"
#include "tests/unit/check.h"
#include "tests/unit/decision.h"
#include "tests/unit/fake-guard.h"
#include "tests/unit/fake-kernel.h"

static struct stage *current;

static int count_phase(enum phase phase, struct err *err)
{
	(void)err;
	current->n_restrict += phase == PHASE_RESTRICT;
	current->n_grant += phase == PHASE_GRANT;
	return 0;
}

static int count_intent(void *userdata, struct err *err)
{
	struct stage *stage = userdata;

	(void)err;
	assert_int_equal(stage->n_grant, 0);
	stage->n_intent++;
	return 0;
}

static void stage_gather(struct stage *s)
{
	static const char state[] = "{\"id\":\"c1\",\"status\":\"creating\",\"pid\":4711,\"bundle\":\"/bundle\"}";
	static const char config[] = "{\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":"
				     "\"/sys/fs/cgroup\",\"type\":\"cgroup\"}],\"linux\":{\"namespaces\":"
				     "[{\"type\":\"mount\"},{\"type\":\"cgroup\"}]}}";

	assert_int_equal(oci_parse_state(state, strlen(state), &s->oci, NULL), 0);
	assert_int_equal(oci_parse_config(config, strlen(config), &s->oci, NULL), 0);
	s->oci.bundle_fd = openat(s->tree.fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	check_result("gather", gather(&s->host, &s->oci, &s->target, &s->facts, &s->err), &s->err, NULL);
	guards_open_or_load(&s->host, NULL, &s->oci, &s->target, &s->facts);
	check_result("controllers", gather_controllers(&s->target, &s->facts, &s->err), &s->err, NULL);
}

void stage_new(struct stage *s, enum verdict verdict, const char *nest)
{
	*s = (struct stage) { .oci = OCI_EMPTY };
	target_init(&s->target);
	kernel = (struct kernel) { 0 };
	fake_guard = (struct fake_guard) { 0 };
	current = s;
	tree_new(&s->tree, tree_container);
	tree_edit(&s->tree, BOX "io.max =");
	tree_host(&s->tree, &s->host);
	stage_gather(s);
	s->decision = (struct decision) { .verdict = verdict,
					  .nest = nest,
					  .controllers = "cpu memory",
					  .audit_sync = true,
					  .device_guard = true,
					  .grant_guard = true,
					  .pressure = true,
					  .owner_uid = 100000,
					  .owner_gid = 100000 };
	decision_add_ceiling(&s->decision, "memory.max", "4K");
	decision_add_ceiling(&s->decision, "pids.max", "1000"); /* above what is there */
	decision_add_ceiling(&s->decision, "cgroup.max.depth", "12");
	assert_int_equal(plan_build(&s->decision, &s->facts, &s->target, &s->plan, &s->err), 0);
	s->apply = (struct apply) {
		.host = &s->host, .target = &s->target, .enter = count_phase, .intent = count_intent, .userdata = s
	};
}

void stage_done(struct stage *s)
{
	apply_done(&s->outcome);
	target_done(&s->target);
	oci_done(&s->oci);
	host_done(&s->host);
	tree_free(&s->tree);
}

const char *stage_picture(const struct stage *s)
{
	static const char *const names[] = { "",
					     "memory.max",
					     "pids.max",
					     "io.max",
					     "cgroup.max.depth",
					     "cgroup.procs",
					     "cgroup.threads",
					     "cgroup.subtree_control",
					     "memory.oom.group",
					     "init",
					     "init/cgroup.procs" };
	char attribute[ATTRIBUTE_SIZE];
	const char *text = "";

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		const char *path = format(BOX "%s", names[i]);
		struct stat st = { 0 };

		(void)fstatat(s->tree.fd, path, &st, AT_SYMLINK_NOFOLLOW);
		text = format("%s%s %u:%u %s\n", text, names[i], st.st_uid, st.st_gid,
			      S_ISDIR(st.st_mode) ? "(directory)" : tree_get(&s->tree, path));
	}
	return format("%sguards %d %d %u\nattribute %d\n", text, fake_guard.device, fake_guard.grant,
		      fake_guard.rules.n_rules,
		      fgetxattr(s->target.cgroup_fd, ATTRIBUTE_NAME, attribute, sizeof(attribute)) > 0);
}

void stage_check_file(const struct stage *s, const char *name, const char *text, unsigned uid)
{
	const char *path = format(BOX "%s", name);
	struct stat st;

	check_string(name, tree_get(&s->tree, path), text);
	assert_int_equal(fstatat(s->tree.fd, path, &st, 0), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, uid);
}
