/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/core/session.h"

#include <stdlib.h>
#include <string.h>

enum { JOIN_US = 2000000, ALIVE_MAX_US = 60000000 };

/* One change of one field; what was, and what is. */
typedef struct Change {
    char *clip_id, *before, *after;
    bool retest;
    AnswerField field;
    int64_t at_us;
} Change;

struct Session {
    Db *db;
    char *annotator, *answerer; /* answerer: under which the item's answers are kept */
    char *clip_id;
    bool retest;
    Answers answers, kept; /* on screen; as the store has them */
    int64_t rev;
    bool submitted_once, submitted;
    int64_t active_us, alive_at_us;
    Change *changes;
    size_t change_capacity, change_count, done; /* done: changes that are not taken back */
};

Session *session_open_to_look(Db *db, const char *annotator_id)
{
    Session *session = mel_alloc(sizeof *session);
    session->db = db;
    session->annotator = mel_strdup(annotator_id);
    session->answerer = mel_strdup(annotator_id);
    return session;
}

bool session_unlock(Session *session, Err *err)
{
    const char *id = session->annotator;
    return mel_annotator_put(session->db, id, "person", id, err);
}

bool session_open(Db *db, const char *annotator_id, Session **out, Err *err)
{
    Session *session = session_open_to_look(db, annotator_id);
    if (!session_unlock(session, err)) {
        session_close(session);
        return false;
    }
    *out = session;
    return true;
}

static void change_clear(Change *change)
{
    free(change->clip_id);
    free(change->before);
    free(change->after);
}

void session_close(Session *session)
{
    if (!session) return;
    for (size_t i = 0; i < session->change_count; i++)
        change_clear(&session->changes[i]);
    free(session->changes);
    free(session->annotator);
    free(session->answerer);
    free(session->clip_id);
    answers_clear(&session->answers);
    answers_clear(&session->kept);
    free(session);
}

const char *session_annotator(const Session *session)
{
    return session->annotator;
}

const char *session_clip(const Session *session)
{
    return session->clip_id;
}

bool session_is_retest(const Session *session)
{
    return session->retest;
}

const Answers *session_answers(const Session *session)
{
    return &session->answers;
}

const char *session_get(const Session *session, AnswerField field)
{
    return session->answers.values[field];
}

bool session_dirty(const Session *session)
{
    return session->clip_id && !answers_equal(&session->answers, &session->kept);
}

ItemState session_state(const Session *session)
{
    static const Answers none;
    bool changed = session_dirty(session) || !session->submitted;
    if (session->submitted_once) return changed ? ITEM_CHANGED : ITEM_SUBMITTED;
    return answers_equal(&session->answers, &none) ? ITEM_OPEN : ITEM_DRAFT;
}

/* ---- loading -------------------------------------------------------------------------------- */

typedef struct Loaded {
    Answers answers;
    int64_t rev, active_us;
    bool submitted;
} Loaded;

static bool load(Session *s, const char *clip_id, const char *answerer, Loaded *out, Err *err)
{
    Arena arena = {0};
    Annotation annotation;
    bool found = false;
    bool ok = mel_annotation_load(s->db, clip_id, answerer, &arena, &annotation, &found, err);
    *out = (Loaded){0};
    if (ok && found) {
        answers_from_annotation(&annotation, &out->answers);
        out->rev = annotation.rev;
        out->active_us = annotation.active_us > 0 ? annotation.active_us : 0;
        out->submitted = mel_equal(annotation.state, "submitted");
    }
    mel_arena_clear(&arena);
    return ok;
}

static void take(Session *s, Loaded *loaded)
{
    answers_clear(&s->answers);
    answers_clear(&s->kept);
    s->answers = loaded->answers;
    answers_copy(&s->kept, &loaded->answers);
    s->rev = loaded->rev;
    s->submitted = loaded->submitted;
    s->active_us = loaded->active_us;
    s->alive_at_us = mel_monotonic_us();
}

static bool was_submitted(Session *s, bool *out, Err *err)
{
    return mel_annotation_was_submitted(s->db, s->clip_id, s->answerer, out, err);
}

bool session_go(Session *session, const char *clip_id, bool retest, Err *err)
{
    Loaded loaded;
    if (!session_flush(session, err)) return false;
    char *answerer = mel_asprintf("%s%s", session->annotator, retest ? RETEST_SUFFIX : "");
    if ((retest && !mel_annotator_put(session->db, answerer, "person", answerer, err)) ||
        !load(session, clip_id, answerer, &loaded, err)) {
        free(answerer);
        return false;
    }
    char *clip = mel_strdup(clip_id);
    free(session->clip_id);
    free(session->answerer);
    session->clip_id = clip;
    session->answerer = answerer;
    session->retest = retest;
    take(session, &loaded);
    return was_submitted(session, &session->submitted_once, err);
}

/* ---- changing ------------------------------------------------------------------------------- */

static void forget_taken_back(Session *s)
{
    while (s->change_count > s->done)
        change_clear(&s->changes[--s->change_count]);
}

/* Typing goes on: the newest change grows. */
static bool joins(const Session *s, AnswerField field, int64_t now)
{
    const Change *last = s->done ? &s->changes[s->done - 1] : NULL;
    return last && answer_def(field)->kind == ANSWER_WORDS && last->field == field &&
           last->retest == s->retest && now - last->at_us < JOIN_US &&
           mel_equal(last->clip_id, s->clip_id);
}

static char *copy_of(const char *text)
{
    return text && *text ? mel_strdup(text) : NULL;
}

void session_set(Session *session, AnswerField field, const char *value)
{
    int64_t now = mel_monotonic_us();
    char *after = copy_of(value);
    if (!session->clip_id || mel_equal(session->answers.values[field], after)) {
        free(after);
        return;
    }
    forget_taken_back(session);
    if (joins(session, field, now)) {
        Change *last = &session->changes[session->done - 1];
        free(last->after);
        last->after = after;
        last->at_us = now;
    } else {
        mel_grow(&session->changes, &session->change_capacity, session->change_count + 1,
                 sizeof *session->changes);
        session->changes[session->change_count++] =
            (Change){.clip_id = mel_strdup(session->clip_id),
                     .before = copy_of(session->answers.values[field]),
                     .after = after,
                     .retest = session->retest,
                     .field = field,
                     .at_us = now};
        session->done = session->change_count;
    }
    answers_set(&session->answers, field, value);
    session_alive(session);
}

bool session_can_undo(const Session *session, UndoWay way)
{
    return way == UNDO ? session->done > 0 : session->done < session->change_count;
}

bool session_undo(Session *session, UndoWay way, bool *moved, AnswerField *field, Err *err)
{
    if (!session_can_undo(session, way)) return false;
    Change *change = &session->changes[way == UNDO ? session->done - 1 : session->done];
    *moved = !mel_equal(change->clip_id, session->clip_id) || change->retest != session->retest;
    if (*moved && !session_go(session, change->clip_id, change->retest, err)) return false;
    answers_set(&session->answers, change->field, way == UNDO ? change->before : change->after);
    session->done += way == UNDO ? -1 : 1;
    change->at_us = 0; /* typing does not go on in it */
    *field = change->field;
    return true;
}

void session_alive(Session *session)
{
    int64_t now = mel_monotonic_us(), since = now - session->alive_at_us;
    session->active_us += since < ALIVE_MAX_US ? since : 0;
    session->alive_at_us = now;
}

/* ---- keeping -------------------------------------------------------------------------------- */

static bool save(Session *s, const char *state, int64_t rev, Err *err)
{
    Arena arena = {0};
    Annotation annotation;
    mel_annotation_init(&annotation);
    annotation.clip_id = s->clip_id;
    annotation.annotator_id = s->answerer;
    annotation.state = state;
    annotation.origin = "app";
    annotation.rev = rev;
    annotation.active_us = s->active_us;
    answers_to_annotation(&s->answers, &arena, &annotation);
    bool ok = mel_annotation_save(s->db, &annotation, NULL, &s->rev, err);
    if (ok) {
        answers_clear(&s->kept);
        answers_copy(&s->kept, &s->answers);
        s->submitted = mel_equal(state, "submitted");
        s->submitted_once = s->submitted_once || s->submitted;
    }
    mel_arena_clear(&arena);
    return ok;
}

bool session_flush(Session *session, Err *err)
{
    return !session_dirty(session) || save(session, "draft", session->rev, err);
}

bool session_submit(Session *session, Err *err)
{
    session_alive(session);
    if (session_state(session) == ITEM_SUBMITTED) return true;
    return save(session, "submitted", session->rev, err);
}

bool session_resolve(Session *session, bool keep_mine, Err *err)
{
    Loaded theirs;
    if (!load(session, session->clip_id, session->answerer, &theirs, err)) return false;
    if (keep_mine) {
        session->rev = theirs.rev;
        answers_clear(&theirs.answers);
        return session_flush(session, err);
    }
    for (int i = 0; i < ANSWER_FIELDS; i++) /* as changes, so that mine can come back */
        session_set(session, (AnswerField)i, theirs.answers.values[i]);
    take(session, &theirs);
    return true;
}
