/* SPDX-License-Identifier: Apache-2.0 */
/* Arena - many small allocations that end together. See arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_MOST  ((size_t)256 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena_adopted {
	void *memory;
	struct arena_adopted *next;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_done(struct arena *arena)
{
	int saved = errno;

	for (struct arena_adopted *a = arena->adopted; a; a = a->next)
		free(a->memory);
	arena->adopted = NULL;
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->next_size = 0;
	errno = saved;
}

struct arena *arena_free(struct arena *arena)
{
	if (arena)
		arena_done(arena);
	free(arena);
	return NULL;
}

static struct arena_chunk *chunk_add(struct arena *arena, size_t want)
{
	size_t next = arena->next_size ? arena->next_size : CHUNK_FIRST;
	size_t size = next > want ? next : want;
	struct arena_chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->next_size = next < CHUNK_MOST ? next * 2 : next;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *chunk = arena->chunks;
	void *at;

	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!chunk || chunk->size - chunk->used < size)
		chunk = chunk_add(arena, size);
	if (!chunk)
		return NULL;
	at = chunk->bytes + chunk->used;
	chunk->used += size;
	return at;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;

	/* The NUL is there: the memory is zeroed. */
	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

int arena_adopt(struct arena *arena, void *memory)
{
	struct arena_adopted *adopted = arena_alloc(arena, sizeof(*adopted));

	if (!adopted) {
		free(memory);
		return -ENOMEM;
	}
	*adopted = (struct arena_adopted) { memory, arena->adopted };
	arena->adopted = adopted;
	return 0;
}
