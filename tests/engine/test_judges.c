/* SPDX-License-Identifier: Apache-2.0
 *
 * The judges of generated sounds: how a sound is loaded, and that the numbers are the networks'. */
#include "engine/engine.h"
#include "engine/nets.h"
#include "tests/support/small_models.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

static char *models;

static int make_models(void **state)
{
    (void)state;
    Err err = {0};
    models = test_folder();
    CHECK_OK(small_models_write(models, MEL_TEST_DATA "/tokenizers", &err));
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    test_folder_remove(models);
    return 0;
}

static Judge *open_judge(const char *name)
{
    Err err = {0};
    Judge *judge;
    CHECK_OK(mel_judge_open(test_path(models, "%s", name), &judge, &err));
    return judge;
}

static float *noise(int64_t n, uint64_t seed)
{
    Rng rng = {.seed = seed};
    float *sound = mel_alloc((size_t)n * sizeof *sound);
    for (int64_t i = 0; i < n; i++)
        sound[i] = (float)(mel_rng_normal(&rng) * 0.1 + 0.05);
    return sound;
}

static void cnn14_hears_the_first_channel_without_its_mean(void **state)
{
    (void)state;
    enum { N = 40000 };
    Err err = {0};
    Judge *judge = open_judge("cnn14");
    float *stereo = noise(2 * N, 1), *out;
    int64_t n;
    double mean = 0;
    for (int i = 0; i < N; i++)
        mean += (double)stereo[2 * i] / N;
    CHECK_OK(mel_judge_prepare(judge, stereo, N, 2, 16000, &out, &n, &err));
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(out[i], stereo[2 * i] - mean, 1e-6);
    free(out);
    CHECK_OK(mel_judge_prepare(judge, stereo, N, 2, 32000, &out, &n, &err));
    assert_int_equal(n, 32000); /* 20,000 and silence up to two seconds */
    for (int i = 0; i < 32000; i++)
        CHECK_NEAR(out[i], i < N / 2 ? stereo[4 * i] - mean : 0, 1e-6);
    free(out);
    free(stereo);
    mel_judge_close(judge);
}

static void vggish_hears_the_mean_of_sixteen_bits(void **state)
{
    (void)state;
    enum { N = 48000 };
    Err err = {0};
    Judge *judge = open_judge("vggish");
    float *stereo = noise(2 * N, 2), *out;
    int64_t n;
    CHECK_OK(mel_judge_prepare(judge, stereo, N, 2, 48000, &out, &n, &err));
    assert_int_equal(n, 16000);
    for (int i = 0; i < 16000; i++) {
        double left = rint(stereo[6 * i] * 32768.0), right = rint(stereo[6 * i + 1] * 32768.0);
        CHECK_NEAR(out[i], (left + right) / 2 / 32768, 1e-7);
    }
    free(out);
    CHECK_OK(mel_judge_prepare(judge, stereo, N, 2, 44100, &out, &n, &err));
    assert_int_equal(n, (N * 160LL + 440) / 441);
    free(out);
    free(stereo);
    mel_judge_close(judge);
}

static void vggish_gives_a_row_for_every_whole_patch(void **state)
{
    (void)state;
    Judge *judge = open_judge("vggish");
    assert_int_equal(mel_judge_rows(judge, 160000), 10);
    assert_int_equal(mel_judge_rows(judge, 163840), 10);
    assert_int_equal(mel_judge_rows(judge, 1000), 0);
    mel_judge_close(judge);
}

/* The network by hand, in double; then a sound of another length, and the first again. */
static void the_numbers_are_the_networks(void **state)
{
    (void)state;
    enum { N = 48000, OTHER = 64000 };
    static const Cnn14Config cnn14 = {.mel_bins = 64, .width = 2, .embedding = 24, .classes = 10};
    Err err = {0};
    Judge *judge = open_judge("cnn14");
    float *sound = noise(OTHER, 3), features[24], logits[10], again[10];
    double wanted[10];
    Checkpoint *checkpoint;
    CHECK_OK(mel_checkpoint_open(test_path(models, "cnn14"), &checkpoint, &err));
    CheckpointParams source = {.checkpoint = checkpoint};
    Params params = mel_checkpoint_params(&source);
    Graph *g = mel_graph_new(DTYPE_F32);
    Node *wave = mel_graph_input(g, "wave", DTYPE_F32, SHAPE(1, N));
    Node *log_mel = mel_front_log_mel(g, wave, mel_front_settings(MEL_FRONT_CNN14_16K));
    mel_graph_output(g, "logits", mel_net_cnn14(g, &cnn14, log_mel).logits);
    Plan *plan;
    CHECK_OK(mel_plan_new(g, mel_backend_reference(), &params, &plan, &err));
    CHECK_OK(mel_plan_write(plan, "wave", sound, &err));
    CHECK_OK(mel_plan_run(plan, &err));
    CHECK_OK(mel_plan_read_f64(plan, "logits", wanted, &err));
    CHECK_OK(mel_judge_sound(judge, sound, N, features, logits, &err));
    CHECK_OK(mel_judge_sound(judge, sound, OTHER, features, again, &err));
    CHECK_OK(mel_judge_sound(judge, sound, N, features, again, &err));
    for (int i = 0; i < 10; i++) {
        CHECK_NEAR(logits[i], wanted[i], 1e-4 * fmax(1, fabs(wanted[i])));
        CHECK_NEAR(again[i], logits[i], 1e-5);
    }
    mel_plan_free(plan);
    mel_graph_free(g);
    mel_checkpoint_close(checkpoint);
    free(sound);
    mel_judge_close(judge);
}

static void a_folder_that_judges_nothing_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    Judge *judge = NULL;
    CHECK_FAILS(mel_judge_open(test_path(models, "clip"), &judge, &err), ERR_USAGE);
    CHECK_FAILS(mel_judge_open(test_path(models, "none"), &judge, &err), ERR_IO);
    assert_int_equal(test_shell("cp -r %s/vggish %s/two && cp %s/two/model.safetensors "
                                "%s/two/other.pth",
                                models, models, models, models),
                     0);
    CHECK_FAILS(mel_judge_open(test_path(models, "two"), &judge, &err), ERR_FORMAT);
    assert_int_equal(test_shell("rm %s/two/model.safetensors %s/two/other.pth", models, models), 0);
    CHECK_FAILS(mel_judge_open(test_path(models, "two"), &judge, &err), ERR_NOT_FOUND);
    assert_int_equal(test_shell("cp %s/cnn14/model.safetensors %s/two/", models, models), 0);
    CHECK_FAILS(mel_judge_open(test_path(models, "two"), &judge, &err), ERR_FORMAT);
    assert_null(judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cnn14_hears_the_first_channel_without_its_mean),
        cmocka_unit_test(vggish_hears_the_mean_of_sixteen_bits),
        cmocka_unit_test(vggish_gives_a_row_for_every_whole_patch),
        cmocka_unit_test(the_numbers_are_the_networks),
        cmocka_unit_test(a_folder_that_judges_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
