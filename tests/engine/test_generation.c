/* SPDX-License-Identifier: Apache-2.0
 *
 * Music from a picture and a text, the whole way, by small networks of random weights: on this
 * program's device beside the CPU, or, where that is the CPU, beside the reference. */
#include "engine/backend.h"
#include "engine/engine.h"
#include "tests/support/random_model.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 3, TOKENS = 12, WIDTH = 40, HEIGHT = 36, SAMPLERS = 2, CAPTURES = 2 };

static const char words[] = "a slow piano over soft strings";

#define VAE                                                                                        \
    "{\"_class_name\":\"AutoencoderKL\",\"layers_per_block\":1,\"norm_num_groups\":4,"             \
    "\"latent_channels\":4,"
#define UNET                                                                                       \
    "{\"_class_name\":\"UNet2DConditionModel\",\"layers_per_block\":2,\"norm_num_groups\":4,"      \
    "\"block_out_channels\":[8,16],\"attention_head_dim\":2,\"use_linear_projection\":true,"       \
    "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"DownBlock2D\"],"                             \
    "\"in_channels\":4,\"out_channels\":4,"

/* Music of 32 × 2 places, pictures of 8 × 8. */
static const ModelPart parts[] = {
    {"image_unet",         UNET "\"cross_attention_dim\":16,\"sample_size\":8}"                            },
    {"unet",               UNET "\"cross_attention_dim\":24}"                                              },
    {"image_vae",          VAE "\"in_channels\":3,\"out_channels\":3,\"block_out_channels\":[4,8,8]}"      },
    {"vae",                VAE "\"in_channels\":1,\"out_channels\":1,\"block_out_channels\":[4,4,4,4,4,8]}"},
    {"text_encoder",       "{\"model_type\":\"t5\",\"vocab_size\":4608,\"d_model\":24,\"num_layers\":2,"
                     "\"num_heads\":2,\"d_kv\":8,\"d_ff\":32}"                         },
    {"image_text_encoder",
     "{\"model_type\":\"clip_text_model\",\"vocab_size\":4608,\"hidden_size\":16,"
     "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"intermediate_size\":32}"                         },
};

/* ---- a model and what it makes -------------------------------------------------------------- */

typedef struct Models {
    MusicModel *music;
    PictureModel *picture;
    float *image; /* the picture's latent */
    int64_t n;    /* numbers of a latent of music */
} Models;

static char *model_folder(double alpha)
{
    Err err = {0};
    char *folder = test_folder();
    const RandomModel model = {.parts = parts, .count = MEL_COUNT(parts), .alpha = alpha};
    CHECK_OK(random_model_write(folder, MEL_TEST_DATA "/tokenizers", &model, &err));
    return folder;
}

static void paint(uint8_t rgb[HEIGHT][WIDTH][3])
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            rgb[y][x][0] = (uint8_t)(6 * x);
            rgb[y][x][1] = (uint8_t)(7 * y);
            rgb[y][x][2] = (uint8_t)(x * y % 251);
        }
}

static Models models_open(const char *folder, DType float_type)
{
    Err err = {0};
    Models m;
    uint8_t rgb[HEIGHT][WIDTH][3];
    const PictureSize size = {.width = WIDTH, .height = HEIGHT};
    CHECK_OK(mel_music_model_open(folder, true, TOKENS, float_type, &m.music, &err));
    CHECK_OK(mel_picture_model_open(folder, mel_music_model_synapse(m.music), float_type,
                                    &m.picture, &err));
    m.n = mel_shape_count(mel_music_model_latent(m.music));
    m.image =
        mel_alloc((size_t)mel_shape_count(mel_picture_model_latent(m.picture)) * sizeof *m.image);
    paint(rgb);
    CHECK_OK(mel_picture_encode(m.picture, rgb[0][0], size, m.image, &err));
    return m;
}

static void models_close(Models *m)
{
    mel_music_model_close(m->music);
    mel_picture_model_close(m->picture);
    free(m->image);
}

typedef struct Way {
    SamplerKind sampler;
    Capture capture;
    bool blind; /* without the picture */
    bool guide_by_picture;
} Way;

static void times_of(const Models *m, SamplerKind sampler, int times[STEPS])
{
    Err err = {0};
    CHECK_OK(mel_schedule_times(mel_music_model_schedule(m->music), mel_sampler_grid(sampler),
                                STEPS, times, &err));
}

static PictureFeatures *look(const Models *m, const Way *way, const int32_t *lengths, int count)
{
    Err err = {0};
    int times[STEPS];
    PictureFeatures *features;
    times_of(m, way->sampler, times);
    CHECK_OK(mel_picture_features(m->picture, m->image, way->capture, times, STEPS, lengths, count,
                                  &features, NULL, &err));
    return features;
}

/* Pooled for this text and for none. */
static PictureFeatures *look_for(const Models *m, const Way *way, const char *text)
{
    Err err = {0};
    int32_t lengths[2];
    CHECK_OK(mel_music_text_length(m->music, text, &lengths[0], &err));
    CHECK_OK(mel_music_text_length(m->music, "", &lengths[1], &err));
    return look(m, way, lengths, 2);
}

/* A latent of music, yours to free. */
static float *listen(const Models *m, const Way *way, const char *text,
                     const PictureFeatures *features)
{
    Err err = {0};
    int times[STEPS];
    float *latent = mel_alloc((size_t)m->n * sizeof *latent);
    times_of(m, way->sampler, times);
    const MusicSampling how = {.sampler = way->sampler,
                               .times = times,
                               .count = STEPS,
                               .guidance = 3,
                               .seed = 7,
                               .guide_by_picture = way->guide_by_picture};
    CHECK_OK(mel_music_sample(m->music, text, features, &how, latent, NULL, &err));
    return latent;
}

static float *make(const Models *m, const Way *way)
{
    PictureFeatures *features = way->blind ? NULL : look_for(m, way, words);
    float *latent = listen(m, way, words, features);
    mel_picture_features_free(features);
    return latent;
}

/* ‖a - b‖ / ‖b‖ */
static double away(const float *a, const float *b, int64_t n)
{
    double far = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        far += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(far / size);
}

/* ---- one device beside another -------------------------------------------------------------- */

enum { WAYS = SAMPLERS * (2 * CAPTURES + 1) };

typedef struct Made {
    float *latents[WAYS];
    char names[WAYS][64];
    int count;
    int64_t n;
} Made;

static void keep(Made *made, const Way *way, float *latent)
{
    const char *picture = way->blind                       ? "no picture"
                          : way->capture == CAPTURE_INVERT ? "inverted picture"
                                                           : "replayed picture";
    snprintf(made->names[made->count], sizeof made->names[0], "%s, %s%s",
             mel_sampler_name(way->sampler), picture,
             way->guide_by_picture ? ", guided by it" : "");
    made->latents[made->count++] = latent;
}

static void make_with_picture(const Models *m, Made *made, Way way)
{
    PictureFeatures *features = look_for(m, &way, words);
    for (int guided = 0; guided < 2; guided++) {
        way.guide_by_picture = guided;
        keep(made, &way, listen(m, &way, words, features));
    }
    mel_picture_features_free(features);
}

/* By every way, on the device that is chosen. */
static Made make_all(const char *folder, DType float_type)
{
    static const SamplerKind samplers[SAMPLERS] = {SAMPLER_DDIM, SAMPLER_DPM};
    Models m = models_open(folder, float_type);
    Made made = {.n = m.n};
    for (int s = 0; s < SAMPLERS; s++) {
        const Way blind = {.sampler = samplers[s], .blind = true};
        keep(&made, &blind, make(&m, &blind));
        for (int c = 0; c < CAPTURES; c++)
            make_with_picture(&m, &made, (Way){.sampler = samplers[s], .capture = (Capture)c});
    }
    models_close(&m);
    return made;
}

static void made_free(Made *made)
{
    for (int i = 0; i < made->count; i++)
        free(made->latents[i]);
}

static Backend *the_reference(int index, Err *err)
{
    (void)index, (void)err;
    return mel_backend_reference();
}

/* What this program's device is measured by: the CPU; of the CPU, the reference. */
static Made make_all_beside(const char *folder, DType float_type)
{
    Err err = {0};
    bool on_cpu = mel_equal(mel_device_name(), "cpu");
    if (on_cpu) mel_device_offer(the_reference);
    CHECK_OK(mel_device_use(on_cpu ? "cuda" : "cpu", &err));
    Made made = make_all(folder, float_type);
    CHECK_OK(mel_device_use(on_cpu ? "cpu" : "cuda", &err));
    return made;
}

/* The picture, how it was looked at, guidance and sampler each make other music. */
static void check_that_all_differ(const Made *made)
{
    for (int i = 0; i < made->count; i++)
        for (int k = i + 1; k < made->count; k++) {
            double far = away(made->latents[i], made->latents[k], made->n);
            if (!(far > 5e-2))
                fail_msg("%s and %s: %.1e away", made->names[i], made->names[k], far);
        }
}

static void the_device_makes_the_music_that_another_makes(void **state)
{
    (void)state;
    /* Without rounding to bf16, music is 3e-2 to 5e-2 away: guidance takes three times one half
     * less twice the other, which are nearly alike, and a picture's noise is divided by √ᾱ, at
     * first by 0.07. Without the picture it is 0.25 away, or more. */
    static const struct {
        DType type;
        double bound;
    } cases[] = {
        {DTYPE_F32,  3e-5},
        {DTYPE_BF16, 8e-2}
    };
    char *folder = model_folder(0.5);
    for (size_t c = 0; c < MEL_COUNT(cases); c++) {
        Made here = make_all(folder, cases[c].type), there = make_all_beside(folder, cases[c].type);
        assert_int_equal(here.count, WAYS);
        check_that_all_differ(&here);
        for (int i = 0; i < here.count; i++) {
            double far = away(here.latents[i], there.latents[i], here.n);
            print_message("%s, %s: %.1e away\n", mel_dtype_name(cases[c].type), here.names[i], far);
            assert_true(far <= cases[c].bound); /* and is a number */
        }
        made_free(&here);
        made_free(&there);
    }
    test_folder_remove(folder);
}

/* ---- what must be the same ------------------------------------------------------------------ */

static void music_made_again_is_the_same_to_the_last_bit(void **state)
{
    (void)state;
    const Way way = {.sampler = SAMPLER_DPM, .capture = CAPTURE_INVERT};
    char *folder = model_folder(0.5);
    Models m = models_open(folder, DTYPE_F32);
    float *once = make(&m, &way), *again = make(&m, &way);
    assert_memory_equal(once, again, (size_t)m.n * sizeof *once);
    free(once);
    free(again);
    models_close(&m);
    test_folder_remove(folder);
}

static void features_for_many_texts_are_those_for_each_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"drums", words};
    static const DType types[] = {DTYPE_F32, DTYPE_BF16};
    const Way way = {.sampler = SAMPLER_DDIM, .capture = CAPTURE_INVERT};
    int32_t lengths[TOKENS];
    for (int i = 0; i < TOKENS; i++)
        lengths[i] = (i + 1) % TOKENS + 1; /* the texts' are 5 and 10, that of none is 1 */
    char *folder = model_folder(0.5);
    for (size_t t = 0; t < MEL_COUNT(types); t++) {
        Models m = models_open(folder, types[t]);
        PictureFeatures *all = look(&m, &way, lengths, TOKENS);
        for (size_t i = 0; i < MEL_COUNT(texts); i++) {
            PictureFeatures *alone = look_for(&m, &way, texts[i]);
            float *one = listen(&m, &way, texts[i], all), *two = listen(&m, &way, texts[i], alone);
            assert_memory_equal(one, two, (size_t)m.n * sizeof *one);
            free(one);
            free(two);
            mel_picture_features_free(alone);
        }
        mel_picture_features_free(all);
        models_close(&m);
    }
    test_folder_remove(folder);
}

static void without_alpha_the_picture_changes_no_bit(void **state)
{
    (void)state;
    static const DType types[] = {DTYPE_F32, DTYPE_BF16};
    char *folder = model_folder(0);
    for (size_t t = 0; t < MEL_COUNT(types); t++) {
        const Way seen = {.sampler = SAMPLER_DDIM, .capture = CAPTURE_INVERT};
        const Way blind = {.sampler = SAMPLER_DDIM, .blind = true};
        Models m = models_open(folder, types[t]);
        float *with = make(&m, &seen), *without = make(&m, &blind);
        assert_memory_equal(with, without, (size_t)m.n * sizeof *with);
        free(with);
        free(without);
        models_close(&m);
    }
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_device_makes_the_music_that_another_makes),
        cmocka_unit_test(music_made_again_is_the_same_to_the_last_bit),
        cmocka_unit_test(features_for_many_texts_are_those_for_each_alone),
        cmocka_unit_test(without_alpha_the_picture_changes_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
