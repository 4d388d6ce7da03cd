/* SPDX-License-Identifier: Apache-2.0 */
/* Engine - the engines of this node, one after the other. See engine.h. */
#include "cgdeleg/node/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/node/engine-parts.h"

struct reader {
	const char *program; /* its name */
	void (*read)(struct engine_look *look, const char *const *words);
	const char *socket;	    /* the built-in one; NULL: none */
	const char *const *options; /* that name another socket */
};

static const char *const address_options[] = { "--address", "-a", NULL };
static const char *const listen_options[] = { "--listen", NULL };
static const char *const daemon_options[] = { "--host", "-H", NULL };

static const struct reader readers[ENGINE_MAX] = {
	[ENGINE_CONTAINERD] = { "containerd", engine_read_containerd, "/run/containerd/containerd.sock", address_options },
	[ENGINE_CRIO] = { "crio", engine_read_crio, "/run/crio/crio.sock", listen_options },
	[ENGINE_PODMAN] = { "podman", engine_read_podman, NULL, NULL },
	[ENGINE_DOCKER] = { "dockerd", engine_read_docker, "/run/docker.sock", daemon_options },
};

static const char *const directories[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
};

static int open_path(const struct engine_look *look, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return (int)syscall(SYS_openat2, look->root_fd, path, &how, sizeof(how));
}

static const char *find_program(struct engine_look *look, const char *name)
{
	for (size_t i = 0; i < ELEMENTS(directories); i++) {
		char path[128];
		_cleanup_close_ int fd = -EBADF;
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", directories[i], name);
		fd = open_path(look, path);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
			return engine_copy(look, path);
	}
	return NULL;
}

const char *engine_find_program(const char *root, const char *name, struct arena *arena)
{
	_cleanup_close_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct engine_look look = { .root_fd = root_fd, .root = root, .arena = arena };

	return root_fd < 0 ? NULL : find_program(&look, name);
}

/* A connection that is accepted, and then closed: nobody else's word on whether somebody is behind the socket. */
static enum engine_listens ask_socket(const struct engine_look *look, const char *path)
{
	_cleanup_close_ int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_cleanup_close_ int fd = open_path(look, path);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ENGINE_SILENT : ENGINE_LISTENS_UNKNOWN;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", fd);
	if (socket_fd >= 0 && connect(socket_fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return ENGINE_LISTENS;
	return errno == ECONNREFUSED || errno == ENOTSOCK ? ENGINE_SILENT : ENGINE_LISTENS_UNKNOWN;
}

/* A socket of another kind, as fd:// or tcp://, leaves the built-in one. */
static const char *socket_of(struct engine_look *look, const struct reader *reader, const char *const *words)
{
	for (const char *const *option = reader->options; option && *option; option++) {
		const char *value = engine_option(words, *option, true);

		if (value && strncmp(value, "unix://", 7) == 0)
			value += 7;
		if (value && value[0] == '/')
			return engine_copy(look, value);
	}
	return reader->socket;
}

static void take_version(struct engine_look *look)
{
	struct engine_conf *engine = look->engine;
	char *end;

	engine->version = engine->program ? engine_ask_version(look->root, engine->program, look->arena) : NULL;
	if (!engine->version)
		return;
	engine->major = (unsigned)strtoul(engine->version, &end, 10);
	engine->minor = *end == '.' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
}

static void look_at_programs(const struct engine_look *look, struct engine_hook *hooks)
{
	for (struct engine_hook *hook = hooks; hook; hook = hook->next) {
		hook->program_state = engine_program_state(look, hook->program);
		if (hook->runtime)
			hook->runtime_state = engine_program_state(look, hook->runtime);
	}
}

/* Appends an engine, whether it runs or not. */
static void read_engine(struct engine_look *look, struct engine_conf **list, enum engine kind,
			const struct engine_process *process)
{
	static const char *const no_words[] = { NULL };
	const char *const *words = process ? process->words : no_words;
	struct engine_conf *engine = engine_alloc(look, sizeof(*engine));

	if (!engine)
		return;
	engine->kind = kind;
	engine->program = process ? process->program : NULL;
	if (process) {
		engine->pid = process->pid;
		engine->started = process->started;
	}
	if (!engine->program)
		engine->program = find_program(look, readers[kind].program);
	look->engine = engine;
	look->last_file = &engine->files;
	engine->socket = socket_of(look, &readers[kind], words);
	engine->listens = engine->socket ? ask_socket(look, engine->socket) : ENGINE_SILENT;
	take_version(look);
	readers[kind].read(look, words);
	look_at_programs(look, engine->hooks);
	for (struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		look_at_programs(look, runtime->hooks);
	while (*list)
		list = &(*list)->next;
	*list = engine;
}

static bool has_kind(const struct engines *engines, enum engine kind)
{
	for (const struct engine_conf *engine = engines->first; engine; engine = engine->next)
		if (engine->kind == kind)
			return true;
	return false;
}

int engines_read(const char *root, unsigned kinds, struct engines *ret, struct err *err)
{
	_cleanup_close_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct engine_look look = { .root_fd = root_fd, .root = root, .arena = &ret->arena };
	struct engine_process *processes;

	*ret = (struct engines) { 0 };
	if (root_fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", root);
	processes = engine_processes(&look, &ret->processes_unread);
	for (const struct engine_process *p = processes; p; p = p->next)
		if (kinds & (1U << p->kind))
			read_engine(&look, &ret->first, p->kind, p);
	for (int kind = 0; kind < ENGINE_MAX; kind++)
		if ((kinds & (1U << kind)) && !has_kind(ret, (enum engine)kind) &&
		    find_program(&look, readers[kind].program))
			read_engine(&look, &ret->first, (enum engine)kind, NULL);
	return look.no_memory ? err_set(err, ENOMEM, "out of memory") : 0;
}

void engines_done(struct engines *engines)
{
	arena_done(&engines->arena);
	engines->first = NULL;
}

const struct engine_runtime *engine_runtime_find(const struct engine_conf *engine, const char *name)
{
	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		if (strcmp(runtime->name, name) == 0)
			return runtime;
	return NULL;
}

const struct engine_hook *engine_hook_next(const struct engine_conf *engine, const struct engine_runtime *runtime,
					   const struct engine_hook *last)
{
	if (!last)
		return runtime->hooks ?: engine->hooks;
	if (last->next)
		return last->next;
	return last->way == ENGINE_DESCRIPTOR ? NULL : engine->hooks;
}

/* [a-z] and its like, '^' for those that are not in it; `pattern` is behind the '['. NULL: it does not match, or no ']' */
static const char *match_set(const char *pattern, char c)
{
	const bool inverted = *pattern == '^';
	bool found = false;

	pattern += inverted;
	for (bool first = true; *pattern && (first || *pattern != ']'); first = false) {
		char low, high;

		pattern += pattern[0] == '\\' && pattern[1];
		low = high = *pattern++;
		if (pattern[0] == '-' && pattern[1] && pattern[1] != ']') {
			pattern += pattern[1] == '\\' && pattern[2] ? 2 : 1;
			high = *pattern++;
		}
		found |= low <= c && c <= high;
	}
	return *pattern == ']' && found != inverted ? pattern + 1 : NULL;
}

bool engine_path_match(const char *pattern, const char *name)
{
	const char *star = NULL, *back = NULL;

	for (;;) {
		const char *next = NULL;

		if (*pattern == '*') {
			star = ++pattern;
			back = name;
			continue;
		}
		if (!*pattern && !*name)
			return true;
		if (*name && *pattern == '[')
			next = match_set(pattern + 1, *name);
		else if (*name && *pattern == '\\' && pattern[1] == *name)
			next = pattern + 2;
		else if (*name && (*pattern == '?' ? *name != '/' : *pattern == *name && *pattern != '\\'))
			next = pattern + 1;
		if (next) {
			pattern = next;
			name++;
		} else if (star && *back && *back != '/') {
			pattern = star;
			name = ++back;
		} else {
			return false;
		}
	}
}

bool engine_passes(const struct engine_conf *engine, const struct engine_runtime *runtime, const char *key)
{
	static const char *const gated[] = { "cgroup2-mount-hierarchy-rw.crio.io",
					     "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw" };

	if (engine->kind == ENGINE_CONTAINERD) {
		for (const struct engine_word *word = runtime->annotations; word; word = word->next)
			if (engine_path_match(word->text, key))
				return true;
		return false;
	}
	if (engine->kind == ENGINE_CRIO)
		for (size_t i = 0; i < ELEMENTS(gated); i++)
			if (strcmp(gated[i], key) == 0)
				return runtime->makes_writable;
	return true;
}
