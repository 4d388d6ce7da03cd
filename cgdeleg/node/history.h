/* SPDX-License-Identifier: Apache-2.0 */
/*
 * History - what the audit record says about one container or pod: the hook's runs, and what watch did.
 *
 * The record is rotated, may be huge, may be written while it is read, and may end in half a line. So it is read from the
 * end: the newest file first, then the older ones, until the most bytes that may be read; what was not read is said. Each
 * file is opened once, so that a rotation meanwhile changes nothing. Compressed files are not read.
 *
 * Threat. Whoever creates containers chose the names in it. They are escaped in the record already; what is printed from
 * here is escaped again where it would not be printable. The number of runs and events that are kept is bounded; what the
 * word names best takes the place of all that it names less well, so that no names of others push it out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "policy/nearest.h"

#define HISTORY_BYTES	 (UINT64_C(64) << 20) /* read at most, of all files together, without other wishes */
#define HISTORY_LINE_MAX (256 * 1024)	      /* bytes of a line; a longer one is no record */
#define HISTORY_FILES	 32		      /* that are looked at; of more the names are not read */
#define HISTORY_RUNS	 32		      /* kinds of run that are kept, the newest */
#define HISTORY_EVENTS	 64		      /* of watch, the newest */

/* One file, newest first in struct history. */
struct history_file {
	char name[128];	 /* in the directory, escaped */
	int64_t changed; /* seconds since the epoch */
	uint64_t size;
	uint64_t n_read; /* bytes, from its end */
	bool compressed; /* not read for that */
	bool stream;	 /* standard input: read to its end, of no known size */
	char why[256];	 /* why else it could not be read; "" otherwise */
	int fd;
};

/* Runs that are alike: of the same container by its names (or, without any, by its id), with the same verdict and reason. */
struct history_run {
	yyjson_doc *last; /* the newest record */
	unsigned match;	  /* grant_match() */
	uint64_t n;	  /* that were read */
	uint64_t n_hour;  /* of these within the last hour */
	int64_t first_us, last_us;
	bool unfinished; /* `last` is an intent, and no record of its run follows */
};

/* What watch has written. */
struct history_event {
	yyjson_doc *record;
	unsigned match;
	int64_t us;
};

struct history {
	size_t n_files, n_more_files; /* looked at; not even that */
	struct history_file files[HISTORY_FILES];
	uint64_t n_lines, n_faulty; /* read; no records among those that were looked at closely */
	bool half;		    /* the newest file ends in half a line */
	size_t n_runs, n_events;
	uint64_t n_runs_dropped, n_events_dropped; /* older ones, for want of room */
	struct history_run runs[HISTORY_RUNS];	   /* newest first */
	struct history_event events[HISTORY_EVENTS];
	unsigned match; /* the best */
	struct arena arena;
};

struct history_question {
	const char *directory; /* "-": standard input, a file that somebody else has uncompressed */
	uid_t owner;	       /* who may own directory and files beside root */
	const char *word;      /* as of grant_find() */
	uint64_t most;	       /* bytes */
	int64_t now_us;
};

/* Reads it, and keeps what the word names best. Fails where the directory cannot be read, or is not its owner's alone: *ret
 * is then empty. A file that cannot be read is no failure. history_done() ends it in any case. */
int history_read(const struct history_question *question, struct history *ret, struct err *err);
void history_done(struct history *history);

/* Leaves only what the word names as well as `match` does. */
void history_keep(struct history *history, unsigned match);

/* Tries the names of containers and pods in the newest records. The word and the history must outlive `nearest`. */
void history_nearest(const struct history_question *question, struct history *history, struct nearest *nearest);

/* Was all of it read? */
bool history_is_whole(const struct history *history);

/* A member of a record: the text, or NULL. */
const char *history_text(const yyjson_doc *record, const char *member);

/* The sentence of a run that an error stopped; NULL: none did, and the reasons say what there is to say. */
const char *history_error(const yyjson_doc *record);

/* RFC 3339 as in the record, in microseconds since the epoch; -EINVAL. Pure. */
int history_time(const char *text, int64_t *ret_us);
