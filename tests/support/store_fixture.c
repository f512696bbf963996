/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_fixture.h"

#include "curator/measures.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static Arena kept;

Store store_new(void)
{
    Err err = {0};
    Store store = {.folder = test_folder()};
    CHECK_OK(mel_db_create(store.folder, &err));
    CHECK_OK(mel_db_open(store.folder, DB_WRITE, &store.db, &err));
    return store;
}

void store_close(Store *store)
{
    mel_db_close(store->db);
    store->db = NULL;
}

void store_remove(Store *store)
{
    store_close(store);
    test_folder_remove(store->folder);
    *store = (Store){0};
}

void store_reopen(Store *store, DbMode mode)
{
    Err err = {0};
    store_close(store);
    CHECK_OK(mel_db_open(store->folder, mode, &store->db, &err));
}

int store_setup(void **state)
{
    Store *store = mel_alloc(sizeof *store);
    *store = store_new();
    *state = store;
    return 0;
}

int store_teardown(void **state)
{
    Store *store = *state;
    store_remove(store);
    free(store);
    return 0;
}

const char *store_source(Db *db, const char *id)
{
    Err err = {0};
    const Source source = {.id = id,
                           .kind = "file",
                           .locator = mel_arena_printf(&kept, "/films/%s.mp4", id),
                           .title = mel_arena_printf(&kept, "Title of %s", id),
                           .channel = "a channel",
                           .duration_us = 60000000};
    CHECK_OK(mel_source_put(db, &source, NULL, &err));
    return mel_arena_strdup(&kept, id);
}

const char *store_clip(Db *db, const char *source_id, int start_s)
{
    Err err = {0};
    char id[CLIP_ID_SIZE];
    int64_t start_us = start_s * (int64_t)1000000;
    store_source(db, source_id);
    CHECK_OK(mel_clip_put(db, source_id, start_us, start_us + 10000000, NULL, id, NULL, &err));
    return mel_arena_strdup(&kept, id);
}

/* ---- products ----------------------------------------------------------------------------------
 */

enum { STILLS_MAX = 8, MEASURES_MAX = 64 };

static size_t fill_measures(ClipMeasure measures[MEASURES_MAX], uint64_t seed, double loudness)
{
    static const char *const names[] = {
#define X(name, unit, meaning) #name,
        MEL_AUDIO_MEASURES(X) MEL_PICTURE_MEASURES(X)
#undef X
    };
    size_t count = MEL_COUNT(names);
    for (size_t i = 0; i < count; i++)
        measures[i] = (ClipMeasure){.name = names[i], .value = (double)((seed >> i) & 1023) / 1024};
    for (size_t i = 0; i < count; i++)
        if (mel_equal(names[i], "loudness_lufs")) measures[i].value = loudness;
    return count;
}

static ClipMedia make_media(Arena *arena, const char *clip_id, const char *role, int position,
                            const char *extension)
{
    char *hex = mel_arena_alloc(arena, SHA256_HEX_SIZE);
    char *path = mel_arena_printf(arena, "media/%s/%s-%d.%s", clip_id, role, position, extension);
    mel_sha256_hex(path, strlen(path), hex);
    return (ClipMedia){.role = role,
                       .position = position,
                       .path = path,
                       .sha256 = hex,
                       .size_bytes = 1000 + position};
}

bool store_try_ready(Db *db, const char *clip_id, int stills, double loudness, Err *err)
{
    Arena arena = {0};
    ClipMedia media[STILLS_MAX + 2];
    ClipFrame frames[STILLS_MAX];
    ClipMeasure measures[MEASURES_MAX];
    uint64_t seed = mel_keyed_hash("products", clip_id);
    size_t count = 0;
    MEL_ASSERT(stills <= STILLS_MAX);
    media[count++] = make_media(&arena, clip_id, "audio", 0, "flac");
    media[count++] = make_media(&arena, clip_id, "preview", 0, "mp4");
    for (int i = 0; i < stills; i++) {
        media[count++] = make_media(&arena, clip_id, "still", i, "jpg");
        frames[i] = (ClipFrame){.time_us = 500000 + i * 1000000,
                                .width = 640,
                                .height = 360,
                                .score = 1.0 / (i + 1),
                                .sharpness = 100,
                                .brightness = 90,
                                .picture_hash = seed + (uint64_t)i,
                                .frame_hash = ~seed};
    }
    const ClipProducts products = {.clip_id = clip_id,
                                   .took_us = 1234,
                                   .fetched_bytes = 99999,
                                   .tools_json = "{\"melkit\":\"test\"}",
                                   .got_start_us = 5,
                                   .audio_samples = 480000,
                                   .sample_rate_hz = 48000,
                                   .channels = 2,
                                   .bits_per_sample = 16,
                                   .width = 640,
                                   .height = 360,
                                   .preview_width = 320,
                                   .preview_height = 180,
                                   .preview_frames = 250,
                                   .container = "mp4",
                                   .audio_codec = "aac",
                                   .video_codec = "h264",
                                   .media = media,
                                   .media_count = count,
                                   .frames = frames,
                                   .frame_count = (size_t)stills,
                                   .measures = measures,
                                   .measure_count = fill_measures(measures, seed, loudness),
                                   .landmarks = &seed,
                                   .landmark_bytes = sizeof seed,
                                   .landmark_count = 1,
                                   .landmark_version = 1};
    bool ok = mel_clip_ready(db, &products, err);
    mel_arena_clear(&arena);
    return ok;
}

void store_ready(Db *db, const char *clip_id, int stills, double loudness)
{
    Err err = {0};
    CHECK_OK(store_try_ready(db, clip_id, stills, loudness, &err));
}

const char *store_ready_clip(Db *db, const char *source_id, int start_s, double loudness)
{
    const char *id = store_clip(db, source_id, start_s);
    store_ready(db, id, 3, loudness);
    return id;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

void store_person(Db *db, const char *id)
{
    Err err = {0};
    CHECK_OK(mel_annotator_put(db, id, "person", id, &err));
}

int64_t store_say(Db *db, const char *clip_id, const char *person, const char *genre,
                  const char *text)
{
    Err err = {0};
    Annotation annotation;
    int64_t rev = 0;
    store_person(db, person);
    mel_annotation_init(&annotation);
    annotation.clip_id = clip_id;
    annotation.annotator_id = person;
    annotation.state = "submitted";
    annotation.genre = genre;
    annotation.text = text ? text : mel_arena_printf(&kept, "A piece of %s.", genre);
    CHECK_OK(mel_annotation_save(db, &annotation, NULL, &rev, &err));
    return rev;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

int64_t store_count(Db *db, const char *view, const char *where)
{
    Err err = {0};
    int64_t count = 0;
    const ViewQuery query = {.view = view, .columns = "count(*)", .where = where};
    CHECK_OK(mel_query_i64(db, &query, &count, &err));
    return count;
}

typedef struct FieldWanted {
    const char *name;
    const char *found;
    int rows;
} FieldWanted;

static bool take_field(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    FieldWanted *wanted = ctx;
    const Cell *cell = mel_row_cell(row, wanted->name);
    if (!cell) fail_msg("no column '%s'", wanted->name);
    if (cell->type == CELL_TEXT) wanted->found = mel_arena_strdup(&kept, cell->text);
    if (cell->type == CELL_I64)
        wanted->found = mel_arena_printf(&kept, "%lld", (long long)cell->i64);
    if (cell->type == CELL_F64) wanted->found = mel_arena_printf(&kept, "%.15g", cell->f64);
    wanted->rows++;
    return true;
}

const char *store_field(Db *db, const char *view, const char *where, const char *field)
{
    Err err = {0};
    FieldWanted wanted = {.name = field, .found = ""};
    const ViewQuery query = {.view = view, .where = where};
    CHECK_OK(mel_query(db, &query, take_field, &wanted, &err));
    if (wanted.rows != 1) fail_msg("%d rows of '%s' where %s", wanted.rows, view, where);
    return wanted.found;
}

static sqlite3 *raw_open(const Store *store)
{
    sqlite3 *handle = NULL;
    char *path = mel_path_join(store->folder, "mel.db");
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    free(path);
    sqlite3_busy_timeout(handle, 5000);
    return handle;
}

void store_raw(const Store *store, const char *sql)
{
    sqlite3 *handle = raw_open(store);
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

int64_t store_raw_i64(const Store *store, const char *sql)
{
    sqlite3 *handle = raw_open(store);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return value;
}

typedef struct FindingCount {
    const char *word;
    int count;
} FindingCount;

static bool count_finding(void *ctx, const char *word, const char *subject, const char *message,
                          Err *err)
{
    (void)subject, (void)message, (void)err;
    FindingCount *findings = ctx;
    findings->count += !findings->word || mel_equal(word, findings->word);
    return true;
}

int store_findings(Db *db, const char *word)
{
    Err err = {0};
    FindingCount findings = {.word = word};
    CHECK_OK(mel_store_check(db, count_finding, &findings, &err));
    return findings.count;
}

/* ---- the whole dataset as text --------------------------------------------------------------- */

typedef struct Dump {
    const char *view;
    const char *const *hidden; /* columns left out */
    char **lines;
    size_t count, capacity;
} Dump;

static bool dump_row(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Dump *dump = ctx;
    json_t *object = mel_row_json(row);
    for (const char *const *name = dump->hidden; *name; name++)
        json_object_del(object, *name);
    char *json = mel_json_line(object);
    mel_grow(&dump->lines, &dump->capacity, dump->count + 1, sizeof *dump->lines);
    dump->lines[dump->count++] = mel_asprintf("%s %s\n", dump->view, json);
    free(json);
    json_decref(object);
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool dump_view(Db *db, const char *view, const char *const *hidden, Str *out, Err *err)
{
    Dump dump = {.view = view, .hidden = hidden};
    const ViewQuery query = {.view = view};
    bool ok = mel_query(db, &query, dump_row, &dump, err);
    if (dump.count) qsort(dump.lines, dump.count, sizeof *dump.lines, compare_lines);
    for (size_t i = 0; i < dump.count; i++) {
        mel_str_add(out, dump.lines[i]);
        free(dump.lines[i]);
    }
    free(dump.lines);
    return ok;
}

char *store_dump(Db *db, Err *err)
{
    static const char *const of_clips[] = {"created_at", "changed_at", NULL};
    static const char *const of_answers[] = {"id", "created_at", NULL};
    static const char *const of_triplets[] = {NULL};
    static const char *const of_splits[] = {"assigned_at", NULL};
    Str text = {0};
    bool ok = dump_view(db, "clips", of_clips, &text, err) &&
              dump_view(db, "annotations", of_answers, &text, err) &&
              dump_view(db, "triplets", of_triplets, &text, err) &&
              dump_view(db, "scores", of_answers, &text, err) &&
              dump_view(db, "splits", of_splits, &text, err);
    if (!ok) mel_str_clear(&text);
    if (!ok) return NULL;
    return text.text ? mel_str_take(&text) : mel_strdup("");
}
