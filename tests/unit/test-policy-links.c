/* SPDX-License-Identifier: Apache-2.0 */
/* A policy without policy.ini, files that are not read, and links: a ConfigMap's are, all others are refused. */
#include <pthread.h>
#include <stdio.h>

#include "policy/finding-page.h"
#include "tests/unit/policy-tree.h"

static void count_unread(const struct finding *finding, void *userdata)
{
	if (finding_is(finding, FINDING_FILE_UNREAD) && strstr(finding->text, "is not read") && finding->place.line == 0)
		++*(size_t *)userdata;
}

/* policy.d alone is a policy; neither is a fault. What else lies in policy.d is known by name. */
TEST_WITH(test_without_policy_ini, setup, teardown)
{
	static const char *const unread[] = { "..x", ".hidden.ini",    "README", "a.conf",
					      "sub", "z.ini.dpkg-new", "z.ini~" };
	const struct unread *u;
	_cleanup_(ruleset_done) struct ruleset rules;
	size_t i = 0;

	assert_complaint("policy.ini", "is not there, and policy.d has no file that ends in .ini");
	for (; i < ELEMENTS(unread); i++)
		if (strcmp(unread[i], "sub") == 0)
			assert_int_equal(mkdir(path_of("policy.d/sub"), 0755), 0);
		else
			write_file(format("policy.d/%s", unread[i]), "broken\n", 0666);
	assert_complaint("policy.ini", "is not there, and policy.d has no file that ends in .ini");
	write_file("policy.d/10.ini", HANDLER, 0644);
	load(&rules);
	assert_false(ruleset_is_broken(&rules));
	assert_int_equal(rules.n_files, 1);
	assert_non_null(ruleset_find(&rules, SECTION_HANDLER, "runc"));
	for (i = 0, u = rules.unread; u; u = u->next, i++)
		assert_string_equal(u->file, path_of(format("policy.d/%s", unread[i])));
	assert_int_equal(i, ELEMENTS(unread));
	i = 0;
	assert_int_equal(findings_each(&rules, count_unread, &i), 0);
	assert_int_equal(i, ELEMENTS(unread));
	ruleset_done(&rules);
	assert_int_equal(unlink(path_of("policy.d/10.ini")), 0);
	assert_int_equal(mkdir(path_of("policy.d/10.ini"), 0755), 0);
	assert_complaint("policy.d/10.ini", "not a regular file");
}

/* A generation of two files, each of which says `word`. */
static void write_generation(const char *above, const char *generation, const char *word)
{
	assert_int_equal(mkdir(path_of(format("%s%s", above, generation)), 0755), 0);
	write_file(format("%s%s/10.ini", above, generation), format(HANDLER "profile = %s\n", word), 0644);
	write_file(format("%s%s/20.ini", above, generation), format("[profile %s]\npids.max = 1\n", word), 0644);
}

static void link_to(const char *target, const char *name)
{
	(void)unlink(path_of(name));
	assert_int_equal(symlink(target, path_of(name)), 0);
}

/* As the kubelet writes a ConfigMap. */
static void write_config_map(void)
{
	write_generation("policy.d/", "..2026_01", "one");
	write_generation("policy.d/", "..2026_02", "two");
	link_to("..2026_01", "policy.d/..data");
	link_to("..data/10.ini", "policy.d/10.ini");
	link_to("..data/20.ini", "policy.d/20.ini");
}

static void assert_profile(const char *profile, size_t n_files)
{
	_cleanup_(ruleset_done) struct ruleset rules;

	load(&rules);
	if (ruleset_is_broken(&rules))
		fail_msg("%s: %s", rules.complaints->origin.file, rules.complaints->text);
	assert_int_equal(rules.n_files, n_files);
	assert_non_null(ruleset_find(&rules, SECTION_PROFILE, profile));
	assert_null(rules.unread);
}

TEST_WITH(test_config_map, setup, teardown)
{
	write_config_map();
	assert_profile("one", 2);
	link_to("..2026_02", "policy.d/..data");
	assert_profile("two", 2);
	/* A file whose link is still to come is of the generation, and plain files may stand beside. */
	assert_int_equal(unlink(path_of("policy.d/20.ini")), 0);
	assert_profile("two", 2);
	write_file("policy.d/15.ini", "[defaults]\n", 0644);
	assert_profile("two", 3);
	/* A link whose file has gone. */
	link_to("..data/30.ini", "policy.d/30.ini");
	assert_complaint("policy.d/30.ini", "cannot be opened: No such file");
}

/* One for the whole directory: policy.ini and policy.d are links. */
TEST_WITH(test_config_map_above, setup, teardown)
{
	assert_int_equal(rmdir(path_of("policy.d")), 0);
	assert_int_equal(mkdir(path_of("..g"), 0755), 0);
	write_generation("..g/", "policy.d", "one");
	write_file("..g/policy.ini", "[defaults]\n", 0644);
	link_to("..g", "..data");
	link_to("..data/policy.ini", "policy.ini");
	link_to("..data/policy.d", "policy.d");
	assert_profile("one", 3);
	assert_int_equal(unlink(path_of("policy.ini")), 0);
	assert_profile("one", 3);
	assert_int_equal(unlink(path_of("..g/policy.ini")), 0);
	assert_profile("one", 2);
}

TEST_WITH(test_links_that_are_refused, setup, teardown)
{
	static const struct {
		const char *target, *name, *complaint, *words;
	} cases[] = {
		{ "/etc/hostname", "policy.d/10.ini", "policy.d/10.ini", "links as a ConfigMap has them" },
		{ "../policy.ini", "policy.d/10.ini", "policy.d/10.ini", "is a symbolic link" },
		{ "20.ini", "policy.d/10.ini", "policy.d/10.ini", "is a symbolic link" },
		{ "..data/20.ini", "policy.d/10.ini", "policy.d/10.ini", "is a symbolic link" },
		{ "..data/../10.ini", "policy.d/10.ini", "policy.d/10.ini", "is a symbolic link" },
		{ "..2026_01/10.ini", "policy.d/10.ini", "policy.d/10.ini", "is a symbolic link" },
		{ "/tmp", "policy.d/..data", "policy.d/..data",
		  "is not a symbolic link that belongs to root and leads to a directory beside it" },
		{ "..", "policy.d/..data", "policy.d/..data", "is not a symbolic link that belongs to root" },
		{ ".", "policy.d/..data", "policy.d/..data", "is not a symbolic link that belongs to root" },
		{ "../policy.d/..2026_01", "policy.d/..data", "policy.d/..data",
		  "is not a symbolic link that belongs to root" },
		{ "..none", "policy.d/..data", "policy.d/..data", "cannot be opened" },
		{ "10.ini", "policy.d/..data", "policy.d/..data", "cannot be opened" },
		{ "/etc/hostname", "policy.d/..2026_01/10.ini", "policy.d/10.ini", "is a symbolic link" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(ruleset_done) struct ruleset rules;

		tree_free(&tree);
		tree_new(&tree, "policy.d/");
		write_file("policy.ini", "[defaults]\n", 0644);
		write_config_map();
		assert_profile("one", 3);
		link_to(cases[i].target, cases[i].name);
		load(&rules);
		if (!rules.complaints || !strstr(rules.complaints->text, cases[i].words) ||
		    strcmp(rules.complaints->origin.file, path_of(cases[i].complaint)) != 0)
			fail_msg("%s -> %s: %s: %s", cases[i].name, cases[i].target,
				 rules.complaints ? rules.complaints->origin.file : "",
				 rules.complaints ? rules.complaints->text : "taken");
	}
}

TEST_WITH(test_config_map_modes, setup, teardown)
{
	write_file("policy.ini", "[defaults]\n", 0644);
	write_config_map();
	assert_profile("one", 3);
	assert_int_equal(chmod(path_of("policy.d/..2026_01"), 0777), 0);
	assert_complaint("policy.d/..data", "(mode 0777)");
	assert_int_equal(chmod(path_of("policy.d/..2026_01"), 0755), 0);
	assert_int_equal(chmod(path_of("policy.d/..2026_01/10.ini"), 0666), 0);
	assert_complaint("policy.d/10.ini", "(mode 0666)");
	assert_int_equal(chmod(path_of("policy.d/..2026_01/10.ini"), 0644), 0);
	if (getuid() != 0)
		return;
	assert_int_equal(lchown(path_of("policy.d/..data"), 12345, 0), 0);
	assert_complaint("policy.d/..data", "is not a symbolic link that belongs to root");
}

static void *swap_generations(void *stop)
{
	for (unsigned i = 0; !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED); i++)
		if (symlinkat(i % 2 ? "..2026_01" : "..2026_02", tree.fd, "policy.d/..data_tmp") < 0 ||
		    renameat(tree.fd, "policy.d/..data_tmp", tree.fd, "policy.d/..data") < 0)
			return stop;
	return NULL;
}

/* Whenever ..data changes: the files are of one generation, so that the handler's profile is there. */
TEST_WITH(test_config_map_that_changes, setup, teardown)
{
	bool stop = false;
	pthread_t thread;
	void *failed;

	write_config_map();
	assert_int_equal(pthread_create(&thread, NULL, swap_generations, &stop), 0);
	for (int i = 0; i < 2000; i++) {
		_cleanup_(ruleset_done) struct ruleset rules;

		load(&rules);
		if (ruleset_is_broken(&rules) || rules.n_files != 2) {
			__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
			fail_msg("load %d: %s", i, rules.complaints ? rules.complaints->text : "not both files");
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
}
