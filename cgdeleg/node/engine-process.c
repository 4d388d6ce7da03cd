/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, process - which engines run here, and with which words. See engine.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/node/engine-parts.h"

#define WORDS_MAX  64
#define STATUS_MAX 8192 /* bytes of /proc/PID/status and cmdline; longer ones are none of an engine's */

static const struct {
	const char *comm;
	enum engine kind;
} programs[] = {
	{ "containerd", ENGINE_CONTAINERD },
	{ "crio", ENGINE_CRIO },
	{ "dockerd", ENGINE_DOCKER },
};

/*
 * Everybody may call a program "containerd", and give it any words. An engine is root's, or of the user who asks; not one
 * that somebody else has started as root by a set-user-ID bit; and not one that has a second pid: that is in a container,
 * as a node of kind is, and its paths are others.
 */
static bool is_of_this_node(int proc_fd, const char *pid)
{
	char path[64], text[STATUS_MAX];
	const char *line;
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/exe", pid);
	if (fstatat(proc_fd, path, &st, 0) == 0 && (st.st_mode & (S_ISUID | S_ISGID)))
		return false;
	(void)snprintf(path, sizeof(path), "%s/status", pid);
	if (file_read_at(proc_fd, path, text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "\nUid:");
	line = line ? line + strlen("\nUid:") : "";
	for (char *end; *line && *line != '\n'; line = end) {
		const unsigned long uid = strtoul(line, &end, 10);

		if (end == line || (uid != 0 && uid != geteuid()))
			return false;
	}
	line = strstr(text, "\nNSpid:");
	if (!line)
		return true;
	line += strlen("\nNSpid:");
	line += strspn(line, " \t");
	line += strspn(line, "0123456789");
	line += strspn(line, " \t");
	return !isdigit((unsigned char)*line);
}

static const char *const *read_words(struct engine_look *look, int proc_fd, const char *pid)
{
	const char **words = engine_alloc(look, (WORDS_MAX + 1) * sizeof(*words));
	char path[64], text[STATUS_MAX];
	ssize_t len;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%s/cmdline", pid);
	len = file_read_at(proc_fd, path, text, sizeof(text));
	for (const char *at = text; words && len > 0 && at < text + len && n < WORDS_MAX; at += strlen(at) + 1)
		words[n++] = engine_copy(look, at);
	return words;
}

static const char *read_program(struct engine_look *look, int proc_fd, const char *pid)
{
	char path[64], target[PATH_MAX], own[64], others[64], *gone;

	/* In a mount namespace of its own the path is another's: of a container that has the host's pids, its image's. */
	(void)snprintf(path, sizeof(path), "%s/ns/mnt", pid);
	if (file_readlink_at(proc_fd, "1/ns/mnt", own, sizeof(own)) > 0 &&
	    file_readlink_at(proc_fd, path, others, sizeof(others)) > 0 && strcmp(own, others) != 0)
		return NULL;
	(void)snprintf(path, sizeof(path), "%s/exe", pid);
	if (file_readlink_at(proc_fd, path, target, sizeof(target)) <= 0)
		return NULL;
	/* Replaced by an upgrade since it was started. */
	gone = strstr(target, " (deleted)");
	if (gone)
		*gone = '\0';
	return engine_copy(look, target);
}

/* When the machine was booted, in seconds since the epoch, or 0. */
static uint64_t read_boot(int proc_fd)
{
	_cleanup_close_ int fd = openat(proc_fd, "stat", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	const char *at;

	if (fd < 0 || file_slurp(fd, ENGINE_FILE_MAX, &text, NULL) < 0)
		return 0;
	at = strstr(text, "\nbtime ");
	return at ? strtoull(at + strlen("\nbtime "), NULL, 10) : 0;
}

/* The 22nd field of stat, in ticks since the boot; the name before it may have any byte but ends with the last ')'. */
static int64_t read_started(int proc_fd, const char *pid)
{
	const uint64_t boot = read_boot(proc_fd);
	char path[64], text[STATUS_MAX];
	const char *at;

	(void)snprintf(path, sizeof(path), "%s/stat", pid);
	if (boot == 0 || file_read_at(proc_fd, path, text, sizeof(text)) < 0)
		return 0;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? (int64_t)(boot + strtoull(at, NULL, 10) / (unsigned long long)sysconf(_SC_CLK_TCK)) : 0;
}

static void add_process(struct engine_look *look, int proc_fd, const char *pid, struct engine_process ***last)
{
	char path[NAME_MAX + 16], comm[64];
	struct engine_process *process;
	uint64_t number;
	int kind = -1;

	if (text_to_u64(pid, &number) < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/comm", pid);
	if (file_read_at(proc_fd, path, comm, sizeof(comm)) < 0)
		return;
	comm[strcspn(comm, "\n")] = '\0';
	for (size_t i = 0; i < ELEMENTS(programs); i++)
		if (strcmp(programs[i].comm, comm) == 0)
			kind = (int)programs[i].kind;
	if (kind < 0 || !is_of_this_node(proc_fd, pid))
		return;
	process = engine_alloc(look, sizeof(*process));
	if (!process)
		return;
	*process = (struct engine_process) { .kind = (enum engine)kind,
					     .pid = (pid_t)number,
					     .started = read_started(proc_fd, pid),
					     .program = read_program(look, proc_fd, pid),
					     .words = read_words(look, proc_fd, pid) };
	/* A thread of it that has not become another program yet, or one that is ending. */
	if (!process->words || !process->words[0])
		return;
	**last = process;
	*last = &process->next;
}

struct engine_process *engine_processes(struct engine_look *look, bool *ret_hidden)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct engine_process *first = NULL, **last = &first;
	char comm[64];
	int fd = openat(look->root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret_hidden = true;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		(void)close_fd(fd);
		return NULL;
	}
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (isdigit((unsigned char)entry->d_name[0]))
			add_process(look, dirfd(dir), entry->d_name, &last);
	/* With hidepid only root sees the first process. */
	*ret_hidden = file_read_at(dirfd(dir), "1/comm", comm, sizeof(comm)) < 0;
	return first;
}
