/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/answer_text.h"

#include <glib/gi18n.h>
#include <stdlib.h>

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

/* ---- values --------------------------------------------------------------------------------- */

typedef struct Listing {
    GHashTable *labels;
    const char *vocabulary;
    GString *text;
} Listing;

static void add_term(void *ctx, const char *term, const char *role)
{
    const Listing *listing = ctx;
    if (listing->text->len) g_string_append(listing->text, ", ");
    g_string_append(listing->text, label_of(listing->labels, listing->vocabulary, term));
    if (*role)
        g_string_append_printf(listing->text, " (%s)", label_of(listing->labels, "role", role));
}

char *answer_text(GHashTable *labels, AnswerField field, const char *value)
{
    const AnswerDef *def = answer_def(field);
    if (!value) return g_strdup(_("no answer"));
    if (field == ANSWER_FRAME) return g_strdup_printf(_("still %ld"), strtol(value, NULL, 10) + 1);
    if (def->kind == ANSWER_ONE) return g_strdup(label_of(labels, def->vocabulary, value));
    if (def->kind != ANSWER_SET) return g_strdup(value);
    Listing listing = {labels, def->vocabulary, g_string_new(NULL)};
    answer_set_each(value, add_term, &listing);
    return g_string_free(listing.text, FALSE);
}
