/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/answer_text.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

const char *answer_title(AnswerField field)
{
    static const char *const titles[ANSWER_FIELDS] = {
        [ANSWER_GENRE] = N_("Genre"),
        [ANSWER_GENRES] = N_("Other genres"),
        [ANSWER_MOODS] = N_("Mood"),
        [ANSWER_TEMPO] = N_("Tempo"),
        [ANSWER_BPM] = N_("Beats a minute"),
        [ANSWER_VOICES] = N_("Voices"),
        [ANSWER_INSTRUMENTS] = N_("Instruments"),
        [ANSWER_DISSONANCE] = N_("Dissonance"),
        [ANSWER_METRE] = N_("Metre"),
        [ANSWER_FEEL] = N_("Feel"),
        [ANSWER_TEXT] = N_("Text"),
        [ANSWER_RELEVANCE] = N_("Picture and music"),
        [ANSWER_FRAME] = N_("Picture"),
        [ANSWER_FRAME_WHY] = N_("Why this picture"),
        [ANSWER_ASPECTS] = N_("Not listed, cannot tell"),
        [ANSWER_COMMENT] = N_("Comment"),
    };
    return _(titles[field]);
}

bool answer_field_named(const char *name, AnswerField *out)
{
    bool other = mel_equal(name, "other_genre");
    for (int field = 0; field < ANSWER_FIELDS; field++) {
        if (other ? field != ANSWER_GENRES : !mel_equal(answer_def((AnswerField)field)->name, name))
            continue;
        *out = (AnswerField)field;
        return true;
    }
    return false;
}

const char *const *answer_reasons(size_t *count)
{
    static const char *const reasons[] = {N_("the mood"), N_("the place"), N_("who plays"),
                                          N_("what it is about"), N_("the sharpest")};
    *count = G_N_ELEMENTS(reasons);
    return reasons;
}

/* ---- labels --------------------------------------------------------------------------------- */

typedef struct Filling {
    GHashTable *labels;
    const char *vocabulary;
} Filling;

static void add_label(void *ctx, const char *id, const char *label)
{
    const Filling *filling = ctx;
    g_hash_table_insert(filling->labels, g_strdup_printf("%s/%s", filling->vocabulary, id),
                        g_strdup(label));
}

GHashTable *answer_labels_new(Db *db, Err *err)
{
    Filling filling = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free), "role"};
    bool ok = mel_vocabulary_each(db, "role", add_label, &filling, err);
    for (int i = 0; ok && i < ANSWER_FIELDS; i++) {
        filling.vocabulary = answer_def((AnswerField)i)->vocabulary;
        if (filling.vocabulary)
            ok = mel_vocabulary_each(db, filling.vocabulary, add_label, &filling, err);
    }
    if (ok) return filling.labels;
    g_hash_table_unref(filling.labels);
    return NULL;
}

/* A term that went with an older vocabulary has its id only. */
static const char *label_of(GHashTable *labels, const char *vocabulary, const char *id)
{
    if (!vocabulary) return id;
    char *key = g_strdup_printf("%s/%s", vocabulary, id);
    const char *label = g_hash_table_lookup(labels, key);
    g_free(key);
    return label ? _(label) : id;
}

/* The title of the field that a text names up to its colon or end; NULL when it names none. */
static const char *title_at(const char *text, const char **rest)
{
    size_t n = strcspn(text, ":");
    char *name = g_strndup(text, n);
    AnswerField field;
    bool found = answer_field_named(name, &field);
    g_free(name);
    *rest = text[n] ? text + n + 1 + strspn(text + n + 1, " ") : NULL;
    return found ? answer_title(field) : NULL;
}

char *answer_aspect_text(const char *aspect)
{
    static const char untold[] = "cannot tell: ", unlisted[] = "not listed: ";
    const char *rest, *title = NULL;
    if (g_str_has_prefix(aspect, untold)) {
        title = title_at(aspect + strlen(untold), &rest);
        if (title && !rest) return g_strdup_printf(_("cannot tell: %s"), title);
    } else if (g_str_has_prefix(aspect, unlisted)) {
        title = title_at(aspect + strlen(unlisted), &rest);
        if (title && rest) return g_strdup_printf(_("not listed: %s: %s"), title, rest);
    }
    return g_strdup(aspect);
}

static const char *reason_text(const char *reason)
{
    size_t count;
    const char *const *reasons = answer_reasons(&count);
    for (size_t i = 0; i < count; i++)
        if (mel_equal(reasons[i], reason)) return _(reasons[i]);
    return reason;
}

/* ---- values --------------------------------------------------------------------------------- */

typedef struct Listing {
    GHashTable *labels;
    const char *vocabulary;
    GString *text;
} Listing;

static void add_term(void *ctx, const char *term, const char *role)
{
    const Listing *listing = ctx;
    char *aspect = listing->vocabulary ? NULL : answer_aspect_text(term);
    if (listing->text->len) g_string_append(listing->text, ", ");
    g_string_append(listing->text,
                    aspect ? aspect : label_of(listing->labels, listing->vocabulary, term));
    g_free(aspect);
    if (*role)
        g_string_append_printf(listing->text, " (%s)", label_of(listing->labels, "role", role));
}

char *answer_text(GHashTable *labels, AnswerField field, const char *value)
{
    const AnswerDef *def = answer_def(field);
    if (!value) return g_strdup(_("no answer"));
    if (field == ANSWER_FRAME) return g_strdup_printf(_("still %ld"), strtol(value, NULL, 10) + 1);
    if (def->kind == ANSWER_ONE) return g_strdup(label_of(labels, def->vocabulary, value));
    if (field == ANSWER_FRAME_WHY) return g_strdup(reason_text(value));
    if (def->kind != ANSWER_SET) return g_strdup(value);
    Listing listing = {labels, def->vocabulary, g_string_new(NULL)};
    answer_set_each(value, add_term, &listing);
    return g_string_free(listing.text, FALSE);
}
