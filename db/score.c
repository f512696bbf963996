/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char sql_insert[] =
    "INSERT INTO score (id, clip_id, name, value, model, model_sha256, parameters_json, bank_id,"
    "                   created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    " ON CONFLICT (id) DO NOTHING";

static const char sql_head[] =
    "INSERT INTO score_head (clip_id, name, score_id, value) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (clip_id, name) DO UPDATE"
    " SET score_id = excluded.score_id, value = excluded.value";

static const char sql_last_at[] =
    "SELECT max(created_at) FROM score WHERE clip_id = ?1 AND name = ?2";

/* Now, or just after the last score of this name: a clock that was set back must not make a newer
 * score look older. */
static bool next_moment(Db *db, const Score *score, char moment[UTC_SIZE], Err *err)
{
    char *last;
    int64_t last_us;
    DbArg args[] = {db_text(score->clip_id), db_text(score->name)};
    if (!db_one_text(db, sql_last_at, args, 2, &last, err)) return false;
    mel_utc_now(moment);
    if (last && strcmp(last, moment) >= 0 && mel_utc_parse(last, &last_us))
        mel_utc_format(last_us + 1, moment);
    free(last);
    return true;
}

bool mel_score_put(Db *db, const Score *score, Err *err)
{
    char id[ULID_SIZE], now[UTC_SIZE];
    MEL_ASSERT(isfinite(score->value));
    if (score->id && strlen(score->id) >= sizeof id)
        return mel_err(err, ERR_USAGE, "'%s' is not an id of a score", score->id);
    if (score->id)
        snprintf(id, sizeof id, "%s", score->id);
    else
        mel_ulid(id);
    if (!mel_db_begin(db, err)) return false;
    bool ok =
        next_moment(db, score, now, err) &&
        DB_RUN(db, sql_insert, err, db_text(id), db_text(score->clip_id), db_text(score->name),
               db_f64(score->value), db_text(score->model), db_text(score->model_sha256),
               db_text(score->parameters_json ? score->parameters_json : "{}"),
               db_text(score->bank_id), db_text(now));
    if (ok && db_changed(db) > 0)
        ok = DB_RUN(db, sql_head, err, db_text(score->clip_id), db_text(score->name), db_text(id),
                    db_f64(score->value));
    return mel_db_end(db, ok, err);
}

static const char sql_bank[] =
    "INSERT INTO score_bank (id, text_count, texts_sha256, condition, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (id) DO NOTHING";

bool mel_score_bank_put(Db *db, const char *id, int64_t text_count, const char *texts_sha256,
                        const char *condition, Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    return DB_RUN(db, sql_bank, err, db_text(id), db_i64(text_count), db_text(texts_sha256),
                  db_text(condition), db_text(now));
}
