/* SPDX-License-Identifier: Apache-2.0
 *
 * Leak-free splits of the store's triplets: what ties clips (split_graph.h) stays on one side. A
 * split is kept by name; making it again adds the new triplets and moves no old one. */
#ifndef MEL_CURATOR_SPLIT_H
#define MEL_CURATOR_SPLIT_H

#include "db/db.h"

#include "curator/split_plan.h"

typedef struct SplitSides {
    int count;
    const char *names[SPLIT_SIDES_MAX]; /* the first one is what models are trained on */
    double fractions[SPLIT_SIDES_MAX];
} SplitSides;

/* What is left out (NULL, 0, false) is, for a split that is there, as it was made; what is given
 * must be the same. For a new one the defaults stand behind. */
typedef struct SplitRunOptions {
    const char *name;
    const char *seed;     /* the name */
    SplitSides sides;     /* train 0.8, val 0.1, test 0.1 */
    const char *stratify; /* columns of `triplets`, with commas: "genre" */
    const char *where;    /* which triplets: all that no pass keeps out */
    bool holdout_eval;    /* clips that their publisher calls eval or test, and whatever is tied to
                             them, go to the last side */
    int64_t per_source_max, per_channel_max; /* clips taken of each: no limit */
    bool dry_run; /* nothing is kept (the store must be open for writing all the same) */
} SplitRunOptions;

typedef struct SplitStratum {
    const char *name;
    size_t counts[SPLIT_SIDES_MAX];
} SplitStratum;

/* A component of more than one clip, and what holds it together. */
typedef struct SplitComponent {
    size_t clips, sources, channels;
    size_t audio_edges, picture_edges;
    const char *side;
    const char *examples[3]; /* clip ids; NULL = no more */
} SplitComponent;

typedef struct SplitDropped {
    const char *clip_id, *why;
} SplitDropped;

enum { SPLIT_COMPONENTS_SHOWN = 5 };

/* Texts live in the arena. mel_split_report_clear frees all. */
typedef struct SplitRunReport {
    Arena arena;
    bool made; /* false: there was one of this name, which grew */
    SplitSides sides;
    size_t counts[SPLIT_SIDES_MAX]; /* members now */
    size_t members, added, groups;
    size_t candidates;     /* triplets that met the condition */
    size_t capped;         /* of them, left out by a limit per source or channel */
    size_t held_out;       /* members that their publisher calls eval or test (holdout_eval) */
    size_t texts_across;   /* pairs of equal texts on two sides: allowed, but worth a look */
    SplitDropped *dropped; /* now; earlier ones are in dropped_before */
    size_t dropped_count, dropped_before;
    SplitStratum *strata; /* by name */
    size_t stratum_count;
    double worst_stratum_error;                        /* of mel_split_plan's report */
    SplitComponent components[SPLIT_COMPONENTS_SHOWN]; /* largest first */
    size_t component_count;
} SplitRunReport;

void mel_split_report_clear(SplitRunReport *report);

/* Makes or grows the split in one transaction, and proves before the end that it does not leak.
 * ERR_EXISTS: there is a split of this name with another seed, sides, strata, condition or limits.
 * ERR_NOT_FOUND: no triplet meets the condition. */
MEL_MUST_CHECK bool mel_split_run(Db *db, const SplitRunOptions *options, SplitRunReport *report,
                                  Err *err);

/* The sides as the store has them ("sides_json"); names in the arena. */
MEL_MUST_CHECK bool mel_split_sides(const char *sides_json, Arena *arena, SplitSides *out,
                                    Err *err);

#endif
