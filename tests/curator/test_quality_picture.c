/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures whose measures are known beforehand. */
#include "curator/fingerprint.h"
#include "curator/measures.h"
#include "tests/support/test.h"

#include <string.h>

enum { WIDTH = 160, HEIGHT = 90, PIXELS = WIDTH * HEIGHT, FRAME_US = 40000, FRAMES_MAX = 300 };

typedef struct Picture {
    uint8_t luma[PIXELS];
} Picture;

/* A scene without end: smooth waves, of three sizes, drawn from a seed. */
typedef struct Scene {
    double across[6], down[6], phase[6], level[6], light;
} Scene;

static Scene scene(uint64_t seed)
{
    static const double sizes[6] = {90, 60, 40, 25, 16, 10}; /* pixels a wave */
    Rng rng = {.seed = seed, .stream = 1};
    Scene s = {.light = 115 + mel_rng_range(&rng, -15, 15)};
    for (int i = 0; i < 6; i++) {
        double turn = mel_rng_range(&rng, 0, M_PI), w = 2 * M_PI / sizes[i];
        s.across[i] = w * cos(turn);
        s.down[i] = w * sin(turn);
        s.phase[i] = mel_rng_range(&rng, 0, 2 * M_PI);
        s.level[i] = i < 3 ? 28 : 9;
    }
    return s;
}

static uint8_t to_luma(double v)
{
    return (uint8_t)lrint(fmin(255, fmax(0, v)));
}

/* The scene seen from (left, top), darkened by the factor `light`. */
static Picture view(const Scene *s, double left, double top, double light)
{
    Picture p;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double v = s->light;
            for (int i = 0; i < 6; i++)
                v += s->level[i] *
                     sin(s->across[i] * (x + left) + s->down[i] * (y + top) + s->phase[i]);
            p.luma[y * WIDTH + x] = to_luma(v * light);
        }
    return p;
}

static Picture picture(uint64_t seed)
{
    Scene s = scene(seed);
    return view(&s, 0, 0, 1);
}

static Picture flat(uint8_t level)
{
    Picture p;
    memset(p.luma, level, sizeof p.luma);
    return p;
}

static Picture mixed(const Picture *a, const Picture *b, double share_of_b)
{
    Picture p;
    for (int i = 0; i < PIXELS; i++)
        p.luma[i] = to_luma(a->luma[i] + share_of_b * ((double)b->luma[i] - a->luma[i]));
    return p;
}

static Picture blurred(const Picture *in, int radius)
{
    Picture p;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int sum = 0, count = 0;
            for (int j = -radius; j <= radius; j++)
                for (int i = -radius; i <= radius; i++)
                    if (x + i >= 0 && x + i < WIDTH && y + j >= 0 && y + j < HEIGHT) {
                        sum += in->luma[(y + j) * WIDTH + x + i];
                        count++;
                    }
            p.luma[y * WIDTH + x] = (uint8_t)(sum / count);
        }
    return p;
}

/* Frames at 25 a second; what the meter said of each. */
typedef struct Film {
    PictureMeter *meter;
    size_t frames;
    FrameFacts facts[FRAMES_MAX];
} Film;

static Film film_new(void)
{
    return (Film){.meter = mel_picture_meter_new(10000000)};
}

static FrameFacts show(Film *film, const Picture *p)
{
    assert_true(film->frames < FRAMES_MAX);
    int64_t time_us = (int64_t)film->frames * FRAME_US;
    FrameFacts facts = mel_picture_meter_add(film->meter, p->luma, WIDTH, HEIGHT, WIDTH, time_us);
    film->facts[film->frames++] = facts;
    return facts;
}

static void show_for(Film *film, const Picture *p, size_t frames)
{
    for (size_t i = 0; i < frames; i++)
        show(film, p);
}

static PictureMeasures film_end(Film *film)
{
    PictureMeasures m;
    mel_picture_meter_finish(film->meter, &m);
    mel_picture_meter_free(film->meter);
    film->meter = NULL;
    return m;
}

/* ---- light, sharpness, motion ------------------------------------------------------------------
 */

static void a_black_picture_is_black_and_static(void **state)
{
    (void)state;
    Film film = film_new();
    Picture black = flat(16);
    show_for(&film, &black, 250);
    PictureMeasures m = film_end(&film);
    CHECK_NEAR(m.black_share, 1, 0);
    CHECK_NEAR(m.static_share, 1, 0);
    CHECK_NEAR(m.sharpness_median, 0, 0);
    CHECK_NEAR(m.motion_mean, 0, 0);
    CHECK_NEAR(m.shot_cuts, 0, 0);
    CHECK_NEAR(m.brightness_mean, 16, 0);
    CHECK_NEAR(m.contrast, 0, 0);
}

static void black_is_98_per_cent_of_the_luma_below_32(void **state)
{
    (void)state;
    Film film = film_new();
    Picture p = flat(31), grey = flat(32);
    memset(p.luma, 200, PIXELS / 50); /* just 2 % of it are not dark */
    CHECK_NEAR(show(&film, &p).black_share, 0.98, 1e-12);
    p.luma[PIXELS / 50] = 200;
    CHECK_NEAR(show(&film, &p).black_share, 0.98 - 1.0 / PIXELS, 1e-12);
    CHECK_NEAR(show(&film, &grey).black_share, 0, 0);
    show(&film, &grey);
    CHECK_NEAR(film_end(&film).black_share, 0.25, 1e-12);
}

static void brightness_and_contrast_are_mean_and_deviation(void **state)
{
    (void)state;
    enum { STRIDE = WIDTH + 48 };
    static uint8_t padded[HEIGHT * STRIDE];
    memset(padded, 255, sizeof padded); /* the padding does not count */
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            padded[y * STRIDE + x] = y < HEIGHT / 2 ? 50 : 150;
    PictureMeter *meter = mel_picture_meter_new(1000000);
    FrameFacts facts = mel_picture_meter_add(meter, padded, WIDTH, HEIGHT, STRIDE, 0);
    CHECK_NEAR(facts.brightness, 100, 1e-9);
    CHECK_NEAR(facts.contrast, 50, 1e-9);
    assert_true(isnan(facts.change) && !facts.is_cut);
    mel_picture_meter_free(meter);
}

/* A dot of height v answers the Laplacian with -4v and four times v: 20 v^2 in squares, sum 0. */
static void sharpness_of_a_dot_is_that_of_its_laplacian(void **state)
{
    (void)state;
    Film film = film_new();
    Picture p = flat(100);
    p.luma[40 * WIDTH + 70] = 160;
    double inner = (WIDTH - 2) * (HEIGHT - 2);
    CHECK_NEAR(show(&film, &p).sharpness, 20 * 60 * 60 / inner, 1e-9);
    for (int i = 0; i < PIXELS; i++) /* a chequered board of 100 and 110: +40 or -40 everywhere */
        p.luma[i] = (uint8_t)(100 + 10 * ((i % WIDTH + i / WIDTH) % 2));
    CHECK_NEAR(show(&film, &p).sharpness, 1600, 1e-9);
    p = flat(77);
    CHECK_NEAR(show(&film, &p).sharpness, 0, 0);
    CHECK_NEAR(film_end(&film).sharpness_median, 20 * 60 * 60 / inner, 1e-3);
}

static void the_more_blur_the_less_sharpness(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        Picture sharp = picture(seed);
        double before = INFINITY;
        for (int radius = 0; radius <= 8; radius = radius ? 2 * radius : 1) {
            Film film = film_new();
            Picture p = blurred(&sharp, radius);
            show_for(&film, &p, 3);
            double now = film_end(&film).sharpness_median;
            assert_true(now < 0.95 * before);
            before = now;
        }
    }
}

static void motion_is_the_mean_step(void **state)
{
    (void)state;
    Film film = film_new();
    static const uint8_t levels[] = {100, 103, 101, 101, 107}; /* steps of 3, 2, 0 and 6 */
    for (size_t i = 0; i < 5; i++) {
        Picture p = flat(levels[i]);
        show(&film, &p);
    }
    CHECK_NEAR(film.facts[1].change, 3, 1e-12);
    CHECK_NEAR(film.facts[4].change, 6, 1e-12);
    PictureMeasures m = film_end(&film);
    CHECK_NEAR(m.motion_mean, 11.0 / 4, 1e-12);
    CHECK_NEAR(m.static_share, 0.25, 1e-12);
}

static void coding_noise_is_static_and_a_small_thing_that_moves_is_not(void **state)
{
    (void)state;
    Film noisy = film_new(), lively = film_new();
    Rng rng = {.seed = 1};
    Picture still = picture(3);
    for (int f = 0; f < 50; f++) {
        Picture p = still, q = still;
        for (int k = 0; k < PIXELS / 10; k++) /* at most one level in a tenth of the pixels */
            p.luma[mel_rng_int(&rng, PIXELS)] ^= 1;
        for (int y = 40; y < 46; y++) /* a mouth */
            memset(q.luma + y * WIDTH + 80, f % 2 ? 100 : 130, 10);
        show(&noisy, &p);
        show(&lively, &q);
    }
    CHECK_NEAR(film_end(&noisy).static_share, 1, 0);
    PictureMeasures m = film_end(&lively);
    CHECK_NEAR(m.static_share, 0, 0);
    assert_true(m.motion_mean < 0.2);
}

/* ---- shots -------------------------------------------------------------------------------------
 */

static void hard_cuts_are_counted_where_they_are(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        Film film = film_new();
        for (uint64_t shot = 0; shot < 5; shot++) {
            Scene s = scene(100 * seed + shot);
            for (int f = 0; f < 20; f++) { /* the camera drifts */
                Picture p = view(&s, 0.5 * f, 0, 1);
                show(&film, &p);
            }
        }
        for (size_t i = 0; i < film.frames; i++)
            assert_int_equal(film.facts[i].is_cut, i && i % 20 == 0);
        CHECK_NEAR(film_end(&film).shot_cuts, 4, 0);
    }
}

/* Sky above and ground below correlate, whatever else they show. */
static void a_cut_between_two_landscapes_counts(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        Film film = film_new();
        for (uint64_t shot = 0; shot < 2; shot++) {
            Picture p = picture(2 * seed + shot);
            for (int i = 0; i < PIXELS; i++)
                p.luma[i] = to_luma((i < PIXELS / 2 ? 180 : 75) + 0.5 * (p.luma[i] - 115));
            show_for(&film, &p, 20);
        }
        CHECK_NEAR(film_end(&film).shot_cuts, 1, 0);
    }
}

static void a_cut_out_of_black_counts(void **state)
{
    (void)state;
    Film film = film_new();
    Picture black = flat(0), p = picture(1);
    show_for(&film, &black, 20);
    show_for(&film, &p, 20);
    show_for(&film, &black, 20);
    CHECK_NEAR(film_end(&film).shot_cuts, 2, 0);
}

static void fades_and_dissolves_are_no_cuts(void **state)
{
    (void)state;
    static const int lengths[] = {5, 8, 12, 25, 50};
    for (uint64_t seed = 0; seed < 8; seed++)
        for (size_t k = 0; k < 5; k++) {
            Film film = film_new();
            Picture a = picture(seed), b = picture(seed + 50), black = flat(0);
            int n = lengths[k];
            show_for(&film, &a, 15);
            for (int f = 1; f <= n; f++) {
                Picture p = mixed(&a, &b, (double)f / n);
                show(&film, &p);
            }
            show_for(&film, &b, 15);
            for (int f = 1; f <= n + 5; f++) {
                Picture p = mixed(&b, &black, (double)f / (n + 5));
                show(&film, &p);
            }
            show_for(&film, &black, 10);
            for (int f = 1; f <= n + 5; f++) {
                Picture p = mixed(&black, &a, (double)f / (n + 5));
                show(&film, &p);
            }
            CHECK_NEAR(film_end(&film).shot_cuts, 0, 0);
        }
}

static void a_moving_camera_makes_no_cuts(void **state)
{
    (void)state;
    static const double speeds[] = {1, 3, 6.5, 10}; /* pixels a frame, of 160 */
    for (uint64_t seed = 0; seed < 3; seed++)
        for (size_t k = 0; k < 4; k++)
            for (int rest = 0; rest <= 12; rest += 12) { /* frames before it moves */
                Film film = film_new();
                Scene s = scene(seed);
                for (int f = 0; f < 40; f++) {
                    double way = f > rest ? (f - rest) * speeds[k] : 0;
                    Picture p = view(&s, way, seed % 2 ? way / 4 : 0, 1);
                    show(&film, &p);
                }
                CHECK_NEAR(film_end(&film).shot_cuts, 0, 0);
            }
}

static void a_change_of_light_and_a_flash_are_no_cuts(void **state)
{
    (void)state;
    Film film = film_new();
    Scene s = scene(4);
    Picture dark = view(&s, 0, 0, 0.5), bright = view(&s, 0, 0, 1), white = flat(250);
    show_for(&film, &dark, 20);
    show_for(&film, &bright, 20); /* the lamp is switched on */
    show_for(&film, &white, 3);   /* a flash */
    show_for(&film, &bright, 20);
    assert_true(film.facts[40].is_cut && !film.facts[43].is_cut);
    CHECK_NEAR(film_end(&film).shot_cuts, 0, 0);

    Film other = film_new(); /* a flash that hides a cut */
    Picture next = picture(5);
    show_for(&other, &bright, 20);
    show_for(&other, &white, 3);
    show_for(&other, &next, 20);
    CHECK_NEAR(film_end(&other).shot_cuts, 1, 0);
}

static void wild_motion_is_not_a_row_of_cuts(void **state)
{
    (void)state;
    Film film = film_new();
    for (uint64_t f = 0; f < 100; f++) {
        Picture p = picture(f); /* another picture every time */
        show(&film, &p);
    }
    assert_true(film_end(&film).shot_cuts <= 1);
}

/* ---- time --------------------------------------------------------------------------------------
 */

static void frames_are_counted_inside_the_span_only(void **state)
{
    (void)state;
    PictureMeter *meter = mel_picture_meter_new(2000000);
    Picture p = picture(1);
    static const int64_t times_us[] = {-20000, 0, 500000, 600000, 1200000, 1999999, 2000000};
    for (size_t i = 0; i < 7; i++)
        mel_picture_meter_add(meter, p.luma, WIDTH, HEIGHT, WIDTH, times_us[i]);
    PictureMeasures m;
    mel_picture_meter_finish(meter, &m);
    CHECK_NEAR(m.frame_count, 5, 0);
    CHECK_NEAR(m.frame_rate_hz, 2.5, 1e-12);
    CHECK_NEAR(m.longest_frame_s, 0.799999, 1e-12);
    mel_picture_meter_free(meter);
}

static void the_last_picture_stands_until_the_end(void **state)
{
    (void)state;
    PictureMeter *meter = mel_picture_meter_new(10000000);
    Picture p = picture(1);
    mel_picture_meter_add(meter, p.luma, WIDTH, HEIGHT, WIDTH, 0);
    PictureMeasures m;
    mel_picture_meter_finish(meter, &m);
    CHECK_NEAR(m.longest_frame_s, 10, 0);
    CHECK_NEAR(m.shot_cuts, 0, 0);
    assert_true(isnan(m.motion_mean) && isnan(m.static_share)); /* there was no step */
    mel_picture_meter_add(meter, p.luma, WIDTH, HEIGHT, WIDTH, 4000000);
    mel_picture_meter_finish(meter, &m);
    CHECK_NEAR(m.longest_frame_s, 6, 0);
    mel_picture_meter_free(meter);
}

static void no_picture_measures_nothing(void **state)
{
    (void)state;
    PictureMeter *meter = mel_picture_meter_new(10000000);
    PictureMeasures m;
    mel_picture_meter_finish(meter, &m);
#define X(name, unit, meaning) assert_true(isnan(m.name));
    MEL_PICTURE_MEASURES(X)
#undef X
    mel_picture_meter_free(meter);
    mel_picture_meter_free(NULL);
}

static void pictures_of_any_size_are_measured(void **state)
{
    (void)state;
    static const int sizes[][2] = {
        {1,    1  },
        {2,    2  },
        {3,    1  },
        {1,    90 },
        {17,   5  },
        {1000, 3  },
        {640,  360}
    };
    for (size_t k = 0; k < MEL_COUNT(sizes); k++) {
        int width = sizes[k][0], height = sizes[k][1];
        size_t n = (size_t)width * (size_t)height;
        uint8_t *luma = mel_alloc(n);
        PictureMeter *meter = mel_picture_meter_new(1000000);
        Rng rng = {.seed = k};
        for (int f = 0; f < 4; f++) {
            for (size_t i = 0; i < n; i++)
                luma[i] = (uint8_t)mel_rng_int(&rng, 256);
            FrameFacts facts =
                mel_picture_meter_add(meter, luma, width, height, width, f * FRAME_US);
            assert_true(isfinite(facts.sharpness) && isfinite(facts.contrast));
        }
        PictureMeasures m;
        mel_picture_meter_finish(meter, &m);
#define X(name, unit, meaning) assert_true(isfinite(m.name));
        MEL_PICTURE_MEASURES(X)
#undef X
        mel_picture_meter_free(meter);
        free(luma);
    }
}

/* ---- stills ------------------------------------------------------------------------------------
 */

static void a_film_of_three_shots_gives_a_still_of_each(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        Film film = film_new();
        Picture black = flat(0);
        uint64_t hashes[FRAMES_MAX] = {0};
        for (uint64_t shot = 0; shot < 3; shot++) {
            Picture sharp = picture(10 * seed + shot), soft = blurred(&sharp, 2);
            show_for(&film, &soft, 30);
            show_for(&film, &sharp, 20);
            show_for(&film, &soft, 20);
            uint64_t hash = mel_picture_hash(sharp.luma, WIDTH, HEIGHT, WIDTH);
            for (size_t i = 0; i < 70; i++)
                hashes[70 * shot + i] = hash;
        }
        show_for(&film, &black, 40);
        size_t chosen[3], again[3], seen[3] = {0};
        assert_int_equal(mel_choose_stills(film.facts, hashes, film.frames, 3, chosen), 3);
        for (size_t i = 0; i < 3; i++) {
            assert_true(chosen[i] < 210);
            seen[chosen[i] / 70]++;
            assert_true(chosen[i] % 70 >= 30 && chosen[i] % 70 < 50); /* the sharp ones */
        }
        assert_true(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
        mel_choose_stills(film.facts, hashes, film.frames, 3, again);
        assert_memory_equal(chosen, again, sizeof chosen);
        film_end(&film);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_black_picture_is_black_and_static),
        cmocka_unit_test(black_is_98_per_cent_of_the_luma_below_32),
        cmocka_unit_test(brightness_and_contrast_are_mean_and_deviation),
        cmocka_unit_test(sharpness_of_a_dot_is_that_of_its_laplacian),
        cmocka_unit_test(the_more_blur_the_less_sharpness),
        cmocka_unit_test(motion_is_the_mean_step),
        cmocka_unit_test(coding_noise_is_static_and_a_small_thing_that_moves_is_not),
        cmocka_unit_test(hard_cuts_are_counted_where_they_are),
        cmocka_unit_test(a_cut_between_two_landscapes_counts),
        cmocka_unit_test(a_cut_out_of_black_counts),
        cmocka_unit_test(fades_and_dissolves_are_no_cuts),
        cmocka_unit_test(a_moving_camera_makes_no_cuts),
        cmocka_unit_test(a_change_of_light_and_a_flash_are_no_cuts),
        cmocka_unit_test(wild_motion_is_not_a_row_of_cuts),
        cmocka_unit_test(frames_are_counted_inside_the_span_only),
        cmocka_unit_test(the_last_picture_stands_until_the_end),
        cmocka_unit_test(no_picture_measures_nothing),
        cmocka_unit_test(pictures_of_any_size_are_measured),
        cmocka_unit_test(a_film_of_three_shots_gives_a_still_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
