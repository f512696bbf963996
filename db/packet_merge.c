/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers back from a packet's store, which came from outside: its pages and tables are checked
 * before anything of it is believed, and every row passes the rules of the dataset. */
#include "db/annotation_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct Touched {
    const char *clip_id, *annotator_id; /* annotator NULL: to be settled only */
} Touched;

typedef struct Merge {
    Db *db, *packet;
    PacketRefusedFn *refused;
    void *ctx;
    PacketMerge report;
    Arena arena;
    Touched *touched;
    size_t touched_count, touched_capacity;
    Sha256 *seen; /* over the ids in the packet */
} Merge;

/* ---- the store itself --------------------------------------------------------------------------
 */

static const char sql_tables[] =
    "SELECT name, sql FROM sqlite_master"
    " WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite@_%' ESCAPE '@'"
    " ORDER BY type, name";

static bool describe_tables(Db *db, Str *out, Err *err)
{
    DbRows rows;
    bool ok = db_rows(db, &rows, sql_tables, NULL, 0, err);
    while (ok && db_next(&rows, err))
        mel_str_addf(out, "%s: %s\n", db_col_text(&rows, 0), db_col_text(&rows, 1));
    db_rows_end(&rows);
    return ok && !mel_err_is_set(err);
}

/* Both were made by the same migrations. */
static bool check_tables(Merge *m, Err *err)
{
    Str ours = {0}, theirs = {0};
    bool ok = describe_tables(m->db, &ours, err) && describe_tables(m->packet, &theirs, err);
    if (ok && !mel_equal(mel_str_text(&ours), mel_str_text(&theirs)))
        ok = mel_err(err, ERR_FORMAT, "the packet's tables are not as Melkit makes them");
    mel_str_clear(&ours);
    mel_str_clear(&theirs);
    return ok;
}

static bool check_pages(Db *packet, Err *err)
{
    Err step = {0};
    char *line = NULL;
    bool ok = db_one_text(packet, "PRAGMA integrity_check(1)", NULL, 0, &line, &step);
    if (ok && !mel_equal(line, "ok"))
        ok = mel_err(&step, ERR_FORMAT, "its store says '%s'", line ? line : "nothing");
    free(line);
    if (ok) return true;
    mel_err(err, ERR_FORMAT, "the packet is damaged: %s", step.message);
    return mel_err_hint(err, "copy it again from where the answers were given");
}

static const char sql_packet[] = "SELECT sha256 || ' ' || annotator_id FROM packet WHERE id = ?1";

static bool check_label(Merge *m, const char *manifest_sha256, Err *err)
{
    PacketLabel *label = &m->report.label;
    bool found, same = false;
    char id[ULID_SIZE], *recorded = NULL;
    if (!mel_packet_label(m->packet, label, &found, err) || !mel_dataset_id(m->db, id, err))
        return false;
    if (!found) return mel_err(err, ERR_FORMAT, "it is a dataset, but no packet");
    if (!mel_equal(label->origin, id))
        return mel_err(err, ERR_NOT_FOUND, "packet '%s' was made from another dataset", label->id);
    DbArg key[] = {db_text(label->id)};
    if (!db_one_text(m->db, sql_packet, key, 1, &recorded, err)) return false;
    char *wanted = mel_asprintf("%s %s", manifest_sha256, label->annotator_id);
    if (recorded) same = mel_equal(recorded, wanted);
    free(wanted);
    if (!recorded) mel_err(err, ERR_NOT_FOUND, "packet '%s' was not made here", label->id);
    free(recorded);
    return same ||
           mel_err(err, ERR_FORMAT, "packet '%s' is damaged: its manifest was changed", label->id);
}

/* ---- revisions ---------------------------------------------------------------------------------
 */

static void touch(Merge *m, const char *clip_id, const char *annotator_id)
{
    mel_grow(&m->touched, &m->touched_capacity, m->touched_count + 1, sizeof *m->touched);
    m->touched[m->touched_count++] =
        (Touched){.clip_id = mel_arena_strdup(&m->arena, clip_id),
                  .annotator_id = mel_arena_strdup(&m->arena, annotator_id)};
}

static void refuse(Merge *m, const char *subject, const char *why)
{
    m->report.refused++;
    if (m->refused) m->refused(m->ctx, subject, why);
}

static bool valid_time(const char *text)
{
    int64_t at_us;
    return text && strlen(text) == UTC_SIZE - 1 && mel_utc_parse(text, &at_us);
}

static const char sql_known[] =
    "SELECT CASE WHEN clip_id = ?2 AND annotator_id = ?3 THEN 1 ELSE -1 END"
    "  FROM annotation WHERE id = ?1";

static const char sql_clip_there[] =
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM takedown AS t WHERE t.source_id = c.source_id)"
    "            THEN 2 ELSE 1 END"
    "  FROM clip AS c WHERE c.id = ?1";

/* Far above every revision, until all are numbered anew. */
static const char sql_take[] =
    "SELECT id, clip_id, annotator_id, rev + 1000000000000, state, genre, tempo, bpm, dissonance,"
    "       metre, feel, text, relevance, frame_position, frame_why, comment, vocabulary_version,"
    "       'packet', active_us, created_at"
    "  FROM annotation WHERE id = ?1";

static const char sql_put[] =
    "INSERT INTO annotation (id, clip_id, annotator_id, rev, state, genre, tempo, bpm, dissonance,"
    "                        metre, feel, text, relevance, frame_position, frame_why, comment,"
    "                        vocabulary_version, origin, active_us, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
    "         ?20)";

static const char sql_take_terms[] =
    "SELECT annotation_id, field, term, role, position FROM annotation_term"
    " WHERE annotation_id = ?1";

static const char sql_put_term[] =
    "INSERT INTO annotation_term (annotation_id, field, term, role, position)"
    " VALUES (?1, ?2, ?3, ?4, ?5)";

static bool take_revision(Merge *m, const Annotation *a, Err *err)
{
    DbArg id[] = {db_text(a->id)};
    if (!valid_time(a->created_at) || strlen(a->id) != ULID_SIZE - 1)
        return mel_err(err, ERR_FORMAT, "the packet has a revision '%.40s' with a bad id or time",
                       a->id);
    if (!db_annotation_check(m->db, a, err))
        return mel_err_wrap(err, "revision '%s' of the packet", a->id);
    if (!mel_annotator_put(m->db, a->annotator_id, "person", NULL, err) ||
        !db_copy_rows(m->packet, sql_take, id, 1, m->db, sql_put, NULL, err) ||
        !db_copy_rows(m->packet, sql_take_terms, id, 1, m->db, sql_put_term, NULL, err))
        return false;
    touch(m, a->clip_id, a->annotator_id);
    m->report.added++;
    return true;
}

static bool merge_revision(Merge *m, const char *id, Err *err)
{
    Annotation a;
    int64_t known, there;
    if (!db_annotation_by_id(m->packet, id, &m->arena, &a, err)) return false;
    DbArg key[] = {db_text(a.id), db_text(a.clip_id), db_text(a.annotator_id)};
    DbArg clip[] = {db_text(a.clip_id)};
    if (!db_one_i64(m->db, sql_known, key, 3, 0, &known, err) ||
        !db_one_i64(m->db, sql_clip_there, clip, 1, 0, &there, err))
        return false;
    if (known < 0)
        return mel_err(err, ERR_EXISTS, "revision '%s' is of another clip or person here", a.id);
    if (known) {
        m->report.known++;
        return true;
    }
    if (there == 1) return take_revision(m, &a, err);
    refuse(m, a.clip_id, there ? "its source was taken down" : "there is no such clip here");
    return true;
}

static const char sql_revisions[] = "SELECT id FROM annotation"
                                    " WHERE annotator_id IN (?1, ?1 || '" RETEST_SUFFIX "')"
                                    " ORDER BY created_at, id";

/* Calls `each` for every id that a query over the packet and its person gives. */
static bool each_id(Merge *m, const char *sql, bool (*each)(Merge *m, const char *id, Err *err),
                    Err *err)
{
    DbRows rows;
    const char **ids = NULL;
    size_t count = 0, capacity = 0;
    bool ok = DB_ROWS(m->packet, &rows, sql, err, db_text(m->report.label.annotator_id));
    while (ok && db_next(&rows, err)) {
        mel_grow(&ids, &capacity, count + 1, sizeof *ids);
        ids[count++] = mel_arena_strdup(&m->arena, db_col_text(&rows, 0));
    }
    db_rows_end(&rows);
    ok = ok && !mel_err_is_set(err);
    for (size_t i = 0; ok && i < count; i++) {
        mel_sha256_add(m->seen, ids[i], strlen(ids[i]) + 1);
        ok = each(m, ids[i], err);
    }
    free(ids);
    return ok;
}

/* ---- reviews and uses --------------------------------------------------------------------------
 */

static const char sql_reviews[] =
    "SELECT id FROM review WHERE reviewer_id = ?1 ORDER BY created_at, id";

static const char sql_review_known[] = "SELECT 1 FROM review WHERE id = ?1";

static const char sql_reviewed[] =
    "SELECT annotation_id || ' ' || verdict || ' ' || created_at FROM review WHERE id = ?1";

static const char sql_reviewed_clip[] = "SELECT clip_id FROM annotation"
                                        " WHERE id = ?1 AND annotator_id <> ?2";

static const char sql_take_review[] =
    "SELECT id, annotation_id, reviewer_id, verdict, fields_json, comment, created_at"
    "  FROM review WHERE id = ?1";

static const char sql_put_review[] =
    "INSERT INTO review (id, annotation_id, reviewer_id, verdict, fields_json, comment, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

static bool take_review(Merge *m, const char *id, const char *annotation_id, bool returned,
                        Err *err)
{
    char *clip_id;
    const char *person = m->report.label.annotator_id;
    DbArg key[] = {db_text(id)}, answer[] = {db_text(annotation_id), db_text(person)};
    if (!db_one_text(m->db, sql_reviewed_clip, answer, 2, &clip_id, err)) return false;
    if (!clip_id) {
        refuse(m, id, "it reviews an answer that is not here");
        return true;
    }
    touch(m, clip_id, NULL);
    free(clip_id);
    m->report.reviews++;
    return mel_annotator_put(m->db, person, "person", NULL, err) &&
           db_copy_rows(m->packet, sql_take_review, key, 1, m->db, sql_put_review, NULL, err) &&
           (!returned || db_review_give_back(m->db, annotation_id, err));
}

static bool merge_review(Merge *m, const char *id, Err *err)
{
    int64_t known;
    char *row = NULL, *verdict, *time;
    DbArg key[] = {db_text(id)};
    if (!db_one_i64(m->db, sql_review_known, key, 1, 0, &known, err)) return false;
    if (known) return true;
    if (!db_one_text(m->packet, sql_reviewed, key, 1, &row, err)) return false;
    char *rest = row;
    const char *annotation_id = strsep(&rest, " ");
    verdict = rest ? strsep(&rest, " ") : NULL;
    time = rest;
    bool ok = valid_time(time) && strlen(id) == ULID_SIZE - 1;
    if (!ok) mel_err(err, ERR_FORMAT, "the packet has a review '%.40s' with a bad id or time", id);
    ok = ok && take_review(m, id, annotation_id, mel_equal(verdict, "return"), err);
    free(row);
    return ok;
}

static const char sql_take_uses[] =
    "SELECT id, suggestion_id, annotator_id, action, created_at FROM suggestion_use"
    " WHERE annotator_id IN (?1, ?1 || '" RETEST_SUFFIX "')";

static const char sql_put_use[] =
    "INSERT INTO suggestion_use (id, suggestion_id, annotator_id, action, created_at)"
    " SELECT ?1, ?2, ?3, ?4, ?5"
    "  WHERE EXISTS (SELECT 1 FROM suggestion WHERE id = ?2)"
    " ON CONFLICT (id) DO NOTHING";

static bool merge_uses(Merge *m, Err *err)
{
    const char *person = m->report.label.annotator_id;
    DbArg args[] = {db_text(person)};
    return mel_annotator_put(m->db, person, "person", NULL, err) &&
           db_copy_rows(m->packet, sql_take_uses, args, 1, m->db, sql_put_use, &m->report.uses,
                        err);
}

/* ---- numbering and settling --------------------------------------------------------------------
 */

static const char sql_lift[] = "UPDATE annotation SET rev = rev + 10000000000000"
                               " WHERE clip_id = ?1 AND annotator_id = ?2";

static const char sql_number[] =
    "UPDATE annotation"
    "   SET rev = (SELECT count(*) FROM annotation AS o"
    "               WHERE o.clip_id = ?1 AND o.annotator_id = ?2"
    "                 AND (o.created_at < annotation.created_at"
    "                   OR (o.created_at = annotation.created_at AND o.id <= annotation.id)))"
    " WHERE clip_id = ?1 AND annotator_id = ?2";

static const char sql_head[] =
    "INSERT INTO annotation_head (clip_id, annotator_id, annotation_id, rev, state)"
    " SELECT clip_id, annotator_id, id, rev, state FROM annotation"
    "  WHERE clip_id = ?1 AND annotator_id = ?2"
    "  ORDER BY rev DESC LIMIT 1"
    " ON CONFLICT (clip_id, annotator_id) DO UPDATE"
    " SET annotation_id = excluded.annotation_id, rev = excluded.rev, state = excluded.state";

static bool number(Db *db, const Touched *t, Err *err)
{
    return DB_RUN(db, sql_lift, err, db_text(t->clip_id), db_text(t->annotator_id)) &&
           DB_RUN(db, sql_number, err, db_text(t->clip_id), db_text(t->annotator_id)) &&
           DB_RUN(db, sql_head, err, db_text(t->clip_id), db_text(t->annotator_id));
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_touched(const void *a, const void *b)
{
    const Touched *x = a, *y = b;
    int order = strcmp(x->clip_id, y->clip_id);
    return order ? order : compare_texts(x->annotator_id, y->annotator_id);
}

static bool finish(Merge *m, Err *err)
{
    if (m->touched_count) qsort(m->touched, m->touched_count, sizeof *m->touched, compare_touched);
    for (size_t i = 0; i < m->touched_count; i++) {
        const Touched *t = &m->touched[i];
        if (i && compare_touched(t, t - 1) == 0) continue;
        if (t->annotator_id && !number(m->db, t, err)) return false;
    }
    for (size_t i = 0; i < m->touched_count; i++) {
        if (i && mel_equal(m->touched[i].clip_id, m->touched[i - 1].clip_id)) continue;
        if (!mel_settle(m->db, m->touched[i].clip_id, err)) return false;
        m->report.settled++;
    }
    return true;
}

static const char sql_record[] =
    "INSERT INTO packet_merge (sha256, packet_id, added_count, known_count, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (sha256) DO NOTHING";

static bool record(Merge *m, Err *err)
{
    char now[UTC_SIZE], hex[SHA256_HEX_SIZE];
    mel_utc_now(now);
    mel_sha256_finish(m->seen, hex);
    m->seen = NULL;
    return DB_RUN(m->db, sql_record, err, db_text(hex), db_text(m->report.label.id),
                  db_i64(m->report.added), db_i64(m->report.known), db_text(now));
}

static bool merge_inside(Merge *m, const char *manifest_sha256, Err *err)
{
    if (!check_label(m, manifest_sha256, err)) return false;
    mel_sha256_add(m->seen, m->report.label.id, ULID_SIZE);
    return each_id(m, sql_revisions, merge_revision, err) &&
           each_id(m, sql_reviews, merge_review, err) && merge_uses(m, err) && finish(m, err) &&
           record(m, err);
}

bool mel_packet_merge(Db *db, Db *packet, const char *manifest_sha256, PacketRefusedFn *refused,
                      void *ctx, PacketMerge *out, Err *err)
{
    Merge m = {.db = db, .packet = packet, .refused = refused, .ctx = ctx};
    if (!check_pages(packet, err) || !check_tables(&m, err) || !mel_db_begin(db, err)) return false;
    m.seen = mel_sha256_new();
    bool ok = mel_db_end(db, merge_inside(&m, manifest_sha256, err), err);
    if (ok) *out = m.report;
    mel_sha256_free(m.seen);
    free(m.touched);
    mel_arena_clear(&m.arena);
    return ok;
}
