/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/init.h"

#include <math.h>
#include <string.h>

/* Whether the layer, the name's part before ".weight", is a norm: its name says so. */
static bool is_norm(const char *name, const Shape *shape)
{
    return shape->rank == 1 && mel_ends_with(name, ".weight");
}

static bool is_embedding(const char *name, const Shape *shape)
{
    static const char *const ends[] = {"embedding.weight", "embeddings.weight", "class_embedding",
                                       "shared.weight", "embed_tokens.weight"};
    for (size_t i = 0; i < MEL_COUNT(ends); i++)
        if (shape->rank <= 2 && mel_ends_with(name, ends[i])) return true;
    return false;
}

static void fill(float *out, int64_t n, float value)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = value;
}

void train_init(const char *name, const Shape *shape, uint64_t seed, float *out)
{
    int64_t n = mel_shape_count(shape), inputs = 1;
    Rng rng = {.seed = seed, .stream = mel_keyed_hash("weights", name)};
    for (int i = 1; i < shape->rank; i++)
        inputs *= shape->dims[i];
    if (is_norm(name, shape) || mel_ends_with(name, "running_var")) {
        fill(out, n, 1);
    } else if (mel_ends_with(name, "logit_scale")) {
        fill(out, n, logf(1 / 0.07F));
    } else if (is_embedding(name, shape)) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)(0.02 * mel_rng_normal(&rng));
    } else if (shape->rank >= 2) {
        double reach = sqrt(1.0 / (double)inputs);
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)mel_rng_range(&rng, -reach, reach);
    } else {
        fill(out, n, 0);
    }
}
