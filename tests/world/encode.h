/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing media files: H.264 and AAC in MP4, VP9 and Opus in WebM. The only libav user here. The
 * same input gives the same bytes on the same machine. */
#ifndef MEL_WORLD_ENCODE_H
#define MEL_WORLD_ENCODE_H

#include "tests/world/music.h"

typedef enum Packaging {
    PACK_MP4_FASTSTART,  /* moov first */
    PACK_MP4_TAIL,       /* moov behind the media, as cameras write it */
    PACK_MP4_FRAGMENTED, /* moof fragments behind one sidx, as streaming services have it */
    PACK_WEBM_TAIL,      /* Cues behind the clusters */
    PACK_WEBM_FRONT,     /* Cues first */
    PACK_COUNT,
} Packaging;

typedef struct EncodeOptions {
    Packaging packaging;
    int width, height; /* even */
    int fps_num, fps_den;
    double seconds;
    int gop_frames;       /* most frames between key frames */
    bool b_frames;        /* H.264 only */
    double bits;          /* of the picture, relative to the usual: 0.5 = half */
    int sound_rate_hz;    /* 48000, or 44100 in MP4 */
    double sound_delay_s; /* the sound track begins so late */
    const char *title, *artist;
} EncodeOptions;

/* Gives the picture at t_s as rows of B, G, R, unused; borrowed until the next call. */
typedef struct PictureSource {
    const uint8_t *(*frame)(void *ctx, double t_s, ptrdiff_t *stride_out);
    void *ctx;
} PictureSource;

/* Writes the file; `sound` NULL = no sound track at all. A file that could not be finished is
 * removed. */
MEL_MUST_CHECK bool mel_encode(const char *path, const EncodeOptions *options,
                               const PictureSource *picture, const Recording *sound, Err *err);

bool mel_packaging_is_webm(Packaging packaging);
const char *mel_packaging_id(Packaging packaging);

#endif
