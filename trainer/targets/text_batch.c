/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/targets/text_batch.h"

#include <stdlib.h>
#include <string.h>

bool text_batch_open(TextBatch *t, const Shards *shards, int64_t batch, Err *err)
{
    t->states = mel_shards_array(shards, "text_states", err);
    t->length = t->states < 0 ? -1 : mel_shards_array(shards, "text_length", err);
    if (t->length < 0 || !(t->null_text = mel_shards_constant(shards, "null_text", err)))
        return false;
    t->shape = mel_shards_form(shards, t->states)->shape;
    size_t text = (size_t)mel_shape_count(&t->shape), count = (size_t)batch;
    t->text = mel_alloc(count * text * sizeof(float));
    t->null_states = mel_alloc(text * sizeof(float));
    t->mask = mel_alloc(count * (size_t)t->shape.dims[0] * sizeof(float));
    t->lengths = mel_alloc(count * sizeof(int32_t));
    mel_convert(t->null_text->data, t->null_text->dtype, t->null_states, DTYPE_F32,
                mel_shape_count(&t->null_text->shape));
    return true;
}

void text_batch_close(TextBatch *t)
{
    free(t->text);
    free(t->mask);
    free(t->null_states);
    free(t->lengths);
}

Node *text_batch_states(const TextBatch *t, Graph *graph, int batch)
{
    return mel_graph_input(graph, "text", mel_graph_float_type(graph),
                           SHAPE(batch, t->shape.dims[0], t->shape.dims[1]));
}

Node *text_batch_mask(const TextBatch *t, Graph *graph, int batch)
{
    return mel_graph_input(graph, "mask", DTYPE_F32, SHAPE(batch, 1, 1, t->shape.dims[0]));
}

static void fill_text(TextBatch *t, const TrainBatch *batch, int i, double dropout)
{
    int64_t tokens = t->shape.dims[0], count = tokens * t->shape.dims[1];
    Rng rng = sample_rng(batch, i);
    rng.next = 1;
    bool dropped = dropout >= 1 || (!batch->validation && mel_rng_uniform(&rng) < dropout);
    float *states = t->text + i * count, length = 0;
    if (dropped) {
        memset(states, 0, (size_t)count * sizeof *states);
        memcpy(states, t->null_states,
               (size_t)mel_shape_count(&t->null_text->shape) * sizeof *states);
        length = (float)t->null_text->shape.dims[0];
    } else {
        mel_shards_floats(batch->shards, t->states, batch->items[i], states);
        mel_shards_floats(batch->shards, t->length, batch->items[i], &length);
    }
    t->lengths[i] = (int32_t)length;
    for (int64_t k = 0; k < tokens; k++)
        t->mask[i * tokens + k] = k < t->lengths[i] ? 0 : -10000;
}

bool text_batch_fill(TextBatch *t, Plan *plan, const TrainBatch *batch, double dropout, Err *err)
{
    for (int i = 0; i < batch->count; i++)
        fill_text(t, batch, i, dropout);
    return mel_plan_write(plan, "text", t->text, err) && mel_plan_write(plan, "mask", t->mask, err);
}
