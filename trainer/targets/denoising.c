/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/targets/denoising.h"

#include <stdlib.h>

static Shape batched(const Denoising *d)
{
    return SHAPE(d->batch, d->shape.dims[0], d->shape.dims[1], d->shape.dims[2]);
}

bool denoising_open(Denoising *d, const char *folder, const char *part, Shape shape, int batch,
                    Err *err)
{
    size_t count = (size_t)mel_shape_count(&shape) * (size_t)batch;
    char *path = mel_asprintf("%s/%s/scheduler_config.json", folder, part);
    bool ok = mel_schedule_read(path, &d->schedule, err);
    free(path);
    if (!ok) return false;
    d->shape = shape;
    d->batch = batch;
    d->latents = mel_alloc(count * sizeof(float));
    d->noise = mel_alloc(count * sizeof(float));
    d->z = mel_alloc(count * sizeof(float));
    d->wanted = mel_alloc(count * sizeof(float));
    d->times = mel_alloc((size_t)batch * sizeof(float));
    d->weights = mel_alloc((size_t)batch * sizeof(float));
    return true;
}

void denoising_close(Denoising *d)
{
    free(d->latents);
    free(d->noise);
    free(d->z);
    free(d->wanted);
    free(d->times);
    free(d->weights);
}

Node *denoising_z(const Denoising *d, Graph *graph)
{
    return mel_graph_input(graph, "z", mel_graph_float_type(graph), batched(d));
}

Node *denoising_t(const Denoising *d, Graph *graph)
{
    return mel_graph_input(graph, "t", DTYPE_F32, SHAPE(d->batch));
}

Node *denoising_text(const Denoising *d, Graph *graph, const CheckpointTensor *states)
{
    Shape one = states->shape;
    int64_t count = mel_shape_count(&one);
    float *numbers = mel_alloc((size_t)count * sizeof *numbers);
    mel_convert(states->data, states->dtype, numbers, DTYPE_F32, count);
    Node *text = mel_graph_constant(graph, DTYPE_F32, SHAPE(1, one.dims[0], one.dims[1]), numbers);
    free(numbers);
    text = mel_op_broadcast(text, SHAPE(d->batch, one.dims[0], one.dims[1]));
    return mel_op_cast(text, mel_graph_float_type(graph));
}

Node *denoising_loss(const Denoising *d, Graph *graph, Node *predicted)
{
    if (!mel_graph_is_training(graph)) mel_graph_output(graph, "predicted", predicted);
    Node *wanted = mel_graph_input(graph, "wanted", DTYPE_F32, batched(d));
    Node *weights = mel_graph_input(graph, "weights", DTYPE_F32, SHAPE(d->batch, 1, 1, 1));
    Node *far = mel_op_sub(mel_op_cast(predicted, DTYPE_F32), wanted);
    return mel_op_mean(mel_op_mul(mel_op_unary(far, UNARY_SQUARE, 0, 0), weights));
}

static void fill_sample(Denoising *d, const TrainBatch *batch, int i)
{
    int64_t n = mel_shape_count(&d->shape), at = i * n;
    Rng rng = sample_rng(batch, i);
    int t = mel_rng_int(&rng, d->schedule.times);
    if (batch->validation) /* evenly over the times */
        t = (int)((2 * (batch->first_sample + i) + 1) * d->schedule.times / 2 / 16) %
            d->schedule.times;
    rng.next = 2;
    for (int64_t k = 0; k < n; k++)
        d->noise[at + k] = (float)mel_rng_normal(&rng);
    mel_schedule_add_noise(&d->schedule, t, d->latents + at, d->noise + at, n, d->z + at);
    mel_schedule_target(&d->schedule, t, d->latents + at, d->noise + at, n, d->wanted + at);
    d->times[i] = (float)t;
    d->weights[i] =
        (float)mel_schedule_loss_weight(&d->schedule, t, d->snr_gamma, d->snr_compatible);
}

bool denoising_fill(Denoising *d, Plan *plan, const TrainBatch *batch, Err *err)
{
    for (int i = 0; i < batch->count; i++)
        fill_sample(d, batch, i);
    return mel_plan_write(plan, "z", d->z, err) && mel_plan_write(plan, "t", d->times, err) &&
           mel_plan_write(plan, "wanted", d->wanted, err) &&
           mel_plan_write(plan, "weights", d->weights, err);
}

enum { SAMPLE_STEPS = 25 };

bool denoising_sample(Denoising *d, Plan *plan, const TrainBatch *batch, const SampleStep *step,
                      Err *err)
{
    int times[SAMPLE_STEPS];
    int64_t n = mel_shape_count(&d->shape) * batch->count;
    if (!mel_schedule_times(&d->schedule, mel_sampler_grid(SAMPLER_DDIM), SAMPLE_STEPS, times, err))
        return false;
    Sampler *sampler = mel_sampler_new(SAMPLER_DDIM, &d->schedule, times, SAMPLE_STEPS, n);
    Rng rng = sample_rng(batch, 0);
    rng.next = UINT64_C(1) << 41; /* behind everything else */
    bool ok = true;
    for (int64_t k = 0; k < n; k++)
        d->z[k] = (float)mel_rng_normal(&rng);
    for (int i = 0; i < SAMPLE_STEPS && ok; i++) {
        for (int k = 0; k < batch->count; k++)
            d->times[k] = (float)times[i];
        ok = step->fill(step->ctx, plan, batch, err) && mel_plan_write(plan, "z", d->z, err) &&
             mel_plan_write(plan, "t", d->times, err) &&
             mel_plan_write(plan, "wanted", d->wanted, err) &&
             mel_plan_write(plan, "weights", d->weights, err) && mel_plan_run(plan, err) &&
             mel_plan_read(plan, "predicted", d->noise, err);
        if (ok) mel_sampler_step(sampler, i, d->noise, NULL, d->z);
    }
    mel_sampler_free(sampler);
    return ok;
}
