/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a dataset as a finished curation leaves it, through the store's own functions and without
 * media tools: what the tests of the reading commands look at.
 *
 *     make_dataset FOLDER CLIPS [SEED]       everything, with small pictures
 *     make_dataset --bare FOLDER CLIPS       sources, ready clips and measures only, for timing
 *
 * The same arguments give the same clips, answers and numbers. */
#include "curator/curator.h"
#include "db/db.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

enum { CHANNELS = 97 };

typedef struct World {
    Db *db;
    Rng rng;
    int64_t clips;
    bool bare;
} World;

static const char *const genres[] = {
    "new-age", "classical",         "latin",     "r-and-b", "easy-listening", "metal",
    "jazz",    "world-traditional", "hip-hop",   "pop",     "blues",          "country",
    "rock",    "folk-acoustic",     "electronic"};
static const double genre_weights[] = {5, 11, 6, 5, 4, 6, 9, 7, 6, 12, 4, 5, 9, 6, 10};
static const char *const moods[] = {"calm", "energetic", "happy", "dark", "nostalgic", "epic"};
static const char *const instruments[] = {"piano", "drums", "electric-guitar", "violin",
                                          "synth-pad"};
static const char *const titles[] = {"Night session at the harbour",
                                     "Rock & Roll <live> \"unplugged\"",
                                     "Étude in C minor",
                                     "日本の秋 (koto solo)",
                                     "Street drummers, take 3",
                                     "Slow blues in the kitchen"};
static const char *const texts[] = {
    "A slow piano figure over brushed drums, warm and close. The singer enters late and stays "
    "quiet.",
    "Distorted guitars & double bass drum; the tempo never lets go.",
    "Solo violin in a large church, long echoes <rubato>. Ends on an open fifth.",
    "A bright synthesizer arpeggio climbs over a four-on-the-floor beat.",
    "Hand percussion and a flute answer each other above a drone."};
static const struct {
    const char *reason, *class, *message;
} failures[] = {
    {"yt.private",      "permanent",   "ERROR: Private video"                },
    {"yt.removed",      "permanent",   "ERROR: Video has been removed"       },
    {"http.404",        "permanent",   "the server answered 404"             },
    {"yt.geo",          "conditional", "ERROR: not available in your country"},
    {"http.timeout",    "transient",   "no answer within 30 s"               },
    {"media.no_audio",  "permanent",   "the source has no sound stream"      },
    {"yt.bot_check",    "pause",       "ERROR: Sign in to confirm"           },
    {"local.disk_full", "local",       "no space left on device"             },
};

static void must(bool ok, const Err *err)
{
    if (ok) return;
    fprintf(stderr, "make_dataset: %s\n", err->message);
    exit(1);
}

static double normal(World *world, double mean, double deviation)
{
    return mean + deviation * mel_rng_normal(&world->rng);
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static bool chance(World *world, double p)
{
    return mel_rng_uniform(&world->rng) < p;
}

/* ---- pictures -------------------------------------------------------------------------------- */

enum { PICTURE_WIDTH = 480, PICTURE_HEIGHT = 270 };

/* A sky, a sun and hills: enough to see that the right picture is shown the right way up. */
static void paint(World *world, unsigned char *rgb)
{
    double hue = mel_rng_range(&world->rng, 0, 6.28),
           sun_x = mel_rng_range(&world->rng, 0.15, 0.85);
    double sun_y = mel_rng_range(&world->rng, 0.15, 0.5), wave = mel_rng_range(&world->rng, 3, 11);
    for (int y = 0; y < PICTURE_HEIGHT; y++)
        for (int x = 0; x < PICTURE_WIDTH; x++) {
            double u = (double)x / PICTURE_WIDTH, v = (double)y / PICTURE_HEIGHT;
            double hill = 0.68 + 0.09 * sin(wave * u + hue) + 0.04 * sin(3.1 * wave * u);
            double sun = hypot((u - sun_x) * 16 / 9, v - sun_y);
            double light = v > hill ? 0.25 + 0.2 * (v - hill) : 0.45 + 0.5 * v + 0.4 * (sun < 0.09);
            unsigned char *p = rgb + 3 * (y * PICTURE_WIDTH + x);
            for (int c = 0; c < 3; c++)
                p[c] =
                    (unsigned char)(255 * clamp(light * (0.72 + 0.28 * sin(hue + 2.1 * c)), 0, 1));
        }
}

static void write_picture(World *world, const char *path, char sha256[SHA256_HEX_SIZE],
                          int64_t *size)
{
    Err err = {0};
    unsigned char *rgb = mel_alloc(3 * PICTURE_WIDTH * PICTURE_HEIGHT), *jpeg = NULL;
    unsigned long n = 0;
    tjhandle codec = tjInitCompress();
    paint(world, rgb);
    if (!codec || tjCompress2(codec, rgb, PICTURE_WIDTH, 0, PICTURE_HEIGHT, TJPF_RGB, &jpeg, &n,
                              TJSAMP_420, 80, 0) != 0)
        exit(1);
    must(mel_write_file(path, jpeg, n, &err), &err);
    mel_sha256_hex(jpeg, n, sha256);
    *size = (int64_t)n;
    tjFree(jpeg);
    tjDestroy(codec);
    free(rgb);
}

/* Ten seconds of a soft sawtooth wave: real FLAC, and small. */
static void write_sound(const char *path, int64_t number, int channels,
                        char sha256[SHA256_HEX_SIZE], int64_t *size)
{
    Err err = {0};
    enum { FRAMES = 480000 };
    SF_INFO info = {
        .samplerate = 48000, .channels = channels, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    short *samples = mel_alloc(sizeof *samples * FRAMES * (size_t)channels);
    int64_t period = 12000 + number % 200;
    for (int64_t i = 0; i < FRAMES * channels; i++)
        samples[i] = (short)(i / channels % period - period / 2);
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file || sf_writef_short(file, samples, FRAMES) != FRAMES || sf_close(file) != 0) exit(1);
    free(samples);
    must(mel_sha256_file(path, sha256, size, &err), &err);
}

/* ---- clips ----------------------------------------------------------------------------------- */

static void draw_measures(World *world, ClipMeasure *measures, size_t *count)
{
    AudioMeasures a = {0};
    PictureMeasures p = {0};
    a.silence_share = chance(world, 0.04) ? mel_rng_range(&world->rng, 0.5, 1)
                                          : 0.02 * mel_rng_uniform(&world->rng);
    a.silence_longest_s = 10 * a.silence_share;
    a.clipped_runs = chance(world, 0.1) ? mel_rng_int(&world->rng, 300) : 0;
    a.clipped_share = a.clipped_runs / 1e5;
    a.loudness_lufs = a.silence_share > 0.95 ? NAN : clamp(normal(world, -14.5, 4.2), -45, -5);
    a.loudness_range_lu = clamp(normal(world, 4, 2), 0, 20);
    a.true_peak_dbtp = clamp(a.loudness_lufs + normal(world, 13, 2), -30, 1.5);
    a.bandwidth_hz = chance(world, 0.12) ? normal(world, 8000, 400)
                                         : clamp(normal(world, 16400, 1300), 4000, 22050);
    a.stereo_correlation = chance(world, 0.1) ? NAN : clamp(normal(world, 0.7, 0.25), -1, 1);
    a.side_level_db = clamp(normal(world, -12, 6), -90, 0);
    a.dc_offset = fabs(normal(world, 0, 0.0004));
    a.dropouts = chance(world, 0.03) ? 2 : 0;
    a.crest_db = clamp(normal(world, 14, 3), 3, 30);
    a.tempo_bpm = chance(world, 0.05)
                      ? NAN
                      : clamp(normal(world, chance(world, 0.5) ? 92 : 126, 12), 60, 200);
    a.onset_rate_hz = clamp(normal(world, 3.2, 1.2), 0, 12);
    p.black_share = chance(world, 0.03) ? 1 : 0;
    p.sharpness_median = exp(normal(world, 5.2, 0.9));
    p.motion_mean = exp(normal(world, 1.1, 0.8));
    p.static_share = chance(world, 0.15) ? 1 : mel_rng_uniform(&world->rng) * 0.2;
    p.shot_cuts = mel_rng_int(&world->rng, 5);
    p.brightness_mean = clamp(normal(world, 104, 34), 0, 255);
    p.contrast = clamp(normal(world, 52, 15), 0, 128);
    p.frame_count = chance(world, 0.5) ? 300 : 250;
    p.frame_rate_hz = p.frame_count / 10;
    p.longest_frame_s = 1 / p.frame_rate_hz;
    *count = 0;
#define X(name, unit, meaning) measures[(*count)++] = (ClipMeasure){#name, a.name};
    MEL_AUDIO_MEASURES(X)
#undef X
#define X(name, unit, meaning) measures[(*count)++] = (ClipMeasure){#name, p.name};
    MEL_PICTURE_MEASURES(X)
#undef X
}

static void make_ready(World *world, const char *clip_id, int64_t number, int64_t start_us)
{
    Err err = {0};
    ClipMeasure measures[64];
    ClipMedia media[2];
    ClipFrame frame = {.time_us = start_us + 5000000,
                       .width = PICTURE_WIDTH,
                       .height = PICTURE_HEIGHT,
                       .score = mel_rng_range(&world->rng, 0.4, 0.95),
                       .sharpness = 210,
                       .brightness = 110,
                       .picture_hash = (uint64_t)number * 0x9E3779B97F4A7C15u,
                       .frame_hash = (uint64_t)number};
    char audio_sha[SHA256_HEX_SIZE], still_sha[SHA256_HEX_SIZE];
    char *audio =
        mel_asprintf("media/%03lld/%lld.flac", (long long)(number % 1000), (long long)number);
    char *still =
        mel_asprintf("media/%03lld/%lld-0.jpg", (long long)(number % 1000), (long long)number);
    int channels = chance(world, 0.1) ? 1 : 2;
    mel_sha256_hex(audio, strlen(audio), audio_sha);
    media[0] = (ClipMedia){
        .role = "audio", .path = audio, .sha256 = audio_sha, .size_bytes = 900000 + number % 90000};
    ClipProducts products = {.clip_id = clip_id,
                             .took_us = 2100000,
                             .fetched_bytes = 610000,
                             .tools_json = "{\"melkit\":\"0.1.0\"}",
                             .format_id = "251+136",
                             .got_start_us = start_us,
                             .audio_samples = 480000,
                             .missing_samples = chance(world, 0.03) ? 2400 : 0,
                             .sample_rate_hz = 48000,
                             .channels = channels,
                             .bits_per_sample = 16,
                             .width = 1280,
                             .height = 720,
                             .preview_width = 320,
                             .preview_height = 180,
                             .preview_frames = 250,
                             .container = "webm",
                             .audio_codec = "opus",
                             .video_codec = "vp9",
                             .media = media,
                             .media_count = 1,
                             .measures = measures};
    draw_measures(world, measures, &products.measure_count);
    if (!world->bare) {
        char *path = mel_db_path(world->db, still), *folder = mel_path_dir(path);
        must(mel_make_dirs(folder, &err), &err);
        media[1] = (ClipMedia){.role = "still", .path = still, .sha256 = still_sha};
        write_picture(world, path, still_sha, &media[1].size_bytes);
        free(path);
        path = mel_db_path(world->db, audio);
        write_sound(path, number, channels, audio_sha, &media[0].size_bytes);
        products.media_count = 2;
        products.frames = &frame;
        products.frame_count = 1;
        free(path);
        free(folder);
    }
    must(mel_clip_ready(world->db, &products, &err), &err);
    free(audio);
    free(still);
}

static void make_failed(World *world, const char *clip_id)
{
    Err err = {0};
    int which = (int)(8 * pow(mel_rng_uniform(&world->rng), 1.6));
    must(mel_clip_failed(world->db, clip_id, failures[which].reason, failures[which].class,
                         failures[which].message, 900000, 0, "{\"melkit\":\"0.1.0\"}", &err),
         &err);
}

static void make_clip(World *world, int64_t number)
{
    Err err = {0};
    char source_id[32], locator[80], channel[32], clip_id[CLIP_ID_SIZE];
    int64_t video = number * 2 / 3, start_us = 30000000 + (number % 3) * 40000000;
    snprintf(source_id, sizeof source_id, "yt-%011lld", (long long)video);
    snprintf(locator, sizeof locator, "https://www.youtube.com/watch?v=%011lld", (long long)video);
    snprintf(channel, sizeof channel, "Channel %lld", (long long)(video % CHANNELS));
    Source source = {.id = source_id,
                     .kind = "youtube",
                     .locator = locator,
                     .title = titles[video % 6],
                     .channel = channel,
                     .channel_id = channel,
                     .duration_us = 240000000};
    must(mel_source_put(world->db, &source, NULL, &err), &err);
    must(mel_clip_put(world->db, source_id, start_us, start_us + 10000000, NULL, clip_id, NULL,
                      &err),
         &err);
    if (world->bare) {
        make_ready(world, clip_id, number, start_us);
        return;
    }
    must(mel_clip_label(world->db, clip_id, "audioset", "/m/04rlf", &err), &err);
    double fate = mel_rng_uniform(&world->rng);
    if (fate < 0.84)
        make_ready(world, clip_id, number, start_us);
    else if (fate < 0.95)
        make_failed(world, clip_id);
}

/* ---- what people and models say -------------------------------------------------------------- */

static const char *draw_genre(World *world)
{
    double at = mel_rng_uniform(&world->rng) * 105;
    for (size_t i = 0; i < MEL_COUNT(genres); i++)
        if ((at -= genre_weights[i]) < 0) return genres[i];
    return "unmatched";
}

static void annotate(World *world, const char *clip_id, const char *genre, const char *state)
{
    Err err = {0};
    char annotator[24];
    Annotation answer;
    const AnnotationTerm terms[] = {
        {"mood",  moods[mel_rng_int(&world->rng, 6)],               ""},
        {"instrument",       instruments[mel_rng_int(&world->rng,                         5)], "lead"},
        {"voice", "none",                              ""                                        }
    };
    snprintf(annotator, sizeof annotator, "annotator-%02d", 1 + mel_rng_int(&world->rng, 18));
    must(mel_annotator_put(world->db, annotator, "person", NULL, &err), &err);
    mel_annotation_init(&answer);
    answer.clip_id = clip_id;
    answer.annotator_id = annotator;
    answer.state = state;
    answer.origin = "app";
    answer.rev = -1;
    answer.genre = genre;
    answer.tempo = "moderate";
    answer.bpm = floor(normal(world, 104, 14));
    answer.metre = "4-4";
    answer.relevance = chance(world, 0.8) ? "complementary" : "redundant";
    answer.text = texts[mel_rng_int(&world->rng, 5)];
    answer.frame_position = 0;
    answer.active_us = 95000000;
    answer.terms = terms;
    answer.term_count = 3;
    must(mel_annotation_save(world->db, &answer, NULL, NULL, &err), &err);
}

static void score(World *world, const char *clip_id, const char *name, double value)
{
    Err err = {0};
    const Score row = {.clip_id = clip_id,
                       .name = name,
                       .value = value,
                       .model = "clip-vit-l-14",
                       .parameters_json = "{}"};
    must(mel_score_put(world->db, &row, &err), &err);
}

typedef struct Ids {
    char **items;
    size_t count, capacity;
} Ids;

static bool take_id(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Ids *ids = ctx;
    mel_grow(&ids->items, &ids->capacity, ids->count + 1, sizeof *ids->items);
    ids->items[ids->count++] = mel_strdup(mel_row_text(row, "id", ""));
    return true;
}

static void free_ids(Ids *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        free(ids->items[i]);
    free(ids->items);
    *ids = (Ids){0};
}

static void say_things(World *world)
{
    Err err = {0};
    Ids ids = {0};
    const ViewQuery ready = {
        .view = "clips", .columns = "id", .also = "state = 'ready' AND included", .order = "id"};
    must(mel_query(world->db, &ready, take_id, &ids, &err), &err);
    for (size_t i = 0; i < ids.count; i++) {
        const char *genre = draw_genre(world);
        if (chance(world, 0.9))
            annotate(world, ids.items[i], genre, chance(world, 0.96) ? "submitted" : "draft");
        if (chance(world, 0.1))
            annotate(world, ids.items[i], chance(world, 0.8) ? genre : "pop", "submitted");
        score(world, ids.items[i], "imsm", clamp(0.98 - fabs(normal(world, 0, 0.09)), 0, 1));
        score(world, ids.items[i], "clip", clamp(normal(world, 0.27, 0.04), 0, 1));
        score(world, ids.items[i], "clap", clamp(normal(world, 0.42, 0.11), -1, 1));
    }
    for (size_t i = 0; i + 8 < ids.count; i += 23) {
        const bool sound = i % 2;
        DuplicateRow edge = {.clip_a = ids.items[i],
                             .clip_b = ids.items[i + 7],
                             .kind = sound ? "audio" : "picture",
                             .score = mel_rng_range(&world->rng, 0.86, 1),
                             .offset_us = sound ? 1240000 : 0,
                             .evidence = 61,
                             .method = sound ? "landmarks-1" : "dct-hash"};
        must(mel_duplicate_put(world->db, &edge, NULL, &err), &err);
        edge.clip_a = ids.items[i + 3];
        if (i % 3 == 0) must(mel_duplicate_put(world->db, &edge, NULL, &err), &err);
    }
    free_ids(&ids);
}

static void filter(World *world)
{
    Err err = {0};
    PassOutcome outcome = {0};
    int64_t freed;
    must(mel_pass_run(world->db, "silence", "silence_share > 0.5", "mostly silent", false, &outcome,
                      &err),
         &err);
    must(mel_pass_run(world->db, "narrow", "bandwidth_hz < 9000", NULL, false, &outcome, &err),
         &err);
    must(mel_pass_run(world->db, "black", "black_share > 0.9 OR brightness_mean < 16", NULL, false,
                      &outcome, &err),
         &err);
    must(mel_pass_run(world->db, "quiet", "loudness_lufs < -18", "too strict", false, &outcome,
                      &err),
         &err);
    must(mel_pass_undo(world->db, "quiet", "it cost too much chamber music", &freed, &err), &err);
}

/* ---- the split --------------------------------------------------------------------------- */

typedef struct Ties {
    Ids ids;
    Groups groups;
} Ties;

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool tie_edge(void *ctx, const DuplicateRow *row, Err *err)
{
    (void)err;
    Ties *ties = ctx;
    char **ids = ties->ids.items;
    char **a = bsearch(&row->clip_a, ids, ties->ids.count, sizeof *ids, compare_ids);
    char **b = bsearch(&row->clip_b, ids, ties->ids.count, sizeof *ids, compare_ids);
    if (a && b) mel_groups_join(&ties->groups, (size_t)(a - ids), (size_t)(b - ids));
    return true;
}

/* Clips of one channel (so of one source) stay together, and near-duplicates do. */
static void tie_channels(Ties *ties)
{
    size_t first[CHANNELS];
    memset(first, 0xFF, sizeof first);
    for (size_t i = 0; i < ties->ids.count; i++) {
        long video = strtol(ties->ids.items[i] + strlen("yt-"), NULL, 10);
        size_t *known = &first[video % CHANNELS];
        if (*known == SIZE_MAX) *known = i;
        mel_groups_join(&ties->groups, *known, i);
    }
}

static void split(World *world)
{
    Err err = {0};
    Arena arena = {0};
    Ties ties = {0};
    SplitRow stored;
    bool made;
    const SplitRow wanted = {.name = "main",
                             .seed = "7",
                             .stratify = "genre",
                             .condition = "included",
                             .sides_json = "{\"train\":0.8,\"val\":0.1,\"test\":0.1}"};
    const ViewQuery triplets = {
        .view = "triplets", .columns = "id", .also = "included", .order = "id"};
    must(mel_split_make(world->db, &wanted, &arena, &stored, &made, &err), &err);
    must(mel_query(world->db, &triplets, take_id, &ties.ids, &err), &err);
    mel_groups_init(&ties.groups, ties.ids.count);
    tie_channels(&ties);
    must(mel_duplicate_each(world->db, tie_edge, &ties, &err), &err);
    for (size_t i = 0; i < ties.ids.count; i++) {
        const char *root = ties.ids.items[mel_groups_find(&ties.groups, i)];
        uint64_t at = mel_keyed_hash("7", root) % 10;
        const SplitMember member = {.clip_id = ties.ids.items[i],
                                    .side = at < 8    ? "train"
                                            : at == 8 ? "val"
                                                      : "test",
                                    .group_key = root};
        must(mel_split_assign(world->db, stored.id, &member, &err), &err);
    }
    mel_groups_clear(&ties.groups);
    free_ids(&ties.ids);
    mel_arena_clear(&arena);
}

int main(int argc, char **argv)
{
    Err err = {0};
    World world = {.bare = argc > 1 && mel_equal(argv[1], "--bare")};
    int at = world.bare ? 2 : 1;
    int64_t seed = 1;
    if (argc < at + 2 || !mel_parse_i64(argv[at + 1], &world.clips) ||
        (argc > at + 2 && !mel_parse_i64(argv[at + 2], &seed))) {
        fprintf(stderr, "usage: make_dataset [--bare] FOLDER CLIPS [SEED]\n");
        return 2;
    }
    world.rng = (Rng){.seed = (uint64_t)seed};
    must(mel_db_create(argv[at], &err), &err);
    must(mel_db_open(argv[at], DB_WRITE, &world.db, &err), &err);
    must(mel_db_begin(world.db, &err), &err);
    for (int64_t i = 0; i < world.clips; i++)
        make_clip(&world, i);
    must(mel_db_end(world.db, true, &err), &err);
    if (!world.bare) {
        filter(&world);
        must(mel_db_begin(world.db, &err), &err);
        say_things(&world);
        split(&world);
        must(mel_db_end(world.db, true, &err), &err);
    }
    mel_db_close(world.db);
    return 0;
}
