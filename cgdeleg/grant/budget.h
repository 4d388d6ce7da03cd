/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budget - how much is delegated, counted without a walk of the whole tree.
 *
 * The kernel's own state is the truth: the attribute on each cgroup. Beside it stands the table of grants in
 * /run, one entry for each grant, written before the attribute. Whoever counts holds a lock on the table, from
 * the sum until its own entry is written, and then one on that entry; both are OFD locks, which die with
 * their holder however it dies. An entry is only a hint: when the sum would refuse a container, every entry
 * is compared with the kernel first, and those of cgroups that are gone, or were not granted and whose hook
 * is gone, are dropped. So the sum can only be too high, never too low, and a refusal rests on what the
 * kernel says. A table that is missing is made anew from a walk of the tree.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/kernel/host.h"
#include "cgdeleg/kernel/id-ranges.h"
#include "policy/facts.h"

#define BUDGET_DIRECTORY   "/run/cgdeleg"
#define BUDGET_FILE	   "grants"
#define BUDGET_ENTRIES_MAX 65536 /* more grants than the kernel has memory cgroup ids */

struct budget {
	int dirfd; /* of the table; -EBADF: only looked */
	int fd;	   /* the table; -EBADF when it is not open */
	const struct host *host;
	size_t n;		      /* entries, free ones included */
	struct budget_entry *entries; /* facts.h has the form of one; owned until budget_done() */
};

#define BUDGET_CLOSED                          \
	{                                      \
		.fd = -EBADF, .dirfd = -EBADF, \
	}

/* The table's directory, made where it is missing: root's, and writable by nobody else. */
int budget_directory_open(const struct host *host, const char *path, struct err *err);

/* Opens the table in the directory, makes both where they are missing, and locks it, by `deadline_ms`
 * (CLOCK_MONOTONIC; 0: none): -ETIMEDOUT. `directory` NULL, for those who only look: the entries come from a walk
 * of the tree, fd stays -EBADF, and nothing can be reserved. `host` must outlive it. */
int budget_open(const char *directory, const struct host *host, int64_t deadline_ms, struct budget *ret, struct err *err);
void budget_done(struct budget *budget);

/* Compares every entry with the kernel and drops the stale ones; returns how many, or -errno. */
int budget_verify(struct budget *budget, struct err *err);

/* Another grant, whose user namespace has host ids of this one's. */
struct sharer {
	/* TRI_UNKNOWN: of this grant, or of this container, it cannot be told. */
	enum tristate shares;
	struct id_range common; /* the first ids that both have */
	bool of_gids;		/* they are gids; no uid is common */
	char id[100];		/* of the other container, perhaps cut; "": not known */
};

/*
 * Looks for a grant, but that of the cgroup `but`, that has ids in common. Reads the attributes of those only whose
 * entries say that they may, and drops what is stale of them, until one is found. Entries without ids, of an older
 * cgdeleg, are only asked too with `every`; without it they are TRI_UNKNOWN and may be stale.
 */
int budget_find_sharer(struct budget *budget, uint64_t but, const struct id_ranges *uids, const struct id_ranges *gids,
		       bool every, struct sharer *ret, struct err *err);

/* Whose grant it is. None of the names may be NULL. The rest of each member is zero, since entries are compared as bytes. */
void budget_entry_name(struct budget_entry *entry, const char *handler, const char *rule, const char *namespace);

/* Fills what the attribute says; `entry` has the id, and is zero otherwise. If the attribute cannot be read, only the number
 * of descendants is known, from the kernel; it may belong to any handler, and may have no other ceiling. `fd` is the cgroup. */
void budget_describe(const struct attribute *attribute, int fd, struct budget_entry *entry);

/* What budget_reserve() replaced. */
struct budget_slot {
	size_t index;
	struct budget_entry before;
};

/* Writes the entry of a grant and unlocks the table. Until the process ends the entry counts, with
 * or without an attribute on the cgroup. `changed` says whether it was not there yet. */
int budget_reserve(struct budget *budget, const struct budget_entry *entry, struct budget_slot *ret, bool *changed,
		   struct err *err);

/* Puts back what was there. */
int budget_release(struct budget *budget, const struct budget_slot *slot, struct err *err);
