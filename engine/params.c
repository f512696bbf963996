/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/params.h"

#include <stdlib.h>
#include <string.h>

static const CheckpointTensor *look_up(const CheckpointParams *source, const char *name)
{
    if (!source->prefix) return mel_checkpoint_find(source->checkpoint, name);
    char *full = mel_asprintf("%s%s", source->prefix, name);
    const CheckpointTensor *tensor = mel_checkpoint_find(source->checkpoint, full);
    free(full);
    return tensor;
}

static bool find_in_checkpoint(void *ctx, const char *name, Tensor *out, Err *err)
{
    const CheckpointTensor *tensor = look_up(ctx, name);
    if (!tensor) return mel_err(err, ERR_NOT_FOUND, "the checkpoint has no tensor '%s'", name);
    *out = (Tensor){.dtype = tensor->dtype, .shape = tensor->shape, .data = (void *)tensor->data};
    return true;
}

static void done_with_in_checkpoint(void *ctx, const char *name)
{
    const CheckpointParams *source = ctx;
    const CheckpointTensor *tensor = look_up(source, name);
    if (tensor) mel_checkpoint_done_with(source->checkpoint, tensor);
}

Params mel_checkpoint_params(CheckpointParams *source)
{
    return (Params){
        .find = find_in_checkpoint, .done_with = done_with_in_checkpoint, .ctx = source};
}

/* Problems one after the other, and how many more there are than are told. */
typedef struct Problems {
    Str text;
    int count;
} Problems;

enum { PROBLEMS_TOLD = 3 };

static void add_problem(Problems *problems, const char *what, const char *name)
{
    if (problems->count++ < PROBLEMS_TOLD)
        mel_str_addf(&problems->text, "%s%s '%s'", problems->count > 1 ? ", " : "", what, name);
}

static void check_param(const Graph *graph, int i, const CheckpointParams *source,
                        Problems *problems)
{
    char wanted[SHAPE_TEXT_SIZE], got[SHAPE_TEXT_SIZE];
    const char *name = mel_graph_param_name(graph, i);
    const Shape *shape = mel_graph_param_shape(graph, i);
    const CheckpointTensor *tensor = look_up(source, name);
    if (!tensor) {
        add_problem(problems, "there is no", name);
    } else if (!mel_shape_equal(&tensor->shape, shape)) {
        char *what = mel_asprintf("%s and not %s is", mel_shape_text(&tensor->shape, got),
                                  mel_shape_text(shape, wanted));
        add_problem(problems, what, name);
        free(what);
    } else if (!mel_dtype_is_float(tensor->dtype)) {
        add_problem(problems, "not of floating point is", name);
    }
}

static bool is_asked_for(const Graph *graph, const char *name)
{
    for (int i = 0; i < mel_graph_param_count(graph); i++)
        if (mel_equal(mel_graph_param_name(graph, i), name)) return true;
    return false;
}

static bool is_known(const char *const *known, const char *name)
{
    for (; known && *known; known++)
        if (mel_starts_with(name, *known)) return true;
    return false;
}

static void check_extra(const Graph *graph, const CheckpointParams *source,
                        const char *const *known, Problems *problems)
{
    size_t skip = source->prefix ? strlen(source->prefix) : 0;
    for (int64_t i = 0; i < mel_checkpoint_count(source->checkpoint); i++) {
        const char *name = mel_checkpoint_at(source->checkpoint, i)->name;
        if (skip && !mel_starts_with(name, source->prefix)) continue;
        if (!is_asked_for(graph, name + skip) && !is_known(known, name + skip))
            add_problem(problems, "nobody asks for", name);
    }
}

bool mel_params_check(const Graph *graph, const CheckpointParams *source, const char *const *known,
                      Err *err)
{
    Problems problems = {0};
    for (int i = 0; i < mel_graph_param_count(graph); i++)
        check_param(graph, i, source, &problems);
    check_extra(graph, source, known, &problems);
    if (problems.count > PROBLEMS_TOLD)
        mel_str_addf(&problems.text, " and %d more", problems.count - PROBLEMS_TOLD);
    if (problems.count)
        mel_err(err, ERR_FORMAT, "the checkpoint is of another network: %s",
                mel_str_text(&problems.text));
    mel_str_clear(&problems.text);
    return !problems.count;
}
