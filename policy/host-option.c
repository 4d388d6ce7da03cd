/* SPDX-License-Identifier: Apache-2.0 */
/* Host option - the options of the host's cgroup2. See host-option.h. What each means: the kernel's
 * Documentation/admin-guide/cgroup-v2.rst, "Mounting". */
#include "policy/host-option.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

const struct host_option host_options[HOST_OPTIONS] = {
	{ "nsdelegate", LOSS_DELEGATE,
	  "a container without a user namespace is held by the grant guard alone, and gets no new grant" },
	{ "favordynmods", LOSS_OTHER,
	  "moving processes between cgroups takes longer, and holds up fork and exit on the whole host meanwhile" },
	{ "memory_localevents", LOSS_OTHER,
	  "memory.events of a container also counts what happens in the cgroups that it makes" },
	{ "memory_recursiveprot", LOSS_OTHER,
	  "memory.min and memory.low of a cgroup protect those below it only as far as these set their own" },
	{ "memory_hugetlb_accounting", LOSS_MEMORY_MAX,
	  "huge pages (hugetlb) that a container takes are not counted in its memory.max" },
	{ "pids_localevents", LOSS_OTHER,
	  "pids.events of a container counts what a pids.max below it refuses, and not its own failed forks" },
};

const char *const host_option_words[] = {
	"nsdelegate",
	"favordynmods",
	"memory_localevents",
	"memory_recursiveprot",
	"memory_hugetlb_accounting",
	"pids_localevents",
	"none",
	"found",
	NULL,
};

_Static_assert(ELEMENTS(host_option_words) == HOST_OPTIONS + 3, "an option is no value of host_options");

/* What mountinfo shows of a mount's flags and mount(8) takes. */
static const char *const flags[] = {
	"rw", "ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow", NULL,
};

const struct host_option *host_option_find(const char *name)
{
	for (size_t i = 0; i < HOST_OPTIONS; i++)
		if (strcmp(host_options[i].name, name) == 0)
			return &host_options[i];
	return NULL;
}

bool host_option_known(const struct host_mount *host, const char *name)
{
	return !host->known || text_has_word(host->known, name);
}

struct command {
	char *buf;
	size_t size, len; /* len >= size: it was too small */
};

static void add(struct command *command, const char *before, const char *word)
{
	const size_t left = command->len < command->size ? command->size - command->len : 0;

	command->len += (size_t)snprintf(left > 0 ? command->buf + command->len : NULL, left, "%s%s", before, word);
}

/* Is it an option that may stand in the command? A newer kernel's, too, although this program knows nothing of it: if it
 * were left out, the remount would take it away. */
static bool is_option(const struct host_mount *host, const char *word)
{
	return host->known ? text_has_word(host->known, word) : host_option_find(word) != NULL;
}

/* Is it in one of the lists already? */
static bool is_in(const char *const lists[], size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (lists[i] && text_has_word(lists[i], word))
			return true;
	return false;
}

static void add_options(struct command *command, const struct host_mount *host, const char *const lists[], size_t n)
{
	const char *list = lists[n];
	char word[64];
	int len;

	while (list && (len = text_next_word(&list, word, sizeof(word))) != 0)
		if (len > 0 && is_option(host, word) && !is_in(lists, n, word))
			add(command, ",", word);
}

const char *host_option_remedy(const struct host_mount *host, const char *const lists[], size_t n, char *buf, size_t size)
{
	struct command command = { .buf = buf, .size = size };

	add(&command, "run `mount -o remount", "");
	for (const char *const *flag = flags; *flag && host->flags; flag++)
		if (text_has_word(host->flags, *flag))
			add(&command, ",", *flag);
	for (size_t i = 0; i < n; i++)
		add_options(&command, host, lists, i);
	add(&command, " ", host->point ? host->point : "");
	add(&command, "`", "");
	if (!host->flags || !host->point || command.len >= size)
		(void)snprintf(
			buf, size,
			"remount the host's cgroup2 with that option and with all that it has now: `cgdeleg check` prints the command");
	return buf;
}
