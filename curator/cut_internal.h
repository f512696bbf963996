/* SPDX-License-Identifier: Apache-2.0
 *
 * The rooms behind cut.h. cut.c asks media.h for the packets of the span; cut_sound.c places
 * decoded samples; cut_picture.c walks over decoded pictures and hands each to the meter, the still
 * pool (cut_stills.c) and the preview (cut_preview.c); cut_pixels.c holds the loops over pixels. */
#ifndef MEL_CURATOR_CUT_INTERNAL_H
#define MEL_CURATOR_CUT_INTERNAL_H

#include "curator/media.h"

static const int64_t CUT_DURATION_MAX_US = 120 * 1000000LL;
enum { SMALL_PIXELS = 160 * 90, SMALL_SIDE_MAX = 1024 };

/* ---- sound (cut_sound.c, cut_flac.c) -----------------------------------------------------------
 */

/* Decodes, places, measures and writes the sound of the span. Fills the audio fields of result. */
MEL_MUST_CHECK bool cut_sound(const CutRequest *request, const Media *media, const MediaSpan *span,
                              int fd, CutResult *result, Err *err);

/* Interleaved samples in [-1, 1] to FLAC of 16 or 24 bits; returns its size. */
MEL_MUST_CHECK bool cut_write_flac(int fd, const float *samples, int64_t count, int channels,
                                   int rate_hz, int bits, int64_t *bytes_out, Err *err);

/* Where decoded samples belong (cut_clock.c): a running counter that follows the stamps only over
 * real gaps, because many containers round stamps to milliseconds. */
typedef struct SampleClock {
    int rate_hz;
    AVRational base;      /* of stamps */
    int64_t zero;         /* samples to take off */
    int64_t jitter;       /* stamps this near to the counter are the counter */
    int64_t anchor, step; /* decoded frames start at anchor + k * step; step 0: anywhere */
    int64_t snap;         /* … for stamps this near to such a place */
    int64_t next;         /* INT64_MIN: not known */
} SampleClock;

void sample_clock_start(SampleClock *clock, const Media *media, const AVFrame *first);
int64_t sample_clock_place(SampleClock *clock, const AVFrame *frame); /* the first sample's index */

/* ---- pixels (cut_pixels.c) ---------------------------------------------------------------------
 */

/* How planes become full-range BT.601, what JPEG means. Terms are in 1/65536. */
typedef struct ColorMap {
    bool identity;
    int luma_offset;
    int luma_gain, luma_cb, luma_cr;    /* gain is what is added to 1 */
    int cb_gain, cb_cr, cr_cb, cr_gain; /* likewise */
} ColorMap;

ColorMap color_map_of(const AVFrame *frame);

typedef struct Planes {
    uint8_t *data[3];
    int stride[3];
    int width, height; /* of the luma; chroma is half, rounded up */
} Planes;

MEL_MUST_CHECK bool planes_alloc(Planes *planes, int width, int height, Err *err);
void planes_free(Planes *planes);

/* 4:2:0 planes to 4:2:0 planes of the same size. `row` has room for 2 * width values. */
void color_map_apply(const ColorMap *map, const uint8_t *const source[3],
                     const int source_stride[3], const Planes *target, int16_t *row);

/* Mean luma of the cells of a small grid, full range. */
void shrink_luma(const uint8_t *luma, int stride, int width, int height, bool limited_range,
                 uint8_t *small, int small_width, int small_height);

uint64_t frame_hash(const AVFrame *frame);

/* Brings frames to 4:2:0 full-range BT.601 planes of one size. Start with {0}. */
struct SwsContext;
typedef struct Scaler {
    struct SwsContext *sws;
    Planes scaled; /* between swscale and the colour map */
    int16_t *row;
    int row_width;
} Scaler;

MEL_MUST_CHECK bool scaler_run(Scaler *scaler, const AVFrame *frame, int sws_flags,
                               const Planes *target, Err *err);
void scaler_clear(Scaler *scaler);

/* ---- JPEG --------------------------------------------------------------------------------------
 */

typedef struct JpegWriter {
    void *handle;
    uint8_t *bytes;
    unsigned long capacity, length;
} JpegWriter;

MEL_MUST_CHECK bool jpeg_encode(JpegWriter *writer, const Planes *planes, int quality, bool fast,
                                Err *err);
void jpeg_clear(JpegWriter *writer);

/* ---- pictures ----------------------------------------------------------------------------------
 */

/* A picture and when it is shown. */
typedef struct Picture {
    AVFrame *frame;
    int64_t time_us; /* on the container's clock */
} Picture;

/* *late is set when the decoder had no picture at the start although packets were there; nothing
 * was produced then, and the caller gathers again from further back. NULL: take what there is. */
MEL_MUST_CHECK bool cut_pictures(const CutRequest *request, const Media *media,
                                 const MediaSpan *span, const CutFiles *files, bool *late,
                                 CutResult *result, Err *err);

typedef struct StillPool StillPool;

StillPool *still_pool_new(const CutRequest *request);
void still_pool_free(StillPool *pool);
bool still_pool_is_wanted(const StillPool *pool);
/* A picture of the span, in order; is_bad: damaged, never a still. */
void still_pool_add(StillPool *pool, const Picture *picture, const FrameFacts *facts, uint64_t hash,
                    bool is_bad);
/* A picture that may be the one nearest to the time asked for (in the span or beside it). */
void still_pool_offer(StillPool *pool, const Picture *picture);
MEL_MUST_CHECK bool still_pool_write(StillPool *pool, const CutRequest *request, const int *fds,
                                     CutResult *result, Err *err);

typedef struct Preview Preview;

MEL_MUST_CHECK bool preview_open(const CutRequest *request, int fd, Preview **out, Err *err);
MEL_MUST_CHECK bool preview_add(Preview *preview, const Picture *picture, AVRational aspect,
                                Err *err);
MEL_MUST_CHECK bool preview_finish(Preview *preview, CutResult *result, Err *err);
void preview_free(Preview *preview);

/* The luma of a frame as the meter wants it: small, 8 bit, full range. */
typedef struct SmallLuma {
    uint8_t *pixels;
    int width, height;
    struct SwsContext *sws;
} SmallLuma;

MEL_MUST_CHECK bool small_luma_take(SmallLuma *small, const AVFrame *frame, Err *err);
void small_luma_clear(SmallLuma *small);

#endif
