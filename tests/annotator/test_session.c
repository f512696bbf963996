/* SPDX-License-Identifier: Apache-2.0
 *
 * A person at work: what is said is kept, undone across items, submitted, and never lost. */
#include "annotator/core/session.h"
#include "tests/support/store_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static Session *begin(Store *store)
{
    Err err = {0};
    Session *session;
    store_ready_clip(store->db, "a", 0, -14);
    store_ready_clip(store->db, "b", 0, -14);
    CHECK_OK(session_open(store->db, "anna", &session, &err));
    CHECK_OK(session_go(session, "a:0", false, &err));
    return session;
}

static void sets_keep_their_order_and_roles(void **state)
{
    (void)state;
    char *role, *set = answer_set_with(NULL, "piano", "");
    char *two = answer_set_with(set, "drums", "lead");
    assert_string_equal(two, "piano\ndrums/lead");
    char *changed = answer_set_with(two, "piano", "background");
    assert_string_equal(changed, "piano/background\ndrums/lead");
    assert_true(answer_set_has(changed, "drums", &role));
    assert_string_equal(role, "lead");
    assert_false(answer_set_has(changed, "drum", NULL));
    char *less = answer_set_with(changed, "piano", NULL);
    assert_string_equal(less, "drums/lead");
    assert_null(answer_set_with(less, "drums", NULL));
    free(role);
    free(set);
    free(two);
    free(changed);
    free(less);
}

static void all_that_is_said_comes_back(void **state)
{
    Err err = {0};
    Session *session = begin(*state);
    session_set(session, ANSWER_GENRE, "jazz");
    session_set(session, ANSWER_GENRES, "blues");
    session_set(session, ANSWER_MOODS, "calm\ndreamy");
    session_set(session, ANSWER_BPM, "96.5");
    session_set(session, ANSWER_INSTRUMENTS, "piano/lead\ndrums");
    session_set(session, ANSWER_FRAME, "1");
    session_set(session, ANSWER_ASPECTS, "cannot tell: metre");
    session_set(session, ANSWER_TEXT, "A slow piano.");
    Answers said;
    answers_copy(&said, session_answers(session));
    assert_int_equal(session_state(session), ITEM_DRAFT);
    assert_true(session_dirty(session));
    CHECK_OK(session_go(session, "b:0", false, &err));
    assert_int_equal(session_state(session), ITEM_OPEN);
    assert_null(session_get(session, ANSWER_GENRE));
    CHECK_OK(session_go(session, "a:0", false, &err));
    assert_true(answers_equal(&said, session_answers(session)));
    answers_clear(&said);
    session_close(session);
}

static void submitting_is_kept_and_a_change_afterwards_is_told(void **state)
{
    Err err = {0};
    Store *store = *state;
    Session *session = begin(store);
    session_set(session, ANSWER_GENRE, "jazz");
    CHECK_OK(session_submit(session, &err));
    assert_int_equal(session_state(session), ITEM_SUBMITTED);
    assert_int_equal(store_count(store->db, "annotations", "state = 'submitted'"), 1);
    session_set(session, ANSWER_GENRE, "blues");
    assert_int_equal(session_state(session), ITEM_CHANGED);
    session_set(session, ANSWER_GENRE, "jazz");
    assert_int_equal(session_state(session), ITEM_SUBMITTED);
    session_set(session, ANSWER_GENRE, "blues");
    CHECK_OK(session_go(session, "b:0", false, &err));
    CHECK_OK(session_go(session, "a:0", false, &err));
    assert_int_equal(session_state(session), ITEM_CHANGED);
    CHECK_OK(session_submit(session, &err));
    assert_int_equal(session_state(session), ITEM_SUBMITTED);
    session_close(session);
}

static void undo_goes_across_items_and_back(void **state)
{
    Err err = {0};
    bool moved;
    AnswerField field;
    Session *session = begin(*state);
    session_set(session, ANSWER_GENRE, "jazz");
    session_set(session, ANSWER_TEMPO, "slow");
    CHECK_OK(session_go(session, "b:0", false, &err));
    session_set(session, ANSWER_GENRE, "rock");
    assert_true(session_undo(session, UNDO, &moved, &field, &err));
    assert_false(moved);
    assert_null(session_get(session, ANSWER_GENRE));
    assert_true(session_undo(session, UNDO, &moved, &field, &err));
    assert_true(moved);
    assert_string_equal(session_clip(session), "a:0");
    assert_int_equal(field, ANSWER_TEMPO);
    assert_null(session_get(session, ANSWER_TEMPO));
    assert_string_equal(session_get(session, ANSWER_GENRE), "jazz");
    assert_true(session_undo(session, REDO, &moved, &field, &err));
    assert_string_equal(session_get(session, ANSWER_TEMPO), "slow");
    assert_true(session_undo(session, REDO, &moved, &field, &err));
    assert_true(moved);
    assert_string_equal(session_get(session, ANSWER_GENRE), "rock");
    assert_false(session_undo(session, REDO, &moved, &field, &err));
    assert_false(mel_err_is_set(&err));
    for (int i = 0; i < 3; i++)
        assert_true(session_undo(session, UNDO, &moved, &field, &err));
    assert_false(session_can_undo(session, UNDO));
    session_close(session);
}

static void typing_is_one_change_and_choices_are_many(void **state)
{
    Err err = {0};
    bool moved;
    AnswerField field;
    Session *session = begin(*state);
    session_set(session, ANSWER_TEXT, "A");
    session_set(session, ANSWER_TEXT, "A s");
    session_set(session, ANSWER_TEXT, "A song");
    session_set(session, ANSWER_GENRE, "jazz");
    session_set(session, ANSWER_GENRE, "rock");
    assert_true(session_undo(session, UNDO, &moved, &field, &err));
    assert_string_equal(session_get(session, ANSWER_GENRE), "jazz");
    assert_true(session_undo(session, UNDO, &moved, &field, &err));
    assert_string_equal(session_get(session, ANSWER_TEXT), "A song");
    assert_true(session_undo(session, UNDO, &moved, &field, &err));
    assert_null(session_get(session, ANSWER_TEXT));
    session_close(session);
}

static void two_windows_cannot_overwrite_each_other_in_silence(void **state)
{
    Err err = {0};
    Store *store = *state;
    bool moved;
    AnswerField field;
    Session *one = begin(store), *other;
    CHECK_OK(session_open(store->db, "anna", &other, &err));
    CHECK_OK(session_go(other, "a:0", false, &err));
    session_set(one, ANSWER_GENRE, "jazz");
    session_set(other, ANSWER_GENRE, "rock");
    CHECK_OK(session_flush(one, &err));
    assert_false(session_flush(other, &err));
    assert_string_equal(err.reason, "annotation.conflict");
    mel_err_clear(&err);
    assert_true(session_dirty(other));
    assert_string_equal(session_get(other, ANSWER_GENRE), "rock");
    CHECK_OK(session_resolve(other, true, &err)); /* mine, as the newest */
    session_set(one, ANSWER_TEMPO, "slow");
    assert_false(session_flush(one, &err));
    mel_err_clear(&err);
    CHECK_OK(session_resolve(one, false, &err)); /* theirs */
    assert_string_equal(session_get(one, ANSWER_GENRE), "rock");
    assert_null(session_get(one, ANSWER_TEMPO));
    assert_true(session_undo(one, UNDO, &moved, &field, &err)); /* mine can come back */
    assert_true(session_undo(one, UNDO, &moved, &field, &err));
    assert_string_equal(session_get(one, ANSWER_GENRE), "jazz");
    assert_string_equal(session_get(one, ANSWER_TEMPO), "slow");
    session_close(one);
    session_close(other);
}

static void a_second_opinion_is_blind_to_the_first(void **state)
{
    Err err = {0};
    Session *session = begin(*state);
    session_set(session, ANSWER_GENRE, "jazz");
    CHECK_OK(session_submit(session, &err));
    CHECK_OK(session_go(session, "a:0", true, &err));
    assert_null(session_get(session, ANSWER_GENRE));
    assert_int_equal(session_state(session), ITEM_OPEN);
    session_set(session, ANSWER_GENRE, "blues");
    CHECK_OK(session_submit(session, &err));
    CHECK_OK(session_go(session, "a:0", false, &err));
    assert_string_equal(session_get(session, ANSWER_GENRE), "jazz");
    session_close(session);
}

/* ---- kill -9 -------------------------------------------------------------------------------- */

enum { KILLS = 300, TOLD = 3 };

/* What a child has told so far. */
typedef struct Told {
    int last, submitted;
} Told;

/* Tells by a pipe that it has begun (0), and then each number that is durable, those of submitted
 * answers negative. */
static void work_until_killed(const char *folder, int from, int told)
{
    Err err = {0};
    Db *db;
    Session *session;
    char text[32];
    int note = 0;
    if (!mel_db_open(folder, DB_WRITE, &db, &err) || !session_open(db, "anna", &session, &err) ||
        write(told, &note, sizeof note) != sizeof note)
        _exit(1);
    for (int i = from;; i++) {
        if (!session_go(session, i % 2 ? "a:0" : "b:0", false, &err)) _exit(2);
        snprintf(text, sizeof text, "number %d", i);
        session_set(session, ANSWER_TEXT, text);
        bool submit = i % 5 == 0;
        if (!(submit ? session_submit(session, &err) : session_flush(session, &err))) _exit(3);
        note = submit ? -i : i;
        if (write(told, &note, sizeof note) != sizeof note) _exit(4);
    }
}

static int number_of(Store *store, const char *where)
{
    int number = 0;
    const char *text = store_count(store->db, "annotations", where)
                           ? store_field(store->db, "annotations", where, "text")
                           : "";
    sscanf(text, "number %d", &number);
    return number;
}

/* The next that the child tells; false at its end. */
static bool hear(int from, Told *told)
{
    int note;
    if (read(from, &note, sizeof note) != sizeof note) return false;
    if (note) told->last = abs(note);
    if (note < 0) told->submitted = told->last;
    return true;
}

static void a_killed_session_has_lost_nothing_that_was_flushed(void **state)
{
    Store *store = *state;
    session_close(begin(store));
    Told told = {0};
    for (int kill_number = 0; kill_number < KILLS; kill_number++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        store_close(store);
        pid_t child = fork();
        if (child == 0) work_until_killed(store->folder, told.last + 1, ends[1]);
        close(ends[1]);
        Rng rng = {.seed = 9, .stream = (uint64_t)kill_number};
        /* every second one is at work by then, however busy the machine is */
        for (int i = 0; i <= TOLD && kill_number % 2; i++)
            assert_true(hear(ends[0], &told));
        mel_sleep_us(mel_rng_int(&rng, 20000));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        while (hear(ends[0], &told))
            ;
        close(ends[0]);
        store_reopen(store, DB_WRITE);
        int a = number_of(store, "clip = 'a:0'"), b = number_of(store, "clip = 'b:0'");
        int newest = a > b ? a : b;
        /* one may have been kept and not yet told */
        assert_in_range(newest, told.last, told.last + 1);
        told.last = newest;
    }
    print_message("%d changes over %d kills, the last submitted one %d\n", told.last, KILLS,
                  told.submitted);
    assert_true(told.last > KILLS);
    assert_int_equal(store_findings(store->db, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_keep_their_order_and_roles),
        cmocka_unit_test_setup_teardown(all_that_is_said_comes_back, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(submitting_is_kept_and_a_change_afterwards_is_told,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(undo_goes_across_items_and_back, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(typing_is_one_change_and_choices_are_many, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(two_windows_cannot_overwrite_each_other_in_silence,
                                        store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_second_opinion_is_blind_to_the_first, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(a_killed_session_has_lost_nothing_that_was_flushed,
                                        store_setup, store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
