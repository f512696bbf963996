/* SPDX-License-Identifier: Apache-2.0
 *
 * The world generator: its data is well formed, its plan keeps its promises, its music and damage
 * are what they are called, and a small world really made is what its truth says. */
#include "tests/support/test.h"

#include "tests/world/groove.h"
#include "tests/world/truth.h"
#include "tests/world/words.h"
#include "tests/world/world.h"

#include <ebur128.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const WorldOptions usual = {60, -1, 0, 1, 24, 426, 240};
static const WorldOptions small = {6, -1, 0, 3, 12, 160, 90};

/* ---- data ---- */

static void every_groove_has_lanes_of_one_length_and_known_letters(void **state)
{
    (void)state;
    for (Genre genre = 0; genre < GENRE_COUNT; genre++)
        for (int i = 0; i < mel_groove_count(genre); i++) {
            const Groove *groove = mel_groove(genre, i);
            size_t steps = (size_t)mel_groove_steps(groove);
            static const size_t wanted[METRE_COUNT] = {12, 16, 12, 14};
            assert_int_equal(steps, wanted[groove->metre]);
            assert_int_equal(strlen(groove->bass), steps);
            assert_int_equal(strspn(groove->chords, "Xx1234-."), steps);
            assert_int_equal(strspn(groove->bass, "13578w-."), steps);
            for (int lane = 0; lane < GROOVE_LANES && groove->drums[lane]; lane++) {
                assert_non_null(strchr("KSRCHODYBTGgVMA", groove->drums[lane][0]));
                assert_int_equal(groove->drums[lane][1], ':');
                assert_int_equal(strspn(groove->drums[lane] + 2, "Xxo."), steps);
                assert_int_equal(strlen(groove->drums[lane] + 2), steps);
            }
        }
}

static void every_genre_has_grooves_and_progressions(void **state)
{
    (void)state;
    for (Genre genre = 0; genre < GENRE_COUNT; genre++) {
        assert_true(mel_groove_count(genre) >= 1);
        for (Mode mode = 0; mode < MODE_COUNT; mode++)
            for (int pick = 0; pick < 2; pick++)
                assert_in_range(mel_progression(genre, mode, pick)->count, 1, PROGRESSION_MAX);
    }
}

/* ---- plan ---- */

static void usual_plan_holds_every_genre_mood_and_fault(void **state)
{
    (void)state;
    Err err = {0};
    WorldPlan plan;
    CHECK_OK(mel_plan_draw(&usual, &plan, &err));
    int genres[GENRE_COUNT] = {0}, moods[MOOD_COUNT] = {0}, faults[FAULT_COUNT] = {0};
    for (int i = 0; i < usual.sources; i++) {
        genres[plan.sources[i].music.genre]++;
        moods[plan.sources[i].picture.mood]++;
        faults[plan.sources[i].fault]++;
    }
    for (Genre genre = 0; genre < GENRE_COUNT; genre++)
        assert_in_range(genres[genre], 2, 6);
    for (Mood mood = 0; mood < MOOD_COUNT; mood++)
        assert_in_range(moods[mood], 5, 10);
    for (Fault fault = 1; fault < FAULT_COUNT; fault++)
        assert_true(faults[fault] >= 1);
    assert_in_range(faults[FAULT_NONE], 44, 48);
    mel_plan_clear(&plan);
}

static void small_plans_hold_the_faults_that_matter_most(void **state)
{
    (void)state;
    Err err = {0};
    WorldPlan plan;
    WorldOptions options = usual;
    options.sources = 12;
    CHECK_OK(mel_plan_draw(&options, &plan, &err));
    int faults[FAULT_COUNT] = {0};
    for (int i = 0; i < options.sources; i++)
        faults[plan.sources[i].fault]++;
    for (Fault fault = FAULT_MISMATCH; fault <= FAULT_CLIPPED; fault++)
        assert_int_equal(faults[fault], 1);
    mel_plan_clear(&plan);
    for (options.sources = 1; options.sources < 40; options.sources++) {
        CHECK_OK(mel_plan_draw(&options, &plan, &err));
        mel_plan_clear(&plan);
    }
}

static void the_shares_of_faults_and_mismatches_can_be_chosen(void **state)
{
    (void)state;
    Err err = {0};
    WorldPlan plan;
    WorldOptions options = usual;
    options.faulty = 14;
    options.mismatched = 9;
    CHECK_OK(mel_plan_draw(&options, &plan, &err));
    int faults[FAULT_COUNT] = {0};
    for (int i = 0; i < options.sources; i++)
        faults[plan.sources[i].fault]++;
    assert_int_equal(faults[FAULT_NONE], 60 - 14 - 9);
    assert_int_equal(faults[FAULT_MISMATCH], 10);
    assert_int_equal(faults[FAULT_NOT_MEDIA], 1);
    mel_plan_clear(&plan);
}

static void faults_are_what_they_are_called_in_the_plan(void **state)
{
    (void)state;
    Err err = {0};
    WorldPlan plan;
    CHECK_OK(mel_plan_draw(&usual, &plan, &err));
    for (int i = 0; i < usual.sources; i++) {
        const SourcePlan *source = &plan.sources[i];
        bool apart = source->picture.mood != source->music.mood;
        assert_int_equal(apart, source->fault == FAULT_MISMATCH);
        if (source->fault == FAULT_LOW_BANDWIDTH)
            assert_true(mel_genre_has_cymbals(source->music.genre));
        if (source->partner < 0) continue;
        const SourcePlan *partner = &plan.sources[source->partner];
        assert_int_equal(partner->fault, FAULT_NONE);
        bool same_music = source->music.tempo_bpm == partner->music.tempo_bpm;
        assert_int_equal(same_music, source->fault == FAULT_REUPLOAD);
        assert_string_not_equal(source->title, partner->title);
        if (same_music) assert_string_not_equal(source->channel, partner->channel);
        assert_int_not_equal(mel_packaging_is_webm(source->encode.packaging),
                             mel_packaging_is_webm(partner->encode.packaging));
    }
    mel_plan_clear(&plan);
}

static void clips_lie_inside_their_source_and_apart(void **state)
{
    (void)state;
    Err err = {0};
    WorldPlan plan;
    CHECK_OK(mel_plan_draw(&usual, &plan, &err));
    for (int i = 0; i < usual.sources; i++) {
        const SourcePlan *source = &plan.sources[i];
        double last = source->clips_s[source->clip_count - 1];
        assert_true(source->clips_s[0] >= 0 && last + CLIP_S <= usual.seconds - 0.15);
        if (source->clip_count == 2) assert_true(last - source->clips_s[0] >= CLIP_S);
        bool any = false;
        for (int k = 0; k < source->clip_count; k++)
            any = any || mel_clip_is_hit(source, k);
        assert_int_equal(any, source->fault != FAULT_NONE);
    }
    mel_plan_clear(&plan);
}

static void senseless_options_are_refused(void **state)
{
    (void)state;
    static const WorldOptions senseless[] = {
        {0,  -1, 0,  1, 24,  426,     240},
        {-3, -1, 0,  1, 24,  426,     240},
        {60, -1, 0,  1, 10,  426,     240},
        {60, -1, 0,  1, NAN, 426,     240},
        {60, -1, 0,  1, 24,  427,     240},
        {60, -1, 0,  1, 24,  426,     32 },
        {60, -1, 0,  1, 1e9, 426,     240},
        {60, -1, 0,  1, 24,  1 << 20, 240},
        {60, 20, 11, 1, 24,  426,     240},
    };
    Err err = {0};
    WorldPlan plan;
    for (size_t i = 0; i < MEL_COUNT(senseless); i++)
        CHECK_FAILS(mel_plan_draw(&senseless[i], &plan, &err), ERR_USAGE);
}

/* ---- words ---- */

static void texts_never_tell_what_the_picture_tells(void **state)
{
    (void)state;
    for (int i = 0; i < 1500; i++) {
        MusicFactors music;
        mel_draw_music_factors(i % GENRE_COUNT, i % MOOD_COUNT, (Rng){5, (uint64_t)i, 0}, &music);
        Rng rng = {6, (uint64_t)i, 0};
        char *texts[2] = {mel_words_caption(&music, &rng), mel_words_annotation(&music, &rng)};
        for (int k = 0; k < 2; k++) {
            for (Mood mood = 0; mood < MOOD_COUNT; mood++)
                assert_null(strcasestr(texts[k], mel_mood_id(mood)));
            for (Mode mode = 0; mode < MODE_COUNT; mode++)
                assert_null(strcasestr(texts[k], mel_mode_id(mode)));
            assert_non_null(strcasestr(texts[k], mel_genre_phrase(music.genre)));
            assert_int_equal(texts[k][strlen(texts[k]) - 1], '.');
            assert_null(strstr(texts[k], "  "));
            free(texts[k]);
        }
    }
}

static void titles_are_all_different(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    Arena arena = {0};
    const char *titles[COUNT];
    for (int i = 0; i < COUNT; i++) {
        titles[i] = mel_words_title(&arena, 9, i);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(titles[i], titles[k]);
    }
    mel_arena_clear(&arena);
}

/* ---- music and its damage ---- */

static double loudness_lufs(const Recording *recording)
{
    double lufs = 0;
    ebur128_state *meter = ebur128_init(2, SYNTH_RATE_HZ, EBUR128_MODE_I);
    assert_non_null(meter);
    ebur128_add_frames_float(meter, recording->samples, recording->n);
    ebur128_loudness_global(meter, &lufs);
    ebur128_destroy(&meter);
    return lufs;
}

static void render(Genre genre, Mood mood, double from_s, double seconds, Recording *out)
{
    Err err = {0};
    MusicFactors music;
    mel_draw_music_factors(genre, mood, (Rng){11, genre, 0}, &music);
    CHECK_OK(mel_music_render(&music, from_s, seconds, out, &err));
}

static void every_genre_sounds_at_about_the_same_loudness(void **state)
{
    (void)state;
    for (Genre genre = 0; genre < GENRE_COUNT; genre++) {
        Recording recording;
        render(genre, genre % MOOD_COUNT, 0, 5, &recording);
        assert_int_equal(recording.n, 5 * SYNTH_RATE_HZ);
        CHECK_NEAR(loudness_lufs(&recording), -16, 1.6);
        for (size_t i = 0; i < 2 * recording.n; i++)
            assert_true(fabsf(recording.samples[i]) < 0.95f);
        mel_recording_clear(&recording);
    }
}

static void a_longer_score_begins_with_the_shorter_one(void **state)
{
    (void)state;
    MusicFactors music;
    mel_draw_music_factors(GENRE_POP, MOOD_HAPPY, (Rng){4, 4, 0}, &music);
    Score shorter, longer;
    mel_score_compose(&music, 8, &shorter);
    mel_score_compose(&music, 20, &longer);
    size_t matched = 0;
    for (size_t i = 0; i < longer.count; i++) {
        if (longer.notes[i].start_s >= 8) continue;
        assert_true(matched < shorter.count);
        assert_memory_equal(&longer.notes[i], &shorter.notes[matched], sizeof *shorter.notes);
        matched++;
    }
    assert_int_equal(matched, shorter.count);
    assert_true(matched > 50);
    mel_score_clear(&shorter);
    mel_score_clear(&longer);
}

/* Notes of the bar line fall on multiples of the bar: what is called tempo is the tempo. */
static void bass_drum_strokes_stand_on_the_grid_of_the_tempo(void **state)
{
    (void)state;
    MusicFactors music;
    mel_draw_music_factors(GENRE_ELECTRONIC, MOOD_ENERGETIC, (Rng){8, 1, 0}, &music);
    Score score;
    mel_score_compose(&music, 20, &score);
    double beat_s = 60 / music.tempo_bpm;
    int strokes = 0;
    for (size_t i = 0; i < score.count; i++) {
        if (score.notes[i].part != PART_DRUMS || (int)score.notes[i].pitch != 'K') continue;
        double beats = score.notes[i].start_s / beat_s;
        CHECK_NEAR((beats - round(beats)) * beat_s, 0, 0.03);
        strokes++;
    }
    assert_in_range(strokes, (int)(0.8 * 20 / beat_s), (int)(1.1 * 20 / beat_s));
    mel_score_clear(&score);
}

/* Power above a frequency against all power, by a high-pass of order 8. */
static double power_above(const Recording *recording, double hz)
{
    Svf filters[4] = {0};
    for (int k = 0; k < 4; k++)
        mel_svf_tune(&filters[k], hz, 0.5 / cos(M_PI * (2 * k + 1) / 16));
    double above = 0, all = 0;
    for (size_t i = 0; i < recording->n; i++) {
        double x = recording->samples[2 * i];
        all += x * x;
        for (int k = 0; k < 4; k++) {
            mel_svf_run(&filters[k], x);
            x = filters[k].high;
        }
        above += x * x;
    }
    return above / all;
}

static void damage_does_what_it_says(void **state)
{
    (void)state;
    Recording recording;
    render(GENRE_ROCK, MOOD_HAPPY, 0, 6, &recording);
    double treble = power_above(&recording, 8000);
    mel_fault_lowpass(&recording);
    assert_true(treble > 1e-4);
    assert_true(power_above(&recording, 8000) < 1e-3 * treble);
    double lufs = loudness_lufs(&recording);
    mel_fault_gain(&recording, -6);
    CHECK_NEAR(loudness_lufs(&recording), lufs - 6, 0.5);
    mel_fault_clip(&recording);
    size_t full = 0;
    for (size_t i = 0; i < 2 * recording.n; i++)
        full += fabsf(recording.samples[i]) == 1;
    assert_true(full > recording.n / 20);
    mel_fault_mono(&recording);
    for (size_t i = 0; i < recording.n; i++)
        assert_true(recording.samples[2 * i] == recording.samples[2 * i + 1]);
    Rng rng = {1, 1, 0};
    assert_in_range(mel_fault_dropouts(&recording, &rng), 2, 6);
    mel_fault_silence(&recording);
    for (size_t i = 0; i < 2 * recording.n; i++)
        assert_true(recording.samples[i] == 0);
    mel_recording_clear(&recording);
}

static void sound_is_stereo_until_it_is_made_mono(void **state)
{
    (void)state;
    for (Genre genre = 0; genre < GENRE_COUNT; genre += 4) {
        Recording recording;
        render(genre, MOOD_CALM, 0, 4, &recording);
        double side = 0, middle = 0;
        for (size_t i = 0; i < recording.n; i++) {
            double l = recording.samples[2 * i], r = recording.samples[2 * i + 1];
            side += (l - r) * (l - r);
            middle += (l + r) * (l + r);
        }
        assert_true(side > 1e-3 * middle);
        mel_recording_clear(&recording);
    }
}

/* ---- pictures ---- */

static void every_mood_has_a_moving_picture_that_is_not_black(void **state)
{
    (void)state;
    for (Mood mood = 0; mood < MOOD_COUNT; mood++) {
        PictureFactors picture;
        mel_draw_picture_factors(mood, (Rng){2, mood, 0}, &picture);
        Film *film = mel_film_new(&picture, 24, 160, 90);
        for (int half = 0; half < 2; half++) { /* before and behind a cut */
            ptrdiff_t stride;
            const uint8_t *frame = mel_film_frame(film, 1 + 22 * half, &stride);
            size_t size = (size_t)stride * 90, changed = 0, bright = 0;
            uint8_t *kept = mel_alloc(size);
            memcpy(kept, frame, size);
            frame = mel_film_frame(film, 1.2 + 22 * half, &stride);
            for (size_t i = 0; i < size; i++) {
                if (i % 4 == 3) continue;
                changed += abs(frame[i] - kept[i]) > 8;
                bright += frame[i] > 40;
            }
            assert_true(changed > 60);
            assert_true(bright > size / 20);
            free(kept);
        }
        mel_film_free(film);
    }
}

/* ---- a world that is really made ---- */

static char *make_world(const WorldOptions *options, WorldSummary *summary)
{
    Err err = {0};
    char *folder = test_folder();
    CHECK_OK(mel_world_make(options, test_path(folder, "w"), 2, NULL, summary, &err));
    return folder;
}

static void same_file(const char *a, const char *b, const char *name, bool wanted)
{
    Err err = {0};
    char hash_a[SHA256_HEX_SIZE], hash_b[SHA256_HEX_SIZE];
    CHECK_OK(mel_sha256_file(test_path(a, "w/%s", name), hash_a, NULL, &err));
    CHECK_OK(mel_sha256_file(test_path(b, "w/%s", name), hash_b, NULL, &err));
    if (mel_equal(hash_a, hash_b) != wanted)
        fail_msg("'%s' is %s", name, wanted ? "not the same" : "the same");
}

static void check_stream(const AVStream *stream, const char *codec, double seconds, double hz)
{
    assert_string_equal(avcodec_get_name(stream->codecpar->codec_id), codec);
    if (stream->duration != AV_NOPTS_VALUE)
        CHECK_NEAR((double)stream->duration * av_q2d(stream->time_base), seconds, 0.15);
    if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
        CHECK_NEAR(av_q2d(stream->avg_frame_rate), hz, 0.2);
    else
        CHECK_NEAR(stream->codecpar->sample_rate, hz, 0);
}

static void check_media(const char *path, const json_t *file)
{
    AVFormatContext *format = NULL;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    double seconds = mel_json_f64(file, "seconds", 0);
    CHECK_NEAR((double)format->duration / AV_TIME_BASE, seconds, 0.15);
    assert_int_equal(format->nb_streams, 2);
    check_stream(format->streams[0], mel_json_text(file, "video_codec", ""), seconds,
                 mel_json_f64(file, "frame_rate_hz", 0));
    check_stream(format->streams[1], mel_json_text(file, "audio_codec", ""), seconds,
                 mel_json_f64(file, "sound_rate_hz", 0));
    assert_non_null(av_dict_get(format->metadata, "title", NULL, 0));
    int64_t last_us[2] = {0};
    AVPacket *packet = av_packet_alloc();
    while (av_read_frame(format, packet) >= 0) {
        AVRational base = format->streams[packet->stream_index]->time_base;
        last_us[packet->stream_index] = av_rescale_q(packet->pts, base, AV_TIME_BASE_Q);
        av_packet_unref(packet);
    }
    CHECK_NEAR((double)last_us[0] / 1e6, seconds, 0.2); /* packets really reach the end */
    CHECK_NEAR((double)last_us[1] / 1e6, seconds, 0.2);
    av_packet_free(&packet);
    avformat_close_input(&format);
}

static void small_world_is_what_its_truth_says_and_the_same_twice(void **state)
{
    (void)state;
    Err err = {0};
    WorldSummary summary, again;
    char *a = make_world(&small, &summary), *b = make_world(&small, &again);
    assert_int_equal(summary.sources, 6);
    assert_int_equal(summary.faulty, 3);
    same_file(a, b, "list.csv", true);
    same_file(a, b, "annotations.jsonl", true);
    same_file(a, b, "truth.json", true);
    json_t *truth = mel_json_load(test_path(a, "w/truth.json"), 1 << 24, &err);
    assert_non_null(truth);
    assert_int_equal(json_array_size(json_object_get(truth, "faults")), 3);
    assert_int_equal(json_array_size(json_object_get(truth, "row_faults")), ROW_FAULT_COUNT);
    const json_t *sources = json_object_get(truth, "sources");
    assert_int_equal(json_array_size(sources), 6);
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);
        const char *path = mel_json_text(source, "path", "");
        same_file(a, b, path, true);
        check_media(test_path(a, "w/%s", path), json_object_get(source, "file"));
    }
    json_decref(truth);
    test_folder_remove(a);
    test_folder_remove(b);
}

static void write_texts(const WorldOptions *options, const char *folder)
{
    Err err = {0};
    WorldPlan plan;
    CHECK_OK(mel_plan_draw(options, &plan, &err));
    CHECK_OK(mel_make_dirs(test_path(folder, "w"), &err));
    CHECK_OK(mel_write_list(&plan, test_path(folder, "w/list.csv"), &err));
    CHECK_OK(mel_write_annotations(&plan, test_path(folder, "w/annotations.jsonl"), &err));
    CHECK_OK(mel_write_truth(&plan, test_path(folder, "w/truth.json"), &err));
    mel_plan_clear(&plan);
}

static void another_seed_is_another_world(void **state)
{
    (void)state;
    WorldOptions other = usual;
    other.seed = 2;
    char *a = test_folder(), *b = test_folder();
    write_texts(&usual, a);
    write_texts(&other, b);
    same_file(a, b, "list.csv", false);
    same_file(a, b, "annotations.jsonl", false);
    same_file(a, b, "truth.json", false);
    test_folder_remove(a);
    test_folder_remove(b);
}

static void wrong_rows_stand_on_the_lines_that_the_truth_names(void **state)
{
    (void)state;
    Err err = {0};
    char *folder = test_folder();
    write_texts(&usual, folder);
    json_t *truth = mel_json_load(test_path(folder, "w/truth.json"), 1 << 24, &err);
    assert_non_null(truth);
    FILE *file = fopen(test_path(folder, "w/list.csv"), "re");
    assert_non_null(file);
    CsvReader reader;
    mel_csv_reader_init(&reader, file, ',', false);
    const json_t *rows = json_object_get(truth, "row_faults");
    size_t found = 0;
    while (mel_csv_next(&reader, &err) == CSV_ROW) {
        assert_int_equal(reader.count, 10);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            if (mel_json_i64(row, "line", 0) != reader.line) continue;
            const char *kind = mel_json_text(row, "kind", "");
            double start_s = 0;
            bool time = mel_parse_f64(mel_csv_field(&reader, 1), &start_s);
            assert_int_equal(time, !mel_equal(kind, "broken-time"));
            if (mel_equal(kind, "past-end")) assert_true(start_s > usual.seconds);
            bool gone = mel_equal(mel_csv_field(&reader, 0), "media/gone.mp4");
            assert_int_equal(gone, mel_equal(kind, "missing-file"));
            found++;
        }
    }
    assert_int_equal(found, ROW_FAULT_COUNT);
    mel_csv_reader_clear(&reader);
    fclose(file);
    json_decref(truth);
    test_folder_remove(folder);
}

static void a_folder_with_something_in_it_is_left_alone(void **state)
{
    (void)state;
    Err err = {0};
    WorldSummary summary;
    char *folder = test_folder();
    test_write(test_path(folder, "letter.txt"), "dear", 4);
    CHECK_FAILS(mel_world_make(&small, folder, 1, NULL, &summary, &err), ERR_EXISTS);
    assert_false(mel_path_exists(test_path(folder, "media")));
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_groove_has_lanes_of_one_length_and_known_letters),
        cmocka_unit_test(every_genre_has_grooves_and_progressions),
        cmocka_unit_test(usual_plan_holds_every_genre_mood_and_fault),
        cmocka_unit_test(small_plans_hold_the_faults_that_matter_most),
        cmocka_unit_test(the_shares_of_faults_and_mismatches_can_be_chosen),
        cmocka_unit_test(faults_are_what_they_are_called_in_the_plan),
        cmocka_unit_test(clips_lie_inside_their_source_and_apart),
        cmocka_unit_test(senseless_options_are_refused),
        cmocka_unit_test(texts_never_tell_what_the_picture_tells),
        cmocka_unit_test(titles_are_all_different),
        cmocka_unit_test(every_genre_sounds_at_about_the_same_loudness),
        cmocka_unit_test(a_longer_score_begins_with_the_shorter_one),
        cmocka_unit_test(bass_drum_strokes_stand_on_the_grid_of_the_tempo),
        cmocka_unit_test(damage_does_what_it_says),
        cmocka_unit_test(sound_is_stereo_until_it_is_made_mono),
        cmocka_unit_test(every_mood_has_a_moving_picture_that_is_not_black),
        cmocka_unit_test(small_world_is_what_its_truth_says_and_the_same_twice),
        cmocka_unit_test(another_seed_is_another_world),
        cmocka_unit_test(wrong_rows_stand_on_the_lines_that_the_truth_names),
        cmocka_unit_test(a_folder_with_something_in_it_is_left_alone),
    };
    av_log_set_level(AV_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
