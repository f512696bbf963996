/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets: a person's part of a dataset as a small dataset of its own, and the answers back. Media
 * files and archives are the curator's. */
#ifndef MEL_DB_PACKET_H
#define MEL_DB_PACKET_H

#include "db/store.h"

/* The id of a dataset, made on first use (the store must be open for writing then). */
MEL_MUST_CHECK bool mel_dataset_id(Db *db, char id[ULID_SIZE], Err *err);

/* What a packet's store says of itself. */
typedef struct PacketLabel {
    char id[ULID_SIZE], origin[ULID_SIZE]; /* of the packet; of the dataset it was made from */
    char annotator_id[NAME_MAX_BYTES + 1];
} PacketLabel;

/* *found_out false: the store is no packet. */
MEL_MUST_CHECK bool mel_packet_label(Db *packet, PacketLabel *out, bool *found_out, Err *err);

typedef struct PacketContents {
    int64_t clips, answers;
    int64_t skipped; /* clips assigned that are not ready (any more) */
    int64_t waiting; /* retests left out: their first answers do not stand */
} PacketContents;

/* What a packet holds; skipped and waiting are 0. */
MEL_MUST_CHECK bool mel_packet_contents(Db *packet, PacketContents *out, Err *err);

/* Fills an empty store: the ready clips that the person is asked about (in `batch`; NULL = all)
 * with all that was cut and measured, their sources and suggestions, the person's assignments,
 * answers and the reviews of them. An answer that is asked for again stays out; while it is not
 * submitted, or was sent back, the question does (waiting). Of other people's answers only those
 * that the person is to review and may read (mel_may_read_answers). ERR_NOT_FOUND: there is no such
 * clip. */
MEL_MUST_CHECK bool mel_packet_fill(Db *db, Db *packet, const PacketLabel *label, const char *batch,
                                    PacketContents *out, Err *err);

/* Remembers a packet that was made; sha256 is its manifest's. */
MEL_MUST_CHECK bool mel_packet_record(Db *db, const PacketLabel *label, int64_t clip_count,
                                      const char *sha256, Err *err);

typedef struct PacketMerge {
    PacketLabel label;
    int64_t added, known;  /* revisions: new; here already */
    int64_t refused;       /* revisions and reviews of what this dataset does not have (any more) */
    int64_t reviews, uses; /* new reviews, new uses of suggestions */
    int64_t settled;       /* clips that were settled anew */
} PacketMerge;

/* Called for each thing refused. */
typedef void PacketRefusedFn(void *ctx, const char *subject, const char *why);

/* Takes a packet's answers back, in one transaction: revisions of its annotator (and the retests)
 * with their own times, reviews, uses of suggestions. A person's revisions of a clip are numbered
 * by (created_at, id), so that neither the order of merging nor merging twice makes a difference.
 * ERR_FORMAT: not a packet, a damaged or a foreign store; ERR_NOT_FOUND: a packet of another
 * dataset, or one that was not made here; ERR_EXISTS: an id that here means something else. */
MEL_MUST_CHECK bool mel_packet_merge(Db *db, Db *packet, const char *manifest_sha256,
                                     PacketRefusedFn *refused, void *ctx, PacketMerge *out,
                                     Err *err);

#endif
