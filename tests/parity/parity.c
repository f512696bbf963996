/* SPDX-License-Identifier: Apache-2.0
 *
 * mel-parity FOLDER: full-size networks beside what full_size.py wrote of them. */
#include "engine/engine.h"
#include "engine/nets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef Node *BuildFn(Graph *g, DType type);

static Node *build_unet(Graph *g, DType type)
{
    const UnetConfig config = mel_unet_sd21();
    const UnetInputs in = {.x = mel_graph_input(g, "x", type, SHAPE(1, 64, 64, 4)),
                           .timesteps = mel_graph_input(g, "t", DTYPE_F32, SHAPE(1)),
                           .text = mel_graph_input(g, "text", type, SHAPE(1, 77, 1024))};
    return mel_net_unet(g, &config, &in, NULL);
}

static Node *build_t5(Graph *g, DType type)
{
    (void)type;
    const T5Config config = mel_t5_flan_large();
    return mel_net_t5_encoder(g, &config, mel_graph_input(g, "ids", DTYPE_I32, SHAPE(1, 64)), NULL);
}

static Node *build_vae(Graph *g, DType type)
{
    const VaeConfig config = mel_vae_audioldm();
    return mel_net_vae_decoder(g, &config, mel_graph_input(g, "x", type, SHAPE(1, 256, 16, 8)));
}

static Node *build_clip(Graph *g, DType type)
{
    const ClipConfig config = mel_clip_b32();
    return mel_net_clip_vision_embedding(g, &config,
                                         mel_graph_input(g, "x", type, SHAPE(2, 224, 224, 3)));
}

static const struct {
    const char *name;
    BuildFn *build;
} nets[] = {
    {"clip", build_clip},
    {"t5",   build_t5  },
    {"vae",  build_vae },
    {"unet", build_unet},
};

static void *as(const CheckpointTensor *tensor, DType dtype)
{
    int64_t count = mel_shape_count(&tensor->shape);
    void *values = mel_alloc((size_t)count * 4);
    mel_convert(tensor->data, tensor->dtype, values, dtype, count);
    return values;
}

static bool write_inputs(Plan *plan, const Checkpoint *io, Err *err)
{
    bool ok = true;
    for (int64_t i = 0; i < mel_checkpoint_count(io) && ok; i++) {
        const CheckpointTensor *tensor = mel_checkpoint_at(io, i);
        if (mel_equal(tensor->name, "out")) continue;
        void *values = as(tensor, mel_dtype_is_float(tensor->dtype) ? DTYPE_F32 : DTYPE_I32);
        ok = mel_plan_write(plan, tensor->name, values, err);
        free(values);
    }
    return ok;
}

/* ‖ours - reference‖ / ‖reference‖ */
static bool distance(Plan *plan, const Checkpoint *io, double *out, Err *err)
{
    const CheckpointTensor *tensor = mel_checkpoint_find(io, "out");
    int64_t count = tensor ? mel_shape_count(&tensor->shape) : 0;
    if (!tensor || count != mel_shape_count(mel_plan_shape(plan, "out")))
        return mel_err(err, ERR_FORMAT, "the reference has another 'out'");
    float *wanted = as(tensor, DTYPE_F32), *got = mel_alloc((size_t)count * sizeof *got);
    double difference = 0, size = 0;
    bool ok = mel_plan_run(plan, err) && mel_plan_read(plan, "out", got, err);
    for (int64_t i = 0; i < count; i++) {
        difference += ((double)got[i] - wanted[i]) * ((double)got[i] - wanted[i]);
        size += (double)wanted[i] * wanted[i];
    }
    *out = sqrt(difference / size);
    free(wanted);
    free(got);
    return ok;
}

static bool compare(const Checkpoint *weights, const Checkpoint *io, const char *name,
                    BuildFn *build, DType type, bool *good, Err *err)
{
    static const char *const known[] = {
        "*position_ids", "logit_scale",      "encoder.", "quant_conv.",
        "text_model.",   "text_projection.", NULL};
    CheckpointParams source = {.checkpoint = weights};
    Params params = mel_checkpoint_params(&source);
    Graph *g = mel_graph_new(type);
    Plan *plan = NULL;
    double far = NAN, most = type == DTYPE_F32 ? 1e-4 : 2e-2;
    mel_graph_output(g, "out", build(g, type));
    bool ok = mel_params_check(g, &source, known, err) &&
              mel_plan_new(g, mel_backend_cpu(), &params, &plan, err) &&
              write_inputs(plan, io, err) && distance(plan, io, &far, err);
    if (ok) printf("%-6s %s %.1e, at most %.0e\n", name, mel_dtype_name(type), far, most);
    if (!(far <= most)) *good = false;
    mel_plan_free(plan);
    mel_graph_free(g);
    return ok;
}

static bool check(const char *folder, const char *name, BuildFn *build, bool *good, Err *err)
{
    Checkpoint *weights = NULL, *io = NULL;
    char *weights_path = mel_asprintf("%s/%s.safetensors", folder, name);
    char *io_path = mel_asprintf("%s/%s.io.safetensors", folder, name);
    bool ok = mel_checkpoint_open(weights_path, &weights, err) &&
              mel_checkpoint_open(io_path, &io, err) &&
              compare(weights, io, name, build, DTYPE_F32, good, err) &&
              compare(weights, io, name, build, DTYPE_BF16, good, err);
    mel_checkpoint_close(weights);
    mel_checkpoint_close(io);
    free(weights_path);
    free(io_path);
    return ok;
}

int main(int argc, char **argv)
{
    Err err = {0};
    bool good = true;
    if (argc != 2) {
        fprintf(stderr, "usage: mel-parity FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < MEL_COUNT(nets); i++) {
        if (check(argv[1], nets[i].name, nets[i].build, &good, &err)) continue;
        mel_log_error(&err);
        return 1;
    }
    return !good;
}
