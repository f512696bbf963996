/* SPDX-License-Identifier: Apache-2.0
 *
 * Before this program decodes a file of a dataset: the file may come from a stranger (a packet, a
 * copied folder), so it is decoded once in the curator's jail, with the same libraries, and only a
 * file that comes through whole is decoded here. One jail for the program, as it must be forked
 * before there are threads. */
#ifndef MEL_ANNOTATOR_GUARD_H
#define MEL_ANNOTATOR_GUARD_H

#include "curator/curator.h"

/* Once, before gtk_init. Without it, or when it fails, every file passes. */
MEL_MUST_CHECK bool mel_guard_start(Err *err);
void mel_guard_stop(void);

/* For worker threads. Costs one decoding in another process, about 30 ms for a preview. False, with
 * a sentence that names the file, when it must not be opened here. A file that is not there passes:
 * whoever loads it says so. */
MEL_MUST_CHECK bool mel_guard_check(ProductKind kind, const char *path, Err *err);

#endif
