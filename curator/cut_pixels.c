/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops over pixels. JPEG means full-range BT.601; video is mostly limited-range BT.709. swscale
 * would go through RGB for that, so the few multiplications are done here, on 4:2:0 planes, in
 * 16-bit steps of 1/64 level: blocks of constant length, so that every compiler makes vector code.
 */
#include "curator/cut_internal.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 32, LEVEL = 6 /* fraction bits of a level */ };

/* The row loops are compiled twice and chosen by the processor when the program is loaded. Not
 * under sanitizers: their runtimes are not ready that early. */
#if defined(__x86_64__) && !defined(MEL_SANITIZED)
#define ROW_LOOP __attribute__((target_clones("avx2", "default")))
#else
#define ROW_LOOP
#endif
#define LANE_LOOP static inline __attribute__((always_inline))

/* ---- colour ------------------------------------------------------------------------------------
 */

typedef struct Weights {
    double red, blue;
} Weights;

/* Luma weights of a matrix, ITU-T H.273 table 4. What a file does not say is guessed by size, as
 * players do. */
static Weights weights_of(const AVFrame *frame)
{
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
        return (Weights){0.2126, 0.0722};
    case AVCOL_SPC_FCC:
        return (Weights){0.30, 0.11};
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return (Weights){0.299, 0.114};
    case AVCOL_SPC_SMPTE240M:
        return (Weights){0.212, 0.087};
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return (Weights){0.2627, 0.0593};
    default:
        break;
    }
    bool large = frame->width >= 1280 || frame->height > 576;
    return large ? (Weights){0.2126, 0.0722} : (Weights){0.299, 0.114};
}

static bool is_full_range(const AVFrame *frame)
{
    if (frame->color_range != AVCOL_RANGE_UNSPECIFIED)
        return frame->color_range == AVCOL_RANGE_JPEG;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    return format && (format->flags & AV_PIX_FMT_FLAG_RGB || format->nb_components < 3 ||
                      strncmp(format->name, "yuvj", 4) == 0);
}

static int fraction(double x)
{
    double scaled = rint(x * 65536);
    return scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : (int)scaled;
}

/* Y', Cb, Cr of one matrix to those of another: out of R, G, B as linear forms, in again. */
ColorMap color_map_of(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    bool made_by_swscale = !format || format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    if (made_by_swscale) return (ColorMap){.identity = true};
    bool full = is_full_range(frame);
    Weights from = weights_of(frame);
    const double kr = 0.299, kb = 0.114;
    /* R = Y + red * Cr, B = Y + blue * Cb, G = Y - green_cb * Cb - green_cr * Cr */
    double red = 2 * (1 - from.red), blue = 2 * (1 - from.blue), green = 1 - from.red - from.blue;
    double green_cb = blue * from.blue / green, green_cr = red * from.red / green;
    double y_cb = kb * blue - (1 - kr - kb) * green_cb, y_cr = kr * red - (1 - kr - kb) * green_cr;
    double cb_cb = (blue - y_cb) / (2 * (1 - kb)), cb_cr = -y_cr / (2 * (1 - kb));
    double cr_cr = (red - y_cr) / (2 * (1 - kr)), cr_cb = -y_cb / (2 * (1 - kr));
    double luma = full ? 1 : 255.0 / 219, chroma = full ? 1 : 255.0 / 224;
    ColorMap map = {
        .luma_offset = full ? 0 : 16,
        .luma_gain = fraction(luma - 1),
        .luma_cb = fraction(chroma * y_cb),
        .luma_cr = fraction(chroma * y_cr),
        .cb_gain = fraction(chroma * cb_cb - 1),
        .cb_cr = fraction(chroma * cb_cr),
        .cr_cb = fraction(chroma * cr_cb),
        .cr_gain = fraction(chroma * cr_cr - 1),
    };
    map.identity = full && abs(map.luma_cb) < 16 && abs(map.luma_cr) < 16;
    return map;
}

LANE_LOOP int16_t scaled(int16_t value, int16_t gain)
{
    return (int16_t)((value * gain) >> 16);
}

LANE_LOOP uint8_t level(int16_t value)
{
    int16_t rounded = (int16_t)((value + (1 << (LEVEL - 1))) >> LEVEL);
    rounded = rounded < 0 ? 0 : rounded;
    return (uint8_t)(rounded > 255 ? 255 : rounded);
}

/* LANES chroma pairs: their own new values, and what they add to the luma above them. */
LANE_LOOP void chroma_lanes(const ColorMap *map, const uint8_t *restrict cb,
                            const uint8_t *restrict cr, uint8_t *restrict cb_out,
                            uint8_t *restrict cr_out, int16_t *restrict add, int n)
{
    const int16_t cb_gain = (int16_t)map->cb_gain, cb_cr = (int16_t)map->cb_cr;
    const int16_t cr_cb = (int16_t)map->cr_cb, cr_gain = (int16_t)map->cr_gain;
    const int16_t luma_cb = (int16_t)map->luma_cb, luma_cr = (int16_t)map->luma_cr;
    for (int i = 0; i < n; i++) {
        int16_t b = (int16_t)((cb[i] - 128) * (1 << LEVEL)),
                r = (int16_t)((cr[i] - 128) * (1 << LEVEL));
        int16_t new_b = (int16_t)(b + scaled(b, cb_gain) + scaled(r, cb_cr));
        int16_t new_r = (int16_t)(r + scaled(r, cr_gain) + scaled(b, cr_cb));
        cb_out[i] = level((int16_t)(new_b + (128 << LEVEL)));
        cr_out[i] = level((int16_t)(new_r + (128 << LEVEL)));
        add[i] = (int16_t)(scaled(b, luma_cb) + scaled(r, luma_cr));
    }
}

ROW_LOOP static void chroma_row(const ColorMap *map, const uint8_t *cb, const uint8_t *cr,
                                uint8_t *cb_out, uint8_t *cr_out, int16_t *add, int n)
{
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        chroma_lanes(map, cb + i, cr + i, cb_out + i, cr_out + i, add + i, LANES);
    chroma_lanes(map, cb + i, cr + i, cb_out + i, cr_out + i, add + i, n - i);
}

LANE_LOOP void luma_lanes(int16_t offset, int16_t gain, const uint8_t *restrict source,
                          const int16_t *restrict add, uint8_t *restrict target, int n)
{
    for (int i = 0; i < n; i++) {
        int16_t y = (int16_t)((source[i] - offset) * (1 << LEVEL));
        target[i] = level((int16_t)(y + scaled(y, gain) + add[i]));
    }
}

ROW_LOOP static void luma_row(const ColorMap *map, const uint8_t *source, const int16_t *add,
                              uint8_t *target, int n)
{
    int16_t offset = (int16_t)map->luma_offset, gain = (int16_t)map->luma_gain;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        luma_lanes(offset, gain, source + i, add + i, target + i, LANES);
    luma_lanes(offset, gain, source + i, add + i, target + i, n - i);
}

static void copy_planes(const uint8_t *const source[3], const int source_stride[3],
                        const Planes *target)
{
    for (int plane = 0; plane < 3; plane++) {
        int width = plane ? (target->width + 1) / 2 : target->width;
        int height = plane ? (target->height + 1) / 2 : target->height;
        av_image_copy_plane(target->data[plane], target->stride[plane], source[plane],
                            source_stride[plane], width, height);
    }
}

void color_map_apply(const ColorMap *map, const uint8_t *const source[3],
                     const int source_stride[3], const Planes *target, int16_t *row)
{
    int half = (target->width + 1) / 2;
    int16_t *narrow = row, *wide = row + half;
    if (map->identity) {
        copy_planes(source, source_stride, target);
        return;
    }
    for (ptrdiff_t y = 0; y < (target->height + 1) / 2; y++) {
        chroma_row(map, source[1] + y * source_stride[1], source[2] + y * source_stride[2],
                   target->data[1] + y * target->stride[1], target->data[2] + y * target->stride[2],
                   narrow, half);
        for (int x = 0; x < half; x++)
            wide[2 * x] = wide[2 * x + 1] = narrow[x];
        for (ptrdiff_t line = 2 * y; line < 2 * y + 2 && line < target->height; line++)
            luma_row(map, source[0] + line * source_stride[0], wide,
                     target->data[0] + line * target->stride[0], target->width);
    }
}

bool planes_alloc(Planes *planes, int width, int height, Err *err)
{
    *planes = (Planes){.width = width, .height = height};
    for (int plane = 0; plane < 3; plane++) {
        int w = plane ? (width + 1) / 2 : width, h = plane ? (height + 1) / 2 : height;
        planes->stride[plane] = (w + 63) / 64 * 64;
        planes->data[plane] = av_malloc((size_t)planes->stride[plane] * (size_t)h + 64);
        if (!planes->data[plane])
            return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a picture");
    }
    return true;
}

void planes_free(Planes *planes)
{
    for (int plane = 0; plane < 3; plane++)
        av_freep(&planes->data[plane]);
    *planes = (Planes){0};
}

/* ---- scaling -----------------------------------------------------------------------------------
 */

static bool is_plain_420(const AVFrame *frame)
{
    return frame->format == AV_PIX_FMT_YUV420P || frame->format == AV_PIX_FMT_YUVJ420P;
}

static bool scale_frame(Scaler *scaler, const AVFrame *frame, int sws_flags, Err *err)
{
    Planes *to = &scaler->scaled;
    /* Neither range nor matrix is swscale's work, except out of RGB. */
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    bool from_rgb = format && format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    enum AVPixelFormat source = frame->format == AV_PIX_FMT_YUVJ420P   ? AV_PIX_FMT_YUV420P
                                : frame->format == AV_PIX_FMT_YUVJ422P ? AV_PIX_FMT_YUV422P
                                : frame->format == AV_PIX_FMT_YUVJ444P ? AV_PIX_FMT_YUV444P
                                : frame->format == AV_PIX_FMT_YUVJ440P ? AV_PIX_FMT_YUV440P
                                                                       : frame->format;
    scaler->sws = sws_getCachedContext(
        scaler->sws, frame->width, frame->height, source, to->width, to->height,
        from_rgb ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P, sws_flags, NULL, NULL, NULL);
    if (!scaler->sws) goto failed;
    const int *bt601 = sws_getCoefficients(SWS_CS_ITU601);
    sws_setColorspaceDetails(scaler->sws, bt601, from_rgb, bt601, from_rgb, 0, 1 << 16, 1 << 16);
    int lines = sws_scale(scaler->sws, (const uint8_t *const *)frame->data, frame->linesize, 0,
                          frame->height, to->data, to->stride);
    if (lines == to->height) return true;
failed:
    return mel_err_reason(err, ERR_MEDIA, "media.codec",
                          "pictures of %d x %d in '%s' cannot be scaled", frame->width,
                          frame->height, format ? format->name : "unknown");
}

bool scaler_run(Scaler *scaler, const AVFrame *frame, int sws_flags, const Planes *target, Err *err)
{
    ColorMap map = color_map_of(frame);
    if (scaler->row_width < target->width) {
        free(scaler->row);
        scaler->row = mel_alloc(sizeof *scaler->row * (size_t)(2 * target->width + 4 * LANES));
        scaler->row_width = target->width;
    }
    if (is_plain_420(frame) && frame->width == target->width && frame->height == target->height) {
        color_map_apply(&map, (const uint8_t *const *)frame->data, frame->linesize, target,
                        scaler->row);
        return true;
    }
    if (scaler->scaled.width != target->width || scaler->scaled.height != target->height) {
        planes_free(&scaler->scaled);
        if (!planes_alloc(&scaler->scaled, target->width, target->height, err)) return false;
    }
    if (!scale_frame(scaler, frame, sws_flags, err)) return false;
    color_map_apply(&map, (const uint8_t *const *)scaler->scaled.data, scaler->scaled.stride,
                    target, scaler->row);
    return true;
}

void scaler_clear(Scaler *scaler)
{
    sws_freeContext(scaler->sws);
    planes_free(&scaler->scaled);
    free(scaler->row);
    *scaler = (Scaler){0};
}

/* ---- small luma --------------------------------------------------------------------------------
 */

LANE_LOOP void add_lanes(const uint8_t *restrict row, uint16_t *restrict sums, int n)
{
    for (int i = 0; i < n; i++)
        sums[i] = (uint16_t)(sums[i] + row[i]);
}

ROW_LOOP static void add_row(const uint8_t *row, uint16_t *sums, int n)
{
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        add_lanes(row + i, sums + i, LANES);
    add_lanes(row + i, sums + i, n - i);
}

/* Limited range to full, rounded; the same for every picture. */
static void full_range_table(bool limited_range, uint8_t table[256])
{
    for (int value = 0; value < 256; value++) {
        double wide = limited_range ? rint((value - 16) * 255 / 219.0) : value;
        table[value] = (uint8_t)(wide < 0 ? 0 : wide > 255 ? 255 : wide);
    }
}

/* Means over whole cells: columns are summed down first, 16 bits hold 257 rows. */
void shrink_luma(const uint8_t *luma, int stride, int width, int height, bool limited_range,
                 uint8_t *small, int small_width, int small_height)
{
    uint8_t table[256];
    uint16_t *sums = mel_alloc(sizeof *sums * (size_t)width);
    full_range_table(limited_range, table);
    for (int cell_y = 0; cell_y < small_height; cell_y++) {
        int top = (int)((int64_t)cell_y * height / small_height);
        int bottom = (int)((int64_t)(cell_y + 1) * height / small_height);
        int rows = bottom - top > 256 ? 256 : bottom - top, left = 0;
        memset(sums, 0, sizeof *sums * (size_t)width);
        for (int y = top; y < top + rows; y++)
            add_row(luma + (ptrdiff_t)y * stride, sums, width);
        for (int cell_x = 0; cell_x < small_width; cell_x++) {
            int right = (int)((int64_t)(cell_x + 1) * width / small_width);
            uint32_t sum = 0;
            for (int x = left; x < right; x++)
                sum += sums[x];
            float mean = (float)sum / (float)((right - left) * rows);
            small[cell_y * small_width + cell_x] = table[(int)(mean + 0.5F) & 255];
            left = right;
        }
    }
    free(sums);
}

static void small_size(const AVFrame *frame, int *width, int *height)
{
    double scale = sqrt((double)SMALL_PIXELS / ((double)frame->width * frame->height));
    if (scale > 1) scale = 1;
    *width = (int)fmin(fmax(rint(frame->width * scale), 1), SMALL_SIDE_MAX);
    *height = (int)fmin(fmax(rint(frame->height * scale), 1), SMALL_SIDE_MAX);
}

static bool has_plain_luma(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    return format && !(format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) &&
           format->comp[0].depth == 8 && format->comp[0].step == 1 && format->comp[0].plane == 0;
}

/* The first frame's small size stays, whatever sizes come after. */
bool small_luma_take(SmallLuma *small, const AVFrame *frame, Err *err)
{
    if (!small->pixels) {
        small_size(frame, &small->width, &small->height);
        small->pixels = mel_alloc((size_t)small->width * (size_t)small->height + LANES);
    }
    bool fits = frame->width >= small->width && frame->height >= small->height;
    if (fits && has_plain_luma(frame)) {
        shrink_luma(frame->data[0], frame->linesize[0], frame->width, frame->height,
                    !is_full_range(frame), small->pixels, small->width, small->height);
        return true;
    }
    small->sws =
        sws_getCachedContext(small->sws, frame->width, frame->height, frame->format, small->width,
                             small->height, AV_PIX_FMT_GRAY8, SWS_AREA, NULL, NULL, NULL);
    uint8_t *out[4] = {small->pixels};
    int stride[4] = {small->width};
    if (!small->sws || sws_scale(small->sws, (const uint8_t *const *)frame->data, frame->linesize,
                                 0, frame->height, out, stride) != small->height)
        return mel_err_reason(err, ERR_MEDIA, "media.codec", "the pictures' format is not handled");
    return true;
}

void small_luma_clear(SmallLuma *small)
{
    sws_freeContext(small->sws);
    free(small->pixels);
    *small = (SmallLuma){0};
}

/* FNV-1a, 64 bits. */
uint64_t frame_hash(const AVFrame *frame)
{
    uint64_t hash = 0xcbf29ce484222325U;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    int planes = av_pix_fmt_count_planes(frame->format);
    for (int plane = 0; format && plane < planes && plane < 4; plane++) {
        int bytes = av_image_get_linesize(frame->format, frame->width, plane);
        bool chroma = plane == 1 || plane == 2;
        int height = chroma ? AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h) : frame->height;
        if (format->flags & AV_PIX_FMT_FLAG_PAL && plane == 1) continue;
        for (int y = 0; y < height; y++) {
            const uint8_t *row = frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane];
            for (int x = 0; x < bytes; x++)
                hash = (hash ^ row[x]) * 0x100000001b3U;
        }
    }
    return hash;
}
