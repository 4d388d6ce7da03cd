/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap - one that only grows, in place of musl's. See heap.h.
 *
 * musl's allocator asks the kernel for every size class on its own, which is the price of what a long-lived
 * process wants from it. This one hands out a static block, whose pages are the kernel's zero pages until
 * they are used, and mappings when that is spent. free() gives back only what was handed out last, which is what a
 * buffer that grows needs. A run is bounded by what it reads: 16 MiB of config.json, some times over.
 * There are no threads. What has never been handed out is zero already, and calloc() leaves it alone.
 */
#include "hooks/libc/heap.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT  alignof(max_align_t)
#define BLOCK_SIZE ((size_t)512 * 1024)

/* Before each piece: its size, for realloc(). */
struct piece {
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

static alignas(max_align_t) unsigned char first_block[BLOCK_SIZE];
static unsigned char *next = first_block, *end = first_block + BLOCK_SIZE;
static unsigned char *used = first_block; /* in this block: pages above have never been written */

void heap_prepare(void)
{
}

static bool new_block(size_t least)
{
	const size_t size = (least / BLOCK_SIZE + 1) * BLOCK_SIZE;
	void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return false;
	next = used = block;
	end = next + size;
	return true;
}

static struct piece *piece_of(void *data)
{
	return (struct piece *)((unsigned char *)data - offsetof(struct piece, data));
}

static void *take(size_t size, bool zeroed)
{
	struct piece *piece;
	size_t whole;

	if (size > PTRDIFF_MAX - BLOCK_SIZE - sizeof(*piece)) {
		errno = ENOMEM;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	whole = sizeof(*piece) + size;
	if (whole > (size_t)(end - next) && !new_block(whole)) {
		errno = ENOMEM;
		return NULL;
	}
	piece = (struct piece *)next;
	piece->size = size;
	next += whole;
	if (zeroed && piece->data < used)
		memset(piece->data, 0, used < next ? (size_t)(used - piece->data) : size);
	if (used < next)
		used = next;
	return piece->data;
}

void *malloc(size_t size)
{
	return take(size, false);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return take(bytes, true);
}

void free(void *data)
{
	if (data && piece_of(data)->data + piece_of(data)->size == next)
		next = (unsigned char *)piece_of(data);
}

void *realloc(void *data, size_t size)
{
	const size_t before = data ? piece_of(data)->size : 0;
	unsigned char *const there = next;
	void *copy;

	if (data && size <= before)
		return data;
	free(data); /* the last piece begins again where it is, and memmove() has nothing to do */
	copy = take(size, false);
	if (!copy)
		next = there;
	else if (data && copy != data)
		memmove(copy, data, before);
	return copy;
}
