/* SPDX-License-Identifier: Apache-2.0
 *
 * A clip brought into memory by threads: first its sound and pictures with what is drawn of them,
 * then, without being asked, its sound at half speed. That takes seconds of computing, so one
 * thread of low priority makes them one after another, and only of clips up to half a minute (23
 * MB); of a longer one when it is asked for. */
#ifndef MEL_ANNOTATOR_CLIP_LOAD_H
#define MEL_ANNOTATOR_CLIP_LOAD_H

#include "annotator/player/melgram.h"
#include "annotator/player/peaks.h"
#include "annotator/player/stretch.h"
#include "db/db.h"

#include <gio/gio.h>

/* Of the main thread: what is not there yet is NULL. */
typedef struct ClipLoad {
    char *clip_id;
    gboolean done; /* sound, pictures and what is drawn are there, or it was given up */
    LoadedClip *clip;
    Peaks *peaks;
    Melgram melgram;
    Stretched *slow; /* half speed */
    struct ClipLoadWork *work;
} ClipLoad;

/* Called in the main thread when the clip is there, and again when its slow sound is. */
typedef void ClipLoadFn(GObject *owner, ClipLoad *load);

/* Begins. The owner is kept alive while a thread works. One reference, yours. */
ClipLoad *clip_load_new(const ClipItem *item, GObject *owner, ClipLoadFn *there);
ClipLoad *clip_load_ref(ClipLoad *load);
void clip_load_unref(ClipLoad *load);
void clip_load_cancel(ClipLoad *load); /* its threads end soon, and call nothing */

/* For a clip that is too long to be slowed down unasked. */
void clip_load_want_slow(ClipLoad *load);

#endif
