/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, host - what must stand, what does not, and what is said about it. See watch-host.h. */
#include "cgdeleg/node/watch-host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/mount.h"
#include "policy/ruleset.h"

#define TABLE_MAX   (16 * 1024 * 1024) /* bytes of the host's mountinfo */
#define GLANCE_SIZE 8192	       /* bytes of mountinfo; the host's cgroup2 is among the first mounts of a boot */

/* The table of process 1 is the host's. A service has its own mount namespace, in which flags may differ. */
static int open_mountinfo(const struct host *host)
{
	const int fd = openat(host->proc_fd, "1/mountinfo", O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
}

struct watch_host *watch_host_new(const struct host *host, const char *run, void (*say)(int priority, const char *text))
{
	struct watch_host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->host = host;
	h->run = run;
	h->say = say;
	h->fd = open_mountinfo(host);
	if (!host_features(host, h->known, sizeof(h->known)))
		h->known[0] = '\0';
	(void)watch_host_glance(h);
	return h;
}

void watch_host_free(struct watch_host *h)
{
	if (!h)
		return;
	h->fd = close_fd(h->fd);
	free(h->mounts.ids);
	free(h);
}

static void say(const struct watch_host *h, int priority, const char *fmt, ...) _printf_(3, 4);
static void say(const struct watch_host *h, int priority, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	h->say(priority, text);
}

/* A word more; one for which there is no room is left out, which no six options need. */
static void add_word(char list[HOST_OPTIONS_SIZE], const char *word)
{
	const size_t len = strlen(list);

	if (!text_has_word(list, word) && len + strlen(word) + 2 <= HOST_OPTIONS_SIZE)
		(void)snprintf(list + len, HOST_OPTIONS_SIZE - len, "%s%s", len > 0 ? " " : "", word);
}

/* The words of `list` that are in `other`, or (`in` false) are not. */
static void select_words(const char *list, const char *other, bool in, char ret[HOST_OPTIONS_SIZE])
{
	char word[64];
	int len;

	ret[0] = '\0';
	while ((len = text_next_word(&list, word, sizeof(word))) != 0)
		if (len > 0 && text_has_word(other, word) == in)
			add_word(ret, word);
}

/* What mountinfo shows and is an option: one of the six, or one that only this kernel knows. */
static void take_options(const struct watch_host *h, const char *shown, char ret[HOST_OPTIONS_SIZE])
{
	char word[64];
	int len;

	ret[0] = '\0';
	while ((len = text_next_word(&shown, word, sizeof(word))) != 0)
		if (len > 0 && (host_option_find(word) || text_has_word(h->known, word)))
			add_word(ret, word);
}

static int read_mount(struct watch_host *h, struct cgroup_mount *mount, struct err *err)
{
	_cleanup_close_ int fd = open_mountinfo(h->host);
	_cleanup_free_ char *text = NULL;
	int r = fd < 0 ? -errno : file_slurp(fd, TABLE_MAX, &text, NULL);

	if (r < 0)
		return err_set_errno(err, r, "cannot read mountinfo");
	r = mount_find_host(text, mount, err);
	if (r >= 0)
		h->peers = mount_peers(text, mount->host_point);
	return r;
}

static const struct setting *host_setting(const struct ruleset *rules)
{
	const struct setting *setting =
		rules ? section_get(ruleset_find(rules, SECTION_DEFAULTS, ""), KEY_HOST_OPTIONS) : NULL;

	return setting && strcmp(setting->value, "found") != 0 ? setting : NULL;
}

/* What must stand: the policy's list, as far as this kernel knows it, or what stood. */
static void demand(struct watch_host *h, const struct setting *setting, char ret[HOST_OPTIONS_SIZE])
{
	const char *list = setting ? setting->value : h->stood;
	char word[64];

	ret[0] = '\0';
	while (text_next_word(&list, word, sizeof(word)) > 0) {
		if (strcmp(word, "none") == 0)
			continue;
		if (!h->known[0] || text_has_word(h->known, word)) {
			add_word(ret, word);
		} else if (!text_has_word(h->noted, word)) {
			add_word(h->noted, word);
			say(h, LOG_NOTICE,
			    "host_options names %s, which this kernel does not have (/sys/kernel/cgroup/features): here it has no effect",
			    word);
		}
	}
}

/* One line that says it all: whoever reads it may see no other. */
static void sound_alarm(const struct watch_host *h, const char *word, const struct setting *setting, const char *must,
			size_t grants)
{
	const struct host_option *option = host_option_find(word);
	const struct host_mount mount = { .flags = h->flags, .point = h->point, .known = h->known[0] ? h->known : NULL };
	const char *const lists[] = { h->stood, must };
	char remedy[HOST_REMEDY_SIZE], named[128] = "";

	if (!text_has_word(h->stood, word) && setting)
		(void)snprintf(named, sizeof(named), ", which host_options names (%.90s:%u)", setting->origin.file,
			       setting->origin.line);
	say(h, LOG_ALERT, "the host's cgroup2 %s the option %s%s: %s; grants: %zu; %s; to put it back, %s",
	    named[0] ? "lacks" : "has lost", word, named,
	    option ? option->without : "this version of cgdeleg does not know it", grants, h->who,
	    host_option_remedy(&mount, lists, ELEMENTS(lists), remedy, sizeof(remedy)));
}

/* What is missing, and was not before, or for so long that it is said again. Who did it is asked once: later there are
 * other mounts, too. */
static void report_missing(struct watch_host *h, const char *missing, const struct setting *setting, const char *must,
			   size_t grants)
{
	const int64_t now = clock_monotonic_ms();
	char added[HOST_OPTIONS_SIZE], word[64];
	const char *list = missing[0] && now >= h->remind_ms ? missing : added;

	select_words(missing, h->missing, false, added);
	if (!list[0])
		return;
	h->remind_ms = now + WATCH_HOST_REMIND_MS;
	if (added[0])
		watch_host_who(h);
	while (text_next_word(&list, word, sizeof(word)) > 0)
		sound_alarm(h, word, setting, must, grants);
}

/* What was missing and is there again. An option that is no longer required is no news. */
static void report_back(const struct watch_host *h)
{
	char back[HOST_OPTIONS_SIZE], word[64];
	const char *list = back;

	select_words(h->missing, h->now, true, back);
	while (text_next_word(&list, word, sizeof(word)) > 0)
		say(h, LOG_NOTICE, "the host's cgroup2 has %s again", word);
}

static void keep(struct watch_host *h, const struct cgroup_mount *mount)
{
	struct err err = { 0 };
	int r;

	memcpy(h->stood, h->now, sizeof(h->stood));
	memcpy(h->flags, mount->host_flags, sizeof(h->flags));
	r = watch_host_remember(h, &err);
	h->kept = r >= 0;
	if (r < 0 && !h->forgetful)
		say(h, LOG_WARNING,
		    "%s; so a watch that starts after the host's cgroup2 has lost an option would not notice: name the options in host_options",
		    err.text);
	h->forgetful = r < 0;
}

/* What stood before this watch: as an earlier one remembers it, or what stands now. */
static void begin(struct watch_host *h, const struct cgroup_mount *mount)
{
	struct err err = { 0 };
	const int r = watch_host_recall(h, &err);

	if (r < 0)
		say(h, LOG_WARNING,
		    "%s; the options that the host's cgroup2 has now are taken for those that it had before: %s",
		    err.text, h->now);
	if (r > 0)
		h->kept = true;
	else
		keep(h, mount);
}

/* Nothing is missing: what stands now is what stood. */
static void settle(struct watch_host *h, const struct cgroup_mount *mount)
{
	char added[HOST_OPTIONS_SIZE], word[64];
	const char *list = added;

	select_words(h->now, h->stood, false, added);
	while (text_next_word(&list, word, sizeof(word)) > 0)
		say(h, LOG_NOTICE, "the host's cgroup2 has got the option %s, which is watched from now on", word);
	if (!h->kept || strcmp(h->stood, h->now) != 0 || strcmp(h->flags, mount->host_flags) != 0)
		keep(h, mount);
}

void watch_host_look(struct watch_host *h, const struct ruleset *rules, size_t grants)
{
	_cleanup_free_ struct cgroup_mount *mount = malloc(sizeof(*mount));
	const struct setting *setting = host_setting(rules);
	char must[HOST_OPTIONS_SIZE], missing[HOST_OPTIONS_SIZE];
	struct err err = { 0 };

	if (!mount || read_mount(h, mount, &err) < 0) {
		if (!h->failing)
			say(h, LOG_ERR, "it cannot be told whether the host's cgroup2 still has its options: %s",
			    mount ? err.text : "out of memory");
		h->failing = true;
		return;
	}
	h->failing = false;
	take_options(h, mount->options, h->now);
	memcpy(h->point, mount->host_point, sizeof(h->point));
	if (!h->looked)
		begin(h, mount);
	h->looked = true;
	demand(h, setting, must);
	select_words(must, h->now, false, missing);
	report_missing(h, missing, setting, must, grants);
	report_back(h);
	memcpy(h->missing, missing, sizeof(h->missing));
	if (!missing[0])
		settle(h, mount);
	watch_host_take_mounts(h);
}

bool watch_host_glance(struct watch_host *h)
{
	static const char type[] = " - cgroup2 ";
	char text[GLANCE_SIZE];
	const ssize_t n = h->fd < 0 ? -1 : pread(h->fd, text, sizeof(text) - 1, 0);
	const char *at, *end;

	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, type);
	end = at ? strchr(at, '\n') : NULL;
	if (!end || (size_t)(end - at) >= sizeof(h->glance))
		return false;
	if (strncmp(h->glance, at, (size_t)(end - at)) == 0 && h->glance[end - at] == '\0')
		return false;
	memcpy(h->glance, at, (size_t)(end - at));
	h->glance[end - at] = '\0';
	return true;
}

bool watch_host_has(const struct watch_host *h, const char *option)
{
	return text_has_word(h->now, option);
}

bool watch_host_misses(const struct watch_host *h, const char *option)
{
	return text_has_word(h->missing, option);
}
