/* SPDX-License-Identifier: Apache-2.0 */
#include "db/annotation_walk.h"

#include "db/annotation_internal.h"

#include <stdlib.h>
#include <string.h>

/* The clips that a condition chooses, by id. */
typedef struct Chosen {
    Arena arena;
    const char **ids;
    size_t count, capacity;
    size_t at; /* the walk is by clip id too */
} Chosen;

static bool add_clip(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Chosen *chosen = ctx;
    mel_grow(&chosen->ids, &chosen->capacity, chosen->count + 1, sizeof *chosen->ids);
    chosen->ids[chosen->count++] = mel_arena_strdup(&chosen->arena, mel_row_text(row, "id", ""));
    return true;
}

static bool is_chosen(Chosen *chosen, const char *clip_id)
{
    while (chosen->at < chosen->count && strcmp(chosen->ids[chosen->at], clip_id) < 0)
        chosen->at++;
    return chosen->at < chosen->count && mel_equal(chosen->ids[chosen->at], clip_id);
}

static const char sql_answers[] = "SELECT h.annotation_id, h.clip_id, f.time_us"
                                  "  FROM annotation_head AS h"
                                  "  JOIN annotation AS a ON a.id = h.annotation_id"
                                  "  JOIN annotator AS p ON p.id = h.annotator_id"
                                  "  LEFT JOIN frame AS f"
                                  "    ON f.clip_id = h.clip_id AND f.position = a.frame_position"
                                  " WHERE h.state = 'submitted' AND p.kind = 'person'"
                                  " ORDER BY h.clip_id, h.annotator_id";

static bool hand_over(Db *db, const char *id, double frame_us, PersonAnswerFn *fn, void *ctx,
                      bool *more, Err *err)
{
    Arena arena = {0};
    Annotation annotation;
    bool ok = db_annotation_by_id(db, id, &arena, &annotation, err);
    if (ok) {
        const char *who = annotation.annotator_id;
        PersonAnswer answer = {.answer = &annotation,
                               .person = who,
                               .retest = mel_ends_with(who, RETEST_SUFFIX),
                               .frame_us = frame_us >= 0 ? (int64_t)frame_us : -1};
        if (answer.retest)
            answer.person =
                mel_arena_strndup(&arena, who, strlen(who) - (sizeof RETEST_SUFFIX - 1));
        *more = fn(ctx, &answer, err);
    }
    mel_arena_clear(&arena);
    return ok && !mel_err_is_set(err);
}

bool mel_answers_each(Db *db, const char *where, PersonAnswerFn *fn, void *ctx, Err *err)
{
    Chosen chosen = {0};
    DbRows rows;
    const ViewQuery clips = {.view = "clips", .columns = "id", .where = where, .order = "id"};
    bool ok = !where || mel_query(db, &clips, add_clip, &chosen, err), more = true;
    if (ok) {
        ok = db_rows(db, &rows, sql_answers, NULL, 0, err);
        while (ok && more && db_next(&rows, err))
            if (!where || is_chosen(&chosen, db_col_text(&rows, 1)))
                ok =
                    hand_over(db, db_col_text(&rows, 0), db_col_f64(&rows, 2), fn, ctx, &more, err);
        db_rows_end(&rows);
    }
    free(chosen.ids);
    mel_arena_clear(&chosen.arena);
    return ok && !mel_err_is_set(err);
}
