/* SPDX-License-Identifier: Apache-2.0
 *
 * The map file of a mirrored file: which of its bytes are there. Internal to remote.c and its
 * tests. */
#ifndef MEL_CURATOR_REMOTE_MAP_H
#define MEL_CURATOR_REMOTE_MAP_H

#include "curator/range_set.h"

typedef struct RemoteMap {
    int64_t size;
    char etag[128], last_modified[64]; /* "" = the server gives none */
    RangeSet present;
} RemoteMap;

/* Writes the map whole (temp, fsync, rename). The data must be on the disk before. */
MEL_MUST_CHECK bool mel_remote_map_save(const char *path, const RemoteMap *map, Err *err);

/* False when there is no map that can be trusted to the last bit; then the mirror starts over. */
bool mel_remote_map_load(const char *path, RemoteMap *map);

#endif
