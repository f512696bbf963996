/* SPDX-License-Identifier: Apache-2.0
 *
 * Between export.c (the frame), export_load.c (what is exported), export_item.c (one clip), the
 * formats, and what is written about an export. */
#ifndef MEL_CURATOR_EXPORT_INTERNAL_H
#define MEL_CURATOR_EXPORT_INTERNAL_H

#include "curator/export.h"
#include "curator/split.h"

/* The dot keeps it apart from every side's own files. */
#define EXPORT_SUMMARY "melkit.export.json"

enum {
    EXPORT_KEY_SIZE = 128,
    EXPORT_MEDIA_BYTES_MAX = 1 << 30,
};

typedef struct TextList {
    const char *const *items;
    size_t count;
} TextList;

/* One clip, as the view `triplets` has it. Texts live in the run's arena; NULL, NAN and -1 are what
 * was not answered or measured. */
typedef struct ExportItem {
    const char *id, *key;
    int side; /* of the split's */
    const char *source, *kind, *locator, *title, *channel, *license, *published_split;
    const char *audio_path, *audio_sha256, *image_path, *image_sha256;
    const char *audio_extension, *image_extension; /* of the paths, lower case */
    int64_t audio_bytes, image_bytes;
    int64_t start_us, end_us, frame_us;
    int64_t sample_rate_hz, channels, audio_samples, width, height;
    const char *text, *genre, *tempo, *dissonance, *metre, *feel, *relevance, *settled_by;
    double bpm, imsm, clip_score, clap_score, loudness_lufs;
    TextList moods, voices, instruments, aspects, audioset_labels;
    TextList annotators;   /* pseudonyms of all who submitted an answer */
    const char *annotator; /* pseudonym of whose answer it is, or of the first of several */
} ExportItem;

/* A name and how often it occurred; rows are in order of the names. */
typedef struct TallyRow {
    const char *name;
    int64_t count;
} TallyRow;

typedef struct Tally {
    TallyRow *rows;
    size_t count, capacity;
} Tally;

void mel_tally_add(Tally *tally, Arena *arena, const char *name, int64_t more);
void mel_tally_clear(Tally *tally);

/* Where the clips of a dataset went: from the list to the split. */
typedef struct Attrition {
    int64_t listed, waiting, ready, failed, annotated, settled, triplets, included, in_split;
    Tally reasons; /* of failures */
    Tally passes;  /* in force */
} Attrition;

typedef struct ExportRun {
    Db *db;
    const ExportOptions *options;
    const Progress *progress;
    ExportReport *report;
    Arena arena;
    SplitRow split;
    SplitSides sides;
    ExportItem *items; /* by id */
    size_t count, capacity;
    Attrition attrition;
    char *folder; /* where it is written, until it gets its name */
    int64_t done; /* clips written, for the progress */
} ExportRun;

/* ---- export_load.c, export_attrition.c ------------------------------------------------------- */

/* Loads the split's members and refuses what must not be exported. */
MEL_MUST_CHECK bool mel_export_load(ExportRun *run, Err *err);
MEL_MUST_CHECK bool mel_export_count(ExportRun *run, Err *err);
void mel_export_attrition_clear(Attrition *attrition);

/* ---- export_item.c --------------------------------------------------------------------------- */

/* All that is said of a clip, provenance included, keys in a fixed order; yours to json_decref().
 */
json_t *mel_export_item_json(const ExportRun *run, const ExportItem *item);
json_t *mel_export_provenance(const ExportItem *item);

typedef enum ExportMedia { EXPORT_AUDIO, EXPORT_IMAGE } ExportMedia;

/* The whole file, verified: size and SHA-256 are the store's. Yours to free(). */
MEL_MUST_CHECK bool mel_export_media(ExportRun *run, const ExportItem *item, ExportMedia which,
                                     char **bytes_out, size_t *n_out, Err *err);

/* Copies (or links) it, verified, to <below>/<key>.<extension> in the export. */
MEL_MUST_CHECK bool mel_export_copy(ExportRun *run, const ExportItem *item, const char *below,
                                    ExportMedia which, Err *err);

/* "media/yt-x_30000.flac" */
const char *mel_export_media_name(ExportRun *run, const ExportItem *item, const char *below,
                                  ExportMedia which);

/* The locator when it may be published: paths of this machine become their last part. */
const char *mel_export_locator(const ExportItem *item);

/* "30" or "30.25": seconds without needless digits. */
void mel_export_seconds(int64_t time_us, char text[32]);

/* Adds a comma unless the row is empty, and the field; guarded: formulas are disarmed. */
void mel_export_csv_field(Str *row, const char *text, bool guarded);

/* Writes <side>.<extension> for every side that holds something: the header, then what `fn` makes
 * of each clip, line end included. */
typedef bool ExportRowFn(ExportRun *run, const ExportItem *item, Str *row, Err *err);
MEL_MUST_CHECK bool mel_export_sides(ExportRun *run, const char *extension, const char *header,
                                     ExportRowFn *fn, Err *err);

/* Counts the clip, tells the progress, and asks whether to go on. */
MEL_MUST_CHECK bool mel_export_tick(ExportRun *run, const ExportItem *item, Err *err);

/* A path below the export, in the arena. */
const char *mel_export_path(ExportRun *run, const char *format, ...) MEL_PRINTF(2, 3);

/* Writes a JSON value, indented, with a line end. */
MEL_MUST_CHECK bool mel_export_write_json(const char *path, const json_t *value, Err *err);

/* ---- shards ---------------------------------------------------------------------------------- */

/* Items of one side, cut into files of at most shard_bytes and shard_items. */
typedef struct ExportShard {
    int side;
    size_t number, of; /* within the side */
    const ExportItem **items;
    size_t count;
} ExportShard;

typedef bool ExportShardFn(ExportRun *run, const ExportShard *shard, void *ctx, Err *err);
MEL_MUST_CHECK bool mel_export_each_shard(ExportRun *run, ExportShardFn *fn, void *ctx, Err *err);

/* ---- formats --------------------------------------------------------------------------------- */

typedef struct ExportKind {
    const char *name;
    const char *data_files; /* pattern of a side's files, %s is the side; for the card */
    const char *encoding;   /* MIME type of those files */
    const char *about;      /* a paragraph for README.md */
    bool (*write)(ExportRun *run, Err *err);
} ExportKind;

const ExportKind *mel_export_kind(ExportFormat format);

bool mel_export_webdataset(ExportRun *run, Err *err);
bool mel_export_parquet(ExportRun *run, Err *err);
bool mel_export_jsonl(ExportRun *run, Err *err);
bool mel_export_csv(ExportRun *run, Err *err);
bool mel_export_musiccaps(ExportRun *run, Err *err);
bool mel_export_melfusion(ExportRun *run, Err *err);

/* Puts a list as Python prints it: ['a', "b's"]. */
void mel_export_python_list(Str *out, TextList list);

/* ---- about the export ------------------------------------------------------------------------ */

/* The hub's card, which README.md begins with: files by split, and what their fields are. */
void mel_export_card(const ExportRun *run, Str *out);
MEL_MUST_CHECK bool mel_export_datasheet(ExportRun *run, Err *err); /* README.md */
MEL_MUST_CHECK bool mel_export_summary(ExportRun *run, Err *err);   /* EXPORT_SUMMARY */

typedef struct ExportFile {
    char *name; /* below the export */
    int64_t size_bytes;
    char sha256[SHA256_HEX_SIZE];
} ExportFile;

/* dataset.croissant.json, by the files that are there. */
MEL_MUST_CHECK bool mel_export_croissant(ExportRun *run, const ExportFile *files, size_t count,
                                         Err *err);

/* The last step: hashes every file as it lies on the disk, writes the Croissant description and
 * SHA256SUMS, and fills in the report's totals. */
MEL_MUST_CHECK bool mel_export_seal(ExportRun *run, Err *err);

#endif
