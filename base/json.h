/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON - reading by field table, over yyjson.
 *
 * Strict on purpose: the documents come from a container engine, but whoever may create a container writes the
 * annotations in them. Invalid UTF-8, comments, trailing text, a key that appears twice in one object, a NUL inside a
 * key and nesting beyond the given depth are errors, with their place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yyjson.h>

#include "base/err.h"

enum json_type {
	JSON_STRING, /* const char *, owned by the document; a NUL inside is an error */
	JSON_I64,    /* int64_t */
	JSON_BOOL,   /* bool */
	JSON_OBJECT, /* yyjson_val * */
	JSON_ARRAY,  /* yyjson_val * */
	JSON_TYPE_MAX
};

struct json_field {
	const char *name;
	enum json_type type;
	size_t offset;	/* of the member in the caller's struct; its C type is the one above */
	bool mandatory; /* true: absent or null is an error; false: the member then stays as it is */
};

/* Parses and checks a whole document. `max_depth` counts nested objects and arrays. `what` names the
 * document in the message. The caller frees *ret with yyjson_doc_free(). */
int json_parse(const char *text, size_t len, unsigned max_depth, const char *what, yyjson_doc **ret, struct err *err);

/* As json_parse(), for a text from malloc() with FILE_PADDING NULs after it, as file_slurp() returns it. Takes the text
 * over and changes it in place, so that nothing is copied; the text is freed with the document, or at once on failure. The
 * line in a message is too high by one for each \n in the strings before the fault. */
int json_parse_taken(char *text, size_t len, unsigned max_depth, const char *what, yyjson_doc **ret, struct err *err);

/* As json_parse(), but keeps numbers as they were written: for a document that is written again. */
int json_parse_verbatim(const char *text, size_t len, unsigned max_depth, const char *what, yyjson_doc **ret,
			struct err *err);

/* Fills the members of *base that `fields` (n_fields of them) describes, from object `obj`; skips keys that no row
 * names. `what` names the object in the message. */
int json_dispatch(yyjson_val *obj, const struct json_field *fields, size_t n_fields, void *base, const char *what,
		  struct err *err);

static inline void cleanup_json(yyjson_doc **doc)
{
	yyjson_doc_free(*doc);
}

static inline void cleanup_json_mut(yyjson_mut_doc **doc)
{
	yyjson_mut_doc_free(*doc);
}
