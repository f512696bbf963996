/* SPDX-License-Identifier: Apache-2.0
 *
 * From the labels of published lists to our terms. AudioSet's ids are looked up; in words ("soft
 * female vocal", "playing bass guitar") the longest phrases of the crosswalk are found first, each
 * word counts once, and "no drums" is not about drums. A label of one of our own fields that names
 * a term stands for it. */
#include "curator/dedup.h"
#include "curator/suggest_internal.h"

#include <stdlib.h>
#include <string.h>

extern const char mel_crosswalk_json[];

static const char *const fields[] = {"genre", "mood", "tempo", "voice", "instrument"};
static const char *const one_term_fields[] = {"genre", "tempo"};

/* ---- the crosswalk -------------------------------------------------------------------------- */

typedef struct Phrase {
    const char *words;
    const json_t *terms; /* ["voice/lead-male"] */
} Phrase;

typedef struct Crosswalk {
    json_t *all;
    const json_t *audioset;
    Phrase *phrases; /* the longest first */
    size_t count;
} Crosswalk;

static int longer(const void *a, const void *b)
{
    const char *x = ((const Phrase *)a)->words, *y = ((const Phrase *)b)->words;
    size_t n = strlen(x), m = strlen(y);
    return n != m ? (n < m) - (n > m) : strcmp(x, y);
}

static void crosswalk_load(Crosswalk *out)
{
    Err err = {0};
    const char *words;
    json_t *terms;
    json_t *all =
        mel_json_parse(mel_crosswalk_json, strlen(mel_crosswalk_json), "crosswalk.json", &err);
    MEL_ASSERT(all); /* it is built in */
    json_t *table = json_object_get(all, "words");
    *out = (Crosswalk){.all = all, .audioset = json_object_get(all, "audioset")};
    out->phrases = mel_alloc(json_object_size(table) * sizeof *out->phrases + 1);
    json_object_foreach(table, words, terms) out->phrases[out->count++] = (Phrase){words, terms};
    qsort(out->phrases, out->count, sizeof *out->phrases, longer);
}

static void crosswalk_clear(Crosswalk *crosswalk)
{
    free(crosswalk->phrases);
    json_decref(crosswalk->all);
}

/* ---- one label ------------------------------------------------------------------------------ */

static bool has_text(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (mel_equal(json_string_value(json_array_get(list, i)), text)) return true;
    return false;
}

/* "voice/lead-male" into {"voice": [...]}, once. */
static void add_term(json_t *found, const char *field_and_term)
{
    const char *slash = strchr(field_and_term, '/');
    char *field = mel_strndup(field_and_term, (size_t)(slash - field_and_term));
    json_t *list = json_object_get(found, field);
    if (!list) {
        list = json_array();
        json_object_set_new(found, field, list);
    }
    if (!has_text(list, slash + 1)) json_array_append_new(list, json_string(slash + 1));
    free(field);
}

static void add_terms(json_t *found, const json_t *terms)
{
    for (size_t i = 0; i < json_array_size(terms); i++)
        add_term(found, json_string_value(json_array_get(terms, i)));
}

static bool negates(const char *padded)
{
    return strstr(padded, " no ") || strstr(padded, " not ") || strstr(padded, " without ");
}

/* VGGSound's words are about what sounds; "striking metal" is no genre. */
static bool may_stand(const char *scheme, const json_t *terms)
{
    const char *term = json_string_value(json_array_get(terms, 0));
    return !mel_equal(scheme, "vggsound") || mel_starts_with(term, "instrument/") ||
           mel_starts_with(term, "voice/");
}

static void add_words(const Crosswalk *crosswalk, const char *scheme, const char *value,
                      json_t *found)
{
    char *normal = mel_text_normal(value), *padded = mel_asprintf(" %s ", normal), *at;
    bool whole_only = negates(padded);
    for (size_t i = 0; i < crosswalk->count; i++) {
        const Phrase *phrase = &crosswalk->phrases[i];
        if (!may_stand(scheme, phrase->terms)) continue;
        if (whole_only) {
            if (mel_equal(normal, phrase->words)) add_terms(found, phrase->terms);
            continue;
        }
        char *words = mel_asprintf(" %s ", phrase->words);
        while ((at = strstr(padded, words))) {
            memset(at + 1, '\x01', strlen(phrase->words)); /* these words are used up */
            add_terms(found, phrase->terms);
        }
        free(words);
    }
    free(padded);
    free(normal);
}

static void add_label(const Crosswalk *crosswalk, const char *scheme, const char *value,
                      json_t *found)
{
    if (mel_equal(scheme, "audioset"))
        add_terms(found, json_object_get(crosswalk->audioset, value));
    else
        add_words(crosswalk, scheme, value, found);
}

json_t *mel_label_terms(const char *scheme, const char *value)
{
    Crosswalk crosswalk;
    json_t *found = json_object();
    crosswalk_load(&crosswalk);
    add_label(&crosswalk, scheme, value, found);
    crosswalk_clear(&crosswalk);
    return found;
}

/* ---- one clip ------------------------------------------------------------------------------- */

typedef struct Labels {
    SuggestRun *run;
    const Crosswalk *crosswalk;
    json_t *schemes; /* {"audioset": {"genre": ["rock"], …}, …} */
} Labels;

/* A column "genre" of a plain list may name our own terms. */
static void add_own_term(Db *db, const char *scheme, const char *value, json_t *found)
{
    char id[64];
    for (size_t i = 0; i < MEL_COUNT(fields); i++) {
        Err ignored = {0};
        if (!mel_equal(scheme, fields[i]) || !mel_vocabulary_id(db, scheme, value, id, &ignored))
            continue;
        char *term = mel_asprintf("%s/%s", scheme, id);
        add_term(found, term);
        free(term);
    }
}

static bool take_label(void *ctx, const char *scheme, const char *value, Err *err)
{
    Labels *labels = ctx;
    (void)err;
    json_t *found = json_object_get(labels->schemes, scheme);
    if (!found) {
        found = json_object();
        json_object_set_new(labels->schemes, scheme, found);
    }
    add_own_term(labels->run->db, scheme, value, found);
    add_label(labels->crosswalk, scheme, value, found);
    return true;
}

/* What the terms of one field suggest, or null. */
static json_t *value_of(const char *field, json_t *terms)
{
    for (size_t i = 0; i < MEL_COUNT(one_term_fields); i++)
        if (mel_equal(field, one_term_fields[i]))
            return json_array_size(terms) == 1 ? json_incref(json_array_get(terms, 0))
                                               : json_null();
    bool contradicts =
        mel_equal(field, "voice") && json_array_size(terms) > 1 && has_text(terms, "none");
    return json_array_size(terms) && !contradicts ? json_incref(terms) : json_null();
}

static bool put_scheme(SuggestRun *run, const char *clip_id, const char *scheme, json_t *found,
                       Err *err)
{
    bool ok = true;
    char *origin = mel_asprintf("labels/%.60s", scheme);
    for (size_t i = 0; ok && i < MEL_COUNT(fields); i++)
        ok = mel_suggest_put(run, clip_id, fields[i],
                             value_of(fields[i], json_object_get(found, fields[i])), origin, err);
    free(origin);
    return ok;
}

static bool suggest(SuggestRun *run, const char *clip_id, void *ctx, Err *err)
{
    const char *scheme;
    json_t *found;
    Labels labels = {.run = run, .crosswalk = ctx, .schemes = json_object()};
    bool ok = mel_suggest_step(run, err) &&
              mel_clip_labels_each(run->db, clip_id, take_label, &labels, err);
    json_object_foreach(labels.schemes, scheme, found)
    {
        ok = ok && put_scheme(run, clip_id, scheme, found, err);
    }
    json_decref(labels.schemes);
    return ok;
}

bool mel_suggest_labels(Db *db, const SuggestOptions *options, SuggestReport *report, Err *err)
{
    Crosswalk crosswalk;
    SuggestRun run = {.db = db, .options = options, .what = "suggest labels"};
    crosswalk_load(&crosswalk);
    bool ok = mel_suggest_close(&run, mel_suggest_walk(&run, suggest, &crosswalk, err), err);
    crosswalk_clear(&crosswalk);
    *report = run.report;
    return ok;
}
