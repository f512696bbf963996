/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/params.h"

#include <stdlib.h>
#include <string.h>

static const CheckpointTensor *look_up(const CheckpointParams *source, const char *name)
{
    char full[NAME_SIZE], theirs[NAME_SIZE];
    mel_name_in_layout(source->layout, source->levels, name, theirs);
    snprintf(full, sizeof full, "%s%s", source->prefix ? source->prefix : "", theirs);
    return mel_checkpoint_find(source->checkpoint, full);
}

/* Without the axes of 1 at the end. */
static Shape trimmed(Shape shape)
{
    while (shape.rank > 0 && shape.dims[shape.rank - 1] == 1)
        shape.rank--;
    return shape;
}

static bool same_but_for_ones(const Shape *a, const Shape *b)
{
    Shape x = trimmed(*a), y = trimmed(*b);
    return mel_shape_equal(&x, &y);
}

static bool find_in_checkpoint(void *ctx, const char *name, const Shape *shape, Tensor *out,
                               Err *err)
{
    const CheckpointTensor *tensor = look_up(ctx, name);
    if (!tensor) return mel_err(err, ERR_NOT_FOUND, "the checkpoint has no tensor '%s'", name);
    bool fits = same_but_for_ones(&tensor->shape, shape);
    *out = (Tensor){.dtype = tensor->dtype,
                    .shape = fits ? *shape : tensor->shape,
                    .data = (void *)tensor->data};
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
    } else if (!same_but_for_ones(&tensor->shape, shape)) {
        char *what = mel_asprintf("%s and not %s is", mel_shape_text(&tensor->shape, got),
                                  mel_shape_text(shape, wanted));
        add_problem(problems, what, name);
        free(what);
    } else if (!mel_dtype_is_float(tensor->dtype)) {
        add_problem(problems, "not of floating point is", name);
    }
}

typedef struct AskedName {
    char text[NAME_SIZE];
} AskedName;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const AskedName *)a)->text, ((const AskedName *)b)->text);
}

/* Every name that the graph asks the file for, sorted; yours to free. */
static AskedName *asked_names(const Graph *graph, const CheckpointParams *source)
{
    int count = mel_graph_param_count(graph);
    AskedName *names = mel_alloc(((size_t)count + 1) * sizeof *names);
    for (int i = 0; i < count; i++)
        mel_name_in_layout(source->layout, source->levels, mel_graph_param_name(graph, i),
                           names[i].text);
    qsort(names, (size_t)count, sizeof *names, by_name);
    return names;
}

static bool is_asked_for(const AskedName *names, int count, const char *name)
{
    AskedName key;
    snprintf(key.text, sizeof key.text, "%s", name);
    return bsearch(&key, names, (size_t)count, sizeof *names, by_name) != NULL;
}

static bool is_known(const char *const *known, const char *name)
{
    for (; known && *known; known++)
        if (**known == '*' ? mel_ends_with(name, *known + 1) : mel_starts_with(name, *known))
            return true;
    return false;
}

static void check_extra(const Graph *graph, const CheckpointParams *source,
                        const char *const *known, Problems *problems)
{
    size_t skip = source->prefix ? strlen(source->prefix) : 0;
    int count = mel_graph_param_count(graph);
    AskedName *names = asked_names(graph, source);
    for (int64_t i = 0; i < mel_checkpoint_count(source->checkpoint); i++) {
        const char *name = mel_checkpoint_at(source->checkpoint, i)->name;
        if (skip && !mel_starts_with(name, source->prefix)) continue;
        if (!is_asked_for(names, count, name + skip) && !is_known(known, name + skip))
            add_problem(problems, "nobody asks for", name);
    }
    free(names);
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
