/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena - many small allocations that end together.
 *
 * Nothing is freed singly; arena_free() ends everything at once, so that a half-read document cannot leak.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

struct arena_chunk;

/* A zeroed struct is an empty arena: it takes memory with the first allocation only. It may be moved by copying the
 * struct; then only the copy may be used. */
struct arena {
	struct arena_chunk *chunks; /* the one in use first */
	struct arena_adopted *adopted;
	size_t next_size; /* bytes of the next one; 0: none yet */
};

/* Ends everything; the arena is an empty one again. */
void arena_done(struct arena *arena);

/* One on the heap; NULL when memory ran out. */
struct arena *arena_new(void);

/* Accepts NULL. Always returns NULL. */
struct arena *arena_free(struct arena *arena);

/* Zeroed and aligned for any type; NULL when memory ran out. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of the first len bytes with a NUL after them; NULL when memory ran out. */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_strdup(struct arena *arena, const char *text);

/* `memory`, which malloc() gave, is freed with the arena. Where memory ran out: -ENOMEM, and it is freed at once. */
int arena_adopt(struct arena *arena, void *memory);

static inline void cleanup_arena(struct arena **arena)
{
	*arena = arena_free(*arena);
}
