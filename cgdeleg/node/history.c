/* SPDX-License-Identifier: Apache-2.0 */
/* History - the audit record, read from its end. See history.h. */
#include "cgdeleg/node/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/owner.h"
#include "base/text.h"
#include "cgdeleg/grant/audit.h"
#include "cgdeleg/node/find.h"

#define CHUNK	    (UINT64_C(1) << 20) /* bytes read at once */
#define HOUR	    INT64_C(3600000000) /* microseconds */
#define DEPTH	    8			/* of a record: three are used */
#define NEAREST_END (UINT64_C(4) << 20) /* bytes of the newest file in which similar names are looked for */

static const char *const compressed[] = { ".gz", ".xz", ".zst", ".bz2", ".lz4", ".Z" };

static bool is_compressed(const char *name)
{
	const size_t len = strlen(name);

	for (size_t i = 0; i < ELEMENTS(compressed); i++)
		if (len > strlen(compressed[i]) && strcmp(name + len - strlen(compressed[i]), compressed[i]) == 0)
			return true;
	return false;
}

static void open_one(int dirfd, const char *name, uid_t owner, struct history_file *file)
{
	struct err err = { 0 };
	struct stat st;

	*file = (struct history_file) { .fd = -EBADF, .compressed = is_compressed(name) };
	(void)text_escape(name, file->name, sizeof(file->name));
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		file->size = (uint64_t)st.st_size;
		file->changed = st.st_mtim.tv_sec;
	}
	if (file->compressed)
		return;
	file->fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file->fd < 0) {
		(void)snprintf(file->why, sizeof(file->why), "%s", strerror(errno));
		file->fd = -EBADF;
	} else if (owner_check_fd(file->fd, S_IFREG, owner, NULL, &err) < 0 || fstat(file->fd, &st) < 0) {
		(void)snprintf(file->why, sizeof(file->why), "%.255s", err.text);
		file->fd = close_fd(file->fd);
	} else {
		file->size = (uint64_t)st.st_size;
		file->changed = st.st_mtim.tv_sec;
	}
}

/* The file that is written now comes first, then by the time of change. */
static int compare_files(const void *a, const void *b)
{
	const struct history_file *x = a, *y = b;
	const bool first_x = strcmp(x->name, AUDIT_FILE) == 0, first_y = strcmp(y->name, AUDIT_FILE) == 0;

	if (first_x != first_y)
		return first_x ? -1 : 1;
	if (x->changed != y->changed)
		return x->changed > y->changed ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int open_stream(struct history *history, struct err *err)
{
	struct history_file *file = &history->files[history->n_files++];

	*file = (struct history_file) { .name = "standard input", .stream = true };
	file->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (file->fd >= 0)
		return 0;
	history->n_files--;
	return err_set_errno(err, errno, "cannot read standard input");
}

static int open_files(const struct history_question *question, struct history *history, struct err *err)
{
	_cleanup_close_ int dirfd = owner_open_directory(question->directory, question->owner, false, err);
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;

	if (dirfd < 0)
		return dirfd;
	dir = fdopendir(fcntl(dirfd, F_DUPFD_CLOEXEC, 3));
	if (!dir)
		return err_set_errno(err, errno, "cannot list '%s'", question->directory);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, AUDIT_FILE, strlen(AUDIT_FILE)) != 0)
			continue;
		if (history->n_files == HISTORY_FILES)
			history->n_more_files++;
		else
			open_one(dirfd, entry->d_name, question->owner, &history->files[history->n_files++]);
	}
	qsort(history->files, history->n_files, sizeof(history->files[0]), compare_files);
	return 0;
}

const char *history_text(const yyjson_doc *record, const char *member)
{
	return yyjson_get_str(yyjson_obj_get(record->root, member));
}

/* A refusal is in `error` too, as the hook said it: then `reason` is the code of the first reason. */
const char *history_error(const yyjson_doc *record)
{
	const char *reason = history_text(record, "reason");
	const char *code =
		yyjson_get_str(yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(record->root, "reasons")), "code"));

	return reason && code && strcmp(reason, code) == 0 ? NULL : history_text(record, "error");
}

int history_time(const char *text, int64_t *ret_us)
{
	struct tm tm = { 0 };
	int64_t us = 0, unit = 100000;
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (!rest)
		return -EINVAL;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			us += (*rest - '0') * unit;
	if (strcmp(rest, "Z") != 0)
		return -EINVAL;
	*ret_us = (int64_t)timegm(&tm) * 1000000 + us;
	return 0;
}

/* How well does the word name what the record is about? Its names are escaped, and so is the word. */
static unsigned match_record(const yyjson_doc *record, const char *word)
{
	static const char *const members[] = { "cgroup", "id", "namespace", "pod", "container" };
	const char *texts[ELEMENTS(members)];
	struct grant grant = { .attribute = { .present = true } };

	for (size_t i = 0; i < ELEMENTS(members); i++) {
		texts[i] = history_text(record, members[i]);
		texts[i] = texts[i] ? texts[i] : "";
	}
	grant.path = texts[0];
	grant.attribute.id = texts[1];
	grant.attribute.namespace = texts[2];
	grant.attribute.pod = texts[3];
	grant.attribute.name = texts[4];
	return grant_match(&grant, word);
}

static bool is_same(const yyjson_doc *a, const yyjson_doc *b, const char *member)
{
	const char *x = history_text(a, member), *y = history_text(b, member);

	return x && y ? strcmp(x, y) == 0 : x == y;
}

static bool is_alike(const yyjson_doc *a, const yyjson_doc *b)
{
	const bool named = history_text(a, "pod") || history_text(a, "container");

	return is_same(a, b, "verdict") && is_same(a, b, "reason") && is_same(a, b, "namespace") &&
	       is_same(a, b, "pod") && is_same(a, b, "container") && (named || is_same(a, b, "id"));
}

static void drop_run(struct history *history, size_t i)
{
	yyjson_doc_free(history->runs[i].last);
	history->n_runs--;
	memmove(&history->runs[i], &history->runs[i + 1], (history->n_runs - i) * sizeof(history->runs[0]));
}

/* Room is for what is named best: whoever creates containers could give many of them names that begin with another's. */
static bool is_wanted(struct history *history, unsigned match)
{
	if (match > history->match) {
		history_keep(history, match);
		history->match = match;
		history->n_runs_dropped = history->n_events_dropped = 0;
	}
	return match == history->match;
}

/* To the front: the newest first. Takes the record. */
static void add_run(struct history *history, yyjson_doc *record, unsigned match, int64_t us, int64_t now_us, bool intent)
{
	struct history_run run = { .last = record, .match = match, .first_us = us, .last_us = us, .unfinished = intent };
	yyjson_val *pid = yyjson_obj_get(record->root, "hook_pid");
	size_t i = 0;

	while (i < history->n_runs && !(history->runs[i].unfinished && is_same(history->runs[i].last, record, "id") &&
					yyjson_equals(yyjson_obj_get(history->runs[i].last->root, "hook_pid"), pid)))
		i++;
	if (i < history->n_runs) {
		run.match = match = match > history->runs[i].match ? match : history->runs[i].match;
		drop_run(history, i);
	}
	if (!is_wanted(history, match)) {
		yyjson_doc_free(record);
		return;
	}
	for (i = 0; i < history->n_runs; i++)
		if (!intent && !history->runs[i].unfinished && is_alike(history->runs[i].last, record))
			break;
	if (i < history->n_runs) {
		run.n = history->runs[i].n;
		run.n_hour = history->runs[i].n_hour;
		run.first_us = history->runs[i].first_us;
		run.match = match > history->runs[i].match ? match : history->runs[i].match;
		drop_run(history, i);
	} else if (history->n_runs == HISTORY_RUNS) {
		history->n_runs_dropped++;
		drop_run(history, history->n_runs - 1);
	}
	run.n++;
	run.n_hour += us > now_us - HOUR;
	memmove(&history->runs[1], &history->runs[0], history->n_runs * sizeof(history->runs[0]));
	history->runs[0] = run;
	history->n_runs++;
}

static void add_event(struct history *history, yyjson_doc *record, unsigned match, int64_t us)
{
	if (!is_wanted(history, match)) {
		yyjson_doc_free(record);
		return;
	}
	if (history->n_events == HISTORY_EVENTS) {
		yyjson_doc_free(history->events[--history->n_events].record);
		history->n_events_dropped++;
	}
	memmove(&history->events[1], &history->events[0], history->n_events * sizeof(history->events[0]));
	history->events[0] = (struct history_event) { record, match, us };
	history->n_events++;
}

/* What is done with each line of a file, its newline not included. */
struct lines {
	const struct history_question *question;
	struct history *history;
	char word[512];		 /* escaped, as the record has it */
	char quick[512];	 /* a line without this needs no closer look; "": each does */
	struct nearest *nearest; /* not NULL: only names are gathered for it */
};

/* The longest part of the word that stands in the record as it is. JSON would escape the others. */
static void begin_lines(struct lines *lines)
{
	const char *word = lines->word;

	(void)text_escape(lines->question->word, lines->word, sizeof(lines->word));
	if (word[0] == '/' && strncmp(word, "/sys/fs/cgroup/", 15) == 0)
		word += 14;
	if (word[0] != '/' && strrchr(word, '/'))
		word = strrchr(word, '/') + 1;
	(void)snprintf(lines->quick, sizeof(lines->quick), "%s", strpbrk(word, "\\\"") ? "" : word);
}

static void try_names(const struct lines *lines, const yyjson_doc *record)
{
	static const char *const members[] = { "pod", "container", "id" };

	for (size_t i = 0; i < ELEMENTS(members); i++) {
		const char *name = history_text(record, members[i]);
		const char *kept = name ? arena_strdup(&lines->history->arena, name) : NULL;

		if (kept)
			nearest_try(lines->nearest, kept);
	}
}

static void take_line(const struct lines *lines, const char *line, size_t len)
{
	struct history *history = lines->history;
	yyjson_doc *record = NULL;
	const char *event;
	unsigned match;
	int64_t us;

	history->n_lines++;
	if (len == 0 || (lines->quick[0] && !memmem(line, len, lines->quick, strlen(lines->quick))))
		return;
	if (len > HISTORY_LINE_MAX || json_parse(line, len, DEPTH, "the record", &record, NULL) < 0) {
		history->n_faulty++;
		return;
	}
	event = history_text(record, "event");
	match = match_record(record, lines->word);
	if (!event || history_time(history_text(record, "time"), &us) < 0) {
		history->n_faulty++;
		yyjson_doc_free(record);
	} else if (lines->nearest || match == 0) {
		if (lines->nearest)
			try_names(lines, record);
		yyjson_doc_free(record);
	} else if (strcmp(event, "run") == 0 || strcmp(event, "intent") == 0) {
		add_run(history, record, match, us, lines->question->now_us, event[0] == 'i');
	} else {
		add_event(history, record, match, us);
	}
}

/* The complete lines in buf, and how many bytes they are. */
static size_t take_lines(const struct lines *lines, const char *buf, size_t len)
{
	const char *at = buf, *end;

	while ((end = memchr(at, '\n', len - (size_t)(at - buf))) != NULL) {
		take_line(lines, at, (size_t)(end - at));
		at = end + 1;
	}
	return (size_t)(at - buf);
}

/* The last file->n_read bytes. The first line is left out where its beginning is not read. */
static void read_one(const struct lines *lines, struct history_file *file, bool newest)
{
	_cleanup_free_ char *buf = malloc(CHUNK + HISTORY_LINE_MAX);
	uint64_t at = file->size - file->n_read, rest = file->n_read;
	size_t kept = 0;
	bool skip = at > 0;

	while (buf && rest > 0) {
		const size_t wanted = rest < CHUNK ? (size_t)rest : CHUNK;
		const ssize_t n = file->stream ? read(file->fd, buf + kept, wanted)
					       : pread(file->fd, buf + kept, wanted, (off_t)at);
		size_t done, from = 0;

		if (n == 0 && file->stream)
			break;
		if (n <= 0) {
			(void)snprintf(file->why, sizeof(file->why), "%s",
				       n < 0 ? strerror(errno) : "it has become shorter");
			break;
		}
		at += (uint64_t)n;
		rest -= (uint64_t)n;
		kept += (size_t)n;
		if (skip) {
			const char *end = memchr(buf, '\n', kept);

			from = end ? (size_t)(end + 1 - buf) : kept;
			skip = !end;
		}
		done = from + take_lines(lines, buf + from, kept - from);
		kept -= done;
		memmove(buf, buf + done, kept);
		/* A line without end is none; what follows its newline may be one again. */
		if (kept > HISTORY_LINE_MAX) {
			lines->history->n_faulty++;
			kept = 0;
			skip = true;
		}
	}
	if (kept > 0 && !skip) {
		take_line(lines, buf, kept);
		lines->history->half = lines->history->half || newest;
	}
	file->n_read -= rest;
	/* What of a stream is left nobody knows. */
	if (file->stream)
		file->size = file->n_read + (rest == 0);
}

static void share_out(struct history *history, uint64_t most)
{
	for (size_t i = 0; i < history->n_files; i++) {
		struct history_file *file = &history->files[i];

		if (file->stream)
			file->size = most;
		file->n_read = file->fd < 0 ? 0 : file->size < most ? file->size : most;
		most -= file->n_read;
	}
}

static void close_files(struct history *history)
{
	for (size_t i = 0; i < history->n_files; i++)
		history->files[i].fd = close_fd(history->files[i].fd);
}

int history_read(const struct history_question *question, struct history *ret, struct err *err)
{
	struct lines lines = { .question = question, .history = ret };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = strcmp(question->directory, "-") == 0 ? open_stream(ret, err) : open_files(question, ret, err);
	if (r < 0)
		return r;
	begin_lines(&lines);
	share_out(ret, question->most);
	/* The oldest first: what ends an intent comes after it. */
	for (size_t i = ret->n_files; i-- > 0;)
		if (ret->files[i].n_read > 0)
			read_one(&lines, &ret->files[i], i == 0);
	close_files(ret);
	return 0;
}

void history_done(struct history *history)
{
	close_files(history);
	while (history->n_runs > 0)
		drop_run(history, history->n_runs - 1);
	while (history->n_events > 0)
		yyjson_doc_free(history->events[--history->n_events].record);
	arena_done(&history->arena);
}

void history_keep(struct history *history, unsigned match)
{
	size_t kept = 0;

	for (size_t i = history->n_runs; i-- > 0;)
		if (history->runs[i].match < match)
			drop_run(history, i);
	for (size_t i = 0; i < history->n_events; i++)
		if (history->events[i].match < match)
			yyjson_doc_free(history->events[i].record);
		else
			history->events[kept++] = history->events[i];
	history->n_events = kept;
}

void history_nearest(const struct history_question *question, struct history *history, struct nearest *nearest)
{
	struct history seen = { 0 };
	struct lines lines = { .question = question, .history = &seen, .nearest = nearest };

	if (open_files(question, &seen, NULL) < 0)
		return;
	share_out(&seen, NEAREST_END);
	for (size_t i = 0; i < seen.n_files; i++)
		if (seen.files[i].n_read > 0)
			read_one(&lines, &seen.files[i], false);
	history->arena = seen.arena;
	seen.arena = (struct arena) { 0 };
	history_done(&seen);
}

bool history_is_whole(const struct history *history)
{
	for (size_t i = 0; i < history->n_files; i++)
		if (history->files[i].n_read < history->files[i].size)
			return false;
	return history->n_more_files == 0;
}
