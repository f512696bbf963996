/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/form.h"

#include "annotator/answer_text.h"
#include "annotator/octaves.h"
#include "annotator/suggestion_line.h"
#include "annotator/tags.h"

#include <glib/gi18n.h>
#include <math.h>
#include <stdlib.h>

struct _MelForm {
    GtkWidget parent_instance;
    GtkWidget *lint, *octaves;
    GtkWidget *box, *words, *rows;    /* rows: of the two, where rows are added */
    GtkWidget *fields[ANSWER_FIELDS]; /* NULL for what is edited elsewhere */
    GtkWidget *suggested[ANSWER_FIELDS];
    Db *db;
    TapTempo tap;
    gboolean loading;
};

G_DEFINE_FINAL_TYPE(MelForm, mel_form, GTK_TYPE_WIDGET)

enum { EDITED, ACCEPTED, SIGNALS };
static guint signals[SIGNALS];

static void edited(MelForm *form, AnswerField field, const char *value)
{
    if (!form->loading) g_signal_emit(form, signals[EDITED], 0, (int)field, value);
}

static AnswerField field_of(MelForm *form, gpointer widget)
{
    int field = 0;
    while (field < ANSWER_FIELDS - 1 && form->fields[field] != widget)
        field++;
    return (AnswerField)field;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* An entry in the row of its field's name. */
static void add_beside(GtkWidget *head, GtkWidget *entry)
{
    gtk_widget_set_hexpand(entry, TRUE);
    gtk_widget_set_halign(entry, GTK_ALIGN_END);
    gtk_editable_set_width_chars(GTK_EDITABLE(entry), 18);
    gtk_widget_add_css_class(entry, "small-entry");
    gtk_box_append(GTK_BOX(head), entry);
}

static void suggestion_accepted(MelSuggestionLine *line, MelForm *form)
{
    int field = 0;
    while (field < ANSWER_FIELDS - 1 && form->suggested[field] != GTK_WIDGET(line))
        field++;
    g_signal_emit(form, signals[ACCEPTED], 0, field);
}

/* A field under its name; the letter that leads to it stands beside. */
static void add_row(MelForm *form, AnswerField field, const char *title, const char *key,
                    GtkWidget *widget)
{
    GtkWidget *head = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GtkWidget *name = gtk_label_new(title), *letter = gtk_label_new(key);
    gtk_widget_add_css_class(name, "field-name");
    gtk_widget_add_css_class(letter, "key");
    gtk_widget_set_visible(letter, *key != '\0');
    gtk_box_append(GTK_BOX(head), name);
    gtk_box_append(GTK_BOX(head), letter);
    gtk_box_append(GTK_BOX(head), form->suggested[field] = mel_suggestion_line_new(title));
    g_signal_connect(form->suggested[field], "accepted", G_CALLBACK(suggestion_accepted), form);
    gtk_box_append(GTK_BOX(form->rows), head);
    if (MEL_IS_TAGS(widget)) add_beside(head, mel_tags_entry(MEL_TAGS(widget)));
    if (GTK_IS_ENTRY(widget))
        add_beside(head, widget);
    else
        gtk_box_append(GTK_BOX(form->rows), widget);
    form->fields[field] = widget;
    gtk_accessible_update_relation(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_RELATION_DESCRIBED_BY,
                                   form->suggested[field], NULL, -1);
}

/* "cannot tell" is an answer about the field, and kept among the aspects. */
#define CANNOT_TELL "cannot-tell"

static char *aspect_of(AnswerField field)
{
    return g_strdup_printf("cannot tell: %s", answer_def(field)->name);
}

static void note_aspect(MelForm *form, const char *aspect, gboolean there)
{
    MelTags *aspects = MEL_TAGS(form->fields[ANSWER_ASPECTS]);
    if (answer_set_has(mel_tags_get_value(aspects), aspect, NULL) == (bool)there) return;
    char *value = answer_set_with(mel_tags_get_value(aspects), aspect, there ? "" : NULL);
    mel_tags_set_value(aspects, value);
    edited(form, ANSWER_ASPECTS, value);
    free(value);
}

static void choice_edited(MelChoice *choice, MelForm *form)
{
    AnswerField field = field_of(form, choice);
    const char *value = mel_choice_get_value(choice);
    gboolean cannot = g_strcmp0(value, CANNOT_TELL) == 0;
    char *aspect = aspect_of(field);
    edited(form, field, cannot ? NULL : value);
    if (mel_choice_has(choice, CANNOT_TELL)) note_aspect(form, aspect, cannot);
    g_free(aspect);
}

static void add_option(void *ctx, const char *id, const char *label)
{
    mel_choice_add(ctx, id, _(label));
}

static void fill_terms(MelForm *form, const char *vocabulary,
                       void (*fn)(void *ctx, const char *id, const char *label), void *ctx)
{
    Err err = {0};
    if (!mel_vocabulary_each(form->db, vocabulary, fn, ctx, &err)) g_warning("%s", err.message);
}

static gboolean may_be_untold(AnswerField field)
{
    return field == ANSWER_TEMPO || field == ANSWER_DISSONANCE || field == ANSWER_METRE ||
           field == ANSWER_FEEL;
}

static void add_choice(MelForm *form, AnswerField field, const char *title, const char *key)
{
    const AnswerDef *def = answer_def(field);
    GtkWidget *choice = mel_choice_new(title, MEL_CHOICE_ONE);
    fill_terms(form, def->vocabulary, add_option, choice);
    if (may_be_untold(field)) mel_choice_add(MEL_CHOICE(choice), CANNOT_TELL, _("cannot tell"));
    g_signal_connect(choice, "edited", G_CALLBACK(choice_edited), form);
    add_row(form, field, title, key, choice);
}

typedef struct TagTerms {
    MelTags *tags;
    const char *const *common; /* NULL at the end */
} TagTerms;

static void add_tag(void *ctx, const char *id, const char *label)
{
    const TagTerms *terms = ctx;
    mel_tags_add(terms->tags, id, _(label), g_strv_contains(terms->common, id));
}

static void tags_edited(MelTags *tags, MelForm *form)
{
    edited(form, field_of(form, tags), mel_tags_get_value(tags));
}

/* "not listed: mood: bittersweet": a word for the next vocabulary. */
static void unlisted(MelTags *tags, const char *word, MelForm *form)
{
    const char *field = answer_def(field_of(form, tags))->name;
    char *aspect = g_strdup_printf("not listed: %s: %s", field, word);
    g_strdelimit(aspect, "/\n", '-');
    note_aspect(form, aspect, TRUE);
    g_free(aspect);
}

static void add_tags(MelForm *form, AnswerField field, const char *title, const char *key,
                     const char *const *common, MelChoiceKind kind)
{
    const AnswerDef *def = answer_def(field);
    GtkWidget *tags = mel_tags_new(title, kind);
    const TagTerms terms = {.tags = MEL_TAGS(tags), .common = common};
    if (def->vocabulary)
        fill_terms(form, def->vocabulary, add_tag, (void *)&terms);
    else
        mel_tags_set_namer(MEL_TAGS(tags), answer_aspect_text);
    g_signal_connect(tags, "edited", G_CALLBACK(tags_edited), form);
    g_signal_connect(tags, "unlisted", G_CALLBACK(unlisted), form);
    add_row(form, field, title, key, tags);
}

static void entry_edited(GtkEditable *entry, MelForm *form)
{
    edited(form, field_of(form, entry), gtk_editable_get_text(entry));
}

static void number_edited(GtkEditable *entry, MelForm *form)
{
    const char *text = gtk_editable_get_text(entry);
    char *end, canonical[32] = "";
    double value = g_ascii_strtod(text, &end);
    bool is_number = *text && !*end && value > 0 && value < 1000;
    if (is_number) snprintf(canonical, sizeof canonical, "%.10g", value);
    if (*text && !is_number)
        gtk_widget_add_css_class(GTK_WIDGET(entry), "error");
    else
        gtk_widget_remove_css_class(GTK_WIDGET(entry), "error");
    if (is_number || !*text) edited(form, ANSWER_BPM, canonical);
}

static void add_entry(MelForm *form, AnswerField field, const char *title, const char *key,
                      GCallback changed)
{
    GtkWidget *entry = gtk_entry_new();
    gtk_accessible_update_property(GTK_ACCESSIBLE(entry), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
    g_signal_connect(entry, "changed", changed, form);
    add_row(form, field, title, key, entry);
}

static void set_bpm(MelForm *form, double bpm)
{
    char text[32];
    snprintf(text, sizeof text, "%.4g", bpm);
    mel_form_show_field(form, ANSWER_BPM, text);
    edited(form, ANSWER_BPM, text);
}

static void octave_chosen(MelOctaves *octaves, double bpm, MelForm *form)
{
    (void)octaves;
    set_bpm(form, bpm);
}

static void add_octaves(MelForm *form)
{
    form->octaves = mel_octaves_new();
    g_signal_connect(form->octaves, "chosen", G_CALLBACK(octave_chosen), form);
    gtk_box_append(GTK_BOX(form->rows), form->octaves);
}

static void text_edited(GtkTextBuffer *buffer, MelForm *form)
{
    GtkTextIter begin, end;
    gtk_text_buffer_get_bounds(buffer, &begin, &end);
    char *text = gtk_text_buffer_get_text(buffer, &begin, &end, FALSE);
    edited(form, ANSWER_TEXT, text);
    g_free(text);
}

static void add_text(MelForm *form)
{
    GtkWidget *view = gtk_text_view_new();
    gtk_text_view_set_wrap_mode(GTK_TEXT_VIEW(view), GTK_WRAP_WORD_CHAR);
    gtk_text_view_set_accepts_tab(GTK_TEXT_VIEW(view), FALSE);
    gtk_widget_set_size_request(view, -1, 62);
    gtk_widget_add_css_class(view, "card-text");
    gtk_accessible_update_property(GTK_ACCESSIBLE(view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Text, at most three sentences"), -1);
    /* Undo is the session's, across fields and items. */
    gtk_text_buffer_set_enable_undo(gtk_text_view_get_buffer(GTK_TEXT_VIEW(view)), FALSE);
    g_signal_connect(gtk_text_view_get_buffer(GTK_TEXT_VIEW(view)), "changed",
                     G_CALLBACK(text_edited), form);
    add_row(form, ANSWER_TEXT, _("Text"), "x", view);
    form->lint = gtk_label_new("");
    gtk_label_set_xalign(GTK_LABEL(form->lint), 0);
    gtk_label_set_wrap(GTK_LABEL(form->lint), TRUE);
    gtk_widget_set_visible(form->lint, FALSE);
    gtk_widget_add_css_class(form->lint, "lint");
    gtk_box_append(GTK_BOX(form->rows), form->lint);
    gtk_accessible_update_relation(GTK_ACCESSIBLE(view), GTK_ACCESSIBLE_RELATION_DESCRIBED_BY,
                                   form->lint, NULL, -1);
}

/* The usual reasons for a still; another one may be written by the command line. */
static void add_reasons(MelForm *form)
{
    size_t count;
    const char *const *reasons = answer_reasons(&count);
    GtkWidget *choice = mel_choice_new(_("Why this picture"), MEL_CHOICE_ONE);
    for (size_t i = 0; i < count; i++)
        mel_choice_add(MEL_CHOICE(choice), reasons[i], _(reasons[i]));
    g_signal_connect(choice, "edited", G_CALLBACK(choice_edited), form);
    add_row(form, ANSWER_FRAME_WHY, _("Why this picture"), "w", choice);
}

static void build(MelForm *form)
{
    static const char *const moods[] = {"happy", "energetic", "groovy", "epic", "romantic",
                                        "calm",  "dreamy",    "sad",    "dark", "tense",
                                        "scary", "angry",     NULL};
    static const char *const voices[] = {"none",  "lead-male", "lead-female", "duet", "backing",
                                         "choir", "rap",       "spoken",      NULL};
    static const char *const instruments[] = {
        "piano",   "acoustic-guitar", "electric-guitar", "bass-guitar", "drums",     "drum-machine",
        "strings", "violin",          "synth-lead",      "synth-pad",   "saxophone", "organ",
        NULL};
    static const char *const none[] = {NULL};
    add_choice(form, ANSWER_GENRE, _("Genre"), "g");
    add_tags(form, ANSWER_GENRES, _("Other genres"), "", none, MEL_CHOICE_SET);
    add_tags(form, ANSWER_MOODS, _("Mood"), "m", moods, MEL_CHOICE_SET);
    add_choice(form, ANSWER_TEMPO, _("Tempo"), "t");
    add_entry(form, ANSWER_BPM, _("Beats a minute"), "b", G_CALLBACK(number_edited));
    add_octaves(form);
    add_tags(form, ANSWER_VOICES, _("Voices"), "v", voices, MEL_CHOICE_SET);
    add_tags(form, ANSWER_INSTRUMENTS, _("Instruments"), "i", instruments, MEL_CHOICE_ROLES);
    add_choice(form, ANSWER_DISSONANCE, _("Dissonance"), "d");
    add_choice(form, ANSWER_METRE, _("Metre"), "r");
    add_choice(form, ANSWER_FEEL, _("Feel"), "f");
    add_tags(form, ANSWER_ASPECTS, _("Not listed, cannot tell"), "", none, MEL_CHOICE_SET);
    form->rows = form->words;
    add_reasons(form);
    add_choice(form, ANSWER_RELEVANCE, _("Picture and music"), "y");
    add_text(form);
    add_entry(form, ANSWER_COMMENT, _("Comment"), "c", G_CALLBACK(entry_edited));
}

/* ---- showing --------------------------------------------------------------------------------- */

static void show_text(GtkWidget *view, const char *value)
{
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(GTK_TEXT_VIEW(view));
    gtk_text_buffer_set_text(buffer, value ? value : "", -1);
}

void mel_form_show_field(MelForm *form, AnswerField field, const char *value)
{
    GtkWidget *widget = form->fields[field];
    form->loading = TRUE;
    if (MEL_IS_CHOICE(widget))
        mel_choice_set_value(MEL_CHOICE(widget), value);
    else if (MEL_IS_TAGS(widget))
        mel_tags_set_value(MEL_TAGS(widget), value);
    else if (GTK_IS_TEXT_VIEW(widget))
        show_text(widget, value);
    else if (GTK_IS_EDITABLE(widget))
        gtk_editable_set_text(GTK_EDITABLE(widget), value ? value : "");
    form->loading = FALSE;
}

void mel_form_answer(MelForm *form, AnswerField field, const char *value)
{
    GtkWidget *widget = form->fields[field];
    mel_form_show_field(form, field, value);
    if (MEL_IS_CHOICE(widget))
        choice_edited(MEL_CHOICE(widget), form);
    else
        edited(form, field, value);
}

void mel_form_suggest(MelForm *form, AnswerField field, const char *text, const char *keys)
{
    GtkWidget *line = form->suggested[field];
    if (line) mel_suggestion_line_show(MEL_SUGGESTION_LINE(line), text, keys);
}

void mel_form_show(MelForm *form, const Answers *answers)
{
    for (int i = 0; i < ANSWER_FIELDS; i++) {
        AnswerField field = (AnswerField)i;
        char *aspect = aspect_of(field);
        bool untold =
            may_be_untold(field) && answer_set_has(answers->values[ANSWER_ASPECTS], aspect, NULL);
        mel_form_show_field(form, field, untold ? CANNOT_TELL : answers->values[i]);
        g_free(aspect);
    }
    form->tap = (TapTempo){0};
    mel_octaves_show(MEL_OCTAVES(form->octaves), NAN);
}

GtkTextBuffer *mel_form_text(MelForm *form)
{
    return gtk_text_view_get_buffer(GTK_TEXT_VIEW(form->fields[ANSWER_TEXT]));
}

void mel_form_show_lint(MelForm *form, const char *lines)
{
    gtk_label_set_text(GTK_LABEL(form->lint), lines);
    gtk_widget_set_visible(form->lint, *lines != '\0');
}

GtkWidget *mel_form_words(MelForm *form)
{
    return form->words;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* A second press of a field's letter leads to its entry. */
static gboolean enter(GtkWidget *field)
{
    GtkRoot *root = gtk_widget_get_root(field);
    GtkWidget *focus = root ? gtk_root_get_focus(root) : NULL;
    gboolean inside = focus && gtk_widget_is_ancestor(focus, field);
    if (inside && MEL_IS_TAGS(field)) return gtk_widget_grab_focus(mel_tags_entry(MEL_TAGS(field)));
    return gtk_widget_grab_focus(field);
}

gboolean mel_form_focus(MelForm *form, KeyCommand command)
{
    static const struct {
        KeyCommand command;
        AnswerField field;
    } fields[] = {
        {COMMAND_genre,       ANSWER_GENRE      },
        {COMMAND_moods,       ANSWER_MOODS      },
        {COMMAND_tempo,       ANSWER_TEMPO      },
        {COMMAND_voices,      ANSWER_VOICES     },
        {COMMAND_instruments, ANSWER_INSTRUMENTS},
        {COMMAND_dissonance,  ANSWER_DISSONANCE },
        {COMMAND_metre,       ANSWER_METRE      },
        {COMMAND_feel,        ANSWER_FEEL       },
        {COMMAND_why,         ANSWER_FRAME_WHY  },
        {COMMAND_relevance,   ANSWER_RELEVANCE  },
        {COMMAND_text,        ANSWER_TEXT       },
        {COMMAND_comment,     ANSWER_COMMENT    },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        if (fields[i].command == command) return enter(form->fields[fields[i].field]);
    return FALSE;
}

/* Where the focus is in: entries of tags stand outside of them. */
static gboolean is_in(GtkWidget *focus, GtkWidget *field)
{
    if (!field) return FALSE;
    GtkWidget *entry = MEL_IS_TAGS(field) ? mel_tags_entry(MEL_TAGS(field)) : field;
    return focus == field || gtk_widget_is_ancestor(focus, field) || focus == entry ||
           gtk_widget_is_ancestor(focus, entry);
}

int mel_form_field_of(MelForm *form, GtkWidget *focus)
{
    for (int at = 0; focus && at < ANSWER_FIELDS; at++)
        if (is_in(focus, form->fields[at])) return at;
    return -1;
}

gboolean mel_form_step(MelForm *form, GtkWidget *focus, int by)
{
    int at = mel_form_field_of(form, focus);
    if (at < 0) return FALSE;
    for (at += by; at >= 0 && at < ANSWER_FIELDS; at += by)
        if (form->fields[at]) return gtk_widget_grab_focus(form->fields[at]);
    return FALSE;
}

void mel_form_tap(MelForm *form)
{
    double bpm = tap_tempo(&form->tap, g_get_monotonic_time());
    if (isnan(bpm)) return;
    mel_octaves_show(MEL_OCTAVES(form->octaves), bpm);
    set_bpm(form, bpm);
}

void mel_form_fold(MelForm *form, TapFold fold)
{
    const char *said = gtk_editable_get_text(GTK_EDITABLE(form->fields[ANSWER_BPM]));
    double bpm = tap_fold(g_ascii_strtod(said, NULL), fold);
    if (!isnan(bpm)) set_bpm(form, bpm);
}

/* ---- the widget ------------------------------------------------------------------------------ */

static void dispose(GObject *object)
{
    MelForm *form = MEL_FORM(object);
    g_clear_pointer(&form->box, gtk_widget_unparent);
    g_clear_object(&form->words);
    G_OBJECT_CLASS(mel_form_parent_class)->dispose(object);
}

static void mel_form_class_init(MelFormClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_css_name(widget, "form");
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_FORM);
    signals[EDITED] = g_signal_new("edited", MEL_TYPE_FORM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_STRING);
    signals[ACCEPTED] = g_signal_new("accepted", MEL_TYPE_FORM, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void mel_form_init(MelForm *form)
{
    form->box = form->rows = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
    form->words = g_object_ref_sink(gtk_box_new(GTK_ORIENTATION_VERTICAL, 4));
    gtk_widget_set_parent(form->box, GTK_WIDGET(form));
}

GtkWidget *mel_form_new(Db *db)
{
    MelForm *form = g_object_new(MEL_TYPE_FORM, NULL);
    form->db = db;
    build(form);
    return GTK_WIDGET(form);
}
