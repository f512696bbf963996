/* SPDX-License-Identifier: Apache-2.0
 *
 * Lint as one types: what a careful colleague would say stands below the text, and the words that
 * it is about are underlined. It advises; only what the protocol forbids keeps an item from being
 * submitted. */
#include "annotator/settings.h"
#include "annotator/window_internal.h"

#include <glib/gi18n.h>
#include <string.h>

enum { REST_MS = 250, SHOWN_MAX = 6 };

static GtkTextTag *tag_of(GtkTextBuffer *buffer, gboolean must)
{
    const char *name = must ? "lint-must" : "lint";
    GtkTextTag *tag = gtk_text_tag_table_lookup(gtk_text_buffer_get_tag_table(buffer), name);
    if (tag) return tag;
    PangoUnderline line = must ? PANGO_UNDERLINE_ERROR : PANGO_UNDERLINE_SINGLE;
    return gtk_text_buffer_create_tag(buffer, name, "underline", line, NULL);
}

/* Bytes of the text to characters of the buffer. */
static void underline(GtkTextBuffer *buffer, const char *text, const LintFinding *finding)
{
    GtkTextIter start, end;
    if (finding->end <= finding->start || finding->end > strlen(text)) return;
    glong from = g_utf8_pointer_to_offset(text, text + finding->start);
    glong to = g_utf8_pointer_to_offset(text, text + finding->end);
    gtk_text_buffer_get_iter_at_offset(buffer, &start, (int)from);
    gtk_text_buffer_get_iter_at_offset(buffer, &end, (int)to);
    gtk_text_buffer_apply_tag(buffer, tag_of(buffer, finding->severity == LINT_MUST), &start, &end);
}

static void underline_all(MelWindow *window, const LintFindings *findings)
{
    GtkTextIter start, end;
    GtkTextBuffer *buffer = mel_form_text(MEL_FORM(window->form));
    const char *text = session_get(window->session, ANSWER_TEXT);
    gtk_text_buffer_get_bounds(buffer, &start, &end);
    gtk_text_buffer_remove_tag(buffer, tag_of(buffer, TRUE), &start, &end);
    gtk_text_buffer_remove_tag(buffer, tag_of(buffer, FALSE), &start, &end);
    for (size_t i = 0; text && i < findings->count; i++)
        underline(buffer, text, &findings->items[i]);
}

static void list_all(MelWindow *window, const LintFindings *findings)
{
    GString *lines = g_string_new(NULL);
    size_t shown = MIN(findings->count, (size_t)SHOWN_MAX);
    for (size_t i = 0; i < shown; i++)
        g_string_append_printf(lines, "%s%s %s", i ? "\n" : "",
                               findings->items[i].severity == LINT_MUST ? "●" : "○",
                               findings->items[i].message);
    if (findings->count > shown)
        g_string_append_printf(
            lines, ngettext("\nand %zu more", "\nand %zu more", findings->count - shown),
            findings->count - shown);
    mel_form_show_lint(MEL_FORM(window->form), lines->str);
    g_string_free(lines, TRUE);
}

static void look(MelWindow *window, gboolean submitting, LintFindings *findings)
{
    Arena arena = {0};
    Annotation annotation;
    mel_annotation_init(&annotation);
    answers_to_annotation(session_answers(window->session), &arena, &annotation);
    const LintInput input = {.annotation = &annotation,
                             .lexicon = window->lexicon,
                             .title = window->item_title,
                             .channel = window->item_channel,
                             .spelling = window->spelling,
                             .submitting = submitting};
    mel_lint(&input, findings);
    mel_arena_clear(&arena);
}

static void show(MelWindow *window, gboolean submitting)
{
    LintFindings findings = {0};
    look(window, submitting, &findings);
    underline_all(window, &findings);
    list_all(window, &findings);
    mel_lint_findings_clear(&findings);
}

static gboolean rested(gpointer data)
{
    MelWindow *window = data;
    window->lint_timer = 0;
    if (window->lexicon && session_state(window->session) != ITEM_OPEN) show(window, FALSE);
    return G_SOURCE_REMOVE;
}

void window_lint_soon(MelWindow *window)
{
    g_clear_handle_id(&window->lint_timer, g_source_remove);
    window->lint_timer = g_timeout_add(REST_MS, rested, window);
}

gboolean window_may_submit(MelWindow *window)
{
    LintFindings findings = {0};
    if (!window->lexicon) return TRUE;
    look(window, TRUE, &findings);
    gboolean must = findings.count > 0 && findings.items[0].severity == LINT_MUST;
    if (must) {
        char *sentence = g_strdup_printf(_("Not submitted yet: %s"), findings.items[0].message);
        window_tell(window, sentence);
        g_free(sentence);
        underline_all(window, &findings);
        list_all(window, &findings);
    }
    mel_lint_findings_clear(&findings);
    return !must;
}

void window_open_lint(MelWindow *window)
{
    Err err = {0};
    if (!mel_lint_lexicon_load(window->db, &window->lexicon, &err))
        window_tell(window, err.message);
    MelSettings *settings = mel_settings_new();
    char *language = mel_settings_text(settings, SETTING_SPELLING_LANGUAGE);
    window->spelling = mel_spelling_new(language);
    g_free(language);
    mel_settings_free(settings);
}

void window_close_lint(MelWindow *window)
{
    g_clear_handle_id(&window->lint_timer, g_source_remove);
    g_clear_pointer(&window->lexicon, mel_lint_lexicon_free);
    g_clear_pointer(&window->spelling, mel_spelling_free);
}
