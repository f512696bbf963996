/* SPDX-License-Identifier: Apache-2.0
 *
 * Offline packets. A packet is a small dataset: a store (mel.db), media/, and packet.json, which
 * lists the media with their hashes; as a folder, or as one .tar file of it. */
#ifndef MEL_CURATOR_PACKET_H
#define MEL_CURATOR_PACKET_H

#include "db/db.h"

typedef struct PackOptions {
    const char *annotator;
    const char *batch; /* NULL = all that is assigned */
    const char *path;  /* made here; a name that ends in .tar makes one file */
    bool without_media;
} PackOptions;

typedef struct PackReport {
    PacketLabel label;
    PacketContents contents;
    int64_t files, bytes; /* of media */
} PackReport;

/* Makes a packet and remembers it. Every file is checked against its hash while it is copied.
 * ERR_EXISTS: there is something under that name; ERR_NOT_FOUND: nothing is assigned; ERR_FORMAT: a
 * media file is not what the store says. Nothing is left behind then. */
MEL_MUST_CHECK bool mel_pack(Db *db, const PackOptions *options, const Progress *progress,
                             PackReport *report, Err *err);

/* The way back without the media: the store and the manifest of the packet that `packet` is, as
 * one .tar file with the store's own hash. ERR_FORMAT: it is no packet. */
MEL_MUST_CHECK bool mel_pack_answers(Db *packet, const char *path, PackReport *report, Err *err);

/* Unpacks a .tar packet to work in, into a folder below `parent` that is named after the packet;
 * one that was unpacked before is found again with the work that was done in it. *folder_out is
 * yours. */
MEL_MUST_CHECK bool mel_packet_unpack(const char *path, const char *parent, char **folder_out,
                                      Err *err);

/* Merges a packet, a folder or a .tar file (gzip is fine), see mel_packet_merge. */
MEL_MUST_CHECK bool mel_merge(Db *db, const char *path, PacketRefusedFn *refused, void *ctx,
                              PacketMerge *report, Err *err);

#endif
