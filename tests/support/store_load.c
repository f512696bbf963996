/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_load.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIPS_EACH = 10 };

/* Shared by all processes of a load. */
typedef struct Shared {
    atomic_bool stop;
    atomic_llong imports, readings;
} Shared;

static _Noreturn void leave(bool ok, const char *who, const Err *err)
{
    if (!ok) fprintf(stderr, "%s failed: %s\n", who, err->message);
    _exit(!ok);
}

static void make_people(const char *folder, int people)
{
    Err err = {0};
    Db *db = NULL;
    CHECK_OK(mel_db_open(folder, DB_WRITE, &db, &err));
    CHECK_OK(mel_db_begin(db, &err));
    for (int i = 0; i < people; i++) {
        char name[32];
        snprintf(name, sizeof name, "person-%d", i);
        store_person(db, name);
    }
    for (int i = 0; i < CLIPS_EACH; i++)
        store_clip(db, "file-load", i * 10);
    CHECK_OK(mel_db_end(db, true, &err));
    mel_db_close(db);
}

static bool save_one(Db *db, const char *person, int number, LoadSave *save, Err *err)
{
    Annotation a;
    char clip[CLIP_ID_SIZE], text[64];
    mel_clip_id("file-load", number % CLIPS_EACH * (int64_t)10000000, clip);
    snprintf(text, sizeof text, "What %s says the %dth time.", person, number);
    mel_annotation_init(&a);
    mel_ulid(save->id);
    a.id = save->id;
    a.clip_id = clip;
    a.annotator_id = person;
    a.genre = "jazz";
    a.text = text;
    int64_t begin_us = mel_monotonic_us();
    if (!mel_annotation_save(db, &a, NULL, NULL, err)) return false;
    save->took_us = mel_monotonic_us() - begin_us;
    return true;
}

static _Noreturn void be_a_person(const char *folder, const StoreLoad *load, int number, int out)
{
    Err err = {0};
    Db *db = NULL;
    char person[32];
    Rng rng = {.seed = 1, .stream = (uint64_t)number};
    snprintf(person, sizeof person, "person-%d", number);
    bool ok = mel_db_open(folder, DB_WRITE, &db, &err);
    for (int i = 0; ok && i < load->saves_each; i++) {
        LoadSave save;
        if (load->pace_us)
            mel_sleep_us((int64_t)((double)load->pace_us * 2 * mel_rng_uniform(&rng)));
        ok = save_one(db, person, i, &save, &err) && mel_write_fd(out, &save, sizeof save);
    }
    mel_db_close(db);
    leave(ok, person, &err);
}

static bool import_one(Db *db, int64_t number, int clips, Err *err)
{
    char id[64];
    snprintf(id, sizeof id, "file-import-%lld", (long long)number);
    const Source source = {.id = id, .kind = "file", .locator = id, .duration_us = -1};
    if (!mel_db_begin(db, err)) return false;
    bool ok = mel_source_put(db, &source, NULL, err);
    for (int i = 0; ok && i < clips; i++)
        ok = mel_clip_put(db, id, i * (int64_t)10000000, (i + 1) * (int64_t)10000000, NULL, NULL,
                          NULL, err);
    return mel_db_end(db, ok, err);
}

static _Noreturn void be_the_importer(const char *folder, const StoreLoad *load, Shared *shared)
{
    Err err = {0};
    Db *db = NULL;
    bool ok = mel_db_open(folder, DB_WRITE, &db, &err);
    for (int64_t i = 0; ok && !atomic_load(&shared->stop); i++) {
        ok = import_one(db, i, load->import_clips, &err);
        if (ok) atomic_fetch_add(&shared->imports, 1);
    }
    mel_db_close(db);
    leave(ok, "the importer", &err);
}

static bool count_row(void *ctx, const ViewRow *row, Err *err)
{
    (void)row, (void)err;
    ++*(int64_t *)ctx;
    return true;
}

static _Noreturn void be_the_reader(const char *folder, Shared *shared)
{
    static const char *const views[] = {"clips", "annotations", "triplets"};
    Err err = {0};
    Db *db = NULL;
    int64_t rows = 0;
    bool ok = mel_db_open(folder, DB_READ, &db, &err);
    while (ok && !atomic_load(&shared->stop)) {
        for (size_t i = 0; ok && i < MEL_COUNT(views); i++) {
            const ViewQuery query = {.view = views[i], .order = "1"};
            ok = mel_query(db, &query, count_row, &rows, &err);
        }
        if (ok) atomic_fetch_add(&shared->readings, 1);
    }
    mel_db_close(db);
    leave(ok, "the reader", &err);
}

static void take_saves(int in, LoadResult *result)
{
    size_t capacity = 0;
    LoadSave save;
    while (mel_read_fd(in, &save, sizeof save) == sizeof save) {
        mel_grow(&result->saves, &capacity, result->count + 1, sizeof *result->saves);
        result->saves[result->count++] = save;
    }
}

void store_load_run(const char *folder, const StoreLoad *load, LoadResult *result)
{
    int ends[2], status, children = load->people;
    Shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    *result = (LoadResult){0};
    make_people(folder, load->people);
    assert_int_equal(pipe(ends), 0);
    int64_t begin_us = mel_monotonic_us();
    for (int i = 0; i < load->people; i++)
        if (fork() == 0) be_a_person(folder, load, i, ends[1]);
    close(ends[1]);
    if (load->import_clips && ++children && fork() == 0) be_the_importer(folder, load, shared);
    if (load->read_all && ++children && fork() == 0) be_the_reader(folder, shared);
    take_saves(ends[0], result);
    result->took_us = mel_monotonic_us() - begin_us;
    atomic_store(&shared->stop, true);
    for (int i = 0; i < children; i++) {
        assert_true(wait(&status) > 0);
        result->failed_processes += status != 0;
    }
    result->imports = atomic_load(&shared->imports);
    result->readings = atomic_load(&shared->readings);
    munmap(shared, sizeof *shared);
    close(ends[0]);
}
