/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/export.h"

#include <stdlib.h>
#include <string.h>

typedef struct Weights {
    CheckpointTensor *tensors;
    size_t count, capacity;
} Weights;

static void add(Weights *weights, const char *name, const Shape *shape, float *values)
{
    mel_grow(&weights->tensors, &weights->capacity, weights->count + 1, sizeof *weights->tensors);
    weights->tensors[weights->count++] =
        (CheckpointTensor){.name = name,
                           .dtype = DTYPE_F32,
                           .shape = *shape,
                           .data = values,
                           .bytes = mel_shape_count(shape) * (int64_t)sizeof *values};
}

static bool has(const Weights *weights, const char *name)
{
    for (size_t i = 0; i < weights->count; i++)
        if (mel_equal(weights->tensors[i].name, name)) return true;
    return false;
}

static bool add_trained(Weights *weights, const TrainedPart *part, const TrainStep *step, Err *err)
{
    const Shape *shape;
    size_t length = strlen(part->prefix);
    const char *name;
    for (int i = 0; (name = train_step_name(step, i, &shape)); i++) {
        if (strncmp(name, part->prefix, length) != 0) continue;
        float *values = train_step_weights(step, i, err);
        if (!values) return false;
        add(weights, name + length, shape, values);
    }
    return true;
}

/* What was not trained is as it was. */
static bool add_frozen(Weights *weights, const Network *network, Err *err)
{
    const Checkpoint *from = network->checkpoint;
    if (!from || network->source.layout != NAMES_AS_ASKED) return true;
    size_t skip = network->source.prefix ? strlen(network->source.prefix) : 0;
    for (int64_t i = 0; i < mel_checkpoint_count(from); i++) {
        const CheckpointTensor *tensor = mel_checkpoint_at(from, i);
        if (skip && strncmp(tensor->name, network->source.prefix, skip) != 0) continue;
        if (has(weights, tensor->name + skip) || !mel_dtype_is_float(tensor->dtype)) continue;
        int64_t count = mel_shape_count(&tensor->shape);
        float *values =
            mel_try_alloc((size_t)count + 1, sizeof *values, SIZE_MAX, tensor->name, err);
        if (!values) return false;
        mel_convert(tensor->data, tensor->dtype, values, DTYPE_F32, count);
        add(weights, tensor->name + skip, &tensor->shape, values);
    }
    return true;
}

enum { MEASURED_ITEMS = 64, CONFIG_BYTES_MAX = 1 << 20 };

typedef struct MeasureOf {
    const Target *target;
    TrainStep *step;
} MeasureOf;

static bool mean_of(void *ctx, const char *output, double *mean, Err *err)
{
    const MeasureOf *of = ctx;
    return train_step_measure(of->step, of->target->shards, MEASURED_ITEMS, output, mean, err);
}

static bool write_config(Target *target, int part, TrainStep *step, const char *folder, Err *err)
{
    char *from = mel_path_join(target->parts[part].network->folder, "config.json");
    char *to = mel_path_join(folder, "config.json");
    MeasureOf of = {.target = target, .step = step};
    const Measure measure = {.mean = mean_of, .ctx = &of};
    json_t *config = mel_json_load(from, CONFIG_BYTES_MAX, err);
    bool ok =
        config && (!target->def->amend || target->def->amend(target, part, config, &measure, err));
    char *text = ok ? json_dumps(config, JSON_INDENT(2)) : NULL;
    ok = ok && mel_write_file(to, text, strlen(text), err);
    free(text);
    free(from);
    free(to);
    json_decref(config);
    return ok;
}

static bool export_part(Target *target, int number, TrainStep *step, const char *folder, Err *err)
{
    const TrainedPart *part = &target->parts[number];
    Weights weights = {0};
    bool diffusers =
        part->network->settings.kind == MODEL_UNET || part->network->settings.kind == MODEL_VAE;
    char *below = mel_path_join(folder, part->folder);
    char *path = mel_path_join(below, diffusers ? "diffusion_pytorch_model.safetensors"
                                                : "model.safetensors");
    bool ok = mel_make_dirs(below, err) && add_trained(&weights, part, step, err) &&
              add_frozen(&weights, part->network, err) &&
              mel_safetensors_write(path, weights.tensors, (int64_t)weights.count, NULL, err) &&
              write_config(target, number, step, below, err);
    for (size_t i = 0; i < weights.count; i++)
        free((void *)weights.tensors[i].data);
    free(weights.tensors);
    free(below);
    free(path);
    return ok;
}

bool export_parts(Target *target, TrainStep *step, const char *folder, Err *err)
{
    for (int i = 0; i < target->part_count; i++)
        if (!export_part(target, i, step, folder, err)) return false;
    return true;
}
