/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEL_CURATOR_THUMBNAIL_H
#define MEL_CURATOR_THUMBNAIL_H

#include "base/base.h"

/* A small JPEG of a still: decoded, averaged down until it fits into max_width x max_height with
 * its proportions kept (never enlarged), encoded again (4:2:0, quality 1..100). Metadata is left
 * behind. For stills of this dataset, not for files from elsewhere: sides over 16,384 px are
 * ERR_LIMIT, what is not a JPEG is ERR_MEDIA. `out` is yours to free(). */
MEL_MUST_CHECK bool mel_thumbnail(const void *jpeg, size_t n, int max_width, int max_height,
                                  int quality, unsigned char **out, size_t *n_out, Err *err);

#endif
