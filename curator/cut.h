/* SPDX-License-Identifier: Apache-2.0
 *
 * One clip out of one or two local inputs, in one decode pass: exact FLAC, stills, preview,
 * measures, fingerprints. This header is the request and the result, flat structs that travel
 * through a pipe from the confined child (jail.h); the parent trusts nothing in a result and
 * checks every field and file again.
 *
 * Times are the container's own timeline in microseconds: presentation timestamps with edit lists
 * counted; for formats whose clock starts anywhere (MPEG-TS, MPEG-PS) zero is the first presented
 * sample. The same clock serves sound and picture. */
#ifndef MEL_CURATOR_CUT_H
#define MEL_CURATOR_CUT_H

#include "base/base.h"
#include "curator/fingerprint.h"
#include "curator/measures.h"

enum { STILLS_MAX = 8, INPUT_RANGES_MAX = 512 };

/* A stretch of bytes that is present in a sparse local file. */
typedef struct ByteRange {
    int64_t offset, length;
} ByteRange;

/* One input: an open descriptor, and which of its bytes are there (0 ranges = all). */
typedef struct CutInput {
    int64_t size;
    int32_t range_count;
    ByteRange ranges[INPUT_RANGES_MAX];
} CutInput;

typedef struct CutRequest {
    int64_t start_us, duration_us;
    int32_t still_count;     /* candidates wanted, 0..STILLS_MAX */
    int64_t still_at_us;     /* >= 0: also a still nearest to this absolute time, as the first */
    int32_t preview_height;  /* 0 = no preview; even; the width follows the aspect, even */
    int32_t preview_quality; /* JPEG 1..100, 0 = 80 */
    int32_t still_quality;   /* JPEG 1..100, 0 = 92 */
    int32_t threads;         /* decoder threads, 1 = none but the caller's */
    uint8_t want_audio, want_picture; /* a clip must have these; absent is an error */
    uint8_t separate_audio;           /* input 1 holds the sound, input 0 the picture */
    CutInput inputs[2];
} CutRequest;

typedef struct CutStill {
    int64_t time_us; /* presentation time on the container's clock */
    int32_t width, height;
    int64_t size_bytes;
    uint64_t picture_hash;
    uint64_t frame_hash; /* FNV-1a 64 over the decoded planes' visible bytes, before JPEG */
    double score, sharpness, brightness, black_share;
} CutStill;

typedef struct CutResult {
    int64_t got_start_us;    /* of the first sample kept (sound), else of the first picture */
    int64_t audio_samples;   /* per channel; exactly round(duration * rate) when present */
    int64_t missing_samples; /* of those, filled with silence (gaps, short sound) */
    int32_t sample_rate_hz, channels, bits_per_sample;
    int32_t width, height; /* of the decoded picture, after rotation is NOT applied */
    int32_t rotation_deg;  /* what the container asks a player to rotate */
    int32_t preview_width, preview_height, preview_frames;
    int64_t audio_bytes, preview_bytes;
    int32_t still_count;
    CutStill stills[STILLS_MAX];
    int32_t landmark_count;
    Landmark landmarks[LANDMARKS_MAX];
    AudioMeasures audio; /* NAN fields where there is none */
    PictureMeasures picture;
    char container[32], audio_codec[32], video_codec[32];
    int64_t container_duration_us; /* -1 when the container does not say */
    /* When bytes outside the present ranges were asked for: which, so that they can be fetched. */
    int32_t missing_input; /* -1 = none */
    int64_t missing_offset;
} CutResult;

/* Descriptors: inputs[0..1] readable and seekable; outputs writable, seekable and empty (-1 = not
 * wanted). audio: FLAC; preview: intra-only MJPEG in Matroska with exact timestamps, zero = the
 * clip's start; stills[i]: JPEG (full-range BT.601 4:2:0, full size). */
typedef struct CutFiles {
    int inputs[2];
    int audio, preview;
    int stills[STILLS_MAX];
} CutFiles;

/* The pass itself, in this process. Front ends and fetch use mel_jail_cut; tests and the bench may
 * call this. Errors carry a reason word of failure.h ("media.*"). */
MEL_MUST_CHECK bool mel_cut(const CutRequest *request, const CutFiles *files, CutResult *result,
                            Err *err);

/* What a local file is: duration, streams; nothing decoded. */
typedef struct ProbeResult {
    int64_t duration_us; /* -1 when the container does not say */
    int64_t start_us;
    int32_t has_audio, has_video;
    int32_t sample_rate_hz, channels, width, height;
    char container[32], audio_codec[32], video_codec[32];
} ProbeResult;
MEL_MUST_CHECK bool mel_probe(int fd, ProbeResult *result, Err *err);

/* Decodes a product back and says what it holds. */
typedef enum ProductKind { PRODUCT_AUDIO, PRODUCT_STILL, PRODUCT_PREVIEW } ProductKind;
typedef struct CheckResult {
    int64_t samples, frames;
    int32_t sample_rate_hz, channels, width, height;
    double rms_dbfs;
} CheckResult;
MEL_MUST_CHECK bool mel_check_product(ProductKind kind, int fd, CheckResult *result, Err *err);

#endif
