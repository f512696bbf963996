/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's own calls: a list of changes that follows from a seed, done one after the other by
 * children that are killed; the next child goes on behind the last acknowledged one. */
#include "db/db_internal.h"
#include "tests/crash/crash.h"
#include "tests/support/store_fixture.h"

#include <stdlib.h>
#include <string.h>

typedef enum StepKind {
    STEP_INIT,
    STEP_IMPORT,
    STEP_READY,
    STEP_FAILED,
    STEP_SEEN,
    STEP_ANNOTATE,
    STEP_SCORE,
    STEP_DUPLICATE,
    STEP_BREAK,
    STEP_PASS,
    STEP_UNDO,
    STEP_SPLIT,
    STEP_DROP,
    STEP_TAKEDOWN,
    STEP_BACKUP,
} StepKind;

typedef struct Step {
    StepKind kind;
    int source, other; /* numbers of sources, or of what the kind has several of */
    int choice;        /* one of the things that may be said */
    char id[ULID_SIZE];
} Step;

enum { SOURCES = 10, CLIPS_EACH = 3, STEPS = 150 };

typedef struct World {
    char *folder;
    Step steps[STEPS];
    int done; /* steps that were acknowledged */
} World;

/* ---- the list of changes
 * ------------------------------------------------------------------------------ */

static const char *const genres[] = {"jazz", "rock", "pop"};
static const char *const people[] = {"ann", "bob", "cyd"};

/* Weighted: what people do most comes most. */
static StepKind random_kind(Rng *rng)
{
    static const StepKind kinds[] = {
        STEP_ANNOTATE, STEP_ANNOTATE, STEP_ANNOTATE, STEP_ANNOTATE, STEP_READY, STEP_READY,
        STEP_READY,    STEP_FAILED,   STEP_SEEN,     STEP_SCORE,    STEP_SCORE, STEP_DUPLICATE,
        STEP_BREAK,    STEP_PASS,     STEP_PASS,     STEP_UNDO,     STEP_SPLIT, STEP_SPLIT,
        STEP_DROP,     STEP_IMPORT,   STEP_BACKUP,
    };
    return kinds[mel_rng_int(rng, MEL_COUNT(kinds))];
}

static void plan_steps(World *world, uint64_t seed)
{
    Rng rng = {.seed = seed};
    for (int i = 0; i < STEPS; i++) {
        Step *step = &world->steps[i];
        *step = (Step){.kind = i == 0         ? STEP_INIT
                               : i <= SOURCES ? STEP_IMPORT
                                              : random_kind(&rng),
                       .source = i <= SOURCES ? i - 1 : mel_rng_int(&rng, SOURCES),
                       .other = mel_rng_int(&rng, CLIPS_EACH),
                       .choice = mel_rng_int(&rng, 3)};
        if (i == STEPS - 20) step->kind = STEP_TAKEDOWN;
        snprintf(step->id, sizeof step->id, "%013llX%013d", (unsigned long long)seed & 0xffffffff,
                 i);
    }
}

static void name_source(int source, char name[32])
{
    snprintf(name, 32, "file-%02d", source);
}

static void name_clip(const Step *step, char id[CLIP_ID_SIZE])
{
    char name[32];
    name_source(step->source, name);
    mel_clip_id(name, step->other * (int64_t)15000000, id);
}

/* ---- doing a change: each may be done again
 * ---------------------------------------------------------------- */

static bool import(Db *db, const Step *step, Err *err)
{
    char name[32], clip[CLIP_ID_SIZE];
    name_source(step->source, name);
    const Source source = {.id = name, .kind = "file", .locator = name, .duration_us = 60000000};
    if (!mel_db_begin(db, err)) return false;
    bool ok = mel_source_put(db, &source, NULL, err) &&
              mel_bad_row_put(db, "list.csv", step->source, "time.order", "no", "row", err) &&
              mel_import_record(db, "list.csv", "plain", CLIPS_EACH, CLIPS_EACH, 1, err);
    for (int i = 0; ok && i < CLIPS_EACH; i++)
        ok = mel_clip_put(db, name, i * (int64_t)15000000, i * (int64_t)15000000 + 10000000, NULL,
                          clip, NULL, err) &&
             mel_clip_label(db, clip, "audioset", "/m/04rlf", err);
    return mel_db_end(db, ok, err);
}

static bool clip_is_ready(Db *db, const char *clip, bool *ready, Err *err)
{
    int64_t count;
    DbArg args[] = {db_text(clip)};
    if (!db_one_i64(db, "SELECT state <> 'new' FROM clip WHERE id = ?1", args, 1, 0, &count, err))
        return false;
    *ready = count != 0;
    return true;
}

/* As fetching does: only a clip that waits is worked on. */
static bool fetch(Db *db, const Step *step, Err *err)
{
    char clip[CLIP_ID_SIZE];
    bool ready;
    name_clip(step, clip);
    if (!clip_is_ready(db, clip, &ready, err)) return false;
    if (ready) return true;
    if (step->kind == STEP_FAILED)
        return mel_clip_failed(db, clip, "http.503", "transient", "busy", 1, 1, "{}", err);
    return store_try_ready(db, clip, 1 + step->choice, -10 - 10 * step->choice, err);
}

static bool annotate(Db *db, const Step *step, Err *err)
{
    Annotation a;
    char clip[CLIP_ID_SIZE];
    const AnnotationTerm terms[] = {
        {"mood",       "calm",  ""    },
        {"instrument", "piano", "lead"}
    };
    name_clip(step, clip);
    mel_annotation_init(&a);
    a.id = step->id;
    a.clip_id = clip;
    a.annotator_id = people[step->source % 3];
    a.state = step->choice ? "submitted" : "draft";
    a.genre = genres[step->choice];
    a.text = step->id;
    a.terms = terms;
    a.term_count = 2;
    return mel_annotator_put(db, a.annotator_id, "person", NULL, err) &&
           mel_annotation_save(db, &a, NULL, NULL, err);
}

static bool put_score(Db *db, const Step *step, Err *err)
{
    char clip[CLIP_ID_SIZE];
    name_clip(step, clip);
    const Score score = {.id = step->id,
                         .clip_id = clip,
                         .name = "imsm",
                         .value = (step->source * 10 + step->choice) / 100.0,
                         .model = "crash"};
    return mel_score_put(db, &score, err);
}

static bool duplicate(Db *db, const Step *step, Err *err)
{
    char a[CLIP_ID_SIZE], b[CLIP_ID_SIZE], name[32];
    name_source(step->source, name);
    mel_clip_id(name, 0, a);
    mel_clip_id(name, 15000000, b);
    if (step->kind == STEP_BREAK) return mel_duplicate_break(db, a, b, "audio", "no", err);
    const DuplicateRow row = {.clip_a = a, .clip_b = b, .kind = "audio", .score = 1, .method = "m"};
    return mel_duplicate_put(db, &row, NULL, err);
}

static bool pass(Db *db, const Step *step, Err *err)
{
    static const char *const names[] = {"quiet", "plain", "pure"};
    static const char *const conditions[] = {"loudness_lufs < -15", "genre = 'pop'", "imsm < 0.3"};
    PassOutcome outcome;
    if (step->kind == STEP_PASS)
        return mel_pass_run(db, names[step->choice], conditions[step->choice], NULL, false,
                            &outcome, err);
    if (mel_pass_undo(db, names[step->choice], NULL, NULL, err)) return true;
    if (err->code != ERR_NOT_FOUND) return false;
    mel_err_clear(err); /* none is in force: undone before the kill, or never run */
    return true;
}

static bool take_id(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    mel_str_addf(ctx, "%s\n", mel_row_text(row, "id", ""));
    return true;
}

static bool assign_all(Db *db, const char *split_id, const char *ids, Err *err)
{
    bool ok = true;
    for (const char *p = ids; ok && *p; p += strcspn(p, "\n") + 1) {
        char *id = mel_strndup(p, strcspn(p, "\n"));
        bool train = mel_keyed_hash("sides", id) % 4;
        const SplitMember member = {id, train ? "train" : "test", id};
        ok = mel_split_assign(db, split_id, &member, err);
        free(id);
    }
    return ok;
}

/* Makes the split or grows it, as mel split does: in one transaction. */
static bool split(Db *db, Err *err)
{
    Arena arena = {0};
    Str ids = {0};
    bool made;
    const SplitRow row = {
        .name = "main", .seed = "1", .sides_json = "{}", .stratify = "", .condition = "included"};
    SplitRow stored;
    const ViewQuery ready = {
        .view = "clips", .columns = "id", .also = "state = 'ready'", .order = "id"};
    if (!mel_db_begin(db, err)) return false;
    bool ok = mel_split_make(db, &row, &arena, &stored, &made, err) &&
              mel_query(db, &ready, take_id, &ids, err) &&
              assign_all(db, stored.id, mel_str_text(&ids), err);
    ok = mel_db_end(db, ok, err);
    mel_str_clear(&ids);
    mel_arena_clear(&arena);
    return ok;
}

static bool drop(Db *db, const Step *step, Err *err)
{
    Arena arena = {0};
    SplitRow stored;
    char clip[CLIP_ID_SIZE];
    name_clip(step, clip);
    bool ok = split(db, err) && mel_split_find(db, "main", &arena, &stored, err) &&
              mel_split_drop(db, stored.id, clip, "joined", err);
    mel_arena_clear(&arena);
    return ok;
}

static bool backup(Db *db, Err *err)
{
    char *path = mel_db_path(db, "backup.db");
    bool ok = mel_db_backup(db, path, err);
    free(path);
    return ok;
}

static bool do_step(Db *db, const Step *step, Err *err)
{
    char name[32];
    name_source(step->source, name);
    switch (step->kind) {
    case STEP_INIT:
        return true;
    case STEP_IMPORT:
        return import(db, step, err);
    case STEP_READY:
    case STEP_FAILED:
        return fetch(db, step, err);
    case STEP_SEEN:
        return mel_source_seen(db, name, "available", NULL, NULL, err);
    case STEP_ANNOTATE:
        return annotate(db, step, err);
    case STEP_SCORE:
        return put_score(db, step, err);
    case STEP_DUPLICATE:
    case STEP_BREAK:
        return duplicate(db, step, err);
    case STEP_PASS:
    case STEP_UNDO:
        return pass(db, step, err);
    case STEP_SPLIT:
        return split(db, err);
    case STEP_DROP:
        return drop(db, step, err);
    case STEP_TAKEDOWN:
        return mel_source_takedown(db, name, "asked to", NULL, err);
    case STEP_BACKUP:
        return backup(db, err);
    }
    return false;
}

/* After a takedown its source refuses what would bring it back: that is the right end of a step. */
static bool step_is_done(Db *db, const Step *step, Err *err)
{
    if (do_step(db, step, err)) return true;
    if (!mel_equal(err->reason, "source.taken_down")) return false;
    mel_err_clear(err);
    return true;
}

/* In the child: makes the store when it must, and does what is left. */
static int work(void *ctx, int acknowledge)
{
    const World *world = ctx;
    Err err = {0};
    Db *db = NULL;
    if (!mel_db_create(world->folder, &err) && err.code == ERR_EXISTS) mel_err_clear(&err);
    bool ok = !mel_err_is_set(&err) && mel_db_open(world->folder, DB_WRITE, &db, &err);
    for (int i = world->done; ok && i < STEPS; i++)
        ok = step_is_done(db, &world->steps[i], &err) && crash_ack(acknowledge);
    mel_db_close(db);
    if (!ok) mel_log_error(&err);
    return !ok;
}

/* ---- looking at what is left
 * --------------------------------------------------------------------------------- */

/* Counts what the step must have left in the history, whatever came after it. */
static const char *const traces[] = {
    [STEP_INIT] = "SELECT count(*) FROM setting",
    [STEP_IMPORT] = "SELECT count(*) FROM label WHERE clip_id = ?1",
    [STEP_READY] = "SELECT count(*) FROM clip WHERE id = ?1 AND state <> 'new'",
    [STEP_FAILED] = "SELECT count(*) FROM clip WHERE id = ?1 AND state <> 'new'",
    [STEP_SEEN] = "SELECT count(*) FROM sighting WHERE source_id = ?2",
    [STEP_ANNOTATE] = "SELECT count(*) FROM annotation WHERE id = ?3 AND text = ?3",
    [STEP_SCORE] = "SELECT count(*) FROM score WHERE id = ?3",
    [STEP_DUPLICATE] = "SELECT count(*) FROM duplicate_edge WHERE clip_a LIKE ?2 || ':%'",
    [STEP_BREAK] = "SELECT count(*) FROM duplicate_break WHERE clip_a LIKE ?2 || ':%'",
    [STEP_PASS] = "SELECT count(*) FROM pass_run",
    [STEP_UNDO] = "SELECT 1",
    [STEP_SPLIT] = "SELECT count(*) FROM split",
    [STEP_DROP] = "SELECT count(*) FROM split_drop WHERE clip_id = ?1",
    [STEP_TAKEDOWN] = "SELECT count(*) FROM takedown WHERE source_id = ?2",
    [STEP_BACKUP] = "SELECT 1",
};

static bool check_trace(Db *db, const Step *step, int number, Err *err)
{
    char clip[CLIP_ID_SIZE], source[32];
    int64_t count;
    name_clip(step, clip);
    name_source(step->source, source);
    const char *const values[] = {clip, source, step->id};
    DbArg args[3];
    int used = 0;
    for (int i = 0; i < 3; i++) {
        char hole[3] = {'?', (char)('1' + i), '\0'};
        if (strstr(traces[step->kind], hole)) used = i + 1;
        args[i] = db_text(values[i]);
    }
    if (!db_one_i64(db, traces[step->kind], args, used, 0, &count, err)) return false;
    if (count) return true;
    return mel_err(err, ERR_DB, "step %d (kind %d) was acknowledged and is lost", number,
                   step->kind);
}

static bool on_finding(void *ctx, const char *word, const char *subject, const char *message,
                       Err *err)
{
    (void)ctx;
    return mel_err(err, ERR_DB, "%s: '%s': %s", word, subject, message);
}

static bool check_backup(const World *world, Err *err)
{
    char *path = mel_path_join(world->folder, "backup.db"), *copy = NULL;
    char *folder = mel_path_join(world->folder, "exports"), *bytes = NULL;
    size_t n;
    Db *db = NULL;
    bool ok = true;
    if (mel_path_exists(path)) {
        copy = mel_path_join(folder, "mel.db");
        ok = mel_read_file(path, 256 << 20, &bytes, &n, err) &&
             mel_write_file(copy, bytes, n, err) && mel_db_open(folder, DB_READ, &db, err) &&
             mel_store_check(db, on_finding, NULL, err);
        mel_db_close(db);
        ok = mel_remove_tree(folder, err) && mel_make_dirs(folder, err) && ok;
    }
    free(bytes);
    free(copy);
    free(folder);
    free(path);
    return ok;
}

static bool check_world(const World *world, Err *err)
{
    Db *db = NULL;
    if (!mel_db_open(world->folder, DB_WRITE, &db, err)) {
        if (world->done > 0 || (err->code != ERR_NOT_FOUND && err->code != ERR_FORMAT))
            return mel_err_wrap(err, "after %d steps", world->done);
        mel_err_clear(err); /* its making was not acknowledged */
        return true;
    }
    bool ok = mel_store_check(db, on_finding, NULL, err);
    for (int i = 0; ok && i < world->done; i++)
        ok = check_trace(db, &world->steps[i], i, err);
    mel_db_close(db);
    return ok;
}

static char *dump_of(const char *folder, Err *err)
{
    Db *db = NULL;
    if (!mel_db_open(folder, DB_READ, &db, err)) return NULL;
    char *dump = store_dump(db, err);
    mel_db_close(db);
    return dump;
}

/* ---- worlds
 * -----------------------------------------------------------------------------------------------------
 */

static char *undisturbed(const World *like, Err *err)
{
    static const CrashPlan never = {0};
    World world = *like;
    CrashEnd end;
    char *dump = NULL;
    world.done = 0;
    world.folder = crash_folder(err);
    if (!world.folder) return NULL;
    bool ok = crash_child(work, &world, &never, &end, err);
    if (ok && end.exit_code != 0) ok = mel_err(err, ERR_IO, "the undisturbed run failed");
    if (ok) dump = dump_of(world.folder, err);
    Err ignored = {0};
    if (!mel_remove_tree(world.folder, &ignored)) mel_log_error(&ignored);
    free(world.folder);
    return dump;
}

static bool disturb(World *world, Rng *rng, const CrashOptions *options, CrashReport *report,
                    Err *err)
{
    static const CrashPlan never = {0};
    CrashEnd end = {0};
    do {
        CrashPlan plan = crash_plan(rng);
        bool enough = report->points >= options->points;
        if (!crash_child(work, world, enough ? &never : &plan, &end, err)) return false;
        world->done += end.acks;
        report->acknowledged += end.acks;
        report->points += end.killed;
        if (!end.killed && end.exit_code != 0)
            return mel_err(err, ERR_IO, "step %d failed in its child", world->done);
        if (!check_world(world, err) || !check_backup(world, err)) return false;
    } while (end.killed || world->done < STEPS);
    return true;
}

static bool run_world(uint64_t seed, Rng *rng, const CrashOptions *options, CrashReport *report,
                      Err *err)
{
    World world = {0};
    plan_steps(&world, seed);
    char *wanted = undisturbed(&world, err), *found = NULL, *difference = NULL;
    world.folder = wanted ? crash_folder(err) : NULL;
    bool ok = world.folder && disturb(&world, rng, options, report, err);
    if (ok) found = dump_of(world.folder, err);
    if (found) difference = crash_difference(wanted, found);
    if (difference) mel_err(err, ERR_DB, "the end is another one: %s", difference);
    ok = ok && found && !difference;
    if (!ok)
        mel_err_hint(err, "seed %llu, folder '%s'", (unsigned long long)seed,
                     world.folder ? world.folder : "-");
    Err ignored = {0};
    if (world.folder && (ok || !options->keep) && !mel_remove_tree(world.folder, &ignored))
        mel_log_error(&ignored);
    free(world.folder);
    free(difference);
    free(wanted);
    free(found);
    report->worlds++;
    return ok;
}

bool crash_store_layer(const CrashOptions *options, CrashReport *report, Err *err)
{
    Rng rng = {.seed = (uint64_t)options->seed, .stream = 1};
    bool ok = true;
    while (ok && report->points < options->points)
        ok = run_world((uint64_t)options->seed * 100000 + (uint64_t)report->worlds, &rng, options,
                       report, err);
    return ok;
}
