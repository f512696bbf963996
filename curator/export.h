/* SPDX-License-Identifier: Apache-2.0
 *
 * Exports of a split, in the formats that trainers read. An export is a folder that appears whole:
 * written beside, checked, renamed. The same dataset gives the same bytes: no times, no paths of
 * this machine, everything in order of the clip ids.
 *
 * Every folder holds README.md (a datasheet), dataset.croissant.json, melkit.export.json (what was
 * asked and counted) and SHA256SUMS over all of it. A clip's key is "<source>_<start_ms>". */
#ifndef MEL_CURATOR_EXPORT_H
#define MEL_CURATOR_EXPORT_H

#include "db/db.h"

#include "curator/split_plan.h"

typedef enum ExportFormat {
    EXPORT_WEBDATASET, /* <side>-000000.tar: <key>.flac .jpg .json .txt; sizes.json */
    EXPORT_PARQUET,    /* data/<side>-00000-of-00001.parquet, sound and picture inside */
    EXPORT_JSONL,      /* <side>.jsonl and media/<key>.flac .jpg */
    EXPORT_CSV,        /* <side>.csv and media/; formulas are disarmed */
    EXPORT_MUSICCAPS,  /* <side>.csv with MusicCaps' own columns; no media, YouTube clips only */
    EXPORT_MELFUSION,  /* <side>.json, JSON lines as MeLFusion's released loader reads them */
    EXPORT_FORMATS,
} ExportFormat;

const char *mel_export_format_name(ExportFormat format); /* "webdataset" … */
bool mel_export_format_parse(const char *name, ExportFormat *out);

typedef struct ExportOptions {
    const char *split;
    const char *side;  /* NULL = all */
    const char *where; /* of the members, only these; a condition over `triplets`; may be NULL */
    ExportFormat format;
    const char *folder; /* must not be there, or be empty */
    bool overwrite;     /* an earlier export in `folder` is replaced; nothing else ever is */
    bool link;         /* media as hard links to the dataset's own files where the disk allows it */
    bool skip_missing; /* leave out members that are not ready, settled and complete any more;
                          without it they are an error */
    int64_t shard_bytes; /* most media bytes in a tar or Parquet file; 0 = 256 MB */
    int64_t shard_items; /* most clips in one; 0 = 10,000 */
    /* What only people know, for the datasheet; NULL = said to be unknown. */
    const char *title, *purpose, *maintainer, *license;
} ExportOptions;

typedef struct ExportReport {
    Arena arena;
    int side_count;
    const char *sides[SPLIT_SIDES_MAX];
    int64_t counts[SPLIT_SIDES_MAX];
    int64_t items, files, size_bytes;
    int64_t taken_down;  /* members left out because their source was */
    int64_t excluded;    /* because a pass keeps them out now */
    int64_t missing;     /* because they are not ready, settled and complete (skip_missing) */
    int64_t unwanted;    /* by side or where */
    size_t texts_across; /* pairs of equal texts on two sides: allowed, but worth a look */
    char manifest_sha256[SHA256_HEX_SIZE]; /* of SHA256SUMS */
} ExportReport;

void mel_export_report_clear(ExportReport *report);

/* Exports and records it in the store. Refuses a split that leaks by today's sources, channels and
 * duplicates (reason "split.leak"), members that are not complete ("export.incomplete"), and a
 * media file that is not byte for byte what the store recorded ("export.changed", naming it). */
MEL_MUST_CHECK bool mel_export(Db *db, const ExportOptions *options, const Progress *progress,
                               ExportReport *report, Err *err);

#endif
