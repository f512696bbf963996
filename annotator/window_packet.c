/* SPDX-License-Identifier: Apache-2.0
 *
 * In an offline packet: sending its answers back, as one small file. */
#include "annotator/window_internal.h"

#include "curator/curator.h"

#include <glib/gi18n.h>
#include <stdlib.h>

static void pack(MelWindow *window, const char *path)
{
    Err err = {0};
    PackReport report;
    if (!mel_pack_answers(window->db, path, &report, &err)) {
        window_tell(window, err.message);
        return;
    }
    int64_t count = report.contents.answers;
    char *text = g_strdup_printf(
        ngettext("%lld answer is in '%s': give that file to whoever sent the packet.",
                 "%lld answers are in '%s': give that file to whoever sent the packet.",
                 (unsigned long)count),
        (long long)count, path);
    window_tell(window, text);
    g_free(text);
}

static void chosen(GtkNativeDialog *dialog, int response, MelWindow *window)
{
    GFile *file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
    if (response == GTK_RESPONSE_ACCEPT && file) {
        char *path = g_file_get_path(file);
        pack(window, path);
        g_free(path);
    }
    g_clear_object(&file);
    g_object_unref(dialog);
}

static void send_back(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    (void)action, (void)parameter;
    MelWindow *window = data;
    if (!window_keep(window)) return;
    GtkFileChooserNative *dialog =
        gtk_file_chooser_native_new(_("Where the answers go"), GTK_WINDOW(window),
                                    GTK_FILE_CHOOSER_ACTION_SAVE, _("_Save"), NULL);
    char *name = g_strdup_printf("%s-answers.tar", session_annotator(window->session));
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(dialog), name);
    g_signal_connect(dialog, "response", G_CALLBACK(chosen), window);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog));
    g_free(name);
}

void window_install_packet(MelWindow *window)
{
    static const GActionEntry entry = {"send-back", send_back, NULL, NULL, NULL, {0}};
    Err err = {0};
    bool is_packet = false;
    PacketLabel label;
    g_action_map_add_action_entries(G_ACTION_MAP(window), &entry, 1, window);
    if (!mel_packet_label(window->db, &label, &is_packet, &err)) g_warning("%s", err.message);
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(window), "send-back");
    g_simple_action_set_enabled(G_SIMPLE_ACTION(action), is_packet);
}
