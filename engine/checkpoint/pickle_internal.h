/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the opcodes (pickle.c) and the meaning of names (pickle_names.c). */
#ifndef MEL_ENGINE_PICKLE_INTERNAL_H
#define MEL_ENGINE_PICKLE_INTERNAL_H

#include "engine/checkpoint/pickle.h"

typedef struct Pickle {
    Arena *arena;
    const uint8_t *bytes;
    size_t n, at, op_at; /* op_at: where the current opcode stands */
    int64_t base;        /* of the offsets in messages */
    PickleValue **stack;
    size_t depth, stack_capacity;
    size_t marks[PICKLE_MARKS_MAX]; /* the stack's depth at each open mark */
    size_t mark_count;
    PickleValue **memo;
    size_t memo_count, memo_capacity;
    int64_t objects;
    PickleStorage **storages;
    size_t storage_count, storage_capacity;
    Err *err;
} Pickle;

/* ERR_FORMAT "pickle, byte N: …"; returns false. */
bool mel_pickle_bad(Pickle *pickle, const char *format, ...) MEL_PRINTF(2, 3);

/* Counts objects; false and ERR_LIMIT when there are too many. Whatever is kept in the arena is
 * counted, about one for each 64 bytes. */
MEL_MUST_CHECK bool mel_pickle_count(Pickle *pickle, size_t count);

/* A new value; NULL and ERR_LIMIT when there are too many. */
PickleValue *mel_pickle_value(Pickle *pickle, PickleKind kind);

/* Puts values at the end of a list, tuple or dictionary. */
MEL_MUST_CHECK bool mel_pickle_append(Pickle *pickle, PickleValue *list, PickleValue *const *items,
                                      size_t count);

/* A name: PICKLE_GLOBAL when it is on the closed list, PICKLE_FOREIGN otherwise. NULL and an
 * error. */
PickleValue *mel_pickle_name(Pickle *pickle, const char *module, size_t module_n, const char *name,
                             size_t name_n);

/* What `callable(*args)` describes. NULL and an error. */
PickleValue *mel_pickle_reduce(Pickle *pickle, const PickleValue *callable,
                               const PickleValue *args);

/* What a persistent id stands for: a storage. NULL and an error. */
PickleValue *mel_pickle_persistent(Pickle *pickle, const PickleValue *id);

#endif
