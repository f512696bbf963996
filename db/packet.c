/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

static const char sql_get[] = "SELECT value FROM setting WHERE key = ?1";

static const char sql_set[] = "INSERT INTO setting (key, value) VALUES (?1, ?2)"
                              " ON CONFLICT (key) DO UPDATE SET value = excluded.value";

static bool get_setting(Db *db, const char *key, char *out, size_t size, Err *err)
{
    char *value;
    DbArg args[] = {db_text(key)};
    if (!db_one_text(db, sql_get, args, 1, &value, err)) return false;
    bool fits = !value || strlen(value) < size;
    if (fits) snprintf(out, size, "%s", value ? value : "");
    free(value);
    return fits || mel_err(err, ERR_FORMAT, "the store's setting '%s' is too long", key);
}

static bool make_dataset_id(Db *db, char id[ULID_SIZE], Err *err)
{
    if (!get_setting(db, "dataset_id", id, ULID_SIZE, err)) return false;
    if (*id) return true;
    mel_ulid(id);
    return DB_RUN(db, sql_set, err, db_text("dataset_id"), db_text(id));
}

bool mel_dataset_id(Db *db, char id[ULID_SIZE], Err *err)
{
    char found[ULID_SIZE];
    if (!get_setting(db, "dataset_id", found, sizeof found, err)) return false;
    if (!*found) {
        if (!mel_db_begin(db, err)) return false;
        if (!mel_db_end(db, make_dataset_id(db, found, err), err)) return false;
    }
    memcpy(id, found, sizeof found);
    return true;
}

bool mel_packet_label(Db *packet, PacketLabel *out, bool *found_out, Err *err)
{
    PacketLabel label = {0};
    if (!get_setting(packet, "packet_id", label.id, sizeof label.id, err) ||
        !get_setting(packet, "packet_origin", label.origin, sizeof label.origin, err) ||
        !get_setting(packet, "packet_annotator", label.annotator_id, sizeof label.annotator_id,
                     err))
        return false;
    *found_out = *label.id && *label.origin && *label.annotator_id;
    if (*found_out) *out = label;
    return true;
}

static bool put_label(Db *packet, const PacketLabel *label, Err *err)
{
    return DB_RUN(packet, sql_set, err, db_text("packet_id"), db_text(label->id)) &&
           DB_RUN(packet, sql_set, err, db_text("packet_origin"), db_text(label->origin)) &&
           DB_RUN(packet, sql_set, err, db_text("packet_annotator"), db_text(label->annotator_id));
}

/* ---- what goes into a packet ------------------------------------------------------------------
 */

/* Of every query: ?1 is the person, ?2 the batch or NULL. */

/* Clips that the person owes a second answer to, whose first one stands (or does not). */
#define RETESTS(first)                                                                             \
    "(SELECT r.clip_id FROM assignment AS r"                                                       \
    "  WHERE r.annotator_id = ?1 AND r.purpose = 'retest'"                                         \
    "    AND NOT " SECOND_ANSWER_GIVEN("r.clip_id", "?1") " AND " first ")"

/* The second answer is to be given without a look at the first: where the first stands it stays at
 * home; where it is still to be given, or given again, the second waits for a later packet. */
#define ASKED_AGAIN RETESTS(FIRST_ANSWER_STANDS("r.clip_id", "?1"))
#define WAITING RETESTS("NOT " FIRST_ANSWER_STANDS("r.clip_id", "?1"))

/* With the first answer its place in the queue stays at home: it would look open. */
#define ASSIGNED                                                                                   \
    "s.annotator_id = ?1 AND (?2 IS NULL OR s.batch = ?2)"                                         \
    " AND CASE s.purpose WHEN 'review' THEN 1"                                                     \
    "                    WHEN 'retest' THEN s.clip_id NOT IN " WAITING                             \
    "                    ELSE s.clip_id NOT IN " ASKED_AGAIN " END"

#define CLIPS                                                                                      \
    "(SELECT s.clip_id FROM assignment AS s JOIN clip AS k ON k.id = s.clip_id"                    \
    "  WHERE " ASSIGNED " AND k.state = 'ready')"

#define SELF "(?1, ?1 || '" RETEST_SUFFIX "')"

/* Clips whose answers the person is to review, and owes no own answer to. */
#define REVIEWED                                                                                   \
    "(SELECT s.clip_id FROM assignment AS s"                                                       \
    "  WHERE s.annotator_id = ?1 AND (?2 IS NULL OR s.batch = ?2) AND s.purpose = 'review'"        \
    "    AND NOT EXISTS (SELECT 1 FROM assignment AS o"                                            \
    "                     WHERE o.clip_id = s.clip_id AND o.annotator_id = ?1"                     \
    "                       AND o.purpose <> 'review'"                                             \
    "                       AND NOT EXISTS (SELECT 1 FROM annotation AS b"                         \
    "                                        WHERE b.clip_id = o.clip_id"                          \
    "                                          AND b.state = 'submitted'"                          \
    "                                          AND b.annotator_id ="                               \
    "                                              CASE WHEN o.purpose = 'retest'"                 \
    "                                                   THEN ?1 || '" RETEST_SUFFIX "'"            \
    "                                                   ELSE ?1 END)))"

#define ANSWERS                                                                                    \
    "(SELECT n.id FROM annotation AS n"                                                            \
    "  WHERE n.clip_id IN " CLIPS "    AND (n.annotator_id <> ?1 OR n.clip_id NOT IN " ASKED_AGAIN \
    ")"                                                                                            \
    "    AND (n.annotator_id <> ?1 || '" RETEST_SUFFIX "' OR n.clip_id NOT IN " WAITING ")"        \
    "    AND (n.annotator_id IN " SELF "     OR (n.clip_id IN " REVIEWED                           \
    "         AND n.id IN (SELECT g.annotation_id"                                                 \
    "                      FROM annotation_head AS g JOIN annotator AS p ON p.id = g.annotator_id" \
    "                     WHERE g.clip_id = n.clip_id AND g.state = 'submitted'"                   \
    "                       AND p.kind IN ('person', 'script')))))"

#define COPY(table, columns, marks, condition)                                                     \
    {                                                                                              \
        "SELECT " columns " FROM " table " WHERE " condition,                                      \
            "INSERT INTO " table " (" columns ") VALUES (" marks ") ON CONFLICT DO NOTHING"        \
    }

/* In the order that foreign keys want. */
static const struct {
    const char *select, *insert;
} copies[] = {
    COPY("annotator", "id, kind, display_name, created_at", "?1, ?2, ?3, ?4",
         "id IN " SELF " OR id IN (SELECT annotator_id FROM annotation WHERE id IN " ANSWERS ")"
         " OR id IN (SELECT reviewer_id FROM review WHERE annotation_id IN " ANSWERS ")"),
    COPY("source",
         "id, kind, locator, title, channel_id, channel, license, upload_date, duration_us,"
         " extractor, metadata_json, availability, availability_seen_at, created_at",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14",
         "id IN (SELECT source_id FROM clip WHERE id IN " CLIPS ")"),
    COPY("clip",
         "id, source_id, start_us, end_us, state, reason, failure_class, message, attempts,"
         " published_split, created_at, changed_at",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12", "id IN " CLIPS),
    COPY("attempt", "id, clip_id, at, took_us, outcome, reason, message, fetched_bytes, tools_json",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9", "clip_id IN " CLIPS),
    COPY("media", "clip_id, role, position, path, sha256, size_bytes, made_by_json, created_at",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", "clip_id IN " CLIPS),
    COPY("cut",
         "clip_id, got_start_us, sample_rate_hz, channels, bits_per_sample, audio_samples,"
         " missing_samples, width, height, rotation_deg, preview_width, preview_height,"
         " preview_frames, container, audio_codec, video_codec, format_id",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17",
         "clip_id IN " CLIPS),
    COPY("quality",
         "clip_id, silence_share, silence_longest_s, clipped_runs, clipped_share, loudness_lufs,"
         " loudness_range_lu, true_peak_dbtp, bandwidth_hz, stereo_correlation, side_level_db,"
         " dc_offset, dropouts, gap_s, crest_db, tempo_bpm, onset_rate_hz, black_share,"
         " sharpness_median, motion_mean, static_share, shot_cuts, brightness_mean, contrast,"
         " frame_count, frame_rate_hz, longest_frame_s",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
         " ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27",
         "clip_id IN " CLIPS),
    COPY("frame",
         "clip_id, position, time_us, width, height, score, sharpness, brightness, black_share,"
         " picture_hash, frame_hash",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11", "clip_id IN " CLIPS),
    COPY("landmark", "clip_id, version, count, bytes", "?1, ?2, ?3, ?4", "clip_id IN " CLIPS),
    COPY("label", "clip_id, scheme, value", "?1, ?2, ?3", "clip_id IN " CLIPS),
    COPY("assignment",
         "id, batch, clip_id, annotator_id, purpose, position, not_before, created_at",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8",
         "id IN (SELECT s.id FROM assignment AS s WHERE " ASSIGNED ") AND clip_id IN " CLIPS),
    COPY("annotation",
         "id, clip_id, annotator_id, rev, state, genre, tempo, bpm, dissonance, metre, feel, text,"
         " relevance, frame_position, frame_why, comment, vocabulary_version, origin, active_us,"
         " created_at",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
         " ?20",
         "id IN " ANSWERS),
    COPY("annotation_term", "annotation_id, field, term, role, position", "?1, ?2, ?3, ?4, ?5",
         "annotation_id IN " ANSWERS),
    COPY("annotation_head", "clip_id, annotator_id, annotation_id, rev, state",
         "?1, ?2, ?3, ?4, ?5", "annotation_id IN " ANSWERS),
    COPY("review", "id, annotation_id, reviewer_id, verdict, fields_json, comment, created_at",
         "?1, ?2, ?3, ?4, ?5, ?6, ?7", "annotation_id IN " ANSWERS),
    COPY("suggestion", "id, clip_id, field, value_json, origin, created_at",
         "?1, ?2, ?3, ?4, ?5, ?6", "clip_id IN " CLIPS),
    COPY("suggestion_use", "id, suggestion_id, annotator_id, action, created_at",
         "?1, ?2, ?3, ?4, ?5",
         "annotator_id IN " SELF
         " AND suggestion_id IN (SELECT g.id FROM suggestion AS g WHERE g.clip_id IN " CLIPS
         "     AND (suggestion_use.annotator_id <> ?1 OR g.clip_id NOT IN " ASKED_AGAIN "))"),
};

/* The dataset's terms, retired ones too: they may stand in answers. */
static const char sql_terms[] =
    "SELECT field, id, label, parent, position, since_version, retired_version"
    "  FROM vocabulary_term";

static const char sql_put_term[] =
    "INSERT INTO vocabulary_term (field, id, label, parent, position, since_version,"
    "                             retired_version)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    " ON CONFLICT (field, id) DO NOTHING";

static const char sql_count_packed[] =
    "SELECT count(DISTINCT clip_id), (SELECT count(*) FROM annotation)"
    "  FROM assignment";

static const char sql_count_assigned[] = "SELECT count(DISTINCT s.clip_id) FROM assignment AS s"
                                         " WHERE " ASSIGNED;

static const char sql_count_waiting[] = "SELECT count(DISTINCT s.clip_id) FROM assignment AS s"
                                        " WHERE s.annotator_id = ?1"
                                        "   AND (?2 IS NULL OR s.batch = ?2)"
                                        "   AND s.purpose = 'retest'"
                                        "   AND s.clip_id IN " WAITING;

bool mel_packet_contents(Db *packet, PacketContents *out, Err *err)
{
    DbRows rows;
    PacketContents found = {0};
    bool ok = db_rows(packet, &rows, sql_count_packed, NULL, 0, err);
    if (ok && db_next(&rows, err))
        found = (PacketContents){.clips = db_col_i64(&rows, 0), .answers = db_col_i64(&rows, 1)};
    db_rows_end(&rows);
    if (!ok || mel_err_is_set(err)) return false;
    *out = found;
    return true;
}

static bool nothing_to_pack(const char *person, const char *batch, int64_t waiting, Err *err)
{
    mel_err(err, ERR_NOT_FOUND, "no ready clip is assigned to '%s'%s%s", person,
            batch ? " in batch " : "", batch ? batch : "");
    if (!waiting) return mel_err_hint(err, "mel assign --where CONDITION --to %s", person);
    return mel_err_hint(err, "%lld %s asked again, once the first answer is submitted",
                        (long long)waiting, waiting == 1 ? "is" : "are");
}

static bool fill_inside(Db *db, Db *packet, const PacketLabel *label, const char *batch,
                        PacketContents *out, Err *err)
{
    const DbArg args[] = {db_text(label->annotator_id), db_text(batch)};
    if (!put_label(packet, label, err) ||
        !db_copy_rows(db, sql_terms, NULL, 0, packet, sql_put_term, NULL, err))
        return false;
    for (size_t i = 0; i < MEL_COUNT(copies); i++)
        if (!db_copy_rows(db, copies[i].select, args, 2, packet, copies[i].insert, NULL, err))
            return false;
    int64_t assigned;
    if (!mel_packet_contents(packet, out, err) ||
        !db_one_i64(db, sql_count_assigned, args, 2, 0, &assigned, err) ||
        !db_one_i64(db, sql_count_waiting, args, 2, 0, &out->waiting, err))
        return false;
    out->skipped = assigned - out->clips;
    return out->clips || nothing_to_pack(label->annotator_id, batch, out->waiting, err);
}

/* The dataset's own transaction keeps what is read of one moment. */
bool mel_packet_fill(Db *db, Db *packet, const PacketLabel *label, const char *batch,
                     PacketContents *out, Err *err)
{
    PacketContents contents;
    if (!mel_db_begin(db, err)) return false;
    bool ok = mel_db_begin(packet, err);
    if (ok) ok = mel_db_end(packet, fill_inside(db, packet, label, batch, &contents, err), err);
    if (!mel_db_end(db, ok, err)) return false;
    *out = contents;
    return true;
}

static const char sql_record[] =
    "INSERT INTO packet (id, annotator_id, clip_count, sha256, created_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5)";

bool mel_packet_record(Db *db, const PacketLabel *label, int64_t clip_count, const char *sha256,
                       Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    return DB_RUN(db, sql_record, err, db_text(label->id), db_text(label->annotator_id),
                  db_i64(clip_count), db_text(sha256), db_text(now));
}
