/* SPDX-License-Identifier: Apache-2.0
 *
 * Front ends beside what tests/parity/make_front.py got from librosa, transformers, torchaudio and
 * Pillow. */
#include "engine/engine.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct Fixture {
    json_t *index;
    float *numbers;
    uint8_t *pictures;
} Fixture;

static int set_up(void **state)
{
    Err err = {0};
    size_t bytes;
    Fixture *f = mel_alloc(sizeof *f);
    f->index = mel_json_load(MEL_TEST_DATA "/front/index.json", 1 << 20, &err);
    assert_non_null(f->index);
    CHECK_OK(mel_read_file(MEL_TEST_DATA "/front/numbers.f32", 1 << 20, (char **)&f->numbers,
                           &bytes, &err));
    CHECK_OK(mel_read_file(MEL_TEST_DATA "/front/pictures.u8", 1 << 20, (char **)&f->pictures,
                           &bytes, &err));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    json_decref(f->index);
    free(f->numbers);
    free(f->pictures);
    free(f);
    return 0;
}

static MEL_PRINTF(3, 4) const float *find(const Fixture *f, int64_t *count, const char *format, ...)
{
    char name[64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const json_t *array = json_object_get(json_object_get(f->index, "arrays"), name);
    if (!array) fail_msg("the fixture has no '%s'", name);
    *count = mel_json_i64(array, "count", 0);
    return f->numbers + mel_json_i64(array, "at", 0);
}

static const char *const names[MEL_FRONT_COUNT] = {
    [MEL_FRONT_AUDIOLDM] = "audioldm",   [MEL_FRONT_CLAP] = "clap",
    [MEL_FRONT_CNN14_16K] = "cnn14 16k", [MEL_FRONT_CNN14_32K] = "cnn14 32k",
    [MEL_FRONT_MSCLAP] = "msclap",       [MEL_FRONT_VGGISH] = "vggish",
};

/* ---- filter banks --------------------------------------------------------------------------- */

/* Every number within 1e-6 of its own size; what the fixture leaves out is 0. */
static void check_bank(const Fixture *f, const char *name, const MelSettings *settings)
{
    int64_t left;
    int width = settings->fft / 2 + 1;
    const float *wanted = find(f, &left, "bank %s", name);
    float *bank = mel_alloc((size_t)(settings->bins * width) * sizeof *bank);
    mel_filter_bank(settings, bank);
    for (int m = 0; m < settings->bins; m++) {
        int first = (int)wanted[0], count = (int)wanted[1];
        wanted += 2;
        for (int k = 0; k < width; k++) {
            bool kept = k >= first && k < first + count;
            CHECK_NEAR(bank[m * width + k], kept ? wanted[k - first] : 0,
                       kept ? 1e-6 * (double)wanted[k - first] : 0);
        }
        wanted += count;
        left -= 2 + count;
    }
    assert_int_equal(left, 0);
    free(bank);
}

static void filter_banks_are_those_of_librosa_and_vggish(void **state)
{
    for (int i = 0; i < MEL_FRONT_COUNT; i++)
        check_bank(*state, names[i], mel_front_settings((MelFront)i));
    const MelSettings htk = {.rate_hz = 22050,
                             .fft = 256,
                             .bins = 20,
                             .low_hz = 30,
                             .high_hz = 10000,
                             .bank = MEL_BANK_HTK};
    check_bank(*state, "htk", &htk);
}

static void a_hann_window_repeats_after_its_length(void **state)
{
    (void)state;
    double window[400];
    mel_hann_window(400, window);
    CHECK_NEAR(window[0], 0, 0);
    CHECK_NEAR(window[100], 0.5, 1e-15);
    CHECK_NEAR(window[200], 1, 1e-15);
    CHECK_NEAR(window[399], window[1], 1e-15);
}

/* ---- spectrograms --------------------------------------------------------------------------- */

/* ‖ours - theirs‖ / ‖theirs‖ at most 1e-4, and no number further away than 0.01 of a unit (a
 * decibel, or a natural logarithm). */
static void check_close(const char *name, const float *ours, const float *theirs, int64_t count)
{
    double difference = 0, size = 0, most = 0;
    for (int64_t i = 0; i < count; i++) {
        double far = fabs((double)ours[i] - theirs[i]);
        difference += far * far;
        size += (double)theirs[i] * theirs[i];
        most = fmax(most, far);
    }
    double relative = sqrt(difference / size);
    printf("%-12s %.1e, at most %.1e\n", name, relative, most);
    if (!(relative <= 1e-4 && most <= 0.01))
        fail_msg("%s: %.2g away from the reference, one number by %.2g", name, relative, most);
}

static void check_log_mel(const Fixture *f, MelFront front, DType float_type)
{
    Err err = {0};
    int64_t samples, count;
    const MelSettings *settings = mel_front_settings(front);
    const float *wave = find(f, &samples, "wave");
    const float *wanted = find(f, &count, "mel %s", names[front]);
    float *twice = mel_alloc((size_t)(2 * samples) * sizeof *twice);
    for (int64_t i = 0; i < samples; i++) { /* beside it half as loud, backwards */
        twice[i] = 0.5F * wave[samples - 1 - i];
        twice[samples + i] = wave[i];
    }
    Graph *graph = mel_graph_new(float_type);
    Node *x = mel_graph_input(graph, "wave", DTYPE_F32, SHAPE(2, samples));
    mel_graph_output(graph, "mel", mel_front_log_mel(graph, x, settings));
    Plan *plan = NULL;
    CHECK_OK(mel_plan_new(graph, mel_device(), NULL, &plan, &err));
    int64_t frames = mel_front_frames(settings, samples);
    assert_true(mel_shape_equal(mel_plan_shape(plan, "mel"), &SHAPE(2, frames, settings->bins)));
    assert_int_equal(frames * settings->bins, count);
    CHECK_OK(mel_plan_write(plan, "wave", twice, &err));
    CHECK_OK(mel_plan_run(plan, &err));
    float *mel = mel_alloc((size_t)(2 * count) * sizeof *mel);
    CHECK_OK(mel_plan_read(plan, "mel", mel, &err));
    check_close(names[front], mel + count, wanted, count);
    free(mel);
    free(twice);
    mel_plan_free(plan);
    mel_graph_free(graph);
}

static void log_mels_are_those_of_the_published_front_ends(void **state)
{
    for (int i = 0; i < MEL_FRONT_COUNT; i++) {
        check_log_mel(*state, (MelFront)i, DTYPE_F32);
        check_log_mel(*state, (MelFront)i, DTYPE_BF16); /* the front end's own type is f32 */
    }
}

static void a_published_length_has_its_published_frames(void **state)
{
    (void)state;
    const struct {
        MelFront front;
        int64_t samples, frames;
    } cases[] = {
        {MEL_FRONT_AUDIOLDM,  163840, 1024},
        {MEL_FRONT_CLAP,      480000, 1001},
        {MEL_FRONT_CNN14_16K, 160000, 1001},
        {MEL_FRONT_CNN14_32K, 320000, 1001},
        {MEL_FRONT_MSCLAP,    220500, 690 },
        {MEL_FRONT_VGGISH,    160000, 998 },
        {MEL_FRONT_VGGISH,    399,    0   },
        {MEL_FRONT_VGGISH,    400,    1   },
        {MEL_FRONT_CLAP,      512,    0   },
        {MEL_FRONT_CLAP,      513,    2   },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        assert_int_equal(mel_front_frames(mel_front_settings(cases[i].front), cases[i].samples),
                         cases[i].frames);
}

static void ten_seconds_are_ten_patches_and_the_tail_is_cut(void **state)
{
    (void)state;
    Err err = {0};
    Graph *graph = mel_graph_new(DTYPE_F32);
    Node *wave = mel_graph_input(graph, "wave", DTYPE_F32, SHAPE(2, 160000));
    Node *mel = mel_front_log_mel(graph, wave, mel_front_settings(MEL_FRONT_VGGISH));
    Node *patches = mel_front_patches(graph, mel, 96);
    CHECK_OK(mel_graph_ok(graph, &err));
    assert_true(mel_shape_equal(mel_node_shape(patches), &SHAPE(20, 96, 64, 1)));
    assert_null(mel_front_patches(graph, mel, 1000));
    CHECK_FAILS(mel_graph_ok(graph, &err), ERR_USAGE);
    mel_graph_free(graph);
}

static void a_front_end_refuses_waves_of_bf16_and_short_ones(void **state)
{
    (void)state;
    Err err = {0};
    const MelSettings *settings = mel_front_settings(MEL_FRONT_CLAP);
    Graph *graph = mel_graph_new(DTYPE_BF16);
    Node *wave = mel_graph_input(graph, "wave", DTYPE_BF16, SHAPE(1, 48000));
    assert_null(mel_front_log_mel(graph, wave, settings));
    CHECK_FAILS(mel_graph_ok(graph, &err), ERR_USAGE);
    mel_graph_free(graph);
    graph = mel_graph_new(DTYPE_F32);
    wave = mel_graph_input(graph, "wave", DTYPE_F32, SHAPE(1, 512));
    assert_null(mel_front_log_mel(graph, wave, settings));
    CHECK_FAILS(mel_graph_ok(graph, &err), ERR_USAGE);
    mel_graph_free(graph);
}

/* ---- sounds at another rate ----------------------------------------------------------------- */

static void check_resampled(const Fixture *f, int from_hz, int to_hz)
{
    Err err = {0};
    int64_t n, count, got;
    float *out;
    const float *in = find(f, &n, "resample %d %d in", from_hz, to_hz);
    const float *wanted = find(f, &count, "resample %d %d out", from_hz, to_hz);
    CHECK_OK(mel_resample(in, n, from_hz, to_hz, &out, &got, &err));
    assert_int_equal(got, count);
    for (int64_t i = 0; i < count; i++)
        CHECK_NEAR(out[i], wanted[i], 2e-6);
    free(out);
}

static void resampled_sounds_are_those_of_torchaudio(void **state)
{
    static const int rates[][2] = {
        {44100, 16000},
        {48000, 16000},
        {16000, 48000},
        {22050, 16000},
        {32000, 44100},
        {44100, 48000},
        {8000,  8000 },
        {48000, 32000},
    };
    for (size_t i = 0; i < MEL_COUNT(rates); i++)
        check_resampled(*state, rates[i][0], rates[i][1]);
}

static void resampling_refuses_what_is_no_rate(void **state)
{
    (void)state;
    Err err = {0};
    float one = 1, *out = NULL;
    int64_t count;
    CHECK_FAILS(mel_resample(&one, 1, 0, 16000, &out, &count, &err), ERR_USAGE);
    CHECK_FAILS(mel_resample(&one, 1, 16000, -1, &out, &count, &err), ERR_USAGE);
    CHECK_FAILS(mel_resample(&one, 1, 1, INT32_MAX, &out, &count, &err), ERR_LIMIT);
    assert_null(out);
    CHECK_OK(mel_resample(&one, 0, 44100, 16000, &out, &count, &err));
    assert_int_equal(count, 0);
    free(out);
}

static void decimation_takes_every_nth_sample_in_place(void **state)
{
    (void)state;
    float x[] = {0, 1, 2, 3, 4, 5, 6};
    assert_int_equal(mel_decimate(x, 7, 3, x), 3);
    CHECK_NEAR(x[1], 3, 0);
    CHECK_NEAR(x[2], 6, 0);
    assert_int_equal(mel_decimate(x, 2, 2, x), 1);
    assert_int_equal(mel_decimate(x, 0, 2, x), 0);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static PictureSize size_at(const json_t *one, const char *key)
{
    const json_t *pair = json_object_get(one, key);
    return (PictureSize){.width = (int)json_integer_value(json_array_get(pair, 0)),
                         .height = (int)json_integer_value(json_array_get(pair, 1))};
}

static void resized_pictures_are_those_of_pillow_to_the_bit(void **state)
{
    const Fixture *f = *state;
    Err err = {0};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(f->index, "pictures"), i, one)
    {
        PictureSize from = size_at(one, "from"), to = size_at(one, "to");
        size_t bytes = (size_t)(to.width * to.height * 3);
        uint8_t *out = mel_alloc(bytes);
        CHECK_OK(mel_resize_bicubic(f->pictures + mel_json_i64(one, "at", 0), from, out, to, &err));
        if (memcmp(out, f->pictures + mel_json_i64(one, "result", 0), bytes) != 0)
            fail_msg("%dx%d to %dx%d differs", from.width, from.height, to.width, to.height);
        free(out);
    }
    assert_int_equal(i, 12);
}

static void pictures_for_clip_are_those_of_transformers(void **state)
{
    enum { SIDE = 16 };
    static const PictureSize sizes[] = {
        {55, 34},
        {20, 47},
        {16, 16}
    };
    const Fixture *f = *state;
    Err err = {0};
    for (int i = 0; i < 3; i++) {
        char name[32];
        int64_t count;
        uint8_t square[SIDE * SIDE * 3];
        float values[SIDE * SIDE * 3];
        snprintf(name, sizeof name, "clip %d %d", sizes[i].width, sizes[i].height);
        const float *wanted = find(f, &count, "%s", name);
        const uint8_t *picture = f->pictures + mel_json_i64(f->index, name, -1);
        assert_int_equal(count, SIDE * SIDE * 3);
        CHECK_OK(mel_resize_square(picture, sizes[i], square, SIDE, &err));
        mel_picture_floats(square, SIDE * SIDE, &mel_picture_clip, values);
        for (int64_t k = 0; k < count; k++)
            CHECK_NEAR(values[k], wanted[k], 1e-6);
    }
}

static void the_autoencoders_pictures_run_from_minus_one_to_one(void **state)
{
    (void)state;
    const uint8_t pixel[] = {0, 255, 51};
    float values[3];
    mel_picture_floats(pixel, 1, &mel_picture_signed, values);
    CHECK_NEAR(values[0], -1, 0);
    CHECK_NEAR(values[1], 1, 0);
    CHECK_NEAR(values[2], -0.6, 1e-7);
}

static void resizing_refuses_impossible_sizes(void **state)
{
    (void)state;
    Err err = {0};
    const uint8_t pixel[3] = {1, 2, 3};
    uint8_t out[3] = {9, 9, 9};
    const PictureSize one = {1, 1}, none = {0, 1}, huge = {1 << 30, 1}, thin = {1, 1 << 30};
    CHECK_FAILS(mel_resize_bicubic(pixel, none, out, one, &err), ERR_USAGE);
    CHECK_FAILS(mel_resize_bicubic(pixel, one, out, none, &err), ERR_USAGE);
    CHECK_FAILS(mel_resize_bicubic(pixel, one, out, huge, &err), ERR_LIMIT);
    CHECK_FAILS(mel_resize_square(pixel, thin, out, 1, &err), ERR_LIMIT);
    CHECK_FAILS(mel_resize_square(pixel, one, out, 0, &err), ERR_USAGE);
    assert_int_equal(out[0], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_banks_are_those_of_librosa_and_vggish),
        cmocka_unit_test(a_hann_window_repeats_after_its_length),
        cmocka_unit_test(log_mels_are_those_of_the_published_front_ends),
        cmocka_unit_test(a_published_length_has_its_published_frames),
        cmocka_unit_test(ten_seconds_are_ten_patches_and_the_tail_is_cut),
        cmocka_unit_test(a_front_end_refuses_waves_of_bf16_and_short_ones),
        cmocka_unit_test(resampled_sounds_are_those_of_torchaudio),
        cmocka_unit_test(resampling_refuses_what_is_no_rate),
        cmocka_unit_test(decimation_takes_every_nth_sample_in_place),
        cmocka_unit_test(resized_pictures_are_those_of_pillow_to_the_bit),
        cmocka_unit_test(pictures_for_clip_are_those_of_transformers),
        cmocka_unit_test(the_autoencoders_pictures_run_from_minus_one_to_one),
        cmocka_unit_test(resizing_refuses_impossible_sizes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
