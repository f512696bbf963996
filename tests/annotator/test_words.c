/* SPDX-License-Identifier: Apache-2.0
 *
 * The word table is sound: its ids are the vocabulary's, its phrases short enough, in lower case
 * and said once; and it has words for every instrument, voice and genre. */
#include "annotator/lint/lint_internal.h"
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    LintWordKind kind;
    const char *value, *phrases;
} table[] = {
#define LINT(kind, value, phrases) {KIND_##kind, value, phrases},
#include "annotator/lint/lint_words.def"
#undef LINT
};

/* The field whose ids stand as values of a kind; NULL: the value is none. */
static const char *field_of(LintWordKind kind)
{
    if (kind == KIND_GENRE || kind == KIND_GENRE_WORD) return "genre";
    if (kind == KIND_INSTRUMENT) return "instrument";
    if (kind == KIND_VOICE) return "voice";
    if (kind == KIND_MOOD) return "mood";
    return kind == KIND_TEMPO || kind == KIND_TEMPO_WORD ? "tempo" : NULL;
}

typedef struct Terms {
    const char *field;
    size_t count;
    char ids[2000]; /* parted by blanks */
} Terms;

static void take_id(void *ctx, const char *id, const char *label)
{
    Terms *terms = ctx;
    (void)label;
    size_t n = strlen(terms->ids);
    snprintf(terms->ids + n, sizeof terms->ids - n, "%s ", id);
    terms->count++;
}

static void read_terms(Terms *terms, const char *field)
{
    Err err = {0};
    Db *db = NULL;
    char *folder = test_folder();
    *terms = (Terms){.field = field};
    CHECK_OK(mel_db_create(test_path(folder, "set"), &err));
    CHECK_OK(mel_db_open(test_path(folder, "set"), DB_READ, &db, &err));
    CHECK_OK(mel_vocabulary_each(db, field, take_id, terms, &err));
    mel_db_close(db);
    test_folder_remove(folder);
}

static void check_value(const Terms *terms, const char *value)
{
    for (; *value; value += strspn(value, " ")) {
        size_t n = strcspn(value, " ");
        bool any = n == 3 && memcmp(value, "any", n) == 0;
        if (!any && !lint_list_has(terms->ids, value, n))
            fail_msg("'%.*s' is no %s", (int)n, value, terms->field);
        value += n;
    }
}

static void every_id_is_a_term_of_its_field(void **state)
{
    static const char *const fields[] = {"genre", "instrument", "voice", "mood", "tempo"};
    (void)state;
    for (size_t f = 0; f < MEL_COUNT(fields); f++) {
        Terms terms;
        read_terms(&terms, fields[f]);
        assert_true(terms.count > 5);
        for (size_t i = 0; i < MEL_COUNT(table); i++)
            if (mel_equal(field_of(table[i].kind), fields[f])) check_value(&terms, table[i].value);
    }
}

static bool is_named(const char *field, const char *id, size_t n)
{
    for (size_t i = 0; i < MEL_COUNT(table); i++)
        if (mel_equal(field_of(table[i].kind), field) && lint_list_has(table[i].value, id, n))
            return true;
    return false;
}

static void every_term_that_a_text_may_name_has_words(void **state)
{
    static const char *const fields[] = {"genre", "instrument", "voice", "mood"};
    static const char none_of[] = "unmatched none lead-unclear neutral";
    (void)state;
    for (size_t f = 0; f < MEL_COUNT(fields); f++) {
        Terms terms;
        read_terms(&terms, fields[f]);
        for (const char *id = terms.ids; *id; id += strspn(id, " ")) {
            size_t n = strcspn(id, " ");
            if (!lint_list_has(none_of, id, n) && !is_named(fields[f], id, n))
                fail_msg("no word names the %s '%.*s'", fields[f], (int)n, id);
            id += n;
        }
    }
}

static void check_phrase(Str *seen, LintWordKind kind, const char *phrase)
{
    Arena arena = {0};
    LintText text;
    char key[200];
    lint_text_read(&text, phrase, &arena);
    if (text.count == 0 || text.count > LINT_PHRASE_WORDS_MAX)
        fail_msg("'%s' has %zu words", phrase, text.count);
    for (const char *c = phrase; *c; c++)
        assert_false(*c >= 'A' && *c <= 'Z');
    snprintf(key, sizeof key, "|%d:%s|", (int)kind, phrase);
    if (kind >= KIND_ROLE_COUNT && strstr(mel_str_text(seen), key))
        fail_msg("'%s' is there twice", phrase);
    mel_str_add(seen, key);
    lint_text_clear(&text);
    mel_arena_clear(&arena);
}

static void every_phrase_can_be_found(void **state)
{
    (void)state;
    Str seen = {0};
    for (size_t i = 0; i < MEL_COUNT(table); i++) {
        char *copy = mel_strdup(table[i].phrases), *rest = copy, *phrase;
        while ((phrase = strsep(&rest, "|")) != NULL)
            check_phrase(&seen, table[i].kind, phrase);
        free(copy);
    }
    mel_str_clear(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_is_a_term_of_its_field),
        cmocka_unit_test(every_term_that_a_text_may_name_has_words),
        cmocka_unit_test(every_phrase_can_be_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
