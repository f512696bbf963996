/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

int lint_setup(void **state)
{
    Err err = {0};
    Db *db = NULL;
    LintFixture *fixture = mel_alloc(sizeof *fixture);
    char *folder = test_folder();
    setenv("ENCHANT_CONFIG_DIR", folder, 1);
    CHECK_OK(mel_db_create(test_path(folder, "set"), &err));
    CHECK_OK(mel_db_open(test_path(folder, "set"), DB_READ, &db, &err));
    CHECK_OK(mel_lint_lexicon_load(db, &fixture->lexicon, &err));
    mel_db_close(db);
    fixture->spelling = mel_spelling_new("en_US");
    test_folder_remove(folder);
    *state = fixture;
    return 0;
}

int lint_teardown(void **state)
{
    LintFixture *fixture = *state;
    mel_lint_lexicon_free(fixture->lexicon);
    mel_spelling_free(fixture->spelling);
    free(fixture);
    return 0;
}

enum { TERMS_MAX = 32 };

/* An answer and what its texts live in. */
typedef struct Answer {
    Arena arena;
    Annotation annotation;
    AnnotationTerm terms[TERMS_MAX];
} Answer;

static void add_terms(Answer *answer, const char *field, char *value)
{
    char *term;
    while ((term = strsep(&value, ",")) != NULL) {
        assert_true(answer->annotation.term_count < TERMS_MAX);
        answer->terms[answer->annotation.term_count++] =
            (AnnotationTerm){.field = field, .term = term, .role = ""};
    }
}

static void set_field(Answer *answer, const char *field, char *value)
{
    Annotation *a = &answer->annotation;
    if (mel_equal(field, "genre"))
        a->genre = strsep(&value, ",");
    else if (mel_equal(field, "tempo"))
        a->tempo = value;
    else if (mel_equal(field, "relevance"))
        a->relevance = value;
    else if (mel_equal(field, "bpm"))
        assert_true(mel_parse_f64(value, &a->bpm));
    else if (mel_equal(field, "frame"))
        a->frame_position = *value ? atol(value) : -1;
    else
        assert_true(mel_equal(field, "mood") || mel_equal(field, "voice") ||
                    mel_equal(field, "instrument"));
    bool set = mel_equal(field, "mood") || mel_equal(field, "voice") ||
               mel_equal(field, "instrument") || (mel_equal(field, "genre") && value);
    if (set) add_terms(answer, field, value);
}

static void read_answer(Answer *answer, const LintCase *test)
{
    char *rest = mel_arena_strdup(&answer->arena, test->fields ? test->fields : ""), *word;
    mel_annotation_init(&answer->annotation);
    answer->annotation.relevance = "complementary";
    answer->annotation.frame_position = 0;
    answer->annotation.text = test->text;
    answer->annotation.terms = answer->terms;
    while ((word = strsep(&rest, " ")) != NULL) {
        if (!*word) continue;
        char *field = strsep(&word, "=");
        assert_non_null(word);
        set_field(answer, field, word);
    }
}

void lint_case(const LintFixture *fixture, const LintCase *test, bool spelling, bool submitting,
               LintFindings *findings)
{
    Answer *answer = mel_alloc(sizeof *answer);
    read_answer(answer, test);
    mel_lint(&(LintInput){.annotation = &answer->annotation,
                          .lexicon = fixture->lexicon,
                          .title = test->title,
                          .channel = test->channel,
                          .names = &test->artist,
                          .name_count = 1,
                          .spelling = spelling ? fixture->spelling : NULL,
                          .submitting = submitting},
             findings);
    mel_arena_clear(&answer->arena);
    free(answer);
}

char *lint_summary(const LintFindings *findings, const char *text, unsigned mask)
{
    Str out = {0};
    for (size_t i = 0; i < findings->count; i++) {
        const LintFinding *finding = &findings->items[i];
        if (!(mask & 1u << finding->kind)) continue;
        mel_str_addf(&out, "%s%s%s %s", out.length ? "; " : "",
                     finding->severity == LINT_MUST ? "!" : "", mel_lint_kind_name(finding->kind),
                     finding->field);
        if (finding->end > finding->start)
            mel_str_addf(&out, " '%.*s'", (int)(finding->end - finding->start),
                         text + finding->start);
        if (finding->suggestion) mel_str_addf(&out, " -> %s", finding->suggestion);
    }
    return mel_str_take(&out);
}

void lint_check_cases(const LintFixture *fixture, const LintCase *cases, size_t count,
                      unsigned mask, bool spelling)
{
    LintFindings findings = {0};
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        lint_case(fixture, &cases[i], spelling, false, &findings);
        char *got = lint_summary(&findings, cases[i].text, mask);
        if (!mel_equal(got, cases[i].want)) {
            print_error("\"%s\" (%s)\n  gives  %s\n  wanted %s\n", cases[i].text,
                        cases[i].fields ? cases[i].fields : "", got, cases[i].want);
            wrong++;
        }
        free(got);
    }
    mel_lint_findings_clear(&findings);
    assert_int_equal(wrong, 0);
}
