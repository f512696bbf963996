/* SPDX-License-Identifier: Apache-2.0
 *
 * Does Winograd pay? The 3x3 convolutions of training, whose weights change at every step: forward,
 * back along the data, back along the weights, by engine/ops/winograd.c and by oneDNN in turn.
 *
 *     bench-conv [--only NAME] [--rounds N]
 *
 * Shortest times, since other programs only add to them. Wanted: the way that the engine takes is
 * not 1.25 times slower than the other. */
#include "base/base.h"
#include "engine/big_alloc.h"
#include "engine/ops/winograd.h"
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 9, PASSES = 3 };

typedef struct Layer {
    const char *name;
    int64_t batch, height, width, in, out;
} Layer;

static const Layer layers[] = {
    {"demo",        8, 64,   16, 32,   32  },
    {"demo",        8, 64,   16, 64,   32  },
    {"demo",        8, 32,   8,  64,   64  },
    {"demo",        8, 16,   4,  128,  128 },
    {"demo",        8, 16,   4,  256,  128 },
    {"demo",        8, 8,    2,  128,  128 },
    {"tango",       1, 256,  16, 320,  320 },
    {"tango",       2, 256,  16, 320,  320 },
    {"tango",       1, 256,  16, 640,  320 },
    {"tango",       1, 128,  8,  640,  640 },
    {"tango",       2, 128,  8,  640,  640 },
    {"tango",       1, 64,   4,  1280, 1280},
    {"tango",       2, 64,   4,  1280, 1280},
    {"tango",       1, 64,   4,  2560, 1280},
    {"tango",       1, 32,   2,  1280, 1280},
    {"tango",       2, 32,   2,  1280, 1280},
    {"autoencoder", 1, 1024, 64, 128,  128 },
    {"autoencoder", 1, 512,  32, 256,  256 },
    {"autoencoder", 1, 256,  16, 512,  512 },
    {"demo-coder",  4, 256,  64, 16,   16  },
    {"demo-coder",  4, 128,  32, 32,   32  },
    {"demo-coder",  4, 64,   16, 64,   64  },
};

static const char *const pass_names[PASSES] = {"forward", "data", "weights"};

static void *room(int64_t bytes)
{
    void *memory = big_alloc(bytes + 1);
    MEL_ASSERT(memory);
    return memory;
}

static float *numbers(int64_t count, uint64_t stream)
{
    float *values = room(count * (int64_t)sizeof *values);
    uint32_t state = (uint32_t)stream;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525U + 1013904223U;
        values[i] = (float)(state >> 8) * 0x1p-23F - 1;
    }
    return values;
}

static DnnConv conv_of(const Layer *l, WinogradPass pass)
{
    bool back = pass == WINOGRAD_TRANSPOSED;
    return (DnnConv){
        .batch = l->batch,
        .in_channels = back ? l->out : l->in,
        .out_channels = back ? l->in : l->out,
        .groups = 1,
        .in_size = {l->height, l->width},
        .out_size = {l->height, l->width},
        .kernel = {3,         3       },
        .stride = {1,         1       },
        .dilation = {1,         1       },
        .pad_before = {1,         1       },
        .pad_after = {1,         1       }
    };
}

static DnnKernel *direct_of(const DnnConv *conv, WinogradPass pass)
{
    Err err = {0};
    DnnKernel *kernel;
    bool ok = pass == WINOGRAD_FORWARD      ? dnn_conv_new(conv, &kernel, &err)
              : pass == WINOGRAD_TRANSPOSED ? dnn_conv_transpose_new(conv, &kernel, &err)
                                            : dnn_conv_weights_new(conv, &kernel, &err);
    if (!ok) give_up(&err);
    return kernel;
}

typedef struct Times {
    double direct_ms, winograd_ms;
} Times;

static void keep_least(double *least, int64_t begin_us)
{
    double ms = (double)(mel_monotonic_us() - begin_us) / 1e3;
    if (*least == 0 || ms < *least) *least = ms;
}

static Times measure(const DnnConv *conv, WinogradPass pass, int64_t rounds)
{
    DnnKernel *kernel = direct_of(conv, pass);
    Winograd *winograd = winograd_new(conv, pass);
    int64_t places = conv->batch * conv->in_size[0] * conv->in_size[1];
    int64_t weights = conv->in_channels * conv->out_channels * 9;
    int64_t x_count = places * conv->in_channels, y_count = places * conv->out_channels;
    bool slope = pass == WINOGRAD_SLOPE;
    float *x = numbers(x_count, 1), *w = numbers(slope ? y_count : weights, 2);
    float *out = numbers(slope ? weights : y_count, 3);
    void *ours = room(winograd_scratch_bytes(winograd)), *theirs = room(dnn_scratch_bytes(kernel));
    Times times = {0};
    for (int64_t i = 0; i < rounds; i++) {
        int64_t begin = mel_monotonic_us();
        dnn_run(kernel, &(DnnArrays){.x = x, .w = w, .out = out}, theirs);
        keep_least(&times.direct_ms, begin);
        begin = mel_monotonic_us();
        winograd_run(winograd, x, w, NULL, out, ours);
        keep_least(&times.winograd_ms, begin);
    }
    dnn_free(kernel);
    winograd_free(winograd);
    free(x);
    free(w);
    free(out);
    free(ours);
    free(theirs);
    return times;
}

/* Whether the way that is taken is no slower than it may be. */
static bool bench(const Layer *l, WinogradPass pass, int64_t rounds)
{
    DnnConv conv = conv_of(l, pass);
    Times t = measure(&conv, pass, rounds);
    bool taken = winograd_suits(&conv, pass);
    double ratio = t.direct_ms / t.winograd_ms;
    bool met = taken ? ratio > 1 / 1.25 : ratio < 1.25;
    printf("%-11s %" PRId64 " of %4" PRId64 "x%-2" PRId64 " %4" PRId64 " -> %-4" PRId64
           " %-7s oneDNN %8.2f ms, Winograd %8.2f ms: %5.2f x, %s%s\n",
           l->name, l->batch, l->height, l->width, l->in, l->out, pass_names[pass], t.direct_ms,
           t.winograd_ms, ratio, taken ? "taken" : "left", met ? "" : ": MISSED");
    fflush(stdout);
    return met;
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    int64_t rounds = ROUNDS;
    bool met = true;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (mel_equal(argv[i], "--only")) only = argv[i + 1];
        if (mel_equal(argv[i], "--rounds") && !mel_parse_i64(argv[i + 1], &rounds)) return 2;
    }
    if (rounds < 1) return 2;
    for (size_t i = 0; i < MEL_COUNT(layers); i++)
        for (int pass = 0; pass < PASSES && (!only || mel_equal(only, layers[i].name)); pass++)
            met &= bench(&layers[i], (WinogradPass)pass, rounds);
    return met ? 0 : 1;
}
