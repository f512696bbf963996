/* SPDX-License-Identifier: Apache-2.0
 *
 * One look at a whole dataset, in numbers: what `mel stats` prints, as JSON and as a page. */
#ifndef MEL_CLI_STATS_COLLECT_H
#define MEL_CLI_STATS_COLLECT_H

#include "cli/cli.h"
#include "curator/curator.h"

/* A word and how often it occurs. */
typedef struct Tally {
    char *word;
    int64_t count;
} Tally;

typedef struct Tallies {
    Tally *items;
    size_t count, capacity;
} Tallies;

void cli_tally(Tallies *tallies, const char *word, int64_t n);
int64_t cli_tally_of(const Tallies *tallies, const char *word); /* 0 when absent */
void cli_tallies_clear(Tallies *tallies);

/* Known values of one number, sorted ascending; the unknown are counted. */
typedef struct Distribution {
    const char *name, *unit, *meaning; /* borrowed from the tables of columns.c */
    double *values;
    size_t count, capacity;
    int64_t unknown;
} Distribution;

/* Linear between the order statistics; p in [0, 1]; NAN when there is no value. */
double cli_quantile(const Distribution *distribution, double p);
double cli_mean(const Distribution *distribution);

typedef struct FailureTally {
    char *reason;
    const FailureKind *kind; /* its row in the table of reasons */
    char *class;             /* as the store has it */
    int64_t count;
} FailureTally;

typedef struct PassTally {
    char *name, *condition, *note, *created_at, *undone_at; /* undone_at NULL = in force */
    int64_t excluded;
} PassTally;

typedef struct AnnotatorTally {
    char *id, *kind;
    int64_t submitted, drafts, withdrawn;
    int64_t retests; /* submitted to what was asked again, besides */
    double active_s; /* recorded working time of the newest revisions, retests left out */
} AnnotatorTally;

/* Members by side and genre; counts[genre * side_count + side], the last genre row: none. */
enum { STATS_SIDES_MAX = SPLIT_SIDES_MAX, STATS_GENRES_MAX = 40 };
typedef struct SplitTally {
    char *name;
    char *sides[STATS_SIDES_MAX]; /* train, val, test first, then by name */
    int side_count;
    int64_t counts[(STATS_GENRES_MAX + 1) * STATS_SIDES_MAX];
} SplitTally;

typedef struct DuplicateGroup {
    size_t size;
    int64_t audio_edges, picture_edges; /* pairs found */
    char *sample[4];                    /* some members' ids, in order */
} DuplicateGroup;

/* From all candidates down to what a split holds; every stage is a part of the one before. */
typedef struct FunnelStage {
    const char *name, *meaning;
    int64_t count;
} FunnelStage;
enum { FUNNEL_STAGES = 6 };

enum { DISTRIBUTIONS_MAX = 40 };

typedef struct Stats {
    char *folder;
    char taken_at[UTC_SIZE];
    int64_t clips, created, ready, failed; /* created: never fetched */
    int64_t included;                      /* ready clips that no pass in force keeps out */
    int64_t annotated, in_split;           /* of the included: with an answer; triplets on a side */
    int64_t sources;
    Tallies source_kinds, availability;
    FailureTally *failures; /* most frequent first */
    size_t failure_count, failure_capacity;
    PassTally *passes; /* oldest first */
    size_t pass_count, pass_capacity;
    AnnotatorTally *annotators; /* most active first */
    size_t annotator_count, annotator_capacity;
    int64_t settled, disputed, open;
    int64_t triplets, triplets_included;
    Tallies genres;       /* settled ready clips, by vocabulary id */
    Tallies genre_order;  /* the vocabulary: word = id, in order */
    Tallies genre_labels; /* word = label, same order */
    Tallies relevance, tempos;
    FunnelStage funnel[FUNNEL_STAGES];
    Distribution distributions[DISTRIBUTIONS_MAX];
    size_t distribution_count;
    SplitTally *splits;
    size_t split_count, split_capacity;
    DuplicateGroup *groups; /* largest first */
    size_t group_count;
    int64_t grouped_clips, text_pairs;
    int64_t media_files, media_bytes, audio_bytes;
    double included_s; /* music in included triplets */
} Stats;

MEL_MUST_CHECK bool cli_stats_collect(Db *db, Stats *stats, Err *err);
void cli_stats_clear(Stats *stats);

/* stats_duplicates.c: the groups, for cli_stats_collect */
MEL_MUST_CHECK bool cli_stats_duplicates(Db *db, Stats *stats, Err *err);

const Distribution *cli_distribution(const Stats *stats, const char *name); /* or NULL */
const char *cli_genre_label(const Stats *stats, const char *id);            /* the id if unknown */
int64_t cli_split_side_total(const SplitTally *split, int side);

/* The object of --json (schemas/json/stats.schema.json); yours to json_decref(). */
json_t *cli_stats_json(const Stats *stats);

#endif
