/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/variables_internal.h"

#include "engine/backend.h"

#include <stdlib.h>

enum { MEMBER_ALIGNMENT = 64 / sizeof(float) };

typedef struct Variable {
    char *name;
    Shape shape;
    char *memory;
    bool flat, member; /* a member's memory is its flat variable's */
} Variable;

struct Variables {
    Backend *backend;
    Variable *all;
    int count;
    size_t capacity;
};

Variables *mel_variables_new(Backend *backend)
{
    Variables *variables = mel_alloc(sizeof *variables);
    variables->backend = backend;
    return variables;
}

void mel_variables_free(Variables *variables)
{
    if (!variables) return;
    for (int i = 0; i < variables->count; i++) {
        const Variable *one = &variables->all[i];
        if (!one->member) variables->backend->free(variables->backend, one->memory);
        free(one->name);
    }
    free(variables->all);
    free(variables);
}

static int64_t bytes_of(const Variables *variables, int64_t count)
{
    return count * (int64_t)mel_dtype_size(variables->backend->dtype(DTYPE_F32));
}

/* ---- adding --------------------------------------------------------------------------------- */

static bool is_new(const Variables *variables, const char *name, Err *err)
{
    return mel_variables_find(variables, name) < 0 ||
           mel_err(err, ERR_USAGE, "there are two variables '%s'", name);
}

/* The new one; its memory is its own. */
static Variable *push(Variables *variables, const char *name, Shape shape, char *memory)
{
    mel_grow(&variables->all, &variables->capacity, (size_t)variables->count + 1,
             sizeof *variables->all);
    Variable *one = &variables->all[variables->count++];
    *one = (Variable){.name = mel_strdup(name), .shape = shape, .memory = memory};
    return one;
}

/* Memory for a variable of that name and shape, of zeroes; NULL with an error. */
static char *zeroed(const Variables *variables, const char *name, const Shape *shape, Err *err)
{
    int64_t count, bytes;
    Backend *backend = variables->backend;
    if (!mel_shape_bytes(shape, DTYPE_F64, &count, &bytes)) {
        mel_err(err, ERR_LIMIT, "variable '%s' is too large", name);
        return NULL;
    }
    char *memory = backend->alloc(backend, bytes_of(variables, count), err);
    if (!memory || backend->clear(backend, NULL, memory, bytes_of(variables, count), err))
        return memory;
    backend->free(backend, memory);
    return NULL;
}

bool mel_variables_add(Variables *variables, const char *name, Shape shape, const float *first,
                       Err *err)
{
    char *memory = is_new(variables, name, err) ? zeroed(variables, name, &shape, err) : NULL;
    if (!memory) return false;
    push(variables, name, shape, memory);
    return !first || mel_variables_write(variables, variables->count - 1, first, err);
}

static bool names_are_new(const Variables *variables, const char *name, const FlatMember *members,
                          int count, Err *err)
{
    bool ok = is_new(variables, name, err);
    for (int i = 0; i < count && ok; i++) {
        ok = is_new(variables, members[i].name, err);
        bool twice = mel_equal(members[i].name, name);
        for (int k = 0; k < i && !twice; k++)
            twice = mel_equal(members[i].name, members[k].name);
        if (ok && twice)
            ok = mel_err(err, ERR_USAGE, "there are two variables '%s'", members[i].name);
    }
    return ok;
}

/* How many numbers a member takes up, with what is free behind it; -1 when they are too many. */
static int64_t room_of(const Shape *shape)
{
    int64_t count, bytes;
    if (!mel_shape_bytes(shape, DTYPE_F64, &count, &bytes)) return -1;
    return (count + MEMBER_ALIGNMENT - 1) / MEMBER_ALIGNMENT * MEMBER_ALIGNMENT;
}

bool mel_variables_add_flat(Variables *variables, const char *name, const FlatMember *members,
                            int count, Err *err)
{
    int64_t total = 0, at = 0;
    if (!names_are_new(variables, name, members, count, err)) return false;
    for (int i = 0; i < count; i++) {
        int64_t room = room_of(&members[i].shape);
        if (room < 0 || __builtin_add_overflow(total, room, &total))
            return mel_err(err, ERR_LIMIT, "variable '%s' is too large", members[i].name);
    }
    char *memory = zeroed(variables, name, &SHAPE(total), err);
    if (!memory) return false;
    push(variables, name, SHAPE(total), memory)->flat = true;
    for (int i = 0; i < count; i++) {
        char *own = memory + bytes_of(variables, at);
        push(variables, members[i].name, members[i].shape, own)->member = true;
        at += room_of(&members[i].shape);
    }
    return true;
}

/* ---- looking -------------------------------------------------------------------------------- */

bool mel_variables_is_flat(const Variables *variables, int i)
{
    return variables->all[i].flat;
}

int64_t mel_variables_begin(const Variables *variables, int i)
{
    const Variable *one = &variables->all[i];
    int whole = i;
    while (one->member && variables->all[whole].member)
        whole--;
    return (one->memory - variables->all[whole].memory) / bytes_of(variables, 1);
}

int mel_variables_count(const Variables *variables)
{
    return variables->count;
}

const char *mel_variables_name(const Variables *variables, int i)
{
    return variables->all[i].name;
}

const Shape *mel_variables_shape(const Variables *variables, int i)
{
    return &variables->all[i].shape;
}

int mel_variables_find(const Variables *variables, const char *name)
{
    for (int i = 0; i < variables->count; i++)
        if (mel_equal(variables->all[i].name, name)) return i;
    return -1;
}

void *variables_memory(const Variables *variables, const char *name, const Shape *shape, Err *err)
{
    int i = variables ? mel_variables_find(variables, name) : -1;
    if (i >= 0 && mel_shape_equal(&variables->all[i].shape, shape)) return variables->all[i].memory;
    char text[SHAPE_TEXT_SIZE];
    mel_err(err, ERR_USAGE, "there is no variable '%s' of shape %s", name,
            mel_shape_text(shape, text));
    return NULL;
}

/* ---- reading and writing -------------------------------------------------------------------- */

static bool is_inside(const Variables *variables, VariableSpan span)
{
    int64_t all = mel_shape_count(&variables->all[span.variable].shape);
    return span.begin >= 0 && span.count >= 0 && span.count <= all - span.begin;
}

static char *memory_of(const Variables *variables, VariableSpan span)
{
    MEL_ASSERT(is_inside(variables, span));
    return variables->all[span.variable].memory + bytes_of(variables, span.begin);
}

bool mel_variables_read_part(const Variables *variables, VariableSpan span, float *out, Err *err)
{
    Backend *backend = variables->backend;
    const Tensor to = {.dtype = DTYPE_F32, .shape = SHAPE(span.count), .data = out};
    return backend->download(backend, NULL, &to, memory_of(variables, span),
                             backend->dtype(DTYPE_F32), err);
}

bool mel_variables_write_part(Variables *variables, VariableSpan span, const float *data, Err *err)
{
    Backend *backend = variables->backend;
    const Tensor from = {.dtype = DTYPE_F32, .shape = SHAPE(span.count), .data = (void *)data};
    return backend->upload(backend, NULL, memory_of(variables, span), backend->dtype(DTYPE_F32),
                           &from, err);
}

VariableSpan mel_variables_whole(const Variables *variables, int i)
{
    return (VariableSpan){.variable = i, .count = mel_shape_count(&variables->all[i].shape)};
}

bool mel_variables_read(const Variables *variables, int i, float *out, Err *err)
{
    return mel_variables_read_part(variables, mel_variables_whole(variables, i), out, err);
}

bool mel_variables_write(Variables *variables, int i, const float *data, Err *err)
{
    return mel_variables_write_part(variables, mel_variables_whole(variables, i), data, err);
}

float *variables_part(const Variables *variables, VariableSpan span)
{
    MEL_ASSERT(variables->backend->dtype(DTYPE_F32) == DTYPE_F32);
    return (float *)(void *)memory_of(variables, span);
}

float *mel_variables_host(Variables *variables, int i)
{
    const Backend *backend = variables->backend;
    bool plain = backend->host_memory && backend->dtype(DTYPE_F32) == DTYPE_F32;
    return plain ? (float *)(void *)variables->all[i].memory : NULL;
}
