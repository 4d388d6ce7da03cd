/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine - the container engines of this node, as they are configured: which handlers they have, and where the hook stands.
 *
 * In: the root directory of a machine.  Out: struct engines, values alone.
 * Reads, and judges nothing: `cgdeleg check` and `cgdeleg doctor` do. Any user may ask: what he may not read is a fault
 * of its engine (`faults`), never something that is missing. Nothing is changed, and no engine is asked for anything; the
 * programs are executed once, with --version.
 *
 * An engine is one that runs, with the configuration that its command line names, or else one whose program is installed,
 * with the configuration that it would read. Two containerds, as beside k3s, are two engines.
 *
 * Threat. Every user of the machine may start a program of an engine's name, with any words and from any path, and root
 * asks. So an engine that runs is root's or that of the user who asks; and a program is executed by the descriptor on which
 * its owner was checked, never by a path that may lead elsewhere by then.
 *
 * Parts: engine.c, engine-conf.c, engine-process.c, engine-containerd.c, engine-crio.c, engine-podman.c, engine-docker.c,
 * engine-hooks.c, engine-wrapper.c, engine-version.c, engine-parts.h.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "policy/annotation.h"
#include "policy/decision.h"

/* A list of strings, in order. */
struct engine_word {
	const char *text;
	struct engine_word *next;
};

/* What kept a part of a configuration from being read: a file that may not be opened, or that the engine would refuse. */
struct engine_fault {
	struct origin place;
	int code; /* positive errno: EACCES and EPERM say nothing about the engine itself */
	const char *text;
	struct engine_fault *next;
};

enum engine_way {
	ENGINE_BASE_SPEC,  /* containerd: hooks of a runtime's base spec */
	ENGINE_DESCRIPTOR, /* a file in hooks.d: for all runtimes of its engine */
	ENGINE_WRAPPER,	   /* cgdeleg-runtime in the runtime's place */
};

/* A program that an engine would execute. */
enum engine_program {
	ENGINE_PROGRAM_FINE,
	ENGINE_PROGRAM_UNSEEN, /* this user may not look */
	ENGINE_PROGRAM_MISSING,
	ENGINE_PROGRAM_NOT_EXECUTABLE, /* or no regular file */
	ENGINE_PROGRAM_NOT_ALONE,      /* somebody else than root owns it, or may write it */
};

/* cgdeleg's hook, as an engine would run it. */
struct engine_hook {
	enum engine_way way;
	struct origin place; /* of the file that has it */
	const char *program; /* the hook's or the wrapper's path */
	enum engine_program program_state, runtime_state;
	const char *const *words; /* its argv, which ends with NULL; the first is its name */
	const char *handler;	  /* what the words have after --handler; NULL: nothing */
	const char *runtime;	  /* ENGINE_WRAPPER: the real one, after --runtime; NULL: none */
	const char *stage;	  /* "createRuntime", or where else it stands; NULL of a wrapper */
	int64_t timeout;	  /* seconds; 0: none is set */
	bool always;		  /* for every container; otherwise `keys` */
	bool narrowed;		  /* the descriptor's `when` has more conditions than annotations */
	struct engine_word *keys; /* ENGINE_DESCRIPTOR: regular expressions of the annotations that it waits for, all of them */
	struct engine_hook *next;
};

/* What an engine calls a runtime, and Kubernetes a handler. */
struct engine_runtime {
	const char *name;
	struct origin place;		 /* its table or member; file NULL: built in */
	const char *type;		 /* "io.containerd.runc.v2"; NULL: not said */
	const char *path;		 /* of its program, as written; NULL: by its name */
	const char *base_spec;		 /* containerd; NULL: none */
	bool is_default;		 /* where nobody asks for another */
	bool systemd_cgroup;		 /* containerd: SystemdCgroup of its options */
	bool makes_writable;		 /* containerd: cgroup_writable; CRI-O: its annotation is allowed here */
	struct engine_word *annotations; /* containerd: pod_annotations, patterns of path.Match(); CRI-O: allowed_annotations */
	struct engine_hook *hooks; /* of this runtime alone */
	bool unread;		   /* whether it has a hook could not be read: see the engine's faults */
	struct engine_runtime *next;
};

/* A file of the configuration, in reading order. */
struct engine_file {
	const char *path; /* without the root */
	int64_t version;  /* containerd: what it says; 0: nothing */
	int64_t changed;  /* seconds since the epoch */
	struct engine_file *next;
};

enum engine_listens { ENGINE_SILENT, ENGINE_LISTENS, ENGINE_LISTENS_UNKNOWN };

struct engine_conf {
	enum engine kind;
	pid_t pid;	     /* 0: it does not run, as podman never does */
	int64_t started;     /* seconds since the epoch; 0: unknown */
	const char *program; /* its path; NULL: not found, as in another's bundle */
	const char *version; /* "2.1.9"; NULL: it did not say */
	unsigned major, minor;
	const char *socket; /* NULL: podman */
	enum engine_listens listens;
	const char *config;	   /* the main file; it may be missing: then no file is it */
	struct engine_file *files; /* that were read */
	struct engine_fault *faults;
	struct engine_runtime *runtimes;
	struct engine_word *hooks_dirs; /* podman, CRI-O: of which later ones win */
	struct engine_hook *hooks;	/* what they hold of cgdeleg's */
	struct engine_runtime *misplaced; /* containerd: in the table of another version of its configuration, which it ignores */
	struct engine_word *unimported; /* containerd: files in conf.d beside `config` that no imports names */
	bool without_cri;		/* containerd: its CRI plugin is disabled, so that it has no handlers */
	const char *userns;		/* Docker's userns-remap; NULL: off */
	const char *cgroup_manager;	/* podman, CRI-O: "systemd" or "cgroupfs"; NULL: its own default */
	struct engine_conf *next;
};

struct engines {
	struct engine_conf *first; /* running ones, by pid, then others */
	bool processes_unread;	   /* /proc hides other users' processes (hidepid): what runs is not known */
	struct arena arena;
};

#define ENGINES_ALL UINT_MAX

/* `root`: "/" or the directory of a machine. `kinds`: those to read, a bit 1 << enum engine each. Returns 0 and what could be
 * read, or a negative errno where there is no such root or no memory; engines_done() in both cases. */
int engines_read(const char *root, unsigned kinds, struct engines *ret, struct err *err);
void engines_done(struct engines *engines);

/* The engine's runtime of that name, or NULL. */
const struct engine_runtime *engine_runtime_find(const struct engine_conf *engine, const char *name);

/* Each hook that runs for containers of `runtime`: its own, then those of all runtimes. NULL at the end. */
const struct engine_hook *engine_hook_next(const struct engine_conf *engine, const struct engine_runtime *runtime,
					   const struct engine_hook *last);

/* Would the annotation `key` of a pod reach the hook? True where the engine passes on all that it does not know. */
bool engine_passes(const struct engine_conf *engine, const struct engine_runtime *runtime, const char *key);

/* The first version that a program prints, from any text: "1.7.24" of "containerd .../v2 1.7.24~ds1". NULL: none. */
const char *engine_version_in(const char *text, size_t *ret_len);

/* As a shell would find it, below `root`: its path, copied into `arena`, or NULL. */
const char *engine_find_program(const char *root, const char *name, struct arena *arena);

/* Is the version at least that one? NULL, and a text that is none, is not. */
bool engine_version_is_since(const char *version, unsigned major, unsigned minor, unsigned patch);

/* What `path --version` prints, below `root`, copied into `arena`; NULL: it is not there, not root's alone, or says
 * nothing within ten seconds. */
const char *engine_ask_version(const char *root, const char *path, struct arena *arena);

/* Go's path.Match(): '*' and '?' do not match '/'. */
bool engine_path_match(const char *pattern, const char *name);
