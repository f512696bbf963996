/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/thumbnail.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

enum { SIDE_MAX = 16384, PIXEL_BYTES_MAX = 512 << 20 };

typedef struct Picture {
    unsigned char *rgb;
    int width, height;
} Picture;

static bool codec_failed(tjhandle codec, const char *doing, Err *err)
{
    return mel_err_reason(err, ERR_MEDIA, "media.damaged", "%s a still: %s", doing,
                          codec ? tjGetErrorStr2(codec) : "no codec");
}

/* Of turbojpeg's scales (eighths) the smallest that is still at least as large as wanted. */
static void choose_scale(int width, int height, int wanted_width, int *scaled_width,
                         int *scaled_height)
{
    int count = 0;
    const tjscalingfactor *factors = tjGetScalingFactors(&count);
    *scaled_width = width;
    *scaled_height = height;
    for (int i = 0; i < count; i++) {
        int w = TJSCALED(width, factors[i]);
        if (factors[i].num > factors[i].denom || w < wanted_width || w >= *scaled_width) continue;
        *scaled_width = w;
        *scaled_height = TJSCALED(height, factors[i]);
    }
}

/* The size that fits into the box with the proportions of width x height, at least 1 x 1. */
static void fit_box(int width, int height, int max_width, int max_height, int *w, int *h)
{
    double scale = 1;
    if (width > max_width) scale = (double)max_width / width;
    if (height * scale > max_height) scale = (double)max_height / height;
    *w = (int)(width * scale + 0.5);
    *h = (int)(height * scale + 0.5);
    if (*w < 1) *w = 1;
    if (*h < 1) *h = 1;
}

static bool decode(const void *jpeg, size_t n, int max_width, int max_height, Picture *out,
                   int *target_width, int *target_height, Err *err)
{
    int width = 0, height = 0, subsampling, colours;
    bool ok = false;
    tjhandle codec = tjInitDecompress();
    /* a file cut off inside its header succeeds and leaves the size alone */
    if (!codec || tjDecompressHeader3(codec, jpeg, n, &width, &height, &subsampling, &colours) ||
        width < 1 || height < 1) {
        codec_failed(codec, "opening", err);
        goto out;
    }
    if (width > SIDE_MAX || height > SIDE_MAX) {
        mel_err(err, ERR_LIMIT, "a still of %d x %d is too large", width, height);
        goto out;
    }
    fit_box(width, height, max_width, max_height, target_width, target_height);
    choose_scale(width, height, *target_width, &out->width, &out->height);
    out->rgb =
        mel_try_alloc((size_t)out->width * (size_t)out->height, 3, PIXEL_BYTES_MAX, "a still", err);
    if (!out->rgb) goto out;
    ok = tjDecompress2(codec, jpeg, n, out->rgb, out->width, 0, out->height, TJPF_RGB, 0) == 0 ||
         tjGetErrorCode(codec) == TJERR_WARNING || codec_failed(codec, "decoding", err);
out:
    if (codec) tjDestroy(codec);
    return ok;
}

/* Each target pixel is the mean of the source pixels that it covers. */
static void average_down(const Picture *from, Picture *to)
{
    for (int y = 0; y < to->height; y++) {
        int y0 = (int)((int64_t)y * from->height / to->height);
        int y1 = (int)((int64_t)(y + 1) * from->height / to->height);
        for (int x = 0; x < to->width; x++) {
            int x0 = (int)((int64_t)x * from->width / to->width);
            int x1 = (int)((int64_t)(x + 1) * from->width / to->width);
            unsigned sum[3] = {0}, count = 0;
            for (int j = y0; j < (y1 > y0 ? y1 : y0 + 1); j++)
                for (int i = x0; i < (x1 > x0 ? x1 : x0 + 1); i++, count++)
                    for (int c = 0; c < 3; c++)
                        sum[c] += from->rgb[3 * ((size_t)j * (size_t)from->width + (size_t)i) +
                                            (size_t)c];
            for (int c = 0; c < 3; c++)
                to->rgb[3 * ((size_t)y * (size_t)to->width + (size_t)x) + (size_t)c] =
                    (unsigned char)((sum[c] + count / 2) / count);
        }
    }
}

static bool encode(const Picture *picture, int quality, unsigned char **out, size_t *n_out,
                   Err *err)
{
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    tjhandle codec = tjInitCompress();
    bool ok = codec && tjCompress2(codec, picture->rgb, picture->width, 0, picture->height,
                                   TJPF_RGB, &bytes, &n, TJSAMP_420, quality, 0) == 0;
    if (!ok) codec_failed(codec, "encoding", err);
    if (ok) {
        *out = mel_alloc(n);
        memcpy(*out, bytes, n);
        *n_out = n;
    }
    tjFree(bytes);
    if (codec) tjDestroy(codec);
    return ok;
}

bool mel_thumbnail(const void *jpeg, size_t n, int max_width, int max_height, int quality,
                   unsigned char **out, size_t *n_out, Err *err)
{
    Picture whole = {0}, small = {0};
    bool ok = false;
    MEL_ASSERT(max_width > 0 && max_height > 0 && quality >= 1 && quality <= 100);
    if (!decode(jpeg, n, max_width, max_height, &whole, &small.width, &small.height, err)) goto out;
    small.rgb = mel_try_alloc((size_t)small.width * (size_t)small.height, 3, PIXEL_BYTES_MAX,
                              "a small still", err);
    if (!small.rgb) goto out;
    average_down(&whole, &small);
    ok = encode(&small, quality, out, n_out, err);
out:
    free(whole.rgb);
    free(small.rgb);
    return ok;
}
