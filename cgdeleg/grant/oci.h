/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI - what the runtime says: the state on stdin and the bundle's config.json.
 *
 * In: a descriptor, a bundle. Out: struct oci. Source: OCI runtime-spec, "State" and "Configuration". Whoever writes
 * the bundle decides what the container may do. So the bundle and its config.json must belong to root and be writable
 * by nobody else; this is checked on the open descriptors.
 *
 * Parts: oci.c, oci-config.c, oci-mounts.c.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "policy/facts.h"

#define OCI_STATE_MAX	    (1024 * 1024)      /* bytes */
#define OCI_CONFIG_MAX	    (16 * 1024 * 1024) /* bytes */
#define OCI_DEPTH_MAX	    64		       /* nested objects and arrays */
#define OCI_ID_MAX	    1024	       /* bytes of a container id */
#define OCI_ANNOTATIONS_MAX 4096

/* Of a member whose name is not written as in the specification. Arguments: where, the name, and twice the right one. */
#define OCI_FOLDED "%s: '%s' is read as '%s' by runc, and is not read at all by crun; write '%s'"

struct oci {
	/* The state. Strings belong to state_doc. */
	const char *id;
	const char *status;		/* "creating" (runc) or "created" (crun) in createRuntime */
	bool restoring;			/* from a checkpoint: "stopped" (runc; crun runs no hooks then) */
	const char *bundle;		/* absolute path */
	pid_t pid;			/* > 1, in the hook's pid namespace; 0 where there is no state */
	struct annotation *annotations; /* owned */
	size_t n_annotations;
	yyjson_doc *state_doc;

	/* config.json. Strings belong to config_doc. */
	yyjson_doc *config_doc;
	int bundle_fd;	      /* O_PATH */
	const char *rootfs;   /* root.path: absolute, or relative to the bundle */
	bool mount_readonly;  /* the mount at /sys/fs/cgroup has "ro" or "rro" */
	bool mount_recursive; /* ... "rro": recursively, and on some runtimes late */
	/* Will /sys/fs/cgroup be mounted read-write, with what may be a cgroup? TRI_UNKNOWN: what is bound above decides. */
	enum tristate mounted_writable;
	bool has_mount;					      /* there is a cgroup mount at /sys/fs/cgroup */
	char place_fault[320];				      /* see struct facts; "": none */
	yyjson_val *mounts;				      /* not yet read; or NULL */
	const char *covered_by;				      /* see struct facts */
	uint64_t capabilities, ambient;			      /* see struct facts */
	uint32_t process_uid, process_gid;		      /* inside the container; 0 if config.json does not say */
	enum tristate seccomp_bpf;			      /* see struct facts */
	yyjson_val *devices;				      /* linux.resources.devices, not yet read; or NULL */
	yyjson_val *namespaces, *uid_mappings, *gid_mappings; /* linux.*, not yet read; or NULL */
};

#define OCI_EMPTY                    \
	{                            \
		.bundle_fd = -EBADF, \
	}

/* Reads and checks the state from fd to its end, by the time `deadline_ms` (CLOCK_MONOTONIC, 0: none). */
int oci_read_state(int fd, int64_t deadline_ms, struct oci *ret, struct err *err);

/* As oci_read_state(), from memory. */
int oci_parse_state(const char *text, size_t len, struct oci *ret, struct err *err);

/* Opens the bundle `path` and its config.json, owned by uid 0 or by `owner`, and reads it into an oci that may hold a
 * state already; then the state and config.json must agree. */
int oci_read_config(const char *path, uid_t owner, struct oci *oci, struct err *err);

/* Opens the bundle `path` (O_PATH) and its config.json (for reading), and checks that both belong to uid 0 or `owner`
 * and are writable by nobody else. The descriptors may be open even after a failure; the caller closes them in either
 * case. */
int oci_open_bundle(const char *path, uid_t owner, int *ret_bundle_fd, int *ret_config_fd, struct err *err);

/* As oci_read_config(), from memory, without a bundle. */
int oci_parse_config(const char *text, size_t len, struct oci *oci, struct err *err);

/* The entry of linux.namespaces of that type, or NULL. */
yyjson_val *oci_namespace(const struct oci *oci, const char *type);

/* Without a state (`cgdeleg check --bundle`): uses the annotations of config.json as those of the state. */
int oci_adopt_annotations(struct oci *oci, struct err *err);

/* As json_dispatch(); a member whose name is only written otherwise is an error: OCI_FOLDED. */
int oci_dispatch(yyjson_val *obj, const struct json_field *fields, size_t n_fields, void *base, const char *what,
		 struct err *err);

/* Fills oci's members on the mounts; `mounts` may be NULL. */
int oci_read_mounts(yyjson_val *mounts, struct oci *oci, struct err *err);

/* The first of `paths` (an array or NULL) that is /sys/fs/cgroup or above it, or may be; NULL: none. */
const char *oci_find_cover(yyjson_val *paths);

/* Is `option` one of the strings in `options`, an array or NULL? */
bool oci_has_option(yyjson_val *options, const char *option);

/* Is `destination` the place of the container's own cgroup mount, /sys/fs/cgroup, however it is written? */
bool oci_is_cgroup_mount(const char *destination);

/* Does config.json have an entry for a mount at exactly `point`, and its last one the option "ro" or "rro"? */
bool oci_makes_readonly(const struct oci *oci, const char *point);

void oci_done(struct oci *oci);
