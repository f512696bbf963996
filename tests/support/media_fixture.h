/* SPDX-License-Identifier: Apache-2.0
 *
 * Media made for tests: every sample is a function of its index and every picture carries its
 * number as a bar code, so that a test can say where what it got came from. Also a plain decoder of
 * whole files, to compare with. */
#ifndef MEL_TESTS_MEDIA_FIXTURE_H
#define MEL_TESTS_MEDIA_FIXTURE_H

#include "base/base.h"

typedef struct MediaSpec {
    const char *muxer;                                         /* "mp4", "webm", "mpegts" … */
    const char *video_encoder;                                 /* NULL = no pictures */
    const char *audio_encoder;                                 /* NULL = no sound */
    const char *video_options, *audio_options, *muxer_options; /* "key=value:key=value", or NULL */
    const char *pixel_format;                                  /* NULL = yuv420p */
    int width, height, gop, b_frames;
    int frame_rate; /* per second; 0 = 25 */
    int rate_hz, channels;
    double video_s, audio_s;
    double video_at_s, audio_at_s; /* time of the first picture and sample */
    double gap_from_s, gap_to_s;   /* sound packets that start in between are left out */
    bool variable_rate;            /* picture n at (n + (n % 3) * 0.2) / rate */
    double black_until_s;          /* pictures before are black */
    int rotation_deg;
} MediaSpec;

/* Writes a file, failing the test when it cannot. */
void media_fixture_write(const char *path, const MediaSpec *spec);

/* Sample i of a channel, in [-0.6, 0.6]: a slow sweep with noise, never the same twice. */
float media_fixture_sample(int64_t i, int channel, int rate_hz);

/* The number on a picture, from its luma; -1 when there is none to be read. */
int media_fixture_number(const uint8_t *luma, int stride, int width, int height);

typedef struct WholeSound {
    float *samples; /* interleaved */
    int64_t count;  /* per channel */
    int rate_hz, channels;
    int64_t first; /* index of samples[0] on the container's clock */
} WholeSound;

/* Decodes a whole file from its start with libav's usual handling of delays. Frames are put one
 * behind the other, the first where its stamp says. */
void media_fixture_decode_sound(const char *path, WholeSound *out);
void media_fixture_free_sound(WholeSound *sound);

typedef struct WholeFrame {
    int64_t time_us;
    uint64_t hash; /* FNV-1a 64 over the visible bytes */
    int number;
} WholeFrame;

/* All pictures of a file in presentation order; returns how many. Yours to free. */
size_t media_fixture_decode_frames(const char *path, WholeFrame **out);

#endif
