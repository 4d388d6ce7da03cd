/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor, option - the options of the host's cgroup2, and the controllers that the policy's ceilings need.
 * See doctor.h, doctor-part.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/mount.h"
#include "cgdeleg/node/doctor-part.h"
#include "cgdeleg/node/watch-host.h"
#include "policy/finding.h"

/* The host's cgroup2 as mountinfo shows it. */
struct seen {
	struct cgroup_mount mount;
	struct host_mount host;
	char features[256];
};

/* NULL, after having said why. The caller frees it. */
static struct seen *see_mount(struct doctor *d)
{
	_cleanup_free_ char *table = doctor_has_cgroups(d) ? doctor_mountinfo(d) : NULL;
	_cleanup_free_ struct seen *seen = calloc(1, sizeof(*seen));

	if (d->host.cgroup_fd < 0)
		return NULL;
	if (!seen || !table || mount_find_host(table, &seen->mount, NULL) < 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "the options of the host's cgroup2 cannot be read here");
		return NULL;
	}
	seen->host = mount_host(&seen->mount);
	seen->host.known = host_features(&d->host, seen->features, sizeof(seen->features));
	return TAKE_PTR(seen);
}

static void add_finding(const struct finding *finding, void *userdata)
{
	static const enum doctor_result results[] = {
		[FINDING_NOTE] = DOCTOR_NOTE, [FINDING_RISK] = DOCTOR_WARN, [FINDING_FAULT] = DOCTOR_FAIL
	};
	struct doctor *d = userdata;

	doctor_say(d, results[finding->severity], "%s", finding->text);
	if (finding->remedy)
		doctor_advise(d, "%s", finding->remedy);
}

static void say_missing(struct doctor *d, const struct seen *seen, const char *name, enum doctor_result result,
			const char *what)
{
	const struct host_option *option = host_option_find(name);
	const char *const lists[] = { name, seen->host.options };
	char remedy[HOST_REMEDY_SIZE];

	doctor_say(d, result, "the host's cgroup2 %s the option %s: %s", what, name,
		   option ? option->without : "cgdeleg does not know it");
	doctor_advise(d, "%s", host_option_remedy(&seen->host, lists, ELEMENTS(lists), remedy, sizeof(remedy)));
}

/* What stood when a watch first looked since boot. */
static void find_lost(struct doctor *d, const struct seen *seen)
{
	struct watch_host *before = calloc(1, sizeof(*before));
	char run[4096], word[64];
	const char *list;

	if (!before)
		return;
	before->host = &d->host;
	before->run = doctor_path(d, d->args.run, run, sizeof(run));
	list = before->stood;
	/* It is root's alone; there is none before a watch has run. */
	if (doctor_exists(d, d->args.run) && watch_host_recall(before, NULL) > 0)
		while (text_next_word(&list, word, sizeof(word)) > 0)
			if (!text_has_word(seen->host.options, word))
				say_missing(d, seen, word, DOCTOR_WARN, "has lost since it was booted");
	free(before);
}

static bool has_huge_pages(const struct doctor *d)
{
	char text[32];

	return doctor_read(d, "proc/sys/vm/nr_hugepages", text, sizeof(text)) > 0 && strcmp(text, "0") != 0;
}

void doctor_check_options(struct doctor *d)
{
	_cleanup_free_ struct seen *seen = see_mount(d);
	const size_t before = d->n;

	if (!seen)
		return;
	find_lost(d, seen);
	if (d->n == before && d->policy == POLICY_READ)
		findings_host(d->rules, &seen->host, add_finding, d);
	if (d->n > before)
		return;
	if (!text_has_word(seen->host.options, "nsdelegate"))
		say_missing(d, seen, "nsdelegate", DOCTOR_WARN, "lacks");
	else if (has_huge_pages(d) && host_option_known(&seen->host, "memory_hugetlb_accounting") &&
		 !text_has_word(seen->host.options, "memory_hugetlb_accounting"))
		say_missing(d, seen, "memory_hugetlb_accounting", DOCTOR_NOTE, "lacks");
	else
		doctor_say(d, DOCTOR_OK, "the host's cgroup2 has nsdelegate, and lacks nothing that the policy wants");
}

/* Does a container of some profile or handler get a leaf? */
static bool policy_nests(const struct ruleset *rules)
{
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = rules->sections[kind]; s; s = s->next) {
			const struct setting *nest = section_get(s, KEY_NEST);

			if (nest && strcmp(nest->value, "none") != 0)
				return true;
		}
	return false;
}

void doctor_check_favordynmods(struct doctor *d)
{
	_cleanup_free_ struct seen *seen = NULL;

	if (d->policy != POLICY_READ) {
		doctor_say(d, d->policy == POLICY_UNREADABLE ? DOCTOR_UNKNOWN : DOCTOR_NOT_APPLICABLE,
			   "there is no valid policy to be read that could want leaves");
		return;
	}
	if (!policy_nests(d->rules)) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "no line of the policy wants a leaf (nest)");
		return;
	}
	seen = see_mount(d);
	if (!seen)
		return;
	if (text_has_word(seen->host.options, "favordynmods"))
		doctor_say(d, DOCTOR_OK, "the host's cgroup2 has favordynmods");
	else if (host_option_known(&seen->host, "favordynmods"))
		say_missing(d, seen, "favordynmods", DOCTOR_NOTE, "lacks, for a policy that nests,");
	else
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "this kernel does not have favordynmods");
}

#define CONTROLLERS_SIZE 256

static void add_controller(const char *file, char needed[CONTROLLERS_SIZE])
{
	const size_t used = strlen(needed);
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	if (strcmp(name, "cgroup") != 0 && !text_has_word(needed, name))
		(void)snprintf(needed + used, CONTROLLERS_SIZE - used, "%s%s", used > 0 ? " " : "", name);
}

/* Those of all ceilings; without a policy, of those that most policies have. */
static void needed_controllers(const struct doctor *d, char needed[CONTROLLERS_SIZE])
{
	(void)snprintf(needed, CONTROLLERS_SIZE, "%s", d->policy == POLICY_READ ? "" : "cpu memory pids");
	if (d->policy != POLICY_READ)
		return;
	for (const struct section *s = d->rules->sections[SECTION_PROFILE]; s; s = s->next)
		for (const struct setting *p = s->settings; p; p = p->next)
			if (p->key->id == KEY_LIMIT)
				add_controller(p->name, needed);
}

/* The words of `needed` that the file of the cgroup lacks. False: it cannot be read. */
static bool find_lacking(int fd, const char *file, const char *needed, char lacking[CONTROLLERS_SIZE])
{
	char text[CONTROLLERS_SIZE], word[64];

	lacking[0] = '\0';
	if (file_read_at(fd, file, text, sizeof(text)) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	while (text_next_word(&needed, word, sizeof(word)) > 0)
		if (!text_has_word(text, word))
			add_controller(word, lacking);
	return true;
}

/* Where engines put pods and containers; below an empty one nothing has been enabled yet. */
static void judge_slice(struct doctor *d, const char *name, const char *needed)
{
	_cleanup_close_ int fd = file_open_beneath(d->host.cgroup_fd, name, O_RDONLY | O_DIRECTORY);
	_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
	char lacking[CONTROLLERS_SIZE];

	if (fd < 0 || !find_lacking(fd, "cgroup.subtree_control", needed, lacking) || !lacking[0] ||
	    (cgroup_list(fd, &listing) >= 0 && listing.n_children == 0))
		return;
	doctor_say(d, DOCTOR_WARN, "%s is not enabled below /sys/fs/cgroup/%s, and ceilings of the policy need it",
		   lacking, name);
	doctor_advise(
		d,
		"have the engine make its cgroups with Delegate=yes, or write '+%.*s' to cgroup.subtree_control there and above",
		(int)strcspn(lacking, " "), lacking);
}

void doctor_check_controllers(struct doctor *d)
{
	static const char *const slices[] = { "kubepods.slice", "kubepods", "machine.slice" };
	char needed[CONTROLLERS_SIZE], lacking[CONTROLLERS_SIZE];
	const size_t before = d->n;

	if (!doctor_has_cgroups(d))
		return;
	needed_controllers(d, needed);
	if (!find_lacking(d->host.cgroup_fd, "cgroup.controllers", needed, lacking)) {
		doctor_say(d, DOCTOR_UNKNOWN, "cgroup.controllers of the root cgroup cannot be read");
		return;
	}
	if (lacking[0]) {
		doctor_say(d, d->policy == POLICY_READ ? DOCTOR_WARN : DOCTOR_NOTE,
			   "this kernel's cgroup2 does not offer %s%s", lacking,
			   d->policy == POLICY_READ ? ", and ceilings of the policy need it" : "");
		doctor_advise(
			d,
			"take cgroup_disable= and cgroup v1 from the kernel parameters; a kernel may need cgroup_enable=memory");
	}
	for (size_t i = 0; d->policy == POLICY_READ && i < ELEMENTS(slices); i++)
		judge_slice(d, slices[i], needed);
	if (d->n == before)
		doctor_say(d, DOCTOR_OK, "cgroup2 offers what ceilings need: %s", needed[0] ? needed : "no controller");
}
