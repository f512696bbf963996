/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/variables_internal.h"

#include "engine/backend.h"

#include <stdlib.h>

typedef struct Variable {
    char *name;
    Shape shape;
    void *memory;
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
        variables->backend->free(variables->backend, variables->all[i].memory);
        free(variables->all[i].name);
    }
    free(variables->all);
    free(variables);
}

static int64_t bytes_of(const Variables *variables, const Shape *shape)
{
    DType kept = variables->backend->dtype(DTYPE_F32);
    return mel_shape_count(shape) * (int64_t)mel_dtype_size(kept);
}

bool mel_variables_add(Variables *variables, const char *name, Shape shape, const float *first,
                       Err *err)
{
    int64_t count, bytes;
    if (mel_variables_find(variables, name) >= 0)
        return mel_err(err, ERR_USAGE, "there are two variables '%s'", name);
    if (!mel_shape_bytes(&shape, DTYPE_F64, &count, &bytes))
        return mel_err(err, ERR_LIMIT, "variable '%s' is too large", name);
    void *memory = variables->backend->alloc(variables->backend, bytes_of(variables, &shape), err);
    if (!memory) return false;
    mel_grow(&variables->all, &variables->capacity, (size_t)variables->count + 1,
             sizeof *variables->all);
    variables->all[variables->count] =
        (Variable){.name = mel_strdup(name), .shape = shape, .memory = memory};
    int i = variables->count++;
    if (first) return mel_variables_write(variables, i, first, err);
    float *zeroes = mel_try_alloc((size_t)count + 1, sizeof *zeroes, SIZE_MAX, name, err);
    bool ok = zeroes && mel_variables_write(variables, i, zeroes, err);
    free(zeroes);
    return ok;
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

/* Converted on the way where the device keeps another type. */
static bool move(const Variables *variables, int i, const float *in, float *out, Err *err)
{
    Backend *backend = variables->backend;
    const Variable *variable = &variables->all[i];
    DType kept = backend->dtype(DTYPE_F32);
    int64_t count = mel_shape_count(&variable->shape),
            bytes = bytes_of(variables, &variable->shape);
    void *copy = kept == DTYPE_F32 ? NULL
                                   : mel_try_alloc((size_t)count + 1, mel_dtype_size(kept),
                                                   SIZE_MAX, variable->name, err);
    if (kept != DTYPE_F32 && !copy) return false;
    bool ok;
    if (in) {
        if (copy) mel_convert(in, DTYPE_F32, copy, kept, count);
        const void *from = copy ? copy : in;
        ok = backend->upload(backend, NULL, variable->memory, from, bytes, err);
    } else {
        void *to = copy ? copy : out;
        ok = backend->download(backend, NULL, to, variable->memory, bytes, err);
    }
    ok = ok && backend->synchronize(backend, NULL, err);
    if (ok && copy && out) mel_convert(copy, kept, out, DTYPE_F32, count);
    free(copy);
    return ok;
}

bool mel_variables_read(const Variables *variables, int i, float *out, Err *err)
{
    return move(variables, i, NULL, out, err);
}

bool mel_variables_write(Variables *variables, int i, const float *data, Err *err)
{
    return move(variables, i, data, NULL, err);
}

float *mel_variables_host(Variables *variables, int i)
{
    const Backend *backend = variables->backend;
    bool plain = backend->host_memory && backend->dtype(DTYPE_F32) == DTYPE_F32;
    return plain ? variables->all[i].memory : NULL;
}
