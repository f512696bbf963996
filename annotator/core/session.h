/* SPDX-License-Identifier: Apache-2.0
 *
 * A person at work: one item at a time, every change kept, and all of them undoable across items.
 * There is no saving by hand: whoever owns a session calls session_flush within a second of a
 * change, and the session itself does before it leaves an item. One session is for one thread. */
#ifndef MEL_ANNOTATOR_SESSION_H
#define MEL_ANNOTATOR_SESSION_H

#include "annotator/core/answers.h"

typedef struct Session Session;

/* The annotator is put into the store if need be. */
MEL_MUST_CHECK bool session_open(Db *db, const char *annotator_id, Session **out, Err *err);

/* In a store that cannot be written now: what is said is not kept before session_unlock. */
Session *session_open_to_look(Db *db, const char *annotator_id);

/* The store can be written now (mel_db_unlock). */
MEL_MUST_CHECK bool session_unlock(Session *session, Err *err);

void session_close(Session *session); /* what is not flushed is lost; NULL is fine */
const char *session_annotator(const Session *session);

typedef enum ItemState {
    ITEM_OPEN,      /* nothing is said */
    ITEM_DRAFT,     /* something is, nothing submitted */
    ITEM_SUBMITTED, /* as it stands */
    ITEM_CHANGED,   /* submitted once, and changed since */
} ItemState;

/* Leaves the item, keeping it, and loads another; on an error nothing has changed. retest: the
 * item is asked a second time, and the person's first answer is not shown. */
MEL_MUST_CHECK bool session_go(Session *session, const char *clip_id, bool retest, Err *err);
const char *session_clip(const Session *session); /* NULL before the first */
bool session_is_retest(const Session *session);
ItemState session_state(const Session *session);
const char *session_get(const Session *session, AnswerField field); /* NULL: not answered */
const Answers *session_answers(const Session *session);

/* Changes made to words within two seconds of each other are undone as one. */
void session_set(Session *session, AnswerField field, const char *value);

bool session_dirty(const Session *session);

/* Keeps what has changed as a draft. ERR_EXISTS "annotation.conflict": somebody changed the item
 * elsewhere since it was loaded; session_resolve decides. Other errors: call again. */
MEL_MUST_CHECK bool session_flush(Session *session, Err *err);
MEL_MUST_CHECK bool session_submit(Session *session, Err *err);

/* After a conflict: mine is kept as the newest revision (the other one stays in the history), or
 * the other one is taken (undo brings mine back). */
MEL_MUST_CHECK bool session_resolve(Session *session, bool keep_mine, Err *err);

/* Takes back the newest change, or brings back what was taken back; goes to its item first. *moved
 * says whether that was another item; *field what changed. false without an error: nothing to do.
 */
typedef enum UndoWay { UNDO, REDO } UndoWay;
bool session_undo(Session *session, UndoWay way, bool *moved, AnswerField *field, Err *err);
bool session_can_undo(const Session *session, UndoWay way);

/* Somebody is there and works: time is counted from one sign to the next, at most a minute. */
void session_alive(Session *session);

#endif
