/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List - every delegated cgroup of the node as a table: what can be known of one, the rows, and the forms of output.
 *
 * A cell is read from the kernel only when its column is asked for. Every text in a cell is printable ASCII: names come
 * from whoever creates containers.
 *
 * Parts: list.c the verb, list-columns.c the columns and their readers, list-guards.c the readers that ask the guards,
 * list-table.c the rows, list-tree.c those of one container, list-empty.c why there are none,
 * list-text.c list-json.c list-metrics.c the forms.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cgdeleg/cli/metric.h"
#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/find.h"
#include "cgdeleg/node/inspect.h"
#include "cgdeleg/node/sharers.h"

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
	bool above;
};

struct cell {
	bool known; /* false: nobody says it here */
	bool limited;
	char *text;		/* not known: what the table shows in its place, or NULL or "" */
	unsigned brief;		/* not 0: so many characters of the text are enough on a terminal */
	uint64_t number, limit; /* limit: COLUMN_COUNT and COLUMN_BYTES; LIMIT_MAX: none */
	double real, cores;	/* cores: cpu's limit, INFINITY: none */
	size_t n_ceilings;
	struct cell_ceiling *ceilings;
};

#define SAMPLE_FILES_MAX 24
#define SAMPLE_TEXT_SIZE 1024

/* What serves for many cgroups, one after the other: for one thread. */
struct reader {
	const struct guards *pinned; /* GUARDS_NONE's value where none are; shared */
	int sys_fd;		     /* the host's; shared */
	const char *controllers;     /* of the whole hierarchy, as words; NULL: not known; shared */
	struct attached_names names;
	int64_t now; /* seconds since the epoch */
};

enum sample_state { SAMPLE_UNASKED, SAMPLE_UNKNOWN, SAMPLE_KNOWN };

/* One cgroup while its cells are read. Several columns may want one file: it is read once. */
struct sample {
	const struct grant *grant;
	struct reader *reader;
	int fd;			     /* its directory */
	const struct column *column; /* whose cell is being read */
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

enum column_flags {
	COLUMN_INITIAL = 1, /* in the table without -o */
	COLUMN_SHRINKS = 2, /* may be cut where the terminal is narrow */
	COLUMN_GUARDS = 4,  /* needs reader->pinned */
	COLUMN_ANY = 64,    /* of any cgroup, also of one that a container has made */
	COLUMN_ENDS = 32,   /* the end says as much as the beginning: what is cut is the middle */
	COLUMN_SHARED = 16, /* read_shared(), filled once all rows have been read */
};

struct column {
	const char *name;  /* for -o and --sort; with '_' for '-' in JSON */
	const char *title; /* in the table: the name in capitals, with ' ' for '-' */
	enum column_kind kind;
	unsigned flags;
	const char *help;
	void (*read)(struct sample *sample, struct cell *ret);
	size_t offset;		       /* of a text in struct grant */
	const char *file, *limit_file; /* of the cgroup */
	const char *key;	       /* of the number in the file; NULL: the file is one number */
};

extern const struct column columns[];
extern const size_t n_columns;

/* By its name or its title: "oom-kills", "OOM KILLS" and "oom_kills" are one. */
const struct column *column_find(const char *word);

/* The word as a column's name would be written. Returns buf. */
const char *column_name(const char *word, char *buf, size_t size);

/* Begins with a cgroup of which nothing has been read yet. All is the caller's and must outlive the sample. */
void sample_begin(struct sample *sample, const struct grant *grant, int fd, struct reader *reader);

/* Fills one cell; cell_done() frees it. What cannot be read is not known. */
void column_read(const struct column *column, struct sample *sample, struct cell *ret);
void cell_done(struct cell *cell);

/* For readers: a printable copy of a foreign text; "" is not known. */
void cell_set_text(struct cell *cell, const char *text);

/*
 * list-guards.c. Which guards are attached now, as words; "... missing" for one that the attribute has and the kernel
 * has not: the number is how many.
 */
void read_guard(struct sample *sample, struct cell *ret);

/* How often the device guard has refused, and the last time in words: "c 10:237 rw sh". */
void read_device_refusals(struct sample *sample, struct cell *ret);
void read_last_refusal(struct sample *sample, struct cell *ret);

/* How often the grant guard has refused: the number is all, the text by rule. */
void read_guard_refusals(struct sample *sample, struct cell *ret);
void read_guard_rules(struct sample *sample, struct cell *ret);

#define TABLE_COLUMNS_MAX 64

/* A row for each delegated cgroup, with the columns that were asked for. */
struct table {
	size_t n_columns; /* shown ones; set by the caller */
	const struct column *columns[TABLE_COLUMNS_MAX];
	const struct column *sort; /* NULL: in the tree's order */
	bool descending;
	const struct found *inside; /* the grant whose cgroups are the rows; NULL: they are the grants of the node */
	struct grants_seen seen;
	size_t n_faults;	/* attributes that cannot be read */
	struct sharers sharers; /* in the order of the walk */
	size_t n_rows;
	struct row {
		struct cell *cells; /* n_columns, and after them the one to sort by */
	} * rows;
};

/* Columns from names separated by commas; a leading '+' adds them to the initial ones. Without names (NULL): the
 * initial ones, or all. The message names what is not a column. */
int table_choose(struct table *table, const char *names, bool all, struct err *err);

/* "memory", or "-memory" for the largest first. */
int table_sort_by(struct table *table, const char *name, struct err *err);

/* Reads the node and fills the rows, sorted. table_empty() frees them. */
int table_fill(const struct host *host, struct table *table, struct err *err);
void table_empty(struct table *table);

/* list-tree.c: as table_choose() for the cgroups in a grant, of which only the columns with COLUMN_ANY can be known. */
int tree_choose(struct table *table, const char *names, bool all, struct err *err);

/* Puts the rows into the order of the tree, unless they are sorted, with the last part of each path alone if it is
 * `indented`. */
void tree_arrange(struct table *table, bool indented);

/* list-empty.c: why the table may have no row; `run` is the directory of the table of grants. Why some of its columns have
 * no number anywhere, or "". Both return buf. */
const char *table_explain_empty(const struct table *table, const char *run, char *buf, size_t size);
const char *table_explain_missing(const struct host *host, const struct table *table, char *buf, size_t size);

struct screen {
	size_t width, height; /* characters; 0: as wide and long as it becomes */
};

/* The forms. Each returns false when it could not be written. */
bool list_text(const struct table *table, const struct screen *screen, FILE *to);
bool list_json(const struct table *table, FILE *to);
bool list_metrics(const struct table *table, enum metric_format format, FILE *to);

/* A cell for people, in few characters. Returns buf. */
const char *cell_format(const struct column *column, const struct cell *cell, char *buf, size_t size);
