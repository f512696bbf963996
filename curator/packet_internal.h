/* SPDX-License-Identifier: Apache-2.0
 *
 * Between packet.c and packet_tar.c. */
#ifndef MEL_CURATOR_PACKET_INTERNAL_H
#define MEL_CURATOR_PACKET_INTERNAL_H

#include "base/base.h"

#define PACKET_MANIFEST "packet.json"
#define PACKET_CHECKSUM "mel.db.sha256" /* of answers that are on their way back */

/* Writes all regular files below `folder` (but SQLite's side files) into one .tar file, below a
 * folder of the file's own name; times and owners are left out. */
MEL_MUST_CHECK bool mel_packet_tar(const char *folder, const char *path, Err *err);

/* Takes the store, the manifest and the checksum, and nothing else, out of a .tar file into
 * `folder`. */
MEL_MUST_CHECK bool mel_packet_untar(const char *path, const char *folder, Err *err);

/* The same with the media. */
MEL_MUST_CHECK bool mel_packet_untar_whole(const char *path, const char *folder, Err *err);

#endif
