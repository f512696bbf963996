/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory. Small allocations abort when the system has none left; sizes that come from data use
 * mel_try_alloc, which returns an error. Arenas hold what dies together. */
#ifndef MEL_BASE_MEM_H
#define MEL_BASE_MEM_H

#include "base/err.h"

#include <stddef.h>

/* How many elements an array has; not for pointers. */
#define MEL_COUNT(array) (sizeof(array) / sizeof *(array))

void *mel_alloc(size_t size);                  /* zeroed; never NULL */
void *mel_realloc(void *block, size_t size);   /* never NULL */
char *mel_strdup(const char *text);            /* NULL gives NULL */
char *mel_strndup(const char *text, size_t n); /* at most n bytes */
char *mel_asprintf(const char *format, ...) MEL_PRINTF(1, 2);

/* A zeroed block of count * size bytes, or an error when that is over limit_bytes, overflows or
 * is not to be had. `what` names it in the message. Yours to free(). */
void *mel_try_alloc(size_t count, size_t size, size_t limit_bytes, const char *what, Err *err);

/* Makes room for at least `needed` items of `size` bytes in *items (grows by doubling). */
void mel_grow(void *items, size_t *capacity, size_t needed, size_t size);

/* An arena: everything allocated from it is freed together. Start with {0}. */
typedef struct Arena {
    struct ArenaBlock *head;
} Arena;

void *mel_arena_alloc(Arena *arena, size_t size); /* zeroed, aligned for any type */
char *mel_arena_strdup(Arena *arena, const char *text);
char *mel_arena_strndup(Arena *arena, const char *text, size_t n);
char *mel_arena_printf(Arena *arena, const char *format, ...) MEL_PRINTF(2, 3);
void mel_arena_clear(Arena *arena); /* frees all; the arena may be used again */

#endif
