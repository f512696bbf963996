/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/dedup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- landmarks as the store keeps them ------------------------------------------------------- */

static void put_le32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_le32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void mel_landmarks_pack(const Landmark *landmarks, size_t count, uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        put_le32(bytes + i * LANDMARK_BYTES, landmarks[i].hash);
        put_le32(bytes + i * LANDMARK_BYTES + 4, landmarks[i].position);
    }
}

bool mel_landmarks_unpack(int version, const void *bytes, size_t n_bytes, size_t count,
                          Landmark out[LANDMARKS_MAX], Err *err)
{
    if (version != LANDMARK_VERSION)
        return mel_err(err, ERR_FORMAT, "landmarks of version %d are not known here", version);
    if (count > LANDMARKS_MAX || n_bytes != count * LANDMARK_BYTES)
        return mel_err(err, ERR_FORMAT, "%zu bytes are not %zu landmarks", n_bytes, count);
    const uint8_t *p = bytes;
    for (size_t i = 0; i < count; i++, p += LANDMARK_BYTES)
        out[i] = (Landmark){.hash = get_le32(p), .position = get_le32(p + 4)};
    return true;
}

/* ---- what is compared ------------------------------------------------------------------------ */

typedef struct DedupClip {
    const char *id, *source;
    size_t landmark_first, landmark_count;
} DedupClip;

typedef struct TextClip {
    size_t clip;
    const char *text; /* normal form */
} TextClip;

typedef struct Edge {
    size_t a, b; /* clips, a < b */
    double score;
    int64_t offset_us, evidence;
} Edge;

typedef struct Edges {
    Edge *items;
    size_t count, capacity;
} Edges;

typedef struct DedupRun {
    Db *db;
    const DedupOptions *options;
    const Progress *progress;
    DedupReport *report;
    Arena arena;
    DedupClip *clips; /* by id, so that the order of indices is the order of ids */
    size_t clip_count, clip_capacity;
    Landmark *landmarks;
    size_t landmark_count, landmark_capacity;
    uint64_t *hashes; /* of stills */
    size_t *hash_clip;
    size_t hash_count, hash_capacity, hash_clip_capacity;
    TextClip *texts;
    size_t text_count, text_capacity;
    Edges edges[3]; /* audio, picture, text */
} DedupRun;

enum { KIND_AUDIO, KIND_PICTURE, KIND_TEXT };

static void run_clear(DedupRun *run)
{
    free(run->clips);
    free(run->landmarks);
    free(run->hashes);
    free(run->hash_clip);
    free(run->texts);
    for (int i = 0; i < 3; i++)
        free(run->edges[i].items);
    mel_arena_clear(&run->arena);
}

static bool take_clip(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    DedupRun *run = ctx;
    mel_grow(&run->clips, &run->clip_capacity, run->clip_count + 1, sizeof *run->clips);
    run->clips[run->clip_count++] =
        (DedupClip){.id = mel_arena_strdup(&run->arena, mel_row_text(row, "id", "")),
                    .source = mel_arena_strdup(&run->arena, mel_row_text(row, "source", ""))};
    return true;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const DedupClip *)a)->id, ((const DedupClip *)b)->id);
}

static DedupClip *find_clip(const DedupRun *run, const char *id)
{
    const DedupClip key = {.id = id};
    if (!run->clip_count) return NULL;
    return bsearch(&key, run->clips, run->clip_count, sizeof key, by_id);
}

static bool take_landmarks(void *ctx, const char *clip_id, int version, const void *bytes,
                           size_t n_bytes, size_t count, Err *err)
{
    DedupRun *run = ctx;
    DedupClip *clip = find_clip(run, clip_id);
    if (!clip || !count) return true;
    if (version != LANDMARK_VERSION) {
        run->report->other_version++;
        return true;
    }
    mel_grow(&run->landmarks, &run->landmark_capacity, run->landmark_count + LANDMARKS_MAX,
             sizeof *run->landmarks);
    if (!mel_landmarks_unpack(version, bytes, n_bytes, count, run->landmarks + run->landmark_count,
                              err))
        return mel_err_wrap(err, "clip '%s'", clip_id);
    clip->landmark_first = run->landmark_count;
    clip->landmark_count = count;
    run->landmark_count += count;
    run->report->audio.compared++;
    return true;
}

/* Equal stills of one clip say nothing twice. */
static bool seen_in_clip(const DedupRun *run, size_t clip, uint64_t hash)
{
    for (size_t i = run->hash_count; i-- > 0 && run->hash_clip[i] == clip;)
        if (run->hashes[i] == hash) return true;
    return false;
}

static bool take_hash(void *ctx, const char *clip_id, int position, uint64_t hash, Err *err)
{
    (void)position, (void)err;
    DedupRun *run = ctx;
    const DedupClip *found = find_clip(run, clip_id);
    if (!found) return true;
    size_t clip = (size_t)(found - run->clips);
    if (hash == 0) run->report->flat_pictures++;
    if (hash == 0 || seen_in_clip(run, clip, hash)) return true;
    if (!run->hash_count || run->hash_clip[run->hash_count - 1] != clip)
        run->report->pictures.compared++;
    mel_grow(&run->hashes, &run->hash_capacity, run->hash_count + 1, sizeof *run->hashes);
    mel_grow(&run->hash_clip, &run->hash_clip_capacity, run->hash_count + 1,
             sizeof *run->hash_clip);
    run->hash_clip[run->hash_count] = clip;
    run->hashes[run->hash_count++] = hash;
    return true;
}

static bool take_text(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    DedupRun *run = ctx;
    const DedupClip *clip = find_clip(run, mel_row_text(row, "id", ""));
    if (!clip) return true;
    char *normal = mel_text_normal(mel_row_text(row, "text", ""));
    if (*normal) {
        mel_grow(&run->texts, &run->text_capacity, run->text_count + 1, sizeof *run->texts);
        run->texts[run->text_count++] = (TextClip){.clip = (size_t)(clip - run->clips),
                                                   .text = mel_arena_strdup(&run->arena, normal)};
        run->report->texts.compared++;
    }
    free(normal);
    return true;
}

static bool load(DedupRun *run, Err *err)
{
    const ViewQuery clips = {
        .view = "clips", .columns = "id, source", .also = "state = 'ready'", .order = "id"};
    const ViewQuery texts = {.view = "triplets", .columns = "id, text", .order = "id"};
    if (!mel_query(run->db, &clips, take_clip, run, err)) return false;
    run->report->clips = (int64_t)run->clip_count;
    return (run->options->skip_audio || mel_landmark_each(run->db, take_landmarks, run, err)) &&
           (run->options->skip_pictures || mel_picture_hash_each(run->db, take_hash, run, err)) &&
           (run->options->skip_texts || mel_query(run->db, &texts, take_text, run, err));
}

/* ---- matching -------------------------------------------------------------------------------- */

static bool same_source(const DedupRun *run, size_t a, size_t b)
{
    return mel_equal(run->clips[a].source, run->clips[b].source);
}

static void add_edge(DedupRun *run, int kind, Edge edge)
{
    Edges *edges = &run->edges[kind];
    if (same_source(run, edge.a, edge.b)) return;
    mel_grow(&edges->items, &edges->capacity, edges->count + 1, sizeof *edges->items);
    edges->items[edges->count++] = edge;
}

static bool match_audio(DedupRun *run, Err *err)
{
    AudioItem *items = mel_alloc((run->clip_count + 1) * sizeof *items);
    DuplicateEdge *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < run->clip_count; i++)
        items[i] = (AudioItem){
            .landmarks = run->landmarks ? run->landmarks + run->clips[i].landmark_first : NULL,
            .count = run->clips[i].landmark_count};
    bool ok = mel_match_audio(items, run->clip_count, &run->options->audio, &found, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        add_edge(run, KIND_AUDIO,
                 (Edge){.a = (size_t)found[i].a,
                        .b = (size_t)found[i].b,
                        .score = found[i].score,
                        .offset_us = found[i].offset_us,
                        .evidence = found[i].evidence});
    free(found);
    free(items);
    return ok;
}

/* By clips, the best first. */
static int by_clips(const void *a, const void *b)
{
    const Edge *x = a, *y = b;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    if (x->b != y->b) return x->b < y->b ? -1 : 1;
    return (x->evidence > y->evidence) - (x->evidence < y->evidence);
}

static void keep_best(Edges *edges)
{
    size_t kept = 0;
    if (edges->count) qsort(edges->items, edges->count, sizeof *edges->items, by_clips);
    for (size_t i = 0; i < edges->count; i++) {
        const Edge *last = kept ? &edges->items[kept - 1] : NULL;
        if (!last || last->a != edges->items[i].a || last->b != edges->items[i].b)
            edges->items[kept++] = edges->items[i];
    }
    edges->count = kept;
}

static bool match_pictures(DedupRun *run, Err *err)
{
    int asked = run->options->picture_distance_max;
    int distance = asked == 0 ? DEDUP_PICTURE_DISTANCE : asked < 0 ? 0 : asked;
    DuplicateEdge *found = NULL;
    size_t count = 0;
    if (distance > 10)
        return mel_err(err, ERR_USAGE, "pictures that differ in %d bits of 64 are not alike",
                       distance) ||
               mel_err_hint(err, "use a distance from 0 to 10");
    bool ok = mel_match_pictures(run->hashes, run->hash_count, distance, &found, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        size_t a = run->hash_clip[found[i].a], b = run->hash_clip[found[i].b];
        if (a == b) continue;
        add_edge(run, KIND_PICTURE,
                 (Edge){.a = a < b ? a : b,
                        .b = a < b ? b : a,
                        .score = found[i].score,
                        .evidence = found[i].evidence});
    }
    keep_best(&run->edges[KIND_PICTURE]);
    free(found);
    return ok;
}

static int by_text(const void *a, const void *b)
{
    const TextClip *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->clip > y->clip) - (x->clip < y->clip);
}

static void join_texts(DedupRun *run, const TextClip *a, const TextClip *b)
{
    bool swap = a->clip > b->clip;
    add_edge(run, KIND_TEXT,
             (Edge){.a = swap ? b->clip : a->clip,
                    .b = swap ? a->clip : b->clip,
                    .score = 1,
                    .evidence = (int64_t)strlen(a->text)});
}

/* texts[0 … count) are equal, in order of clips. Each is joined to the first one; those of the
 * first one's own source to the first one of another. */
static void join_class(DedupRun *run, const TextClip *texts, size_t count)
{
    size_t other = 1;
    while (other < count && same_source(run, texts[0].clip, texts[other].clip))
        other++;
    if (other == count) return;
    for (size_t i = 1; i < count; i++)
        join_texts(run, same_source(run, texts[0].clip, texts[i].clip) ? &texts[other] : &texts[0],
                   &texts[i]);
}

static void match_texts(DedupRun *run)
{
    if (run->text_count) qsort(run->texts, run->text_count, sizeof *run->texts, by_text);
    for (size_t i = 0, end; i < run->text_count; i = end) {
        for (end = i + 1; end < run->text_count; end++)
            if (!mel_equal(run->texts[i].text, run->texts[end].text)) break;
        join_class(run, run->texts + i, end - i);
    }
    keep_best(&run->edges[KIND_TEXT]);
}

static bool match(DedupRun *run, Err *err)
{
    const DedupOptions *options = run->options;
    mel_progress(run->progress, &(ProgressTick){.what = "dedup", .note = "sound"});
    if (!options->skip_audio && !match_audio(run, err)) return false;
    if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
    mel_progress(run->progress, &(ProgressTick){.what = "dedup", .note = "pictures"});
    if (!options->skip_pictures && !match_pictures(run, err)) return false;
    if (!options->skip_texts) match_texts(run);
    return true;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static bool store_kind(DedupRun *run, int kind, DedupCount *count, Err *err)
{
    static const char *const kinds[] = {"audio", "picture", "text"};
    static const char *const methods[] = {"landmarks-1", "phash64-1", "normal-text-1"};
    const Edges *edges = &run->edges[kind];
    count->edges = (int64_t)edges->count;
    for (size_t i = 0; i < edges->count; i++) {
        const Edge *edge = &edges->items[i];
        const DuplicateRow row = {.clip_a = run->clips[edge->a].id,
                                  .clip_b = run->clips[edge->b].id,
                                  .kind = kinds[kind],
                                  .score = edge->score,
                                  .offset_us = edge->offset_us,
                                  .evidence = edge->evidence,
                                  .method = methods[kind]};
        bool added;
        if (!mel_duplicate_put(run->db, &row, &added, err)) return false;
        count->added += added;
    }
    return true;
}

static bool store(DedupRun *run, Err *err)
{
    DedupReport *report = run->report;
    if (!mel_db_begin(run->db, err)) return false;
    bool ok = store_kind(run, KIND_AUDIO, &report->audio, err) &&
              store_kind(run, KIND_PICTURE, &report->pictures, err) &&
              store_kind(run, KIND_TEXT, &report->texts, err);
    if (!ok || !run->options->dry_run) return mel_db_end(run->db, ok, err);
    (void)!mel_db_end(run->db, false, err); /* undone on purpose */
    return !mel_err_is_set(err);
}

static void measure_groups(DedupRun *run)
{
    Groups groups;
    size_t *sizes = mel_alloc((run->clip_count + 1) * sizeof *sizes);
    mel_groups_init(&groups, run->clip_count);
    for (int kind = KIND_AUDIO; kind <= KIND_PICTURE; kind++)
        for (size_t i = 0; i < run->edges[kind].count; i++)
            mel_groups_join(&groups, run->edges[kind].items[i].a, run->edges[kind].items[i].b);
    for (size_t i = 0; i < run->clip_count; i++) {
        size_t group = mel_groups_find(&groups, i);
        if ((int64_t)++sizes[group] <= run->report->largest_group) continue;
        run->report->largest_group = (int64_t)sizes[group];
        snprintf(run->report->largest_example, sizeof run->report->largest_example, "%s",
                 run->clips[group].id);
    }
    mel_groups_clear(&groups);
    free(sizes);
}

bool mel_dedup_run(Db *db, const DedupOptions *options, const Progress *progress,
                   DedupReport *report, Err *err)
{
    DedupReport found = {0};
    DedupRun run = {.db = db, .options = options, .progress = progress, .report = &found};
    bool ok = load(&run, err) && match(&run, err) && store(&run, err);
    if (ok) {
        measure_groups(&run);
        *report = found;
    }
    run_clear(&run);
    return ok;
}
