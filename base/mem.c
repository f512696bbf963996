/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 16 * 1024 };

struct ArenaBlock {
    struct ArenaBlock *next;
    size_t used, size;
    max_align_t data[];
};

#ifdef __SANITIZE_THREAD__
/* Libraries are not built with the sanitizer: it cannot see the atomic counts by which libav's
 * threads hand over memory, and takes the free() for a race. Read when the program starts. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
#endif

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "melkit: out of memory (%zu bytes)\n", size);
    abort();
}

void *mel_alloc(size_t size)
{
    void *block = calloc(1, size ? size : 1);
    if (!block) out_of_memory(size);
    return block;
}

void *mel_realloc(void *block, size_t size)
{
    void *grown = realloc(block, size ? size : 1);
    if (!grown) out_of_memory(size);
    return grown;
}

char *mel_strdup(const char *text)
{
    return text ? mel_strndup(text, strlen(text)) : NULL;
}

char *mel_strndup(const char *text, size_t n)
{
    size_t length = strnlen(text, n);
    char *copy = mel_alloc(length + 1);
    memcpy(copy, text, length);
    return copy;
}

static char *format_text(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    MEL_ASSERT(length >= 0);
    char *text = mel_alloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *mel_asprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    return text;
}

void *mel_try_alloc(size_t count, size_t size, size_t limit_bytes, const char *what, Err *err)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > limit_bytes) {
        mel_err(err, ERR_LIMIT, "%s would take %zu x %zu bytes, the limit is %zu", what, count,
                size, limit_bytes);
        return NULL;
    }
    void *block = calloc(1, bytes ? bytes : 1);
    if (!block) mel_err(err, ERR_NOMEM, "no memory for %s (%zu bytes)", what, bytes);
    return block;
}

void mel_grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) return;
    size_t grown = *capacity ? *capacity : 8;
    while (grown < needed)
        grown = grown > SIZE_MAX / 2 ? needed : grown * 2;
    size_t bytes;
    if (__builtin_mul_overflow(grown, size, &bytes)) out_of_memory(SIZE_MAX);
    void **slot = items;
    *slot = mel_realloc(*slot, bytes);
    *capacity = grown;
}

void *mel_arena_alloc(Arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) out_of_memory(size);
    size_t aligned = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct ArenaBlock *block = arena->head;
    if (!block || block->size - block->used < aligned) {
        size_t room = aligned > ARENA_BLOCK_BYTES ? aligned : ARENA_BLOCK_BYTES;
        block = mel_alloc(sizeof *block + room);
        block->size = room;
        block->next = arena->head;
        arena->head = block;
    }
    void *place = (char *)block->data + block->used;
    block->used += aligned;
    return place;
}

char *mel_arena_strndup(Arena *arena, const char *text, size_t n)
{
    size_t length = strnlen(text, n);
    char *copy = mel_arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *mel_arena_strdup(Arena *arena, const char *text)
{
    return text ? mel_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *mel_arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    char *copy = mel_arena_strdup(arena, text);
    free(text);
    return copy;
}

void mel_arena_clear(Arena *arena)
{
    struct ArenaBlock *block = arena->head;
    while (block) {
        struct ArenaBlock *next = block->next;
        free(block);
        block = next;
    }
    arena->head = NULL;
}
