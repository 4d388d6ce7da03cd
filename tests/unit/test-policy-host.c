/* SPDX-License-Identifier: Apache-2.0 */
/* What is said where the host's cgroup2 lacks an option: one reason a cause, and the command, whole or not at all. */
#include "policy/finding.h"
#include "tests/unit/test-policy-case.h"

#define WANT(options) "[defaults]\nhost_options = " options "\n"
#define SMALL	      "profile = small\n"
#define BARE	      "require_userns = false\n"

/* One reason a cause, and the command with all that stands and must stand, whole or not at all. */
TEST(test_host_remedy)
{
	static const struct {
		const char *lines, *flags, *options, *known, *text;
		enum reason_code code;
	} rows[] = {
		{ BARE, "rw nosuid nodev noexec relatime", "rw memory_recursiveprot", NULL,
		  "the host's cgroup2 lacks nsdelegate, and the container has no user namespace of its own; "
		  "run `mount -o remount,rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot /sys/fs/cgroup`",
		  REASON_NSDELEGATE_MISSING },
		{ BARE WANT("memory_localevents nsdelegate"), "ro", "rw memory_localevents favordynmods", NULL,
		  "; run `mount -o remount,ro,nsdelegate,memory_localevents,favordynmods /sys/fs/cgroup`",
		  REASON_NSDELEGATE_MISSING },
		{ SMALL WANT("memory_hugetlb_accounting"), "rw", "rw nsdelegate", NULL,
		  "the host's cgroup2 lacks memory_hugetlb_accounting, so huge pages (hugetlb) that a container takes are not counted "
		  "in its memory.max; run `mount -o remount,rw,memory_hugetlb_accounting,nsdelegate /sys/fs/cgroup`",
		  REASON_HOST_OPTION_MISSING },
		/* Not what is no option of this kernel, and what a newer one has. */
		{ SMALL WANT("memory_hugetlb_accounting pids_localevents"), "rw $(x) nosuidx",
		  "rw seclabel nsdelegate newer", "nsdelegate memory_hugetlb_accounting newer",
		  "run `mount -o remount,rw,memory_hugetlb_accounting,nsdelegate,newer /sys/fs/cgroup`",
		  REASON_HOST_OPTION_MISSING },
		{ SMALL WANT("memory_hugetlb_accounting"), NULL, "rw nsdelegate", NULL,
		  "; remount the host's cgroup2 with that option and with all that it has now: `cgdeleg check` prints the command",
		  REASON_HOST_OPTION_MISSING },
		{ SMALL WANT("favordynmods memory_hugetlb_accounting"),
		  "rw nosuid nodev noexec nodiratime relatime nosymfollow",
		  "nsdelegate memory_localevents memory_recursiveprot pids_localevents", NULL,
		  "favordynmods,nsdelegate,memory_localevents,memory_recursiveprot,pids_localevents /sys/fs/cgroup`",
		  REASON_HOST_OPTION_MISSING },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct facts facts = good_facts;
		const struct decision *d;
		const struct reason *reason;
		size_t n = 0;

		if (rows[i].code == REASON_NSDELEGATE_MISSING)
			userns_none(&facts);
		facts.host = (struct host_mount) { rows[i].options, rows[i].flags, "/sys/fs/cgroup", rows[i].known };
		d = decide_handler(rows[i].lines, &facts);
		reason = find_reason(d, rows[i].code);
		assert_non_null(reason);
		if (!strstr(reason->text, rows[i].text))
			fail_msg("row %zu: %s", i, reason->text);
		for (size_t j = 0; j < d->n_reasons; j++)
			n += strstr(d->reasons[j].text, "lacks nsdelegate") != NULL;
		assert_int_equal(n, rows[i].code == REASON_NSDELEGATE_MISSING);
	}
}

/* Half a command would take options away. */
TEST(test_remedy_whole_or_none)
{
	static const char *const lists[] = { "nsdelegate", NULL, "nsdelegate pids_localevents" };
	const struct host_mount host = { "rw", "rw nosuid", "/sys/fs/cgroup", NULL };
	static const char whole[] = "run `mount -o remount,rw,nosuid,nsdelegate,pids_localevents /sys/fs/cgroup`";
	char buf[HOST_REMEDY_SIZE];

	for (size_t size = sizeof(whole); size <= sizeof(whole) + 1; size++)
		assert_string_equal(host_option_remedy(&host, lists, ELEMENTS(lists), buf, size), whole);
	for (size_t size = 1; size < sizeof(whole); size++) {
		(void)host_option_remedy(&host, lists, ELEMENTS(lists), buf, size);
		assert_true(strlen(buf) < size && !strchr(buf, '`'));
	}
}

static char found[4096];

static void take(const struct finding *finding, void *userdata)
{
	const size_t len = strlen(found);

	(void)userdata;
	(void)snprintf(found + len, sizeof(found) - len, "%s %s:%u: %s; %s\n", finding_severity_name(finding->severity),
		       finding->place.file, finding->place.line, finding->text, finding->remedy);
}

/* What `check` says of this machine. */
TEST(test_findings)
{
	static const struct {
		const char *policy, *options, *known, *want; /* want NULL: nothing */
	} rows[] = {
		{ "", "rw", NULL, NULL },
		{ WANT("found"), "rw", NULL, NULL },
		{ WANT("none"), "rw", NULL, NULL },
		{ WANT("none"), NULL, NULL, NULL },
		{ WANT("nsdelegate"), "rw nsdelegate", NULL, NULL },
		{ WANT("nsdelegate"), "rw nsdelegatex", NULL,
		  "fault p.ini:2: host_options wants nsdelegate, and the host's cgroup2 lacks it: a container without a user namespace" },
		{ WANT("nsdelegate"), "rw pids_localevents seclabel", NULL,
		  "; run `mount -o remount,rw,relatime,nsdelegate,pids_localevents /sys/fs/cgroup`\n" },
		{ WANT("memory_hugetlb_accounting"), "rw", "memory_hugetlb_accounting",
		  "fault p.ini:2: host_options wants memory_h" },
		{ WANT("memory_localevents"), "rw", NULL, "risk p.ini:2: host_options wants memory_localevents" },
		{ WANT("memory_hugetlb_accounting"), "rw", "nsdelegate",
		  "note p.ini:2: host_options names memory_hugetlb_accounting, which this kernel does not have" },
		{ WANT("nsdelegate"), NULL, NULL, "note p.ini:2: host_options cannot be compared" },
		{ "[handler h]\nengine = crio\nrequire_userns = false\n", "rw", NULL,
		  "fault p.ini:3: require_userns wants nsdelegate, and the host's cgroup2 lacks it" },
		{ "[handler h]\nengine = crio\nrequire_userns = false\n", "rw nsdelegate", NULL, NULL },
		{ "[handler h]\nengine = crio\nrequire_userns = true\n", "rw", NULL, NULL },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		const struct host_mount host = { rows[i].options, "rw relatime", "/sys/fs/cgroup", rows[i].known };
		_cleanup_(ruleset_done) struct ruleset read;

		assert_int_equal(ruleset_load_text("p.ini", rows[i].policy, strlen(rows[i].policy), &read, NULL), 0);
		assert_false(ruleset_is_broken(&read));
		found[0] = '\0';
		findings_host(&read, &host, take, NULL);
		if (rows[i].want ? !strstr(found, rows[i].want) : found[0] != '\0')
			fail_msg("row %zu: %s", i, found);
	}
}
