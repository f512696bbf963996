/* SPDX-License-Identifier: Apache-2.0
 *
 * What several people said of one clip, in the hands of another one: reviewed, settled, counted;
 * and hidden from whoever is to answer first. */
#include "annotator/agreement_window.h"
#include "annotator/review_window.h"
#include "tests/ui/ui.h"

#include <stdlib.h>
#include <string.h>

/* ---- what people said ------------------------------------------------------------------------ */

enum { CLIPS = 6 };

typedef struct World {
    Ui *ui;
    Db *db; /* beside the windows' own */
    char *clips[CLIPS];
    int count;
} World;

static bool take_clip(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    World *world = ctx;
    world->clips[world->count++] = g_strdup(mel_row_text(row, "id", ""));
    return world->count < CLIPS;
}

static int setup(void **state)
{
    Err err = {0};
    World *world = g_new0(World, 1);
    const ViewQuery ready = {
        .view = "clips", .columns = "id", .where = "state = 'ready'", .order = "id"};
    ui_setup((void **)&world->ui);
    CHECK_OK(mel_db_open(world->ui->folder, DB_WRITE, &world->db, &err));
    CHECK_OK(mel_query(world->db, &ready, take_clip, world, &err));
    assert_int_equal(world->count, CLIPS);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    World *world = *state;
    mel_db_close(world->db);
    ui_teardown((void **)&world->ui);
    for (int i = 0; i < CLIPS; i++)
        g_free(world->clips[i]);
    g_free(world);
    return 0;
}

/* All that both say alike is the mood, the tempo and the frame. */
static void say(World *world, int clip, const char *who, const char *genre, const char *metre)
{
    Err err = {0};
    const AnnotationTerm mood = {.field = "mood", .term = "calm"};
    char *text = g_strdup_printf("A piece that %s heard.", who);
    Annotation answer;
    mel_annotation_init(&answer);
    answer.clip_id = world->clips[clip];
    answer.annotator_id = who;
    answer.state = "submitted";
    answer.origin = "app";
    answer.rev = -1;
    answer.genre = genre;
    answer.metre = metre;
    answer.tempo = "slow";
    answer.frame_position = 0;
    answer.text = text;
    answer.terms = &mood;
    answer.term_count = 1;
    CHECK_OK(mel_annotator_put(world->db, who, "person", who, &err));
    CHECK_OK(mel_annotation_save(world->db, &answer, NULL, NULL, &err));
    g_free(text);
}

static void ask(World *world, int clip, const char *who)
{
    Err err = {0};
    const Assignment item = {
        .batch = "first", .clip_id = world->clips[clip], .annotator_id = who, .purpose = "work"};
    CHECK_OK(mel_assignments_put(world->db, &item, 1, NULL, &err));
}

static ClipStage stage_of(World *world, int clip)
{
    Err err = {0};
    ClipStage stage;
    CHECK_OK(mel_clip_stage(world->db, world->clips[clip], &stage, &err));
    return stage;
}

static MelReviewWindow *open_review(void)
{
    GtkWidget *window;
    ui_keys("F6");
    UI_WAIT((window = ui_window(MEL_TYPE_REVIEW_WINDOW)) != NULL);
    UI_WAIT(gtk_window_is_active(GTK_WINDOW(window)));
    return MEL_REVIEW_WINDOW(window);
}

static void wait_for_the_clip(MelReviewWindow *window)
{
    GtkWidget *stage = ui_find(GTK_WIDGET(window), MEL_TYPE_STAGE);
    UI_WAIT(mel_stage_is_ready(MEL_STAGE(stage)));
}

/* Whether a label below shows the text. */
static gboolean is_shown(GtkWidget *below, const char *text)
{
    if (!gtk_widget_get_child_visible(below)) return FALSE; /* another page of a stack */
    if (GTK_IS_LABEL(below) && strstr(gtk_label_get_text(GTK_LABEL(below)), text)) return TRUE;
    for (GtkWidget *child = gtk_widget_get_first_child(below); child;
         child = gtk_widget_get_next_sibling(child))
        if (is_shown(child, text)) return TRUE;
    return FALSE;
}

/* ---- reviews --------------------------------------------------------------------------------- */

static void a_third_person_settles_by_keys_what_two_dispute(void **state)
{
    Err err = {0};
    Arena arena = {0};
    Settlement settled;
    World *world = *state;
    say(world, 0, "bert", "jazz", "4-4");
    say(world, 0, "clara", "blues", "3-4");
    MelReviewWindow *window = open_review();
    wait_for_the_clip(window);
    const Decision *decision = mel_review_window_decision(window);
    assert_string_equal(mel_review_window_clip(window), world->clips[0]);
    assert_int_equal(decision->disputed_count, 2);
    assert_true(is_shown(GTK_WIDGET(window), "3 fields agree, 1 differ"));
    ui_keys("ctrl+Return"); /* too early */
    assert_int_equal(stage_of(world, 0), STAGE_DISPUTED);
    ui_keys("2");
    ui_screenshot_of(GTK_WIDGET(window), "review");
    ui_keys("1"); /* the next row by itself */
    assert_int_equal(decision->taken[ANSWER_GENRE], 1);
    assert_int_equal(decision->taken[ANSWER_METRE], 0);
    ui_keys("Up Right Left Return"); /* bert's genre after all */
    assert_int_equal(decision->taken[ANSWER_GENRE], 0);
    ui_keys("ctrl+Return");
    UI_WAIT(!mel_review_window_clip(window));
    assert_int_equal(stage_of(world, 0), STAGE_ADJUDICATED);
    CHECK_OK(mel_settlement_load(world->db, world->clips[0], &arena, &settled, &err));
    assert_string_equal(settled.draft.genre, "jazz");
    assert_string_equal(settled.draft.metre, "4-4");
    assert_string_equal(settled.draft.tempo, "slow");
    assert_true(is_shown(GTK_WIDGET(window), "Nothing waits for you"));
    mel_arena_clear(&arena);
}

static void words_may_be_ones_own(void **state)
{
    Err err = {0};
    Arena arena = {0};
    Settlement settled;
    World *world = *state;
    const char *field = "text";
    const Review dispute = {.clip_id = world->clips[0],
                            .author_id = "bert",
                            .reviewer_id = "dora",
                            .verdict = "dispute",
                            .fields = &field,
                            .field_count = 1};
    say(world, 0, "bert", "jazz", "4-4");
    CHECK_OK(mel_review_save(world->db, &dispute, NULL, &err));
    MelReviewWindow *window = open_review();
    ui_keys("Tab"); /* from the one answer on to the entry beside it */
    ui_type("A slow piano 19.");
    assert_int_equal(mel_review_window_decision(window)->taken[ANSWER_TEXT], DECISION_OWN);
    ui_keys("ctrl+Return");
    UI_WAIT(!mel_review_window_clip(window));
    CHECK_OK(mel_settlement_load(world->db, world->clips[0], &arena, &settled, &err));
    assert_string_equal(settled.method, "adjudicated");
    assert_string_equal(settled.draft.text, "A slow piano 19.");
    mel_arena_clear(&arena);
}

static bool is_returned(void *ctx, const QueueItem *item, Err *err)
{
    (void)err;
    if (item->state == QUEUE_RETURNED) *(char **)ctx = g_strdup(item->comment);
    return true;
}

static void an_answer_is_accepted_or_returned_with_a_word(void **state)
{
    Err err = {0};
    World *world = *state;
    char *comment = NULL;
    const QueueQuery queue = {.annotator_id = "clara"};
    say(world, 0, "bert", "jazz", "4-4");
    say(world, 1, "clara", "blues", "3-4");
    MelReviewWindow *window = open_review();
    wait_for_the_clip(window);
    assert_int_equal(mel_review_window_decision(window)->disputed_count, 0);
    ui_screenshot_of(GTK_WIDGET(window), "review-single");
    ui_keys("a");
    UI_WAIT(g_strcmp0(mel_review_window_clip(window), world->clips[1]) == 0);
    assert_int_equal(stage_of(world, 0), STAGE_AGREED);
    ui_keys("r"); /* nothing goes back without a word */
    assert_int_equal(stage_of(world, 1), STAGE_SUBMITTED);
    ui_type("Listen again.");
    ui_keys("Return");
    UI_WAIT(!mel_review_window_clip(window));
    CHECK_OK(mel_queue_each(world->db, &queue, is_returned, &comment, &err));
    assert_string_equal(comment, "Listen again.");
    g_free(comment);
}

static void who_has_not_answered_sees_nothing(void **state)
{
    World *world = *state;
    GtkWidget *main_window = GTK_WIDGET(world->ui->window);
    say(world, 1, "bert", "jazz", "4-4");
    say(world, 1, "clara", "blues", "3-4");
    ask(world, 1, "anna");
    MelReviewWindow *window = open_review();
    assert_string_equal(mel_review_window_clip(window), world->clips[1]);
    assert_null(mel_review_window_decision(window));
    assert_true(is_shown(GTK_WIDGET(window), "Answer it yourself first"));
    ui_screenshot_of(GTK_WIDGET(window), "review-blind");
    assert_false(is_shown(GTK_WIDGET(window), "bert"));
    assert_false(is_shown(GTK_WIDGET(window), "Jazz"));
    assert_false(is_shown(GTK_WIDGET(window), "disputed"));
    ui_keys("1 a r ctrl+Return");
    assert_int_equal(stage_of(world, 1), STAGE_DISPUTED);
    gtk_widget_activate_action(GTK_WIDGET(window), "review.go-to", NULL);
    UI_WAIT(gtk_window_is_active(GTK_WINDOW(main_window)));
    assert_string_equal(session_clip(mel_window_session(world->ui->window)), world->clips[1]);
    say(world, 1, "anna", "rock", "4-4");    /* the genre is in dispute, bert has the metre */
    assert_ptr_equal(open_review(), window); /* the same one, which looks again */
    UI_WAIT(mel_review_window_decision(window));
    assert_int_equal(mel_review_window_decision(window)->person_count, 3);
    assert_int_equal(mel_review_window_decision(window)->disputed_count, 1);
    assert_true(is_shown(GTK_WIDGET(window), "bert"));
}

static void every_control_of_a_review_has_a_name(void **state)
{
    World *world = *state;
    say(world, 0, "bert", "jazz", "4-4");
    say(world, 0, "clara", "blues", "3-4");
    MelReviewWindow *window = open_review();
    assert_true(ui_check_names(GTK_WIDGET(window)) >= 12);
}

/* ---- agreement ------------------------------------------------------------------------------- */

/* What the library makes of the same answers, in the words of 'mel agree'. */
static char *headline_of(World *world)
{
    Err err = {0};
    AgreeAnswers answers = {0};
    AgreeRow rows[AGREE_FIELD_COUNT];
    int alphas;
    CHECK_OK(mel_agree_gather(world->db, NULL, &answers, &err));
    for (int f = 0; f < AGREE_FIELD_COUNT; f++)
        rows[f] = mel_agree_row(&answers, f, NULL, false);
    char *text = g_strdup_printf("%.3f", mel_agree_headline(rows, AGREE_FIELD_COUNT, &alphas));
    assert_int_equal(alphas, 2); /* genre and metre: of the rest everybody says one thing */
    mel_agree_answers_clear(&answers);
    return text;
}

static void agreement_is_that_of_the_library(void **state)
{
    World *world = *state;
    GtkWidget *window;
    static const char *const genres[] = {"jazz", "blues", "rock", "jazz", "blues"};
    for (int i = 0; i < CLIPS - 1; i++) {
        say(world, i, "bert", genres[i], i % 2 ? "3-4" : "4-4");
        say(world, i, "clara", genres[i == 4 ? 2 : i], i == 1 ? "3-4" : "4-4");
    }
    say(world, CLIPS - 1, "clara", "rock", "4-4");
    char *headline = headline_of(world);
    ui_keys("F7");
    UI_WAIT((window = ui_window(MEL_TYPE_AGREEMENT_WINDOW)) != NULL);
    UI_WAIT(mel_agreement_window_report(MEL_AGREEMENT_WINDOW(window)));
    UI_WAIT(gtk_window_is_active(GTK_WINDOW(window)));
    assert_true(is_shown(window, headline));
    assert_true(is_shown(window, "2 people, 5 of 6 clips"));
    assert_true(is_shown(window, "people mostly agree on the genre"));
    assert_true(is_shown(window, "bert: "));
    const AgreementReport *report = mel_agreement_window_report(MEL_AGREEMENT_WINDOW(window));
    assert_true(report->rows[0].main.result.has_interval);
    assert_true(report->rows[0].main.result.low < report->rows[0].main.result.high);
    ui_screenshot_of(window, "agreement");
    assert_true(ui_check_names(window) >= 3); /* again, and two people */
    say(world, CLIPS - 1, "bert", "pop", "4-4");
    ui_keys("F5");
    UI_WAIT(mel_agreement_window_report(MEL_AGREEMENT_WINDOW(window)));
    UI_WAIT(is_shown(window, "6 of 6 clips"));
    ui_keys("Escape");
    UI_WAIT(!ui_window(MEL_TYPE_AGREEMENT_WINDOW));
    g_free(headline);
}

static void nobody_twice_is_no_number_but_a_sentence(void **state)
{
    World *world = *state;
    GtkWidget *window;
    say(world, 0, "bert", "jazz", "4-4");
    ui_keys("F7");
    UI_WAIT((window = ui_window(MEL_TYPE_AGREEMENT_WINDOW)) != NULL);
    UI_WAIT(mel_agreement_window_report(MEL_AGREEMENT_WINDOW(window)));
    assert_true(is_shown(window, "not defined: agreement needs clips"));
    assert_false(is_shown(window, "0.000"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct CMUnitTest tests[] = {
        TEST(a_third_person_settles_by_keys_what_two_dispute),
        TEST(words_may_be_ones_own),
        TEST(an_answer_is_accepted_or_returned_with_a_word),
        TEST(who_has_not_answered_sees_nothing),
        TEST(every_control_of_a_review_has_a_name),
        TEST(agreement_is_that_of_the_library),
        TEST(nobody_twice_is_no_number_but_a_sentence),
    };
    gtk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
