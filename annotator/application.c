/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/application.h"

#include "annotator/guard.h"
#include "annotator/settings.h"
#include "annotator/translation.h"
#include "annotator/welcome.h"
#include "curator/curator.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Options {
    char *annotator, *audio;
} Options;

static char *own_folder(void)
{
    return g_build_filename(g_get_user_config_dir(), "melkit", NULL);
}

/* One place a person and dataset. */
static char *place_file(const char *config_folder, const char *dataset, const char *annotator)
{
    char *whole = realpath(dataset, NULL);
    char *key = g_strdup_printf("%s\n%s", whole ? whole : dataset, annotator);
    char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
    char *name = g_strdup_printf("place-%.16s", sum);
    char *path = g_build_filename(config_folder, name, NULL);
    free(whole);
    g_free(key);
    g_free(sum);
    g_free(name);
    return path;
}

/* The keys live as long as the application. */
static Keymap *keymap_of(GtkApplication *application, const char *config_folder)
{
    Err err = {0};
    Keymap *keymap = g_object_get_data(G_OBJECT(application), "keymap");
    if (keymap) return keymap;
    char *path = g_build_filename(config_folder, "keys.json", NULL);
    if (!keymap_load(path, &keymap, &err)) { /* the usual ones, and the file stays as it is */
        g_printerr("mel-annotator: %s\n", err.message);
        mel_err_clear(&err);
        char *none = g_strconcat(path, ".usual", NULL);
        if (!keymap_load(none, &keymap, &err)) g_error("%s", err.message);
        g_free(none);
    }
    g_free(path);
    g_object_set_data_full(G_OBJECT(application), "keymap", keymap, (GDestroyNotify)keymap_free);
    return keymap;
}

static void load_style(void)
{
    GtkCssProvider *provider = gtk_css_provider_new();
    gtk_css_provider_load_from_resource(provider, "/org/melkit/Annotator/style.css");
    gtk_style_context_add_provider_for_display(gdk_display_get_default(),
                                               GTK_STYLE_PROVIDER(provider),
                                               GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
    g_object_unref(provider);
    gtk_window_set_default_icon_name("org.melkit.Annotator");
}

/* A dataset that cannot be written is looked at; *locked says why. */
static bool open_store(const char *dataset, const char *annotator, Db **db, Session **session,
                       Err *locked, Err *err)
{
    if (mel_db_open(dataset, DB_WRITE, db, locked))
        return session_open(*db, annotator, session, err);
    if (locked->code != ERR_IO && locked->code != ERR_DB) {
        *err = *locked;
        return false;
    }
    if (!mel_db_open(dataset, DB_READ, db, err)) return false;
    *session = session_open_to_look(*db, annotator);
    return true;
}

GtkWidget *mel_annotator_open(GtkApplication *application, const char *folder,
                              const char *annotator, const char *audio, const char *config_folder,
                              Err *err)
{
    Db *db = NULL;
    Session *session = NULL;
    char *dataset = mel_db_find(folder, err);
    Err locked = {0};
    bool ok = dataset && open_store(dataset, annotator, &db, &session, &locked, err);
    GtkWidget *window = NULL;
    if (ok) {
        load_style();
        char *place = place_file(config_folder, dataset, annotator);
        const MelWindowSetup setup = {.db = db,
                                      .session = session,
                                      .keymap = keymap_of(application, config_folder),
                                      .audio = audio,
                                      .place = place,
                                      .locked = mel_err_is_set(&locked) ? locked.message : NULL};
        window = mel_window_new(application, &setup);
        g_free(place);
    } else {
        mel_db_close(db);
    }
    free(dataset);
    return window;
}

/* A packet is its annotator's, whoever sits here; elsewhere the person says who it is. */
static bool who(const char *folder, const Options *options, char name[NAME_MAX_BYTES + 1], Err *err)
{
    Db *db = NULL;
    PacketLabel label;
    bool is_packet = false;
    const char *said = options->annotator ? options->annotator : g_getenv("MEL_ANNOTATOR");
    char *dataset = mel_db_find(folder, err);
    bool ok = dataset && mel_db_open(dataset, DB_LOOK, &db, err) &&
              mel_packet_label(db, &label, &is_packet, err);
    mel_db_close(db);
    free(dataset);
    if (ok && is_packet && options->annotator && !mel_equal(said, label.annotator_id))
        return mel_err(err, ERR_USAGE, "this packet is for '%s', not for '%s'", label.annotator_id,
                       said);
    if (ok)
        g_strlcpy(name,
                  is_packet ? label.annotator_id
                  : said    ? said
                            : g_get_user_name(),
                  NAME_MAX_BYTES + 1);
    return ok;
}

/* A packet of one file is unpacked among the person's own; the folder, yours. */
static char *folder_of(const char *path, Err *err)
{
    char *folder = NULL;
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) return mel_strdup(path);
    char *parent = g_build_filename(g_get_user_data_dir(), "melkit", "packets", NULL);
    bool ok = mel_packet_unpack(path, parent, &folder, err);
    g_free(parent);
    return ok ? folder : NULL;
}

static char *audio_output(const Options *options)
{
    if (options->audio) return g_strdup(options->audio);
    MelSettings *settings = mel_settings_new();
    char *audio = mel_settings_text(settings, SETTING_AUDIO);
    mel_settings_free(settings);
    return audio;
}

static GtkWidget *open_for(GApplication *application, const char *path, const Options *options,
                           Err *err)
{
    char name[NAME_MAX_BYTES + 1], *config = own_folder(), *folder = folder_of(path, err);
    char *audio = audio_output(options);
    GtkWidget *window = NULL;
    if (folder && who(folder, options, name, err))
        window = mel_annotator_open(GTK_APPLICATION(application), folder, name, audio, config, err);
    free(folder);
    g_free(config);
    g_free(audio);
    return window;
}

/* Else the program was started from the desktop. */
static bool at_a_terminal(void)
{
    return isatty(STDIN_FILENO) || isatty(STDERR_FILENO);
}

static void open_folder(GApplication *application, const char *path, gpointer data)
{
    const Options *options = data;
    Err err = {0};
    GtkWidget *window = open_for(application, path, options, &err);
    if (window) {
        gtk_window_present(GTK_WINDOW(window));
        return;
    }
    g_printerr("mel-annotator: %s\n", err.message);
    if (*err.hint) g_printerr("               %s\n", err.hint);
    if (!at_a_terminal()) mel_welcome_complain(application, &err);
    g_object_set_data(G_OBJECT(application), "failed", GINT_TO_POINTER(1));
}

static void activate(GApplication *application, gpointer data)
{
    Err err = {0};
    char *dataset = mel_db_find(".", &err);
    if (dataset || at_a_terminal())
        open_folder(application, ".", data);
    else
        mel_welcome_choose(application, open_folder, data);
    free(dataset);
}

static void open_files(GApplication *application, GFile **files, int count, const char *hint,
                       gpointer data)
{
    (void)hint;
    for (int i = 0; i < count; i++) {
        char *path = g_file_get_path(files[i]);
        open_folder(application, path ? path : ".", data);
        g_free(path);
    }
}

/* Pango offers these whether or not a font stands behind them. */
static gboolean is_alias(const char *family)
{
    static const char *const aliases[] = {"Sans", "Serif", "Monospace", "System-ui"};
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
        if (g_ascii_strcasecmp(family, aliases[i]) == 0) return TRUE;
    return FALSE;
}

static gboolean has_fonts(void)
{
    int count = 0;
    gboolean any = FALSE;
    PangoFontFamily **families = NULL;
    pango_font_map_list_families(pango_cairo_font_map_get_default(), &families, &count);
    for (int i = 0; i < count; i++)
        any = any || !is_alias(pango_font_family_get_name(families[i]));
    g_free(families);
    return any;
}

/* Before there is a window; -1: go on. Without a font it would show boxes, or end in the middle. */
static int look_around(GApplication *application, GVariantDict *given, gpointer data)
{
    (void)application, (void)given, (void)data;
    if (has_fonts()) return -1;
    g_printerr("mel-annotator: %s\n", _("there is no font to write with"));
    g_printerr("               %s\n", _("install one, for example the package fonts-dejavu-core"));
    return 1;
}

/* Decoding unguarded is better than no work: most people open what they cut themselves. */
static void start_guard(void)
{
    Err err = {0};
    if (!mel_guard_start(&err)) g_printerr("mel-annotator: %s\n", err.message);
}

int mel_annotator_main(int argc, char **argv)
{
    static Options options;
    const GOptionEntry entries[] = {
        {"annotator", 'a', 0, G_OPTION_ARG_STRING, &options.annotator,
         N_("Who annotates ($MEL_ANNOTATOR, else the login name)"),                  N_("NAME")  },
        {"audio",     0,   0, G_OPTION_ARG_STRING, &options.audio,
         N_("Where sound goes: pulse, silent or virtual (the setting, else pulse)"), N_("OUTPUT")},
        G_OPTION_ENTRY_NULL,
    };
    start_guard(); /* it forks: before there are threads */
    mel_translation_init();
    GtkApplication *application = gtk_application_new(
        "org.melkit.Annotator", G_APPLICATION_HANDLES_OPEN | G_APPLICATION_NON_UNIQUE);
    g_application_add_main_option_entries(G_APPLICATION(application), entries);
    g_application_set_option_context_parameter_string(G_APPLICATION(application), _("[FOLDER]"));
    g_signal_connect(application, "handle-local-options", G_CALLBACK(look_around), NULL);
    g_signal_connect(application, "activate", G_CALLBACK(activate), &options);
    g_signal_connect(application, "open", G_CALLBACK(open_files), &options);
    int status = g_application_run(G_APPLICATION(application), argc, argv);
    if (g_object_get_data(G_OBJECT(application), "failed")) status = 1;
    g_object_unref(application);
    mel_guard_stop();
    g_settings_sync(); /* the window's last size too */
    g_free(options.annotator);
    g_free(options.audio);
    return status;
}
