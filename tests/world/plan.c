/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/plan.h"

#include "tests/world/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STREAMS_PER_SOURCE = 4,
    STREAM_FACTORS = 0,
    STREAM_PICTURE = 1,
    STREAM_MUSIC = 2,
    STREAM_WORDS = 3
};

static const uint64_t order_stream = UINT64_C(1) << 40; /* beyond every source's streams */

static const char *const row_fault_ids[ROW_FAULT_COUNT] = {
    "broken-time", "missing-file", "duplicate-row", "past-end", "partly-past-end",
};

const char *mel_row_fault_id(RowFault fault)
{
    return row_fault_ids[fault];
}

static Rng stream(const WorldPlan *plan, int source, int which)
{
    uint64_t number = (uint64_t)source * STREAMS_PER_SOURCE + (uint64_t)which;
    return (Rng){.seed = plan->options.seed, .stream = number};
}

static void shuffle(int *items, int n, Rng *rng)
{
    for (int i = n - 1; i > 0; i--) {
        int j = mel_rng_int(rng, i + 1), swap = items[i];
        items[i] = items[j];
        items[j] = swap;
    }
}

/* Item i of an endless sequence in which every block of `kinds` holds each kind once. */
static int balanced(const WorldPlan *plan, int i, int kinds, uint64_t which)
{
    int block[GENRE_COUNT + MOOD_COUNT];
    for (int k = 0; k < kinds; k++)
        block[k] = k;
    uint64_t number = order_stream * which + (uint64_t)(i / kinds);
    Rng rng = {.seed = plan->options.seed, .stream = number};
    shuffle(block, kinds, &rng);
    return block[i % kinds];
}

/* ---- one source ---- */

static void draw_encoding(const WorldPlan *plan, Rng *rng, EncodeOptions *out)
{
    static const int rates[4][2] = {
        {25,    1   },
        {25,    1   },
        {24,    1   },
        {30000, 1001}
    };
    static const Packaging packagings[8] = {
        PACK_MP4_FASTSTART, PACK_MP4_FASTSTART,  PACK_MP4_TAIL,  PACK_MP4_TAIL,
        PACK_WEBM_TAIL,     PACK_MP4_FRAGMENTED, PACK_WEBM_TAIL, PACK_WEBM_FRONT,
    };
    int rate = mel_rng_int(rng, 4);
    double gop_s = mel_rng_range(rng, 2, 5);
    *out = (EncodeOptions){
        .packaging = packagings[mel_rng_int(rng, 8)],
        .width = plan->options.width,
        .height = plan->options.height,
        .fps_num = rates[rate][0],
        .fps_den = rates[rate][1],
        .seconds = plan->options.seconds,
        .gop_frames = (int)(gop_s * rates[rate][0] / rates[rate][1]),
        .bits = mel_rng_range(rng, 0.8, 1.25),
    };
    out->b_frames = mel_rng_int(rng, 2);
    bool cd_rate = mel_rng_int(rng, 2);
    bool webm = mel_packaging_is_webm(out->packaging);
    out->sound_rate_hz = cd_rate && !webm ? 44100 : SYNTH_RATE_HZ;
}

static void draw_clips(SourcePlan *source, double seconds, Rng *rng)
{
    bool two = mel_rng_uniform(rng) < 0.7 || source->fault != FAULT_NONE || source->partner >= 0;
    source->clip_count = two && seconds >= 2 * CLIP_S + 1 ? 2 : 1;
    double slack = seconds - CLIP_S * source->clip_count - 0.4;
    double first = 0.2 + mel_rng_uniform(rng) * fmin(2, slack / 2);
    double second = first + CLIP_S + mel_rng_uniform(rng) * slack / 2;
    source->clips_s[0] = round(first * 100) / 100;
    source->clips_s[1] = round(second * 100) / 100;
}

static void draw_source(const WorldPlan *plan, int index, SourcePlan *source)
{
    *source = (SourcePlan){.index = index, .partner = -1, .kept_share = 1};
    Genre genre = balanced(plan, index, GENRE_COUNT, 1);
    Mood mood = balanced(plan, index, MOOD_COUNT, 2);
    mel_draw_picture_factors(mood, stream(plan, index, STREAM_PICTURE), &source->picture);
    mel_draw_music_factors(genre, mood, stream(plan, index, STREAM_MUSIC), &source->music);
    Rng rng = stream(plan, index, STREAM_FACTORS);
    draw_encoding(plan, &rng, &source->encode);
    source->rng = stream(plan, index, STREAM_WORDS);
}

/* ---- faults ---- */

/* A quarter of the sources, or half of a world too small to hold every kind once otherwise. */
static int faulty_count(const WorldOptions *options)
{
    int sources = options->sources, share = sources / 4, kinds = FAULT_COUNT - 1;
    if (options->faulty >= 0) return options->faulty;
    int half = sources / 2 < kinds ? sources / 2 : kinds;
    return share > half ? share : half;
}

static Packaging other_codec(Packaging packaging)
{
    return mel_packaging_is_webm(packaging) ? PACK_MP4_FASTSTART : PACK_WEBM_TAIL;
}

static void make_reupload(const WorldPlan *plan, SourcePlan *source, const SourcePlan *original)
{
    source->music = original->music;
    source->music_from_s = 2.6;
    Mood mood = original->music.mood;
    mel_draw_picture_factors(mood, stream(plan, source->index, STREAM_PICTURE), &source->picture);
    source->encode.packaging = other_codec(original->encode.packaging);
    source->encode.sound_rate_hz = SYNTH_RATE_HZ;
}

static void make_same_picture(const WorldPlan *plan, SourcePlan *source, const SourcePlan *original)
{
    Genre genre = source->music.genre;
    if (genre == original->music.genre) genre = (genre + 1) % GENRE_COUNT;
    Mood mood = original->picture.mood;
    mel_draw_music_factors(genre, mood, stream(plan, source->index, STREAM_MUSIC), &source->music);
    source->picture = original->picture;
    source->encode.packaging = other_codec(original->encode.packaging);
    source->encode.sound_rate_hz = SYNTH_RATE_HZ;
    source->encode.width = plan->options.width * 3 / 8 * 2;
    source->encode.height = plan->options.height * 3 / 8 * 2;
    source->encode.bits = 0.6;
}

static void plant_fault(const WorldPlan *plan, SourcePlan *source, Fault fault, int partner)
{
    source->fault = fault;
    switch (fault) {
    case FAULT_MISMATCH:
        mel_draw_music_factors(source->music.genre, mel_mood_opposite(source->picture.mood),
                               stream(plan, source->index, STREAM_MUSIC), &source->music);
        break;
    case FAULT_REUPLOAD:
    case FAULT_SAME_PICTURE:
        source->partner = partner;
        if (fault == FAULT_REUPLOAD)
            make_reupload(plan, source, &plan->sources[partner]);
        else
            make_same_picture(plan, source, &plan->sources[partner]);
        break;
    case FAULT_TRUNCATED:
        source->encode.packaging = PACK_MP4_FASTSTART;
        source->kept_share = 0.55;
        break;
    case FAULT_DROPOUTS: /* Opus would ring on in the gaps */
    case FAULT_NOT_MEDIA:
        source->encode.packaging = PACK_MP4_FASTSTART;
        break;
    case FAULT_LATE_SOUND:
        source->encode.packaging = PACK_MP4_TAIL;
        source->encode.sound_delay_s = 4.5;
        break;
    default:
        break;
    }
}

/* Lost treble is a fault only where there was treble. */
static bool fits(const SourcePlan *source, Fault fault)
{
    return fault != FAULT_LOW_BANDWIDTH || mel_genre_has_cymbals(source->music.genre);
}

/* The first of a shuffled order get the faults, further mismatches follow, the last are what copies
 * copy, and the rows that are wrong by themselves name sources in between. */
static void plant_faults(WorldPlan *plan)
{
    int count = plan->options.sources, faulty = faulty_count(&plan->options), partners = count;
    int *order = mel_alloc((size_t)count * sizeof *order);
    for (int i = 0; i < count; i++)
        order[i] = i;
    Rng rng = {.seed = plan->options.seed, .stream = order_stream * 3};
    shuffle(order, count, &rng);
    for (int i = 0; i < faulty; i++) {
        Fault fault = FAULT_MISMATCH + i % (FAULT_COUNT - 1);
        int found = i;
        while (found < partners - 1 && !fits(&plan->sources[order[found]], fault))
            found++;
        int swap = order[i];
        order[i] = order[found];
        order[found] = swap;
        bool copies = fault == FAULT_REUPLOAD || fault == FAULT_SAME_PICTURE;
        int partner = copies ? order[--partners] : -1;
        plant_fault(plan, &plan->sources[order[i]], fault, partner);
    }
    for (int i = 0; i < plan->options.mismatched; i++)
        plant_fault(plan, &plan->sources[order[faulty++]], FAULT_MISMATCH, -1);
    MEL_ASSERT(partners > faulty);
    for (RowFault fault = 0; fault < ROW_FAULT_COUNT; fault++) {
        int place = faulty + fault * (partners - faulty) / ROW_FAULT_COUNT;
        plan->rows[fault] = (RowPlan){order[place], fault};
    }
    free(order);
}

/* ---- names ---- */

static void name_source(WorldPlan *plan, SourcePlan *source)
{
    static const char *const licenses[4] = {"CC-BY-4.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0"};
    int count = plan->options.sources, channels = count / 2 > 2 ? count / 2 : 2;
    bool webm = mel_packaging_is_webm(source->encode.packaging);
    Rng rng = source->rng;
    int channel = mel_rng_int(&rng, channels);
    source->license = licenses[mel_rng_int(&rng, 4)];
    source->rng = rng;
    if (source->fault == FAULT_REUPLOAD) { /* someone else's channel */
        const char *original = plan->sources[source->partner].channel;
        const char *name = mel_words_channel(&plan->arena, plan->options.seed, channel);
        if (mel_equal(name, original)) channel = (channel + 1) % channels;
    }
    source->title = mel_words_title(&plan->arena, plan->options.seed, source->index);
    source->channel = mel_words_channel(&plan->arena, plan->options.seed, channel);
    source->encode.title = source->title;
    source->encode.artist = source->channel;
    snprintf(source->path, sizeof source->path, "media/s%03d.%s", source->index,
             webm ? "webm" : "mp4");
}

static bool check_options(const WorldOptions *options, Err *err)
{
    if (options->sources < 1 || options->sources > SOURCES_MAX)
        return mel_err(err, ERR_USAGE, "sources must be 1 to %d", SOURCES_MAX);
    int faulty = options->faulty < 0 ? 0 : options->faulty, bad = faulty + options->mismatched;
    if (bad > 0 && bad > options->sources / 2)
        return mel_err(err, ERR_USAGE, "at most half of the sources can be faulty");
    if (!(options->seconds >= 11 && options->seconds <= 600))
        return mel_err(err, ERR_USAGE, "seconds must be 11 to 600");
    bool sized = options->width >= 64 && options->width <= 4096 && options->height >= 64 &&
                 options->height <= 4096 && options->width % 2 == 0 && options->height % 2 == 0;
    if (!sized) return mel_err(err, ERR_USAGE, "the size must be even numbers from 64 to 4096");
    return true;
}

bool mel_plan_draw(const WorldOptions *options, WorldPlan *out, Err *err)
{
    if (!check_options(options, err)) return false;
    WorldPlan plan = {.options = *options};
    plan.sources = mel_alloc((size_t)options->sources * sizeof *plan.sources);
    for (int i = 0; i < options->sources; i++)
        draw_source(&plan, i, &plan.sources[i]);
    plant_faults(&plan);
    for (int copies = 0; copies < 2; copies++) /* originals first: a copy looks at its original */
        for (int i = 0; i < options->sources; i++) {
            SourcePlan *source = &plan.sources[i];
            if ((source->partner >= 0) == copies) name_source(&plan, source);
        }
    for (int i = 0; i < options->sources; i++) {
        Rng rng = stream(&plan, i, STREAM_FACTORS);
        rng.next = 1000; /* behind what the encoding drew */
        draw_clips(&plan.sources[i], options->seconds, &rng);
    }
    *out = plan;
    return true;
}

void mel_plan_clear(WorldPlan *plan)
{
    free(plan->sources);
    mel_arena_clear(&plan->arena);
    *plan = (WorldPlan){0};
}

bool mel_clip_is_hit(const SourcePlan *source, int clip)
{
    double start_s = source->clips_s[clip];
    switch (source->fault) {
    case FAULT_NONE:
        return false;
    case FAULT_TRUNCATED:
        return start_s + CLIP_S > source->kept_share * source->encode.seconds;
    case FAULT_LATE_SOUND:
        return start_s < source->encode.sound_delay_s;
    default:
        return true;
    }
}

bool mel_clip_has_music(const SourcePlan *source, int clip)
{
    switch (source->fault) {
    case FAULT_SILENT:
    case FAULT_NO_SOUND:
    case FAULT_DROPOUTS: /* Opus would ring on in the gaps */
    case FAULT_NOT_MEDIA:
        return false;
    case FAULT_TRUNCATED:
        return !mel_clip_is_hit(source, clip);
    default:
        return true;
    }
}
