/* SPDX-License-Identifier: Apache-2.0 */
/* Arena - many small allocations that end together. See arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_MOST  ((size_t)256 * 1024)

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

struct adopted {
	void *memory;
	struct adopted *next;
};

struct arena {
	struct chunk *chunks; /* the one in use first */
	struct adopted *adopted;
	size_t next_size;
};

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena)
		arena->next_size = CHUNK_FIRST;
	return arena;
}

struct arena *arena_free(struct arena *arena)
{
	int saved = errno;

	for (struct adopted *a = arena ? arena->adopted : NULL; a; a = a->next)
		free(a->memory);
	while (arena && arena->chunks) {
		struct chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	free(arena);
	errno = saved;
	return NULL;
}

static struct chunk *chunk_add(struct arena *arena, size_t want)
{
	size_t size = arena->next_size > want ? arena->next_size : want;
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	if (arena->next_size < CHUNK_MOST)
		arena->next_size *= 2;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct chunk *chunk = arena->chunks;
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
	struct adopted *adopted = arena_alloc(arena, sizeof(*adopted));

	if (!adopted) {
		free(memory);
		return -ENOMEM;
	}
	*adopted = (struct adopted) { memory, arena->adopted };
	arena->adopted = adopted;
	return 0;
}
