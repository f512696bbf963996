/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/annotation_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The answer's terms become a list that can grow. */
static void take_terms(AnnotationInput *input)
{
    const Annotation *a = &input->annotation;
    mel_grow(&input->terms, &input->term_capacity, a->term_count + 1, sizeof *input->terms);
    if (a->term_count) memcpy(input->terms, a->terms, a->term_count * sizeof *input->terms);
    input->term_count = a->term_count;
}

bool annotation_input_begin(AnnotationInput *input, Db *db, const char *clip_id,
                            const char *annotator_id, Err *err)
{
    bool found;
    *input = (AnnotationInput){0};
    mel_annotation_init(&input->annotation);
    if (!mel_annotation_load(db, clip_id, annotator_id, &input->arena, &input->annotation, &found,
                             err))
        return false;
    Annotation *a = &input->annotation;
    if (!found) a->rev = 0;
    input->before = *a;
    a->id = NULL;
    a->clip_id = mel_arena_strdup(&input->arena, clip_id);
    a->annotator_id = mel_arena_strdup(&input->arena, annotator_id);
    a->origin = "script";
    take_terms(input);
    return true;
}

void annotation_input_from(AnnotationInput *input, const Annotation *answer)
{
    *input = (AnnotationInput){.annotation = *answer};
    take_terms(input);
}

void annotation_input_clear(AnnotationInput *input)
{
    free(input->terms);
    mel_arena_clear(&input->arena);
}

static void drop_terms(AnnotationInput *input, const char *field)
{
    size_t kept = 0;
    for (size_t i = 0; i < input->term_count; i++)
        if (!mel_equal(input->terms[i].field, field)) input->terms[kept++] = input->terms[i];
    input->term_count = kept;
}

/* "piano/lead", "calm", "R&B": a member of a set. */
static bool add_term(AnnotationInput *input, Db *db, const char *field, char *given, Err *err)
{
    char id[64], role[64] = "";
    char *slash = mel_equal(field, "instrument") ? strrchr(given, '/') : NULL;
    if (slash) {
        *slash = '\0';
        if (!mel_vocabulary_id(db, "role", mel_trim(slash + 1), role, err)) return false;
    }
    const char *term = mel_trim(given);
    if (!mel_equal(field, "aspect")) {
        if (!mel_vocabulary_id(db, field, term, id, err)) return false;
        term = id;
    }
    mel_grow(&input->terms, &input->term_capacity, input->term_count + 1, sizeof *input->terms);
    input->terms[input->term_count++] =
        (AnnotationTerm){.field = field,
                         .term = mel_arena_strdup(&input->arena, term),
                         .role = mel_arena_strdup(&input->arena, role)};
    return true;
}

static bool set_terms(AnnotationInput *input, Db *db, const char *field, const char *value,
                      Err *err)
{
    char *copy = mel_strdup(value), *rest = copy, *part;
    bool ok = true;
    drop_terms(input, field);
    while (ok && (part = strsep(&rest, ",")) != NULL)
        if (*mel_trim(part)) ok = add_term(input, db, field, mel_trim(part), err);
    free(copy);
    return ok;
}

typedef enum FieldKind { FIELD_TERM, FIELD_SET, FIELD_TEXT, FIELD_BPM, FIELD_FRAME } FieldKind;

#define TERM(name)                                                                                 \
    {                                                                                              \
#name, #name, FIELD_TERM, offsetof(Annotation, name)                                       \
    }
#define TEXT(name)                                                                                 \
    {                                                                                              \
#name, NULL, FIELD_TEXT, offsetof(Annotation, name)                                        \
    }
#define SET(name, field)                                                                           \
    {                                                                                              \
        name, field, FIELD_SET, 0                                                                  \
    }
#define OTHER(name, kind)                                                                          \
    {                                                                                              \
        name, NULL, kind, 0                                                                        \
    }

/* What may be set, under the names people use for it. */
static const struct {
    const char *name, *field;
    FieldKind kind;
    size_t offset;
} fields[] = {
    TERM(genre),
    TERM(tempo),
    TERM(dissonance),
    TERM(metre),
    TERM(feel),
    TERM(relevance),
    SET("mood", "mood"),
    SET("voice", "voice"),
    SET("voices", "voice"),
    SET("instrument", "instrument"),
    SET("instruments", "instrument"),
    SET("other_genre", "genre"),
    SET("aspect", "aspect"),
    TEXT(text),
    TEXT(comment),
    TEXT(frame_why),
    OTHER("bpm", FIELD_BPM),
    OTHER("frame", FIELD_FRAME),
};
enum { FIELD_COUNT = MEL_COUNT(fields) };

static int find_field(const char *name, Err *err)
{
    const char *names[FIELD_COUNT];
    for (int i = 0; i < FIELD_COUNT; i++) {
        names[i] = fields[i].name;
        if (mel_equal(name, names[i])) return i;
    }
    const char *nearest = mel_did_you_mean(name, names, FIELD_COUNT);
    mel_err(err, ERR_USAGE, "an annotation has no field '%s'", name);
    mel_err_hint(err, nearest ? "did you mean '%s'?" : "see 'mel annotate --help'%s",
                 nearest ? nearest : "");
    return -1;
}

static bool set_field(AnnotationInput *input, Db *db, int f, const char *value, Err *err)
{
    Annotation *a = &input->annotation;
    const char **text = (const char **)(void *)((char *)a + fields[f].offset);
    char id[64];
    int64_t number;
    switch (fields[f].kind) {
    case FIELD_TERM:
        if (*value && !mel_vocabulary_id(db, fields[f].field, value, id, err)) return false;
        *text = *value ? mel_arena_strdup(&input->arena, id) : NULL;
        return true;
    case FIELD_SET:
        return set_terms(input, db, fields[f].field, value, err);
    case FIELD_TEXT:
        *text = *value ? mel_arena_strdup(&input->arena, value) : NULL;
        return true;
    case FIELD_BPM:
        a->bpm = NAN;
        return !*value || (mel_parse_f64(value, &a->bpm) && a->bpm > 0 && a->bpm <= 1000) ||
               mel_err(err, ERR_USAGE, "'bpm' wants a number up to 1000, not '%s'", value);
    case FIELD_FRAME:
        a->frame_position = -1;
        if (!*value) return true;
        if (!mel_parse_i64(value, &number) || number < 0 || number > 63)
            return mel_err(err, ERR_USAGE, "'frame' wants the position of a still, not '%s'",
                           value);
        a->frame_position = number;
        return true;
    }
    return false;
}

bool annotation_input_set(AnnotationInput *input, Db *db, const char *word, Err *err)
{
    const char *equals = strchr(word, '=');
    if (!equals) return mel_err(err, ERR_USAGE, "'%s' is not FIELD=VALUE", word);
    char *name = mel_strndup(word, (size_t)(equals - word));
    int f = find_field(name, err);
    free(name);
    return f >= 0 && set_field(input, db, f, equals + 1, err);
}

static void take_set(AnnotationInput *input, const Annotation *from, const char *field)
{
    drop_terms(input, field);
    for (size_t i = 0; i < from->term_count; i++) {
        if (!mel_equal(from->terms[i].field, field)) continue;
        mel_grow(&input->terms, &input->term_capacity, input->term_count + 1, sizeof *input->terms);
        input->terms[input->term_count++] = from->terms[i];
    }
}

bool annotation_input_take(AnnotationInput *input, const Annotation *from, const char *field,
                           Err *err)
{
    Annotation *a = &input->annotation;
    int f = find_field(field, err);
    if (f < 0) return false;
    switch (fields[f].kind) {
    case FIELD_TERM:
    case FIELD_TEXT:
        *(const char **)(void *)((char *)a + fields[f].offset) =
            *(const char *const *)(const void *)((const char *)from + fields[f].offset);
        return true;
    case FIELD_SET:
        take_set(input, from, fields[f].field);
        return true;
    case FIELD_BPM:
        a->bpm = from->bpm;
        return true;
    case FIELD_FRAME:
        a->frame_position = from->frame_position;
        a->frame_why = from->frame_why;
        return true;
    }
    return false;
}

const Annotation *annotation_input_answer(AnnotationInput *input)
{
    input->annotation.terms = input->terms;
    input->annotation.term_count = input->term_count;
    return &input->annotation;
}

/* Sets in JSON: ["calm", "happy"], or [{"term": "piano", "role": "lead"}]. */
static bool json_terms(AnnotationInput *input, Db *db, const char *field, const json_t *list,
                       Err *err)
{
    bool ok = true;
    drop_terms(input, field);
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *role = mel_json_text(item, "role", NULL);
        const char *term =
            json_is_string(item) ? json_string_value(item) : mel_json_text(item, "term", "");
        char *given = mel_asprintf("%s%s%s", term, role ? "/" : "", role ? role : "");
        ok = add_term(input, db, field, given, err);
        free(given);
    }
    return ok;
}

static bool json_field(AnnotationInput *input, Db *db, int f, const json_t *value, Err *err)
{
    if (json_is_null(value)) return set_field(input, db, f, "", err);
    if (json_is_string(value)) return set_field(input, db, f, json_string_value(value), err);
    if (json_is_array(value) && fields[f].kind == FIELD_SET)
        return json_terms(input, db, fields[f].field, value, err);
    if (json_is_number(value)) {
        char number[32];
        snprintf(number, sizeof number, "%.9g", json_number_value(value));
        return set_field(input, db, f, number, err);
    }
    return mel_err(err, ERR_USAGE, "field '%s' has a value of the wrong type", fields[f].name);
}

bool annotation_input_json(AnnotationInput *input, Db *db, const json_t *object, Err *err)
{
    static const char *const elsewhere[] = {"clip", "annotator", "state", "id"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool skip = false;
        for (size_t i = 0; i < MEL_COUNT(elsewhere); i++)
            skip = skip || mel_equal(key, elsewhere[i]);
        if (skip) continue;
        int f = find_field(key, err);
        if (f < 0 || !json_field(input, db, f, value, err)) return false;
    }
    return true;
}

bool annotation_input_save(AnnotationInput *input, Db *db, bool submit, int64_t *rev_out, Err *err)
{
    Annotation *a = &input->annotation;
    annotation_input_answer(input);
    a->state = submit ? "submitted" : "draft";
    if (a->rev > 0 && mel_equal(a->state, input->before.state) &&
        mel_annotation_same(a, &input->before)) {
        *rev_out = a->rev;
        return true;
    }
    return mel_annotator_put(db, a->annotator_id, "person", NULL, err) &&
           mel_annotation_save(db, a, NULL, rev_out, err);
}
