/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/clip_load.h"

#include "annotator/guard.h"

#include <sys/resource.h>

enum { SLOW_UNASKED_MAX_S = 30, SLOW_NICENESS = 10 };

/* What the threads need; the pointers of ClipLoad are handed over by their tasks. */
typedef struct ClipLoadWork {
    grefcount references;
    GObject *owner; /* borrowed: the tasks keep it */
    ClipLoadFn *there;
    char *sound, *preview;
    int64_t start_us, got_start_us, duration_us;
    atomic_bool cancel;
    gboolean slow_begun;
} ClipLoadWork;

ClipLoad *clip_load_ref(ClipLoad *load)
{
    g_ref_count_inc(&load->work->references);
    return load;
}

void clip_load_unref(ClipLoad *load)
{
    ClipLoadWork *work = load->work;
    if (!g_ref_count_dec(&work->references)) return;
    mel_loaded_clip_unref(load->clip);
    mel_peaks_free(load->peaks);
    mel_melgram_clear(&load->melgram);
    mel_stretched_unref(load->slow);
    g_free(load->clip_id);
    g_free(work->sound);
    g_free(work->preview);
    g_free(work);
    g_free(load);
}

void clip_load_cancel(ClipLoad *load)
{
    atomic_store(&load->work->cancel, true);
}

static bool is_cancelled(const ClipLoad *load)
{
    return atomic_load(&load->work->cancel);
}

/* ---- half speed --------------------------------------------------------------------------------
 */

static void make_slow(gpointer data, gpointer unused)
{
    (void)unused;
    static __thread bool is_nice;
    GTask *task = data;
    ClipLoad *load = g_task_get_task_data(task);
    Err err = {0};
    Stretched *slow = NULL;
    if (!is_nice) setpriority(PRIO_PROCESS, 0, SLOW_NICENESS); /* in Linux: of this thread */
    is_nice = true;
    if (!mel_stretch(load->clip, 0.5, &load->work->cancel, &slow, &err)) slow = NULL;
    g_task_return_pointer(task, slow, (GDestroyNotify)mel_stretched_unref);
    g_object_unref(task);
}

static GThreadPool *stretchers(void)
{
    static GThreadPool *pool; /* of the main thread; one for the program */
    if (!pool) pool = g_thread_pool_new(make_slow, NULL, 1, TRUE, NULL);
    return pool;
}

static void slow_made(GObject *owner, GAsyncResult *result, gpointer data)
{
    ClipLoad *load = data;
    load->slow = g_task_propagate_pointer(G_TASK(result), NULL);
    if (load->slow && !is_cancelled(load)) load->work->there(owner, load);
    clip_load_unref(load);
}

void clip_load_want_slow(ClipLoad *load)
{
    if (load->work->slow_begun || !load->done || !load->clip) return;
    load->work->slow_begun = TRUE;
    GTask *task = g_task_new(load->work->owner, NULL, slow_made, clip_load_ref(load));
    g_task_set_task_data(task, load, NULL);
    g_thread_pool_push(stretchers(), task, NULL);
}

/* ---- the clip ----------------------------------------------------------------------------------
 */

/* Whether a product may be decoded here. */
static bool passes(ProductKind kind, const char *path, Err *why)
{
    return path && mel_guard_check(kind, path, why);
}

static void load_in_thread(GTask *task, gpointer owner, gpointer data, GCancellable *cancellable)
{
    (void)owner, (void)cancellable;
    ClipLoad *load = data;
    ClipLoadWork *work = load->work;
    Err err = {0}, sound_why = {0}, picture_why = {0};
    const ClipLoadRequest request = {
        .sound_path = passes(PRODUCT_AUDIO, work->sound, &sound_why) ? work->sound : NULL,
        .picture_path = passes(PRODUCT_PREVIEW, work->preview, &picture_why) ? work->preview : NULL,
        .start_us = work->start_us,
        .got_start_us = work->got_start_us,
        .duration_us = work->duration_us,
        .cancel = &work->cancel};
    if (mel_loaded_clip_new(&request, &load->clip, &err)) {
        if (mel_err_is_set(&sound_why)) load->clip->sound_why = sound_why;
        if (mel_err_is_set(&picture_why)) load->clip->picture_why = picture_why;
        load->peaks = mel_peaks_new(load->clip);
        if (!mel_melgram(load->clip, &work->cancel, &load->melgram)) load->melgram = (Melgram){0};
    }
    g_task_return_boolean(task, load->clip != NULL);
}

static void loaded(GObject *owner, GAsyncResult *result, gpointer data)
{
    ClipLoad *load = data;
    load->done = g_task_propagate_boolean(G_TASK(result), NULL);
    if (load->done && !is_cancelled(load)) {
        load->work->there(owner, load);
        if (load->clip->frames <= (int64_t)SLOW_UNASKED_MAX_S * load->clip->rate_hz)
            clip_load_want_slow(load);
    }
    clip_load_unref(load);
}

ClipLoad *clip_load_new(const ClipItem *item, GObject *owner, ClipLoadFn *there)
{
    ClipLoad *load = g_new0(ClipLoad, 1);
    ClipLoadWork *work = load->work = g_new0(ClipLoadWork, 1);
    g_ref_count_init(&work->references);
    load->clip_id = g_strdup(item->clip_id);
    work->owner = owner;
    work->there = there;
    work->sound = g_strdup(item->audio);
    work->preview = g_strdup(item->preview);
    work->start_us = item->start_us;
    work->got_start_us = item->got_start_us;
    work->duration_us = item->end_us - item->start_us;
    GTask *task = g_task_new(owner, NULL, loaded, clip_load_ref(load));
    g_task_set_task_data(task, load, NULL);
    g_task_run_in_thread(task, load_in_thread);
    g_object_unref(task);
    return load;
}
