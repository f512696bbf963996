/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast are the networks? At their full published sizes, with random weights, beside PyTorch on
 * the same processor and threads, or the same GPU, and IMSM at the size of the paper's set.
 *
 *     bench-engine [--only NAME] [--rounds N] [--type f32|bf16] [--device cpu|cuda]
 *
 * With MEL_TORCH naming a Python that has torch, diffusers and transformers, every network is timed
 * by tests/parity/bench_torch.py too, as installed and with a heap that keeps its pages (what a
 * program that knows of it would do); without, ours is shown alone. Medians of whole forward
 * passes. Memory is what the process grew by at most, weights and all, or what is used of the
 * GPU's. The floor that a pass is measured by is the speed of one large product, in the same run.
 */
#include "engine/diffusion/synapse.h"
#include "engine/engine.h"
#include "engine/nets.h"
#include "engine/onednn.h"
#include "tests/bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ROUNDS = 5, ROUNDS_MAX = 50, IMSM_COUNT = 11250, IMSM_WIDTH = 512 };

static double memory_mb(bool peak)
{
    struct rusage usage;
    if (peak) {
        getrusage(RUSAGE_SELF, &usage);
        return (double)usage.ru_maxrss / 1024;
    }
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    if (file) fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* ---- random weights ------------------------------------------------------------------------- */

/* Made when they are asked for, gone when they are packed, as the pages of a mapped file are. */
typedef struct Made {
    const char *name;
    float *data;
} Made;

typedef struct Source {
    Made *items;
    size_t count, capacity;
    int64_t numbers;
} Source;

static bool make_weight(void *ctx, const char *name, const Shape *shape, Tensor *out, Err *err)
{
    Source *source = ctx;
    int64_t count = mel_shape_count(shape);
    float *data = mel_try_alloc((size_t)count, sizeof *data, SIZE_MAX, name, err);
    if (!data) return false;
    bool one =
        mel_ends_with(name, "running_var") || (shape->rank == 1 && mel_ends_with(name, ".weight"));
    float size = shape->rank > 1 ? sqrtf(3 * (float)shape->dims[0] / (float)count) : 0;
    uint32_t state = (uint32_t)mel_keyed_hash("bench", name);
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        data[i] = one ? 1 : size * ((float)(state >> 8) * 0x1p-23F - 1);
    }
    mel_grow(&source->items, &source->capacity, source->count + 1, sizeof *source->items);
    source->items[source->count++] = (Made){.name = name, .data = data};
    source->numbers += count;
    *out = (Tensor){.dtype = DTYPE_F32, .shape = *shape, .data = data};
    return true;
}

static void drop_weight(void *ctx, const char *name)
{
    Source *source = ctx;
    for (size_t i = 0; i < source->count; i++) {
        if (!mel_equal(source->items[i].name, name)) continue;
        free(source->items[i].data);
        source->items[i].data = NULL;
    }
}

/* ---- networks ------------------------------------------------------------------------------- */

typedef Node *BuildFn(Graph *g, DType type); /* the output */

static Node *numbers(Graph *g, const char *name, DType type, Shape shape)
{
    return mel_graph_input(g, name, type, shape);
}

static Node *build_unet(Graph *g, DType type)
{
    const UnetConfig config = mel_unet_sd21();
    const UnetInputs in = {.x = numbers(g, "x", type, SHAPE(1, 64, 64, 4)),
                           .timesteps = numbers(g, "t", DTYPE_F32, SHAPE(1)),
                           .text = numbers(g, "text", type, SHAPE(1, 77, 1024))};
    return mel_graph_output(g, "out", mel_net_unet(g, &config, &in, NULL));
}

static Node *build_tango(Graph *g, DType type, int64_t batch)
{
    const UnetConfig config = mel_unet_tango();
    const UnetInputs in = {.x = numbers(g, "x", type, SHAPE(batch, 256, 16, 8)),
                           .timesteps = numbers(g, "t", DTYPE_F32, SHAPE(batch)),
                           .text = numbers(g, "text", type, SHAPE(batch, 64, 1024))};
    return mel_graph_output(g, "out", mel_net_unet(g, &config, &in, NULL));
}

static Node *build_unet_tango(Graph *g, DType type)
{
    return build_tango(g, type, 1);
}

/* Both halves of guidance. */
static Node *build_unet_guided(Graph *g, DType type)
{
    return build_tango(g, type, 2);
}

/* A step of making music: the picture's UNet, whose states are taken, pooled for both halves of the
 * guidance and mixed into the music's. */
static Node *build_generation(Graph *g, DType type)
{
    enum { TOKENS = 64, HALVES = 2 };
    const UnetConfig image = mel_unet_sd21(), music = mel_unet_tango();
    Synapse synapse;
    Err err = {0};
    if (!mel_synapse_plan(&(SynapseConfig){0}, &image, &music, &synapse, &err)) give_up(&err);
    const UnetInputs picture = {.x = numbers(g, "picture", type, SHAPE(1, 64, 64, 4)),
                                .timesteps = numbers(g, "picture t", DTYPE_F32, SHAPE(1)),
                                .text = numbers(g, "picture text", type, SHAPE(1, 77, 1024))};
    const UnetInputs in = {.x = numbers(g, "x", type, SHAPE(HALVES, 256, 16, 8)),
                           .timesteps = numbers(g, "t", DTYPE_F32, SHAPE(HALVES)),
                           .text = numbers(g, "text", type, SHAPE(HALVES, TOKENS, 1024))};
    UnetHook hook = mel_synapse_capture(&synapse);
    mel_graph_push(g, "image_unet.");
    mel_graph_output(g, "picture out", mel_net_unet(g, &image, &picture, &hook));
    for (int i = 0; i < synapse.count; i++)
        synapse.states[i] = mel_op_concat(synapse.states[i], synapse.states[i], 0);
    mel_synapse_pool(&synapse, numbers(g, "lengths", DTYPE_I32, SHAPE(HALVES)), TOKENS);
    mel_synapse_project(&synapse, g);
    mel_graph_pop(g);
    hook = mel_synapse_mix(&synapse, g, NULL);
    return mel_graph_output(g, "out", mel_net_unet(g, &music, &in, &hook));
}

/* The size of network that the demo trains. */
static Node *build_unet_small(Graph *g, DType type)
{
    const UnetConfig config = {
        .in_channels = 8,
        .out_channels = 8,
        .text_width = 128,
        .levels = 3,
        .widths = {32, 64, 128},
        .heads = {0,  2,  4  },
        .layers = 1,
        .groups = 8,
        .linear_projection = true
    };
    const UnetInputs in = {.x = numbers(g, "x", type, SHAPE(4, 256, 16, 8)),
                           .timesteps = numbers(g, "t", DTYPE_F32, SHAPE(4)),
                           .text = numbers(g, "text", type, SHAPE(4, 24, 128))};
    return mel_graph_output(g, "out", mel_net_unet(g, &config, &in, NULL));
}

static Node *build_clip_picture(Graph *g, DType type)
{
    const ClipConfig config = mel_clip_b32();
    return mel_graph_output(
        g, "out",
        mel_net_clip_vision_embedding(g, &config, numbers(g, "x", type, SHAPE(8, 224, 224, 3))));
}

static Node *build_clip_text(Graph *g, DType type)
{
    (void)type;
    const ClipConfig config = mel_clip_b32();
    Node *states = mel_net_clip_text(g, &config, numbers(g, "ids", DTYPE_I32, SHAPE(8, 77)));
    return mel_graph_output(
        g, "out",
        mel_net_clip_text_embedding(g, &config, states, numbers(g, "ends", DTYPE_I32, SHAPE(8))));
}

static Node *build_clap_sound(Graph *g, DType type)
{
    (void)type;
    const ClapConfig config = mel_clap_htsat_unfused();
    return mel_graph_output(
        g, "out",
        mel_net_clap_audio_embedding(g, &config, numbers(g, "x", DTYPE_F32, SHAPE(4, 1001, 64))));
}

static Node *build_t5(Graph *g, DType type)
{
    (void)type;
    const T5Config config = mel_t5_flan_large();
    return mel_graph_output(
        g, "out", mel_net_t5_encoder(g, &config, numbers(g, "ids", DTYPE_I32, SHAPE(1, 64)), NULL));
}

static Node *build_cnn14(Graph *g, DType type)
{
    const Cnn14Config config = mel_cnn14_published();
    return mel_graph_output(
        g, "out", mel_net_cnn14(g, &config, numbers(g, "x", type, SHAPE(1, 1001, 64))).logits);
}

static Node *build_vae_decoder(Graph *g, DType type)
{
    const VaeConfig config = mel_vae_audioldm();
    return mel_graph_output(
        g, "out", mel_net_vae_decoder(g, &config, numbers(g, "x", type, SHAPE(1, 256, 16, 8))));
}

static Node *build_vocoder(Graph *g, DType type)
{
    const HifiganConfig config = mel_hifigan_audioldm();
    return mel_graph_output(g, "out",
                            mel_net_hifigan(g, &config, numbers(g, "x", type, SHAPE(1, 1024, 64))));
}

typedef struct Workload {
    const char *name, *what;
    BuildFn *build;
    double gflop;     /* of a pass */
    double wanted[2]; /* times PyTorch's speed, in f32 and in bf16; 0: not said */
    bool training;    /* and back: the gradients of all weights, no optimiser */
} Workload;

static const Workload workloads[] = {
    {"unet",        "SD 2.1 UNet, 64x64, 77 tokens",     build_unet,         804,  {1.5, 2}, false},
    {"unet-tango",  "TANGO UNet, 256x16, 64 tokens",     build_unet_tango,   803,  {1.5, 2}, false},
    {"unet-guided", "the same, with guidance",           build_unet_guided,  1606, {1.5, 2}, false},
    {"generation",  "a step of music from a picture",    build_generation,   2410, {1.5, 2}, false},
    {"clip",        "CLIP B/32, 8 pictures",             build_clip_picture, 70.4, {1, 0},   false},
    {"clip-text",   "CLIP B/32, 8 texts",                build_clip_text,    48,   {1, 0},   false},
    {"clap",        "CLAP, 4 sounds of 10 s",            build_clap_sound,   47.2, {1, 0},   false},
    {"t5",          "FLAN-T5-large encoder, 64 tokens",  build_t5,           39.9, {1, 0},   false},
    {"cnn14",       "Cnn14, 10 s",                       build_cnn14,        40.1, {1, 0},   false},
    {"vae",         "AudioLDM VAE decoder, 10.24 s",     build_vae_decoder,  670,  {1, 0},   false},
    {"vocoder",     "HiFi-GAN, 10.24 s",                 build_vocoder,      1027, {1, 0},   false},
    {"train-small", "training, small UNet, 4 of 256x16", build_unet_small,   53.4, {1.5, 2}, true },
    {"train-unet",  "training, SD 2.1 UNet, 64x64",      build_unet,         2412, {1.5, 2}, true },
};

/* ---- training ------------------------------------------------------------------------------- */

static bool every(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return true;
}

static void keep_gradient(void *ctx, int i, Node *gradient)
{
    Graph *g = ctx;
    const Node *param = mel_graph_variable_at(g, i);
    char *name = mel_asprintf("gradient of %s", mel_node_name(param));
    Node *sum = mel_graph_variable(g, name, *mel_node_shape(param));
    mel_graph_output(g, name, mel_op_accumulate(sum, gradient, mel_graph_number(g, 0)));
    free(name);
}

static void add_gradients(Graph *g, Node *out)
{
    int count = mel_graph_variable_count(g);
    Node *loss = mel_op_mean(mel_op_cast(mel_op_mul(out, out), DTYPE_F32));
    Node **wrt = mel_alloc((size_t)count * sizeof(Node *));
    for (int i = 0; i < count; i++)
        wrt[i] = mel_graph_variable_at(g, i);
    mel_graph_each_gradient(g, loss, wrt, count, keep_gradient, g);
    free(wrt);
}

/* Weights as make_weight has them, gradients 0. */
static Variables *make_variables(const Graph *g, Source *source)
{
    Err err = {0};
    Variables *variables = mel_variables_new(mel_device());
    for (int i = 0; i < mel_graph_variable_count(g); i++) {
        const Node *node = mel_graph_variable_at(g, i);
        const char *name = mel_node_name(node);
        const Shape *shape = mel_node_shape(node);
        Tensor first = {0};
        bool weight = strncmp(name, "gradient of ", 12) != 0;
        if ((weight && !make_weight(source, name, shape, &first, &err)) ||
            !mel_variables_add(variables, name, *shape, first.data, &err))
            give_up(&err);
        if (weight) drop_weight(source, name);
    }
    return variables;
}

/* Noise, or everywhere the same number. */
typedef enum Fill { FILL_NOISE, FILL_F32, FILL_I32 } Fill;

static void *made_input(Fill fill, int32_t value, uint64_t stream, int64_t count)
{
    float *floats = mel_alloc((size_t)count * sizeof *floats);
    int32_t *whole = (void *)floats;
    Rng rng = {.seed = 9, .stream = stream};
    for (int64_t i = 0; i < count; i++) {
        if (fill == FILL_I32)
            whole[i] = value;
        else
            floats[i] = fill == FILL_F32 ? (float)value : (float)mel_rng_normal(&rng);
    }
    return floats;
}

static void write_inputs(Plan *plan)
{
    static const struct {
        const char *name;
        Fill fill;
        int32_t value;
    } inputs[] = {
        {"x",            FILL_NOISE, 0  },
        {"text",         FILL_NOISE, 0  },
        {"picture",      FILL_NOISE, 0  },
        {"picture text", FILL_NOISE, 0  },
        {"t",            FILL_F32,   500},
        {"picture t",    FILL_F32,   500},
        {"ids",          FILL_I32,   0  },
        {"ends",         FILL_I32,   0  },
        {"lengths",      FILL_I32,   64 },
    };
    for (size_t k = 0; k < MEL_COUNT(inputs); k++) {
        const Shape *shape = mel_plan_shape(plan, inputs[k].name);
        if (!shape) continue;
        Err err = {0};
        void *values = made_input(inputs[k].fill, inputs[k].value, k, mel_shape_count(shape));
        if (!mel_plan_write(plan, inputs[k].name, values, &err)) give_up(&err);
        free(values);
    }
}

typedef struct Figures {
    double median_ms, memory_mb, weights_mb, plan_s;
    double gpu_mb; /* 0 on the CPU */
} Figures;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Milliseconds of runs behind a first one, the shortest first. */
static void time_runs(Plan *plan, int rounds, double times[ROUNDS_MAX])
{
    Err err = {0};
    for (int i = -1; i < rounds; i++) {
        write_inputs(plan);
        int64_t begin = mel_monotonic_us();
        if (!mel_plan_run(plan, &err) || !mel_plan_wait(plan, &err)) give_up(&err);
        if (i >= 0) times[i] = (double)(mel_monotonic_us() - begin) / 1e3;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_value);
}

static Figures measure(const Workload *w, DType type, int rounds)
{
    Err err = {0};
    Source source = {0};
    Params params = {.find = make_weight, .done_with = drop_weight, .ctx = &source};
    Figures f = {.memory_mb = -memory_mb(false),
                 .gpu_mb = -(double)mel_device_memory_used() / 1048576};
    double times[ROUNDS_MAX];
    Plan *plan;
    Graph *g = mel_graph_new(type);
    Variables *variables = NULL;
    if (w->training) mel_graph_train(g, every, NULL, "");
    Node *out = w->build(g, type);
    int64_t begin = mel_monotonic_us();
    if (w->training) {
        add_gradients(g, out);
        params.variables = variables = make_variables(g, &source);
    }
    if (!mel_plan_new(g, mel_device(), &params, &plan, &err)) give_up(&err);
    f.plan_s = (double)(mel_monotonic_us() - begin) / 1e6;
    time_runs(plan, rounds, times);
    f.median_ms = times[rounds / 2];
    f.memory_mb += memory_mb(false);
    f.gpu_mb += (double)mel_device_memory_used() / 1048576;
    f.weights_mb = (double)source.numbers * 4 / 1048576;
    mel_plan_free(plan);
    mel_graph_free(g);
    mel_variables_free(variables);
    for (size_t i = 0; i < source.count; i++)
        free(source.items[i].data);
    free(source.items);
    return f;
}

/* ---- beside PyTorch ------------------------------------------------------------------------- */

typedef enum TorchWay { TORCH_PLAIN, TORCH_KEPT_HEAP, TORCH_COMPILED } TorchWay;

/* By PyTorch; ms is NAN without it. mb: of the GPU's memory, at most. */
typedef struct TorchFigures {
    double ms, mb;
} TorchFigures;

static TorchFigures by_torch(const char *name, const char *type, int rounds, TorchWay way)
{
    TorchFigures f = {.ms = NAN};
    const char *python = getenv("MEL_TORCH");
    if (!python) return f;
    char rounds_text[16];
    snprintf(rounds_text, sizeof rounds_text, "%d", rounds);
    const char *const argv[] = {python,
                                MEL_TEST_SOURCE "/parity/bench_torch.py",
                                name,
                                type,
                                rounds_text,
                                mel_device_name(),
                                way == TORCH_COMPILED ? "compiled" : "eager",
                                NULL};
    const char *const kept[] = {"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=20000000000", NULL};
    const ProcessOptions options = {.deadline_us = 900LL * 1000000,
                                    .extra_env = way == TORCH_KEPT_HEAP ? kept : NULL};
    ProcessResult result = {0};
    Err err = {0};
    if (!mel_process_run(argv, &options, &result, &err) || result.exit_code != 0 ||
        sscanf(result.out, "%lf %lf", &f.ms, &f.mb) != 2)
        fprintf(stderr, "torch: %s %s\n", err.message, result.err_tail ? result.err_tail : "");
    mel_process_clear(&result);
    return f;
}

static const char *verdict(bool met)
{
    return met ? "met" : "MISSED";
}

/* On a GPU: beside PyTorch as written, and compiled by it. What is wanted of the rows that have a
 * figure: 1.3 times eager and 1 time compiled, in training 1.2 times eager; no more memory; ready
 * within 10 s. */
static void beside_torch_on_gpu(const Workload *w, DType type, const Figures *f, int rounds)
{
    const char *name = mel_dtype_name(type);
    TorchFigures plain = by_torch(w->name, name, rounds, TORCH_PLAIN);
    if (isnan(plain.ms)) return;
    TorchFigures compiled = by_torch(w->name, name, rounds, TORCH_COMPILED);
    double eager = plain.ms / f->median_ms, faster = compiled.ms / f->median_ms;
    printf("%34s torch %8.2f ms: %.2f x eager; %8.2f ms: %.2f x compiled; its memory %.0f MB\n", "",
           plain.ms, eager, compiled.ms, faster, plain.mb);
    if (type != DTYPE_BF16 || w->wanted[1] == 0) return;
    bool fast = eager >= (w->training ? 1.2 : 1.3) && (w->training || !(faster < 1));
    printf("%34s wanted: speed %s, memory %s, ready within 10 s %s\n", "", verdict(fast),
           verdict(f->gpu_mb <= plain.mb), verdict(f->plan_s <= 10));
}

static void beside_torch(const Workload *w, DType type, const Figures *f, int rounds)
{
    const char *name = mel_dtype_name(type);
    double wanted = w->wanted[type == DTYPE_BF16];
    double plain = by_torch(w->name, name, rounds, TORCH_PLAIN).ms;
    if (isnan(plain)) return;
    double kept = by_torch(w->name, name, rounds, TORCH_KEPT_HEAP).ms;
    printf("%34s torch %7.1f ms: %.2f x as installed; %7.1f ms: %.2f x with its heap kept%s\n", "",
           plain, plain / f->median_ms, kept, kept / f->median_ms,
           !wanted                          ? ""
           : kept / f->median_ms >= wanted  ? ", wanted so: met"
           : plain / f->median_ms >= wanted ? ", wanted so: met as installed only"
                                            : ", wanted so: MISSED");
}

/* ---- the floor ------------------------------------------------------------------------------ */

/* GFLOP/s of one large product: on a GPU of 8192³, on the CPU of 2048³. */
static double floor_gflops(DType type)
{
    static double found[2];
    double times[ROUNDS_MAX], *rate = &found[type == DTYPE_BF16];
    if (*rate > 0) return *rate;
    Err err = {0};
    Source source = {0};
    const Params params = {.find = make_weight, .done_with = drop_weight, .ctx = &source};
    const bool on_cpu = mel_equal(mel_device_name(), "cpu");
    const int64_t n = on_cpu ? 2048 : 8192;
    Graph *g = mel_graph_new(type);
    Node *weights = mel_graph_param(g, "weights", SHAPE(n, n));
    Plan *plan;
    mel_graph_output(g, "out", mel_op_linear(numbers(g, "x", type, SHAPE(n, n)), weights, NULL));
    if (!mel_plan_new(g, mel_device(), &params, &plan, &err)) give_up(&err);
    time_runs(plan, ROUNDS, times);
    *rate = 2.0 * (double)n * (double)n * (double)n / times[0] / 1e6;
    mel_plan_free(plan);
    mel_graph_free(g);
    free(source.items);
    printf("the floor: a product of %lld³, %s: %.0f GFLOP/s\n", (long long)n, mel_dtype_name(type),
           *rate);
    return *rate;
}

static void bench(const Workload *w, DType type, int rounds)
{
    const char *name = mel_dtype_name(type);
    double floor = floor_gflops(type);
    Figures f = measure(w, type, rounds);
    double gflops = w->gflop / f.median_ms * 1e3;
    printf(
        "%-34s %s %9.1f ms %7.1f GFLOP/s (%.2f of the floor's)  weights %5.0f MB, process %+6.0f "
        "MB, ready in %.1f s\n",
        w->what, name, f.median_ms, gflops, gflops / floor, f.weights_mb, f.memory_mb, f.plan_s);
    if (f.gpu_mb > 0) printf("%34s %.0f MB of the GPU's memory\n", "", f.gpu_mb);
    fflush(stdout);
    if (mel_equal(mel_device_name(), "cpu"))
        beside_torch(w, type, &f, rounds);
    else
        beside_torch_on_gpu(w, type, &f, rounds);
    fflush(stdout);
}

/* ---- IMSM ----------------------------------------------------------------------------------- */

static float *directions(uint64_t seed)
{
    float *rows = mel_alloc((size_t)IMSM_COUNT * IMSM_WIDTH * sizeof *rows);
    uint32_t state = (uint32_t)seed;
    for (int64_t i = 0; i < IMSM_COUNT; i++) {
        double squares = 0;
        float *row = rows + i * IMSM_WIDTH;
        for (int c = 0; c < IMSM_WIDTH; c++) {
            state = state * 1664525U + 1013904223U;
            row[c] = (float)(state >> 8) * 0x1p-23F - 1;
            squares += (double)row[c] * row[c];
        }
        for (int c = 0; c < IMSM_WIDTH; c++)
            row[c] = (float)(row[c] / sqrt(squares));
    }
    return rows;
}

static void bench_imsm(void)
{
    Err err = {0};
    float *rows[4];
    for (int i = 0; i < 4; i++)
        rows[i] = directions((uint64_t)i + 1);
    double *purity = mel_alloc(IMSM_COUNT * sizeof *purity), before = memory_mb(false);
    const ImsmBank bank = {.triplets = IMSM_COUNT,
                           .texts = IMSM_COUNT,
                           .picture_width = IMSM_WIDTH,
                           .music_width = IMSM_WIDTH,
                           .pictures = rows[0],
                           .picture_texts = rows[1],
                           .music = rows[2],
                           .music_texts = rows[3],
                           .picture_scale = 100,
                           .music_scale = 20};
    int64_t begin = mel_monotonic_us();
    if (!mel_imsm(&bank, purity, &err)) give_up(&err);
    double seconds = (double)(mel_monotonic_us() - begin) / 1e6;
    double embeddings = 4.0 * IMSM_COUNT * IMSM_WIDTH * 4 / 1048576;
    double more = memory_mb(true) - before > 0 ? memory_mb(true) - before : 0;
    printf("IMSM of %d triplets                f32 %9.2f s, %.0f GFLOP/s; embeddings %.0f MB and "
           "%.0f MB "
           "more; wanted under 10 s and 200 MB: %s\n",
           IMSM_COUNT, seconds, 4.0 * IMSM_COUNT * IMSM_COUNT * IMSM_WIDTH / seconds / 1e9,
           embeddings, more, seconds < 10 && embeddings + more < 200 ? "met" : "MISSED");
    for (int i = 0; i < 4; i++)
        free(rows[i]);
    free(purity);
}

int main(int argc, char **argv)
{
    Err err = {0};
    const char *only = NULL, *type_name = NULL, *device = "cpu";
    int64_t rounds = ROUNDS;
#ifdef MEL_CUDA
    mel_device_offer(mel_backend_cuda);
#endif
    for (int i = 1; i + 1 < argc; i += 2) {
        if (mel_equal(argv[i], "--only")) only = argv[i + 1];
        if (mel_equal(argv[i], "--type")) type_name = argv[i + 1];
        if (mel_equal(argv[i], "--device")) device = argv[i + 1];
        if (mel_equal(argv[i], "--rounds") && !mel_parse_i64(argv[i + 1], &rounds)) return 2;
    }
    if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
    if (!mel_device_use(device, &err)) give_up(&err);
    bool on_cpu = mel_equal(mel_device_name(), "cpu"), fast_bf16 = !on_cpu || dnn_likes_bf16();
    if (on_cpu && (!only || mel_equal(only, "imsm")))
        bench_imsm(); /* first: its peak is the process's */
    for (size_t i = 0; i < MEL_COUNT(workloads); i++) {
        if (only && !mel_equal(only, workloads[i].name)) continue;
        if (!type_name || mel_equal(type_name, "f32")) bench(&workloads[i], DTYPE_F32, (int)rounds);
        bool bf16 = type_name ? mel_equal(type_name, "bf16") : fast_bf16;
        if (bf16) bench(&workloads[i], DTYPE_BF16, (int)rounds);
    }
    if (!fast_bf16 && !type_name)
        printf("this processor multiplies no bf16: it is not shown (--type bf16 does)\n");
    if (!getenv("MEL_TORCH")) printf("MEL_TORCH names no Python: nothing is beside it\n");
    return 0;
}
