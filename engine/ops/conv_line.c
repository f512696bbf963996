/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/conv_line.h"

#include "engine/big_alloc.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 128, CHANNELS_MIN = 8 };

struct ConvLine {
    DnnConv conv;
    int64_t padded; /* places of the input with its padding, as far as the taps reach */
    float *weights; /* [taps, in, out] */
};

bool conv_line_suits(const DnnConv *c)
{
    bool row = c->kernel[0] == 1 && c->in_size[0] == 1 && c->out_size[0] == 1;
    return row && c->dtype == DTYPE_F32 && c->weights && c->groups == 1 && c->stride[1] == 1 &&
           c->kernel[1] > 1 && c->in_channels >= CHANNELS_MIN && c->out_channels >= CHANNELS_MIN;
}

ConvLine *conv_line_new(const DnnConv *conv)
{
    ConvLine *line = mel_alloc(sizeof *line);
    int64_t taps = conv->kernel[1], in = conv->in_channels, out = conv->out_channels;
    const Tensor *given = conv->weights;
    size_t size = mel_dtype_size(given->dtype);
    line->conv = *conv;
    line->conv.weights = NULL;
    line->padded = conv->out_size[1] + conv->dilation[1] * (taps - 1);
    line->weights = big_alloc(taps * in * out * (int64_t)sizeof *line->weights);
    MEL_ASSERT(line->weights);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < in; i++)
        for (int64_t o = 0; o < out; o++)
            for (int64_t t = 0; t < taps; t++) {
                const char *at = (const char *)given->data;
                at += (size_t)((o * in + i) * taps + t) * size;
                mel_convert(at, given->dtype, &line->weights[(t * in + i) * out + o], DTYPE_F32, 1);
            }
    return line;
}

void conv_line_free(void *line)
{
    ConvLine *l = line;
    if (!l) return;
    free(l->weights);
    free(l);
}

int64_t conv_line_scratch_bytes(const ConvLine *line)
{
    return line->padded * line->conv.in_channels * (int64_t)sizeof(float);
}

/* One sample's row with zeros around it. */
static void pad(const ConvLine *line, const float *x, float *padded)
{
    const DnnConv *c = &line->conv;
    int64_t before = c->pad_before[1], room = line->padded - before;
    int64_t places = c->in_size[1] < room ? c->in_size[1] : room;
    size_t place = (size_t)c->in_channels * sizeof *x;
    memset(padded, 0, (size_t)before * place);
    memcpy(padded + before * c->in_channels, x, (size_t)places * place);
    memset(padded + (before + places) * c->in_channels, 0, (size_t)(room - places) * place);
}

/* `n` places from `first` on. */
static void run_block(const ConvLine *line, const float *padded, const float *bias, int64_t first,
                      int64_t n, float *out)
{
    const DnnConv *c = &line->conv;
    int64_t in = c->in_channels, width = c->out_channels;
    DnnProduct product = {.m = n,
                          .n = width,
                          .k = in,
                          .a_step = in,
                          .b_step = width,
                          .c_step = width,
                          .alpha = 1,
                          .beta = bias ? 1 : 0};
    for (int64_t i = 0; bias && i < n; i++)
        memcpy(out + i * width, bias, (size_t)width * sizeof *out);
    for (int64_t tap = 0; tap < c->kernel[1]; tap++) {
        dnn_multiply(&product, padded + (first + tap * c->dilation[1]) * in,
                     line->weights + tap * in * width, out);
        product.beta = 1;
    }
}

void conv_line_run(const ConvLine *line, const float *x, const float *bias, float *out,
                   void *scratch)
{
    const DnnConv *c = &line->conv;
    int64_t places = c->out_size[1];
    for (int64_t b = 0; b < c->batch; b++) {
        const float *row = x + b * c->in_size[1] * c->in_channels;
        float *result = out + b * places * c->out_channels;
        pad(line, row, scratch);
#pragma omp parallel for schedule(static)
        for (int64_t at = 0; at < places; at += BLOCK)
            run_block(line, scratch, bias, at, places - at < BLOCK ? places - at : BLOCK,
                      result + at * c->out_channels);
    }
}
