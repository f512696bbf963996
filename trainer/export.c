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
    return train_step_measure(of->step, of->target->shards, MEASURED_ITEMS, output, MEASURE_ALONE,
                              mean, err);
}

/* The part's config.json as training changed it; NULL on an error. */
static json_t *amended_config(Target *target, int part, TrainStep *step, Err *err)
{
    char *path = mel_path_join(target->parts[part].network->folder, "config.json");
    MeasureOf of = {.target = target, .step = step};
    const Measure measure = {.mean = mean_of, .ctx = &of};
    json_t *config = mel_json_load(path, CONFIG_BYTES_MAX, err);
    free(path);
    if (!config || !target->def->amend || target->def->amend(target, part, config, &measure, err))
        return config;
    json_decref(config);
    return NULL;
}

static bool write_part(const TrainedPart *part, const char *folder, const Weights *weights,
                       const json_t *config, Err *err)
{
    ModelKind kind = part->network->settings.kind;
    const char *name = kind == MODEL_UNET || kind == MODEL_VAE
                           ? "diffusion_pytorch_model.safetensors"
                           : "model.safetensors";
    char *below = mel_path_join(folder, part->folder), *text = json_dumps(config, JSON_INDENT(2));
    char *tensors = mel_path_join(below, name), *path = mel_path_join(below, "config.json");
    bool ok =
        mel_make_dirs(below, err) &&
        mel_safetensors_write(tensors, weights->tensors, (int64_t)weights->count, NULL, err) &&
        mel_write_file(path, text, strlen(text), err);
    free(below);
    free(text);
    free(tensors);
    free(path);
    return ok;
}

static bool export_part(Target *target, int number, TrainStep *step, const char *const *folders,
                        Err *err)
{
    const TrainedPart *part = &target->parts[number];
    Weights weights = {0};
    if (!part->network) return true;
    json_t *config = amended_config(target, number, step, err);
    bool ok = config && add_trained(&weights, part, step, err) &&
              add_frozen(&weights, part->network, err);
    for (int i = 0; folders[i] && ok; i++)
        ok = write_part(part, folders[i], &weights, config, err);
    for (size_t i = 0; i < weights.count; i++)
        free((void *)weights.tensors[i].data);
    free(weights.tensors);
    json_decref(config);
    return ok;
}

bool export_parts(Target *target, TrainStep *step, const char *const *folders, Err *err)
{
    for (int i = 0; i < target->part_count; i++)
        if (!export_part(target, i, step, folders, err)) return false;
    return true;
}
