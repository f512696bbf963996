/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEL_DB_CLIP_H
#define MEL_DB_CLIP_H

#include "db/store.h"

enum { CLIP_ID_SIZE = 96 }; /* "<source>:<start_ms>" and the NUL */

void mel_clip_id(const char *source_id, int64_t start_us, char id[CLIP_ID_SIZE]);

/* Adds a candidate; one that is there already (same source and start) is left alone. */
MEL_MUST_CHECK bool mel_clip_put(Db *db, const char *source_id, int64_t start_us, int64_t end_us,
                                 const char *published_split, char id_out[CLIP_ID_SIZE],
                                 bool *added_out, Err *err);

/* A label that came with a list, for example ("audioset", "/m/03v3yw"). Repeating is harmless. */
MEL_MUST_CHECK bool mel_clip_label(Db *db, const char *clip_id, const char *scheme,
                                   const char *value, Err *err);

/* The labels of a clip, by scheme; texts hold until fn returns. */
typedef bool ClipLabelFn(void *ctx, const char *scheme, const char *value, Err *err);
MEL_MUST_CHECK bool mel_clip_labels_each(Db *db, const char *clip_id, ClipLabelFn *fn, void *ctx,
                                         Err *err);

/* ---- lists ---------------------------------------------------------------------------------- */

MEL_MUST_CHECK bool mel_import_record(Db *db, const char *path, const char *format,
                                      int64_t row_count, int64_t added_count, int64_t bad_count,
                                      Err *err);
/* Quarantines a row. Repeating is harmless; *known_out says that it was there. */
MEL_MUST_CHECK bool mel_bad_row_put(Db *db, const char *list_path, int64_t line, const char *reason,
                                    const char *message, const char *text, Err *err);

/* ---- fetching -------------------------------------------------------------------------------- */

/* One clip to be fetched, with its source. Texts are yours (mel_clip_work_free). */
typedef struct ClipWork {
    char *clip_id, *source_id, *kind, *locator;
    int64_t start_us, end_us, attempts;
} ClipWork;

/* Clips that wait: state new, or failed in one of `retry_classes` ("transient,pause"; NULL = only
 * new ones; "all"), of sources that were not taken down, meeting `where`; ordered by source, then
 * start, so that one source is opened once. */
MEL_MUST_CHECK bool mel_clip_work(Db *db, const char *where, const char *retry_classes,
                                  ClipWork **out, size_t *count_out, Err *err);
void mel_clip_work_free(ClipWork *work, size_t count);

typedef struct ClipMedia {
    const char *role; /* "audio", "preview", "still" */
    int position;
    const char *path; /* relative to the dataset */
    const char *sha256;
    int64_t size_bytes;
} ClipMedia;

typedef struct ClipFrame {
    int64_t time_us;
    int width, height;
    double score, sharpness, brightness, black_share;
    uint64_t picture_hash, frame_hash;
} ClipFrame;

/* A named measure of the quality table; NAN stores NULL. */
typedef struct ClipMeasure {
    const char *name;
    double value;
} ClipMeasure;

/* Everything that a successful cut made, recorded in one transaction (older products of the clip
 * are replaced, the attempt is appended). */
typedef struct ClipProducts {
    const char *clip_id;
    int64_t took_us, fetched_bytes;
    const char *tools_json, *format_id;
    int64_t got_start_us, audio_samples, missing_samples;
    int sample_rate_hz, channels, bits_per_sample;
    int width, height, rotation_deg, preview_width, preview_height, preview_frames;
    const char *container, *audio_codec, *video_codec;
    const ClipMedia *media;
    size_t media_count;
    const ClipFrame *frames;
    size_t frame_count;
    const ClipMeasure *measures;
    size_t measure_count;
    const void *landmarks; /* opaque bytes of `landmark_version` */
    size_t landmark_bytes, landmark_count;
    int landmark_version;
} ClipProducts;

MEL_MUST_CHECK bool mel_clip_ready(Db *db, const ClipProducts *products, Err *err);

/* A failed clip has no products: those it had are forgotten (their files become strays). */
MEL_MUST_CHECK bool mel_clip_failed(Db *db, const char *clip_id, const char *reason,
                                    const char *failure_class, const char *message, int64_t took_us,
                                    int64_t fetched_bytes, const char *tools_json, Err *err);

/* ---- reading --------------------------------------------------------------------------------- */

/* Every file that the store knows. */
typedef struct MediaRow {
    const char *clip_id, *role, *path, *sha256;
    int position;
    int64_t size_bytes;
} MediaRow;
typedef bool MediaRowFn(void *ctx, const MediaRow *row, Err *err);
MEL_MUST_CHECK bool mel_media_each(Db *db, const char *clip_id /* NULL = all */, MediaRowFn *fn,
                                   void *ctx, Err *err);

/* All that is known of one clip, as one JSON object: the view's row, its source, media, frames,
 * labels, suggestions, attempts, annotations, scores, passes, duplicates, splits. ERR_NOT_FOUND
 * suggests the nearest id. Yours to json_decref(). */
json_t *mel_clip_describe(Db *db, const char *clip_id, Err *err);

#endif
