/* SPDX-License-Identifier: Apache-2.0
 *
 * A network's fixture: a checkpoint as published, and a file of inputs and wanted outputs. */
#ifndef MEL_TESTS_NET_CASE_H
#define MEL_TESTS_NET_CASE_H

#include "engine/engine.h"
#include "engine/nets.h"
#include "tests/support/test.h"

#include <stdlib.h>

typedef struct NetCase {
    Checkpoint *weights, *io;
    CheckpointParams source;
    Params params;
    Graph *graph;
    Plan *plan;
} NetCase;

static inline void net_open(NetCase *c, const char *weights, const char *prefix, const char *io,
                            DType float_type)
{
    Err err = {0};
    const char *folder = MEL_TEST_DATA "/nets";
    *c = (NetCase){.graph = mel_graph_new(float_type)};
    CHECK_OK(mel_checkpoint_open(test_path(folder, "%s", weights), &c->weights, &err));
    CHECK_OK(mel_checkpoint_open(test_path(folder, "%s", io), &c->io, &err));
    c->source = (CheckpointParams){.checkpoint = c->weights, .prefix = prefix};
    for (NamedNet net = NAMED_UNET; !prefix && net <= NAMED_VOCODER; net++)
        if (mel_names_detect(c->weights, net, &c->source.layout, &c->source.prefix)) break;
    c->params = mel_checkpoint_params(&c->source);
}

static inline const CheckpointTensor *net_array(const NetCase *c, const char *name)
{
    const CheckpointTensor *tensor = mel_checkpoint_find(c->io, name);
    if (!tensor) fail_msg("the fixture has no '%s'", name);
    return tensor;
}

/* An input named and shaped as the fixture's array. */
static inline Node *net_input(const NetCase *c, const char *name)
{
    const CheckpointTensor *tensor = net_array(c, name);
    bool is_float = mel_dtype_is_float(tensor->dtype);
    DType dtype = is_float ? mel_graph_float_type(c->graph) : DTYPE_I32;
    return mel_graph_input(c->graph, name, dtype, tensor->shape);
}

static inline void net_plan(NetCase *c, Backend *backend, const char *const *known)
{
    Err err = {0};
    CHECK_OK(mel_graph_ok(c->graph, &err));
    CHECK_OK(mel_params_check(c->graph, &c->source, known, &err));
    CHECK_OK(mel_plan_new(c->graph, backend, &c->params, &c->plan, &err));
}

static inline void net_write(NetCase *c, const char *name)
{
    Err err = {0};
    const CheckpointTensor *tensor = net_array(c, name);
    int64_t count = mel_shape_count(&tensor->shape);
    DType dtype = mel_dtype_is_float(tensor->dtype) ? DTYPE_F32 : DTYPE_I32;
    void *values = mel_alloc((size_t)count * 4 + 1);
    mel_convert(tensor->data, tensor->dtype, values, dtype, count);
    CHECK_OK(mel_plan_write(c->plan, name, values, &err));
    free(values);
}

/* ‖ours - reference‖ / ‖reference‖ of the output and the fixture's array of that name. */
static inline double net_distance(NetCase *c, const char *name)
{
    Err err = {0};
    const CheckpointTensor *tensor = net_array(c, name);
    int64_t count = mel_shape_count(&tensor->shape);
    double difference = 0, size = 0;
    assert_int_equal(mel_shape_count(mel_plan_shape(c->plan, name)), count);
    double *ours = mel_alloc((size_t)count * sizeof *ours + 1);
    float *reference = mel_alloc((size_t)count * sizeof *reference + 1);
    CHECK_OK(mel_plan_read_f64(c->plan, name, ours, &err));
    mel_convert(tensor->data, tensor->dtype, reference, DTYPE_F32, count);
    for (int64_t i = 0; i < count; i++) {
        difference += (ours[i] - reference[i]) * (ours[i] - reference[i]);
        size += (double)reference[i] * reference[i];
    }
    free(ours);
    free(reference);
    return sqrt(difference / size);
}

static inline void net_check_within(NetCase *c, const char *name, DType float_type, double most)
{
    double far = net_distance(c, name);
    printf("%-24s %s %.1e\n", name, mel_dtype_name(float_type), far);
    if (!(far <= most)) fail_msg("'%s' is %.2g away from the reference", name, far);
}

/* At most 1e-4 away, or 2e-2 in bf16. */
static inline void net_check(NetCase *c, const char *name, DType float_type)
{
    net_check_within(c, name, float_type, float_type == DTYPE_F32 ? 1e-4 : 2e-2);
}

static inline void net_close(NetCase *c)
{
    mel_plan_free(c->plan);
    mel_graph_free(c->graph);
    mel_checkpoint_close(c->weights);
    mel_checkpoint_close(c->io);
}

#endif
