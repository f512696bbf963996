/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/stills.h"

#include "annotator/guard.h"

#include <stdlib.h>

enum { KEPT = 64 };

struct Stills {
    int height;
    StillMissingFn *missing;
    gpointer data;
    GHashTable *table; /* path → Still */
    GCancellable *ended;
};

typedef struct Still {
    grefcount references;
    char *path;
    int height;
    gboolean done;
    GdkTexture *texture; /* NULL: it cannot be shown */
    char *why;
    GtkPicture *waiting; /* weak */
    Stills *stills;
} Still;

static void still_unref(gpointer data)
{
    Still *still = data;
    if (!g_ref_count_dec(&still->references)) return;
    g_clear_object(&still->texture);
    g_clear_weak_pointer(&still->waiting);
    g_free(still->path);
    g_free(still->why);
    g_free(still);
}

/* ---- in a thread -------------------------------------------------------------------------------
 */

static GdkTexture *texture_of(const LoadedPicture *picture, int height)
{
    GdkPixbuf *whole =
        gdk_pixbuf_new_from_data(picture->rgb, GDK_COLORSPACE_RGB, FALSE, 8, picture->width,
                                 picture->height, picture->width * 3, NULL, NULL);
    GdkPixbuf *scaled = NULL;
    if (height) {
        int width = MAX(1, (int)((gint64)picture->width * height / picture->height));
        scaled = gdk_pixbuf_scale_simple(whole, width, height, GDK_INTERP_BILINEAR);
    } else {
        scaled = gdk_pixbuf_copy(whole);
    }
    GdkTexture *texture = scaled ? gdk_texture_new_for_pixbuf(scaled) : NULL;
    g_clear_object(&scaled);
    g_object_unref(whole);
    return texture;
}

static void decode(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    (void)source;
    Still *still = data;
    Err err = {0};
    LoadedPicture picture;
    if (g_cancellable_is_cancelled(cancellable) || !g_file_test(still->path, G_FILE_TEST_EXISTS)) {
        g_task_return_boolean(task, FALSE);
        return;
    }
    if (mel_guard_check(PRODUCT_STILL, still->path, &err) &&
        mel_load_picture(still->path, &picture, &err)) {
        still->texture = texture_of(&picture, still->height);
        free(picture.rgb);
    }
    if (!still->texture) still->why = g_strdup(err.message);
    g_task_return_boolean(task, still->texture != NULL);
}

/* ---- showing -----------------------------------------------------------------------------------
 */

static void fill(Still *still)
{
    Stills *stills = still->stills;
    GtkPicture *picture = still->waiting;
    gboolean wanted = picture && g_object_get_data(G_OBJECT(picture), "still") == still;
    g_clear_weak_pointer(&still->waiting);
    if (!wanted) return; /* another one is, since */
    if (still->texture)
        gtk_picture_set_paintable(picture, GDK_PAINTABLE(still->texture));
    else if (stills->missing)
        stills->missing(stills->data, picture, still->why);
}

static void decoded(GObject *source, GAsyncResult *result, gpointer data)
{
    (void)source;
    Still *still = data;
    gboolean ended = g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result)));
    still->done = TRUE;
    if (!ended) fill(still);
    still_unref(still);
}

static Still *demand(Stills *stills, const char *path)
{
    Still *still = g_hash_table_lookup(stills->table, path);
    if (still) return still;
    if (g_hash_table_size(stills->table) >= KEPT) g_hash_table_remove_all(stills->table);
    still = g_new0(Still, 1);
    g_ref_count_init(&still->references);
    still->path = g_strdup(path);
    still->height = stills->height;
    still->stills = stills;
    g_hash_table_insert(stills->table, still->path, still);
    g_ref_count_inc(&still->references); /* the task's */
    GTask *task = g_task_new(NULL, stills->ended, decoded, still);
    g_task_set_check_cancellable(task, FALSE);
    g_task_set_task_data(task, still, NULL);
    g_task_run_in_thread(task, decode);
    g_object_unref(task);
    return still;
}

void stills_load_ahead(Stills *stills, const char *path)
{
    demand(stills, path);
}

void stills_show(Stills *stills, const char *path, GtkPicture *picture)
{
    g_object_set_data(G_OBJECT(picture), "still", NULL);
    gtk_picture_set_paintable(picture, NULL);
    if (!path) return;
    Still *still = demand(stills, path);
    g_object_set_data(G_OBJECT(picture), "still", still);
    g_set_weak_pointer(&still->waiting, picture);
    if (still->done) fill(still);
}

Stills *stills_new(int height, StillMissingFn *missing, gpointer data)
{
    Stills *stills = g_new0(Stills, 1);
    stills->height = height;
    stills->missing = missing;
    stills->data = data;
    stills->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, still_unref);
    stills->ended = g_cancellable_new();
    return stills;
}

void stills_free(Stills *stills)
{
    if (!stills) return;
    g_cancellable_cancel(stills->ended);
    g_hash_table_unref(stills->table);
    g_object_unref(stills->ended);
    g_free(stills);
}
