/* SPDX-License-Identifier: Apache-2.0
 *
 * A remote file mirrored sparsely: bytes lie at their own offsets in a local file, and a map beside
 * it says which are there. Interrupted work goes on where it stopped; a resource that changed in
 * between (size, ETag) starts over. */
#ifndef MEL_CURATOR_REMOTE_H
#define MEL_CURATOR_REMOTE_H

#include "curator/cut.h"
#include "curator/http.h"

typedef struct RemoteFile RemoteFile;

/* Opens `url`, mirrored at `path` (and `path`.map). Fetches at most the first 64 KiB. When the
 * server does not honour ranges, the whole resource is fetched. limit_bytes: of all that this
 * RemoteFile fetches; 0 = 4 GiB. One process at a time (local.busy). */
MEL_MUST_CHECK bool mel_remote_open(HttpClient *client, const char *url, const char *const *headers,
                                    const char *path, int64_t limit_bytes, RemoteFile **out,
                                    Err *err);
void mel_remote_close(RemoteFile *file);             /* keeps what was fetched */
bool mel_remote_discard(RemoteFile *file, Err *err); /* closes and removes both files */

int64_t mel_remote_size(const RemoteFile *file);
int mel_remote_fd(const RemoteFile *file);
int64_t mel_remote_fetched_bytes(const RemoteFile *file); /* over the network, by this process */

/* Makes [offset, offset+length) present (clamped to the size), in requests of at most
 * HTTP_CHUNK_BYTES_MAX; neighbouring small gaps are joined. */
MEL_MUST_CHECK bool mel_remote_need(RemoteFile *file, int64_t offset, int64_t length, Err *err);

/* Makes present what the clip [start_us, end_us) of this file needs: sidx, moov or Cues first,
 * then the media; by container.h. Unknown containers: nothing more (mel_jail_cut then reports
 * what is missing, see CutResult). */
MEL_MUST_CHECK bool mel_remote_need_span(RemoteFile *file, int64_t start_us, int64_t end_us,
                                         Err *err);

/* The present ranges, for a CutInput. */
void mel_remote_ranges(const RemoteFile *file, CutInput *out);

#endif
