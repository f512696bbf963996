/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of a world: everything that is decided before the first sample is made. A pure function
 * of its options. */
#ifndef MEL_WORLD_PLAN_H
#define MEL_WORLD_PLAN_H

#include "tests/world/encode.h"
#include "tests/world/fault.h"
#include "tests/world/scene.h"

enum { SOURCE_CLIPS_MAX = 2, CLIP_S = 10, SOURCES_MAX = 100000 };

typedef struct WorldOptions {
    int sources;
    int faulty;     /* of them, with each kind of fault in turn; -1: a quarter */
    int mismatched; /* further ones whose picture and music do not match */
    uint64_t seed;
    double seconds; /* of each source, 11 to 600 */
    int width, height;
} WorldOptions;

typedef struct SourcePlan {
    int index;
    char path[32]; /* "media/s007.mp4", below the world's folder */
    const char *title, *channel, *license;
    PictureFactors picture;
    MusicFactors music;
    double music_from_s; /* where in the piece the sound track begins */
    EncodeOptions encode;
    Fault fault;
    int partner;                      /* index of the source that a copy copies; -1 = none */
    double kept_share;                /* of the file's bytes; 1 unless truncated */
    double clips_s[SOURCE_CLIPS_MAX]; /* starts */
    int clip_count;
    Rng rng; /* for damage and words */
} SourcePlan;

/* Rows of the list that are wrong by themselves. */
typedef enum RowFault {
    ROW_BROKEN_TIME,
    ROW_MISSING_FILE,
    ROW_DUPLICATE,
    ROW_PAST_END,        /* begins behind the end of its source */
    ROW_PARTLY_PAST_END, /* ends behind it */
    ROW_FAULT_COUNT,
} RowFault;

typedef struct RowPlan {
    int source;
    RowFault fault;
} RowPlan;

typedef struct WorldPlan {
    WorldOptions options;
    SourcePlan *sources;
    RowPlan rows[ROW_FAULT_COUNT]; /* each stands behind the rows of its source */
    Arena arena;                   /* of the texts */
} WorldPlan;

/* Clear it with mel_plan_clear. ERR_USAGE names an option that makes no sense. */
MEL_MUST_CHECK bool mel_plan_draw(const WorldOptions *options, WorldPlan *out, Err *err);
void mel_plan_clear(WorldPlan *plan);

const char *mel_row_fault_id(RowFault fault);

/* True when the source's fault can be heard or seen in this clip. */
bool mel_clip_is_hit(const SourcePlan *source, int clip);

/* True when a listener would find music in this clip. */
bool mel_clip_has_music(const SourcePlan *source, int clip);

#endif
