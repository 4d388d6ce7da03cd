/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns - what can be told of a delegated cgroup: one table for text, JSON, OpenMetrics and the help.
 *
 * A cell is read from the kernel only when its column is asked for. Every text in a cell is printable
 * ASCII: names come from containers' creators.
 *
 * Parts: list-columns.c, list-cells.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/inspect.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_COUNT,	 /* .number */
	COLUMN_BYTES,	 /* .number */
	COLUMN_SECONDS,	 /* .real */
	COLUMN_TIME,	 /* .number: seconds since the epoch */
	COLUMN_PERCENT,	 /* .real, 0 to 100 */
	COLUMN_BOOL,	 /* .number */
	COLUMN_CEILINGS, /* .ceilings */
};

/* One ceiling: what was granted, what the file says, what is used of it. */
struct cell_ceiling {
	char file[LIMIT_FILE_SIZE + 8];	   /* "scope:..." for the scope's */
	char *ceiling, *now;		   /* texts; now is "" where the file is not there */
	double ceiling_number, now_number; /* single-valued files; cores for cpu.max; else NAN */
	double used;			   /* NAN where the kernel does not say */
	bool bytes, above;
};

struct cell {
	bool known; /* false: the kernel does not offer it here */
	bool limited;
	char *text;
	uint64_t number, limit; /* limit: COLUMN_COUNT and COLUMN_BYTES; LIMIT_MAX: none */
	double real, cores;	/* cores: cpu's limit, INFINITY: none */
	size_t n_ceilings;
	struct cell_ceiling *ceilings;
};

#define SAMPLE_FILES_MAX 24
#define SAMPLE_TEXT_SIZE 1024

/* What serves for many cgroups, one after the other: for one thread. */
struct look {
	const struct guards *pinned; /* GUARDS_NONE's value where none are; shared */
	const char *controllers;     /* of the whole hierarchy, as words; NULL: not known; shared */
	struct attached_names names;
	int64_t now; /* seconds since the epoch */
};

enum sample_state { SAMPLE_UNASKED, SAMPLE_UNKNOWN, SAMPLE_KNOWN };

/* One cgroup being looked at. Several columns may want one file: it is read once. */
struct sample {
	const struct grant *grant;
	struct look *look;
	int fd; /* its directory */
	struct sample_guards {
		enum sample_state attached, device, grant;
		enum guard_state states[GUARD_KINDS];
		struct device_rules rules;
		struct guard_grant counts;
	} guards; /* beyond the states not initialised */
	size_t n_files;
	struct sample_file {
		char name[LIMIT_FILE_SIZE];
		bool there;
		char text[SAMPLE_TEXT_SIZE];
	} files[SAMPLE_FILES_MAX]; /* beyond the count not initialised */
};

struct column {
	const char *name;  /* for -o, --sort and JSON */
	const char *title; /* in the table */
	enum column_kind kind;
	bool initial;			   /* in the table without -o */
	bool shrinks;			   /* may be cut where the terminal is narrow */
	bool guards;			   /* needs look->pinned */
	bool counter;			   /* only ever grows: an OpenMetrics counter */
	const char *metric, *limit_metric; /* OpenMetrics families, without "cgdeleg_"; or NULL */
	const char *help;
	void (*read)(const struct column *column, struct sample *sample, struct cell *ret);
	size_t offset;		       /* of a member of struct attribute */
	const char *file, *limit_file; /* of the cgroup */
};

extern const struct column columns[];
extern const size_t n_columns;

const struct column *column_find(const char *name);

/* Begins with a cgroup of which nothing has been read yet. All is the caller's and must outlive the sample. */
void sample_begin(struct sample *sample, const struct grant *grant, int fd, struct look *look);

/* Fills one cell; cell_done() frees it. What cannot be read is not known. */
void column_read(const struct column *column, struct sample *sample, struct cell *ret);
void cell_done(struct cell *cell);

/* For readers: a printable copy of a foreign text; "" is not known. */
void cell_set_text(struct cell *cell, const char *text);

/* For sorting: below, equal or above 0. What is not known comes first. */
int cell_compare(const struct column *column, const struct cell *a, const struct cell *b);

/* A cell for people, in few characters. Returns buf. */
const char *cell_format(const struct column *column, const struct cell *cell, char *buf, size_t size);
