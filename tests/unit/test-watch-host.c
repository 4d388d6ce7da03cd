/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the host's cgroup2: what must stand, what is said of a loss, what outlives a watch, and who did it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "cgdeleg/node/watch-host.h"
#include "policy/ruleset.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define MINUTE INT64_C(60000)

static int64_t now_ms;
static char said[8192];

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	ret->tv_sec = now_ms / 1000;
	ret->tv_nsec = now_ms % 1000 * 1000000;
	return 0;
}

static void say(int priority, const char *text)
{
	const size_t used = strlen(said);

	assert_true(strlen(text) < 1000); /* whole */
	(void)snprintf(said + used, sizeof(said) - used, "<%d> %s\n", priority, text);
}

struct scene {
	struct tree tree;
	struct host host;
	struct ruleset rules;
	char run[128];
	struct watch_host *watch;
};

#define FEATURES \
	"sys/kernel/cgroup/features = nsdelegate\\nfavordynmods\\nmemory_localevents\\nmemory_recursiveprot\\nnewer\n"
#define FLAGS "rw,nosuid,nodev,noexec,relatime"
#define MOUNT(super)                                                                                           \
	"proc/1/mountinfo = 21 1 8:1 / / rw shared:1 - ext4 /dev/root rw\\n22 21 0:29 / /sys/fs/cgroup " FLAGS \
	" shared:9 - cgroup2 cgroup rw" super "\n"

static void scene_open(struct scene *s, const char *lines, const char *policy)
{
	memset(s, 0, sizeof(*s));
	now_ms = 1000000;
	said[0] = '\0';
	tree_new(&s->tree, "proc/\nsys/fs/cgroup/\nrun/\n" FEATURES);
	tree_edit(&s->tree, lines);
	tree_host(&s->tree, &s->host);
	(void)snprintf(s->run, sizeof(s->run), "%s/run", s->tree.root);
	assert_int_equal(ruleset_load_text("p.ini", policy, strlen(policy), &s->rules, NULL), 0);
	assert_false(ruleset_is_broken(&s->rules));
	s->watch = watch_host_new(&s->host, s->run, say);
	assert_non_null(s->watch);
}

static void scene_close(struct scene *s)
{
	watch_host_free(s->watch);
	ruleset_done(&s->rules);
	host_done(&s->host);
	tree_free(&s->tree);
}

static void look(struct scene *s, const char *lines)
{
	tree_edit(&s->tree, lines);
	said[0] = '\0';
	watch_host_look(s->watch, &s->rules, 3);
}

/* Another watch, as after a restart. */
static void restart(struct scene *s, const char *lines)
{
	watch_host_free(s->watch);
	tree_edit(&s->tree, lines);
	said[0] = '\0';
	s->watch = watch_host_new(&s->host, s->run, say);
	watch_host_look(s->watch, &s->rules, 3);
}

static void expect_said(const char *name, const char *want)
{
	if (want ? !strstr(said, want) : said[0] != '\0')
		fail_msg("%s: it said \"%s\", not \"%s\"", name, said, want ? want : "");
}

#define WANT(options) "[defaults]\nhost_options = " options "\n"

/* What stood, then what stands; by which policy; what is said of it. "" is silence. */
static const struct {
	const char *policy, *before, *after, *said;
} losses[] = {
	{ "", ",nsdelegate,memory_recursiveprot", ",nsdelegate,memory_recursiveprot", NULL },
	{ "", ",nsdelegate,memory_recursiveprot", ",memory_recursiveprot",
	  "<1> the host's cgroup2 has lost the option nsdelegate: a container without a user namespace is held by the grant guard "
	  "alone, and gets no new grant; grants: 3; it cannot be told who mounted or remounted cgroup2; to put it back, "
	  "run `mount -o remount,rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot /sys/fs/cgroup`\n" },
	{ "", ",nsdelegate,memory_recursiveprot", ",nsdelegate,memory_recursive",
	  "lost the option memory_recursiveprot: memory.min" },
	{ "", ",nsdelegate", ",nsdelegatex,xnsdelegate,NSDELEGATE", "lost the option nsdelegate" },
	{ "", ",nsdelegate", ",ns\\054delegate,nsdelegate=1", "lost the option nsdelegate" },
	{ "", ",newer", "", "lost the option newer: this version of cgdeleg does not know it" },
	{ "", ",seclabel", "", NULL },
	{ "", "", "", NULL },
	{ "", "", ",favordynmods", "<5> the host's cgroup2 has got the option favordynmods" },
	{ WANT("found"), ",nsdelegate", "", "lost the option nsdelegate" },
	{ WANT("none"), ",nsdelegate", "", NULL },
	{ WANT("memory_recursiveprot"), ",nsdelegate,memory_recursiveprot", ",memory_recursiveprot", NULL },
	/* All that stood there is put back, not only what is named. */
	{ WANT("memory_recursiveprot"), ",nsdelegate,memory_recursiveprot", "",
	  "relatime,nsdelegate,memory_recursiveprot /sys/fs/cgroup`" },
	/* What came with the loss did not stand there. */
	{ "", ",nsdelegate", ",memory_localevents", "relatime,nsdelegate /sys/fs/cgroup`" },
};

TEST(test_losses)
{
	for (size_t i = 0; i < ELEMENTS(losses); i++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, format(MOUNT("%s"), losses[i].before), losses[i].policy);
		look(&s, "");
		expect_said("at the start", NULL);
		look(&s, format(MOUNT("%s"), losses[i].after));
		expect_said(losses[i].after, losses[i].said);
		look(&s, "");
		expect_said("once", NULL);
	}
}

/* All at once: a line each, and each line has the whole command. */
TEST(test_all_lost)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, MOUNT(",nsdelegate,favordynmods,memory_localevents,memory_recursiveprot"), "");
	look(&s, "");
	look(&s, MOUNT(""));
	for (const char *at = said; *at; at = strchr(at, '\n') + 1)
		if (!strstr(at,
			    "relatime,nsdelegate,favordynmods,memory_localevents,memory_recursiveprot /sys/fs/cgroup`\n"))
			fail_msg("%s", at);
	for (size_t i = 0; i < 4; i++) {
		expect_said("each", format("has lost the option %s: ", host_options[i].name));
		assert_true(watch_host_misses(s.watch, host_options[i].name));
		assert_false(watch_host_has(s.watch, host_options[i].name));
	}
	assert_false(watch_host_misses(s.watch, "memory_hugetlb_accounting"));
	/* Again after an hour, not before. */
	now_ms += WATCH_HOST_REMIND_MS - 1;
	look(&s, "");
	expect_said("within the hour", NULL);
	now_ms++;
	look(&s, "");
	expect_said("after an hour", "has lost the option nsdelegate");
	look(&s, MOUNT(",nsdelegate"));
	expect_said("back", "<5> the host's cgroup2 has nsdelegate again\n");
	assert_null(strstr(said, "<1>"));
	assert_true(watch_host_misses(s.watch, "favordynmods"));
}

TEST(test_policy)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, MOUNT(",nsdelegate"), WANT("nsdelegate memory_recursiveprot memory_hugetlb_accounting"));
	look(&s, "");
	expect_said("never stood",
		    "<1> the host's cgroup2 lacks the option memory_recursiveprot, which host_options names (p.ini:2): ");
	expect_said("the command", "relatime,nsdelegate,memory_recursiveprot /sys/fs/cgroup`");
	expect_said("unknown to this kernel",
		    "<5> host_options names memory_hugetlb_accounting, which this kernel does not have");
	assert_null(strstr(said, "lacks the option memory_hugetlb_accounting"));
	look(&s, "");
	expect_said("once", NULL);
	/* What stood is remembered all the same. */
	restart(&s, MOUNT(""));
	expect_said("nsdelegate", "<1> the host's cgroup2 has lost the option nsdelegate: ");
	expect_said("the other", "lacks the option memory_recursiveprot, which");
	look(&s, MOUNT(",nsdelegate"));
	/* Another policy wants less: no news. */
	ruleset_done(&s.rules);
	assert_int_equal(ruleset_load_text("p.ini", WANT("nsdelegate"), strlen(WANT("nsdelegate")), &s.rules, NULL), 0);
	look(&s, "");
	expect_said("less", NULL);
	assert_false(watch_host_misses(s.watch, "memory_recursiveprot"));
}

/* Features that cannot be read: every option may be there. */
TEST(test_no_features)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, MOUNT(",nsdelegate") "- sys/kernel/cgroup/features\n", WANT("memory_hugetlb_accounting"));
	look(&s, "");
	expect_said("unknown", "lacks the option memory_hugetlb_accounting, which");
}

/* A watch that starts after the loss. */
TEST(test_restart)
{
	_cleanup_(scene_close) struct scene s;
	struct stat st;

	scene_open(&s, MOUNT(",nsdelegate,memory_recursiveprot"), "");
	look(&s, "");
	assert_int_equal(fstatat(s.tree.fd, "run/" WATCH_HOST_FILE, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	restart(&s, "");
	expect_said("nothing is lost", NULL);
	restart(&s, "proc/1/mountinfo = 22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n");
	expect_said("lost meanwhile", "<1> the host's cgroup2 has lost the option memory_recursiveprot: ");
	expect_said("with the flags of then", "remount," FLAGS ",nsdelegate,memory_recursiveprot /sys/fs/cgroup`");
	restart(&s, "");
	expect_said("still", "has lost the option memory_recursiveprot");
	restart(&s, MOUNT(",nsdelegate,memory_recursiveprot,favordynmods"));
	expect_said("more", "<5> the host's cgroup2 has got the option favordynmods");
	restart(&s, MOUNT(",nsdelegate,memory_recursiveprot"));
	expect_said("and lost", "has lost the option favordynmods");
	/* A boot. */
	restart(&s, "- run/" WATCH_HOST_FILE "\n");
	expect_said("forgotten", NULL);
}

#define FILE_HEAD "cgdeleg host options 1\\n"

/* What is not exactly as a watch writes it is not believed, and written anew. */
TEST(test_hostile_file)
{
	static const struct {
		const char *lines, *said; /* NULL: believed, and then memory_recursiveprot is lost */
	} rows[] = {
		{ "run/host-options = " FILE_HEAD "nsdelegate memory_recursiveprot\\nrw\n", NULL },
		{ "run/host-options = cgdeleg host options 2\\nnsdelegate memory_recursiveprot\\nrw\n", "is not as" },
		{ "run/host-options =\n", "is not as" },
		{ "run/host-options = " FILE_HEAD "memory_recursiveprot\n", "is not as" },
		{ "run/host-options = " FILE_HEAD "memory_recursiveprot\\nrw\\nx\n", "is not as" },
		{ "run/host-options = " FILE_HEAD "memory_recursiveprot\\nrw`reboot`\n", "is not as" },
		{ "run/host-options = " FILE_HEAD "memory_recursiveprot,nsdelegate\\nrw\n", "is not as" },
		{ "run/host-options = " FILE_HEAD "memory_recursiveprot\\tx\\nrw\n", "is not as" },
		{ "run/x = " FILE_HEAD "memory_recursiveprot\\nrw\nrun/host-options -> x\n", "cannot open" },
		{ "run/host-options/\n", "is a directory" },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, MOUNT(",nsdelegate"), "");
		look(&s, rows[i].lines);
		if (!rows[i].said) {
			expect_said(rows[i].lines, "has lost the option memory_recursiveprot");
			continue;
		}
		if (strncmp(said, "<4> ", 4) != 0 || !strstr(said, "are taken for those that it had before: nsdelegate"))
			fail_msg("row %zu: %s", i, said);
		assert_null(strstr(said, "<1>"));
		if (i < ELEMENTS(rows) - 1)
			check_string(rows[i].lines, tree_get(&s.tree, "run/host-options"),
				     "cgdeleg host options 1\nnsdelegate\nrw nosuid nodev noexec relatime");
	}
}

TEST(test_foreign_file)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, MOUNT(",nsdelegate") "run/host-options = " FILE_HEAD "memory_recursiveprot\\nrw\n", "");
	assert_int_equal(fchmodat(s.tree.fd, "run/host-options", 0666, 0), 0);
	look(&s, "");
	expect_said("others may write it", "are taken for those that it had before: nsdelegate");
	assert_null(strstr(said, "<1>"));
}

#define TABLE(pid, first, rest)		   "proc/" pid "/mountinfo = " first " 1 8:1 / / rw - ext4 /dev/root rw" rest "\n"
#define TREE_AT(id, root, point, optional) "\\n" id " 1 0:29 " root " " point " rw" optional " - cgroup2 cgroup rw"

/* Tables of other processes after the loss, and who is named. */
static const struct {
	const char *lines, *said;
} mounters[] = {
	{ "", "; it cannot be told who mounted or remounted cgroup2; " },
	{ TABLE("812", "90", TREE_AT("91", "/", "/sys/fs/cgroup", "")) "proc/812/comm = sleep\n",
	  "; since it was last seen, cgroup2 has been mounted for process 812 (sleep) at '/sys/fs/cgroup'; " },
	/* Its own cgroup only; a copy of the host's, in two ways; what was there before; another type. */
	{ TABLE("812", "90", TREE_AT("91", "/ci/box", "/sys/fs/cgroup", "")), "; it cannot be told who" },
	{ TABLE("812", "90", TREE_AT("91", "/", "/sys/fs/cgroup", " master:9")), "; it cannot be told who" },
	{ TABLE("812", "90", TREE_AT("91", "/", "/sys/fs/cgroup", " shared:9 propagate_from:3")),
	  "; it cannot be told who" },
	{ TABLE("812", "90", TREE_AT("71", "/", "/sys/fs/cgroup", "")), "; it cannot be told who" },
	{ TABLE("812", "90", "\\n91 1 0:29 / /x rw - cgroup cgroup rw"), "; it cannot be told who" },
	/* No copy, although the numbers begin alike. */
	{ TABLE("812", "90", TREE_AT("91", "/", "/x", " master:99")), "for process 812 (?) at '/x'; " },
	{ TABLE("812", "90", TREE_AT("91", "/", "/x\\040$(y)", "")), "for process 812 (?) at '/x $(y)'; " },
	{ TABLE("812", "90", TREE_AT("91", "/", "/x\\012<0>y", "")), "for process 812 (?) at '/x\\x0a<0>y'; " },
	/* One namespace is one. */
	{ TABLE("812", "90", TREE_AT("91", "/", "/x", "")) TABLE("813", "90", TREE_AT("91", "/", "/x", "")),
	  "mounted for process 81" },
	{ TABLE("1", "20",
		"\\n22 21 0:29 / /sys/fs/cgroup " FLAGS " shared:9 - cgroup2 cgroup rw" TREE_AT("91", "/", "/mnt", "")),
	  "for somebody in the mount namespace of process 1 (?) at '/mnt'; " },
	{ TABLE("812", "90",
		TREE_AT("91", "/", "/a", "") TREE_AT("92", "/", "/b", "") TREE_AT("93", "/", "/c", "")
			TREE_AT("94", "/", "/d", "")),
	  "at '/a', process 812 (?) at '/b', process 812 (?) at '/c' and 1 more; " },
	/* Not a table. */
	{ "proc/812/mountinfo = 90 x\n", "; it cannot be told who" },
	{ "proc/812/mountinfo =\n", "; it cannot be told who" },
	{ "proc/812x/mountinfo = 1\n", "; it cannot be told who" },
};

TEST(test_mounters)
{
	for (size_t i = 0; i < ELEMENTS(mounters); i++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, MOUNT(",nsdelegate") TABLE("700", "70", TREE_AT("71", "/", "/sys/fs/cgroup", "")), "");
		look(&s, "");
		now_ms += MINUTE;
		tree_edit(&s.tree, MOUNT(""));
		look(&s, mounters[i].lines);
		expect_said(mounters[i].lines, "has lost the option nsdelegate");
		expect_said(mounters[i].lines, mounters[i].said);
		/* An hour and many looks later. */
		now_ms += MINUTE;
		look(&s, "");
		now_ms += WATCH_HOST_REMIND_MS;
		look(&s, "");
		expect_said(mounters[i].lines, mounters[i].said);
	}
}

/* Too long a table of somebody's: then nobody can say that all was seen, and nobody is accused. */
TEST(test_flood)
{
	_cleanup_(scene_close) struct scene s;
	static char flood[1200 * 1024];

	scene_open(&s, MOUNT(",nsdelegate"), "");
	tree_edit(&s.tree, TABLE("700", "70", ""));
	memset(flood, 'a', sizeof(flood) - 1);
	memcpy(flood, "70 1 ", 5);
	assert_int_equal(file_write_at(s.tree.fd, "proc/700/mountinfo", flood), 0);
	look(&s, "");
	now_ms += MINUTE;
	look(&s, MOUNT("") TABLE("812", "90", TREE_AT("91", "/", "/x", "")));
	expect_said("flood", "; it cannot be told who");
}

/* In its place, as the kernel's own is. */
static void write_table(const struct scene *s, const char *text)
{
	_cleanup_close_ int fd = openat(s->tree.fd, "proc/1/mountinfo", O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
}

/* One option that begins as another; and where the line is not among the first, it tells nothing. */
TEST(test_glance)
{
	static const char line[] = "22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw%s\n";
	static const char *const options[] = { "", ",n", ",nsdelegat", ",nsdelegate", "" };
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, MOUNT(",nsdelegate"), "");
	assert_false(watch_host_glance(s.watch));
	for (size_t i = 0; i < ELEMENTS(options); i++) {
		write_table(&s, format(line, options[i]));
		assert_true(watch_host_glance(s.watch));
		assert_false(watch_host_glance(s.watch));
	}
	write_table(&s, "21 1 8:1 / / rw - ext4 /dev/root rw\n");
	assert_false(watch_host_glance(s.watch));
	write_table(&s, "");
	assert_false(watch_host_glance(s.watch));
}

/* It cannot be told: said once, and nothing counts as lost. */
TEST(test_unreadable)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, MOUNT(",nsdelegate"), "");
	look(&s, "");
	look(&s, "proc/1/mountinfo = garbage\n");
	expect_said("garbage",
		    "<3> it cannot be told whether the host's cgroup2 still has its options: mountinfo: cannot read");
	look(&s, "");
	expect_said("once", NULL);
	assert_false(watch_host_misses(s.watch, "nsdelegate"));
	look(&s, MOUNT(""));
	expect_said("then lost", "has lost the option nsdelegate");
}
