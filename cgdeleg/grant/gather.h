/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - looks at the machine: facts (values, for the policy) and target (handles, for the steps).
 *
 * In: struct host, struct oci. Out: struct target, struct facts. Changes nothing. If it cannot be established beyond
 * doubt which cgroup is the container's, and that it is the container's alone, that is an error and never a fact: no
 * policy can override it.
 *
 * Parts: gather.c, gather-config.c, gather-mounts.c, gather-writable.c.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/guard.h"
#include "cgdeleg/kernel/cgroup.h"
#include "cgdeleg/kernel/host.h"
#include "cgdeleg/kernel/id-ranges.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/kernel/mount.h"
#include "cgdeleg/grant/oci.h"
#include "policy/facts.h"
#include "policy/ruleset.h"

#define MOUNTINFO_MAX (16 * 1024 * 1024) /* bytes of a mountinfo that are read */

struct target {
	pid_t pid;
	int pidfd;     /* of the container's init */
	int proc_fd;   /* /proc/<pid>, bound to that process and to no later one of the same number */
	int cgroup_fd; /* the delegation root, readable directory */
	int scope_fd;  /* the systemd scope above that is this container's alone, or -EBADF */
	int device_fd; /* the nearest cgroup, from the root upwards, with a device program, or -EBADF */
	/* It is one of the others or host->cgroup_fd. */
	int above_fd;		     /* device_fd, where it is neither of these two nor the host's root, or -EBADF */
	uint32_t device_program;     /* the kernel's id of its first */
	uint64_t dev, ino;	     /* of the delegation root */
	struct id_ranges uids, gids; /* host ids of its user namespace; n 0: not known */
	struct cgroup_mount mount;
	char features[256];	       /* of the kernel's cgroup2, where they were looked for */
	struct attribute attribute;    /* the attribute on the delegation root, if it is there */
	char unit[256];		       /* facts->unit */
	char cgroupns[64];	       /* the container's cgroup namespace: "cgroup:[NUMBER]" */
	char now[PATH_MAX];	       /* the cgroup that pid is in: the delegation root or one below it */
	struct cgroup_listing listing; /* of the delegation root */
	struct cgroup_delegated delegated;
	char host_ids[128], unseen[192]; /* as in facts */
	char instance[96];		 /* of this very container: see struct attribute */
	char controllers[256], device_cgroup[PATH_MAX], inherited[64];
	char other_cgroup[256];		   /* facts->other_cgroup */
	struct guards guards;		   /* this build's, pinned; see guards_open_or_load() */
	struct device_rules rules;	   /* config.json's device list, for the device guard */
	struct err guards_err, device_err; /* why there is none; text "" if there is nothing to report */
};

/*
 * Fills target and facts for the container of `oci`, whose config.json has been read. facts->handler is
 * the caller's. Every refusal to go on names what was found and what was expected.
 */
int gather(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts, struct err *err);

/*
 * The little that writable_mount needs of a container that asks for nothing: facts->writable_by, cgroupns_private, and
 * the user namespace. gather() goes on from there. It knows every container, also one without a cgroup mount or in the
 * host's cgroup namespace; whatever cannot be read is an error.
 */
int gather_writable(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		    struct err *err);

/* Fills facts->controllers, which gather() leaves out: only a plan with a leaf needs it. */
int gather_controllers(struct target *target, struct facts *facts, struct err *err);

/* Fills facts->host.known, if an option is missing on which the decision rests: a grant that misses none costs nothing
 * more. */
void gather_features(const struct host *host, const struct ruleset *rules, struct target *target, struct facts *facts);

/* What config.json alone says. */
void gather_config(const struct oci *oci, struct facts *facts);

/* Puts what target->mount says into facts. */
void gather_mount(struct target *target, struct facts *facts);

/* One line of a uid_map or gid_map, or one entry of config.json's mappings. */
struct id_extent {
	uint64_t inside, outside, count;
};

/* What a map says of two ids. */
struct id_map {
	const char *name;	  /* "uid_map", "gid_map" */
	const uint32_t wanted[2]; /* inside the container */
	uint32_t found[2];	  /* on the host; FACT_ID_UNKNOWN: not mapped */
	struct id_ranges *all;	  /* all of the host's that it has; zeroed before the first extent */
};

#define ID_MAP(what, id, ranges)                                                                                      \
	{                                                                                                             \
		.name = (what), .wanted = { 0, (id) }, .found = { FACT_ID_UNKNOWN, FACT_ID_UNKNOWN }, .all = (ranges) \
	}

/* Looks both ids up in one extent and adds it to the ranges; notes in target and facts if it covers host id 0. */
void gather_extent(const struct id_extent *extent, struct id_map *map, struct target *target, struct facts *facts);

/* Puts what both maps say into facts; a user namespace that covers host id 0 is none. */
void gather_ids(const struct id_map *uids, const struct id_map *gids, struct facts *facts);

/* Is the container's init still the same process? Asked before the first file is given away. */
int target_check_alive(const struct target *target, struct err *err);

/* Makes a target of memory that is zeroed. */
void target_init(struct target *target);
void target_done(struct target *target);
