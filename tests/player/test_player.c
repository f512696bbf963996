/* SPDX-License-Identifier: Apache-2.0
 *
 * The transport on a virtual output: what is handed out is compared to the bit with what a plain
 * walk over the clip gives (but where a jump fades), and the shown picture with the sample that is
 * heard. */
#include "annotator/player/player.h"
#include "tests/player/made_clip.h"
#include "tests/support/test.h"

enum { RATE = 48000, LATENCY_US = 50000, LATENCY = RATE / 20, FADE = RATE / 250, JUMPS = 4 };

typedef struct Deck {
    LoadedClip *clip;
    Player *player;
    AudioOut *out;        /* borrowed */
    int64_t jumps[JUMPS]; /* frames of the output from which on it fades */
    int jump_count;
} Deck;

static Deck deck_new(int64_t frames, double frame_rate_hz, int64_t latency_us)
{
    Err err = {0};
    Deck deck = {.clip = made_clip(RATE, frames, frame_rate_hz), .player = mel_player_new()};
    mel_player_set_clip(deck.player, deck.clip);
    AudioSpec spec = {.kind = AUDIO_VIRTUAL, .latency_us = latency_us};
    CHECK_OK(mel_player_open_output(deck.player, &spec, &err));
    deck.out = mel_player_output(deck.player);
    return deck;
}

static void deck_free(Deck *deck)
{
    mel_player_free(deck->player);
    mel_loaded_clip_unref(deck->clip);
}

/* A control that is heard comes now. */
static void jump(Deck *deck)
{
    assert_true(deck->jump_count < JUMPS);
    mel_audio_out_pulled(deck->out, &deck->jumps[deck->jump_count++]);
}

static void play(Deck *deck)
{
    jump(deck);
    mel_player_play(deck->player);
}

static bool fades(const Deck *deck, int64_t frame)
{
    for (int i = 0; i < deck->jump_count; i++)
        if (frame >= deck->jumps[i] && frame < deck->jumps[i] + FADE) return true;
    return false;
}

/* Everything handed out so far must be these samples; -1 stands for silence. Where it fades, what
 * comes is between what went and them: this clip only rises, from 0. */
static void check_pulled(const Deck *deck, const int64_t *wanted, int64_t count)
{
    int64_t frames;
    const float *pulled = mel_audio_out_pulled(deck->out, &frames);
    assert_int_equal(frames, count);
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < PLAYER_CHANNELS; c++) {
            float want = wanted[i] < 0 ? 0 : made_sample(wanted[i], c);
            if (fades(deck, i)) {
                assert_true(pulled[i * PLAYER_CHANNELS + c] >= 0);
                continue;
            }
            if (pulled[i * PLAYER_CHANNELS + c] != want)
                fail_msg("frame %lld of the output is %.9g, wanted sample %lld", (long long)i,
                         pulled[i * PLAYER_CHANNELS + c], (long long)wanted[i]);
        }
}

/* ---- sound ---------------------------------------------------------------------------------- */

static void a_whole_clip_is_handed_out_to_the_bit_and_pauses_at_its_end(void **state)
{
    (void)state;
    static const int sizes[] = {1, 7, 64, 1000, 4801};
    for (size_t k = 0; k < MEL_COUNT(sizes); k++) {
        Deck deck = deck_new(5000, 25, 0);
        int64_t wanted[20000], count = 0;
        play(&deck);
        while (count < 10000) {
            mel_audio_out_advance(deck.out, sizes[k]);
            for (int i = 0; i < sizes[k]; i++, count++)
                wanted[count] = count < 5000 ? count : -1;
        }
        check_pulled(&deck, wanted, count);
        assert_false(mel_player_is_playing(deck.player));
        assert_int_equal(mel_player_heard_sample(deck.player), 5000);
        deck_free(&deck);
    }
}

static void a_paused_player_hands_out_silence(void **state)
{
    (void)state;
    Deck deck = deck_new(5000, 25, 0);
    int64_t wanted[1500];
    mel_audio_out_advance(deck.out, 500);
    play(&deck);
    mel_audio_out_advance(deck.out, 500);
    jump(&deck);
    mel_player_pause(deck.player);
    mel_audio_out_advance(deck.out, 500);
    for (int i = 0; i < 1500; i++)
        wanted[i] = i < 500 || i >= 1000 ? -1 : i - 500;
    check_pulled(&deck, wanted, 1500);
    assert_int_equal(mel_player_heard_sample(deck.player), 500);
    deck_free(&deck);
}

static void a_region_repeats_without_a_gap_or_a_doubled_sample(void **state)
{
    (void)state;
    enum { FRAMES = 9000, OUT = 30000 };
    Rng rng = {.seed = 7};
    int64_t *wanted = mel_alloc((OUT + 5000) * sizeof *wanted);
    for (int round = 0; round < 200; round++) {
        Deck deck = deck_new(FRAMES, 25, 0);
        int64_t first = mel_rng_int(&rng, FRAMES);
        int64_t longest = round % 2 ? 40 : FRAMES; /* half of them far shorter than one pull */
        int64_t end = first + 1 + mel_rng_int(&rng, (int)longest);
        if (end > FRAMES) end = FRAMES;
        mel_player_set_region(deck.player, first, end);
        play(&deck);
        int64_t count = 0;
        while (count < OUT) {
            int size = 1 + mel_rng_int(&rng, 4000);
            mel_audio_out_advance(deck.out, size);
            for (int i = 0; i < size; i++, count++)
                wanted[count] = first + count % (end - first);
        }
        check_pulled(&deck, wanted, count);
        deck_free(&deck);
    }
    free(wanted);
}

static void a_region_set_while_playing_inside_it_leaves_the_sound_whole(void **state)
{
    (void)state;
    Deck deck = deck_new(9000, 25, LATENCY_US);
    int64_t wanted[6000], at = 0;
    play(&deck);
    mel_audio_out_advance(deck.out, 3000);
    mel_player_set_region(deck.player, 2000, 4000);
    mel_audio_out_advance(deck.out, 2500);
    mel_player_set_region(deck.player, 0, 0); /* no region: goes on from where it is */
    mel_audio_out_advance(deck.out, 500);
    for (int i = 0; i < 6000; i++) {
        if (i < 5500 && at == 4000) at = 2000;
        wanted[i] = at++;
    }
    check_pulled(&deck, wanted, 6000);
    deck_free(&deck);
}

static void playing_outside_a_region_jumps_into_it(void **state)
{
    (void)state;
    Deck deck = deck_new(9000, 25, 0);
    int64_t wanted[1500];
    play(&deck);
    mel_audio_out_advance(deck.out, 500);
    jump(&deck);
    mel_player_set_region(deck.player, 5000, 5080);
    mel_audio_out_advance(deck.out, 1000);
    for (int i = 0; i < 1500; i++)
        wanted[i] = i < 500 ? i : 5000 + (i - 500) % 80;
    check_pulled(&deck, wanted, 1500);
    deck_free(&deck);
}

static void a_repeated_clip_begins_again_without_a_gap(void **state)
{
    (void)state;
    Deck deck = deck_new(1000, 25, 0);
    int64_t wanted[3500];
    mel_player_set_repeat(deck.player, true);
    play(&deck);
    mel_audio_out_advance(deck.out, 3500);
    for (int i = 0; i < 3500; i++)
        wanted[i] = i % 1000;
    check_pulled(&deck, wanted, 3500);
    assert_true(mel_player_is_playing(deck.player));
    deck_free(&deck);
}

static void play_at_the_end_begins_again(void **state)
{
    (void)state;
    Deck deck = deck_new(1000, 25, 0);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 1500);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 10);
    assert_int_equal(mel_player_heard_sample(deck.player), 10);
    deck_free(&deck);
}

static void a_factor_is_reached_softly_and_kept(void **state)
{
    (void)state;
    Deck deck = deck_new(9000, 25, 0);
    for (int64_t i = 0; i < 9000 * PLAYER_CHANNELS; i++)
        deck.clip->samples[i] = 0.5F;
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 500);
    mel_player_set_gain(deck.player, 0.25F);
    mel_audio_out_advance(deck.out, 1000);
    int64_t frames;
    const float *pulled = mel_audio_out_pulled(deck.out, &frames);
    for (int64_t i = 1; i < frames; i++)
        assert_true(fabsf(pulled[2 * i] - pulled[2 * i - 2]) < 0.005F);
    assert_true(pulled[2 * (FADE + 10)] == 0.5F);
    assert_true(pulled[2 * 800] == 0.125F && pulled[2 * 800 + 1] == 0.125F);
    deck_free(&deck);
}

/* ---- no clicks ------------------------------------------------------------------------------- */

static float largest_step(const Deck *deck)
{
    int64_t frames;
    float largest = 0;
    const float *pulled = mel_audio_out_pulled(deck->out, &frames);
    for (int64_t i = PLAYER_CHANNELS; i < frames * PLAYER_CHANNELS; i++)
        largest = fmaxf(largest, fabsf(pulled[i] - pulled[i - PLAYER_CHANNELS]));
    return largest;
}

/* Of a sine, an edge would step by up to twice its height; the sine itself steps by 2 pi hz / rate
 * of it, and a fade between two of them adds at most 2 * pi / 2 / FADE. */
static void no_control_makes_a_click(void **state)
{
    (void)state;
    static const double tones_hz[] = {55, 440, 997};
    for (size_t k = 0; k < MEL_COUNT(tones_hz); k++) {
        Err err = {0};
        Deck deck = deck_new((int64_t)10 * RATE, 25, 0);
        Rng rng = {.seed = 11, .stream = k};
        LoadedClip *slow_clip = made_clip(RATE, (int64_t)20 * RATE, 0);
        made_sine(deck.clip, tones_hz[k], 0.5);
        made_sine(slow_clip, tones_hz[k], 0.5);
        Stretched *slow = mel_alloc(sizeof *slow);
        *slow = (Stretched){.speed = 0.5, .frames = slow_clip->frames};
        slow->samples = slow_clip->samples;
        slow_clip->samples = NULL;
        mel_player_take_slow(deck.player, slow);
        for (int round = 0; round < 400; round++) {
            switch (mel_rng_int(&rng, 5)) {
            case 0:
                mel_player_pause(deck.player);
                break;
            case 1:
                mel_player_play(deck.player);
                break;
            case 2:
                mel_player_step(deck.player, 3);
                break;
            case 3:
                CHECK_OK(mel_player_set_speed(deck.player, round % 2 ? 0.5 : 1, &err));
                break;
            default:
                mel_player_seek(deck.player, mel_rng_int(&rng, 9 * RATE));
            }
            mel_audio_out_advance(deck.out, mel_rng_int(&rng, round % 3 ? 2000 : 100));
        }
        float own = (float)(0.5 * 2 * M_PI * tones_hz[k] / RATE), step = largest_step(&deck);
        print_message("%.0f Hz: a step of %.4f where the tone's own is %.4f\n", tones_hz[k],
                      (double)step, (double)own);
        assert_true(step < own + M_PI / 2 / FADE);
        mel_loaded_clip_unref(slow_clip);
        deck_free(&deck);
    }
}

static void another_clip_fades_the_last_one_out(void **state)
{
    (void)state;
    Deck deck = deck_new(RATE, 25, 0);
    made_sine(deck.clip, 55, 0.5);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 2000 + RATE / 55 / 4);
    mel_player_set_clip(deck.player, NULL);
    mel_loaded_clip_unref(deck.clip);
    deck.clip = NULL;
    mel_audio_out_advance(deck.out, RATE / 10);
    assert_true(largest_step(&deck) < 0.5 * 2 * M_PI * 55 / RATE + M_PI / 4 / FADE);
    deck_free(&deck);
}

/* ---- the clock ------------------------------------------------------------------------------ */

/* The picture that must be shown at a sample, by looking at all of them. */
static int64_t picture_of(const LoadedClip *clip, int64_t sample)
{
    int64_t index = 0;
    for (size_t i = 0; i < clip->picture_count; i++)
        if (clip->pictures[i].sample <= sample) index = (int64_t)i;
    return index;
}

static void the_picture_is_that_of_the_heard_sample_over_a_whole_clip(void **state)
{
    (void)state;
    static const double rates_hz[] = {25, 30000.0 / 1001, 60, 7.3};
    for (size_t k = 0; k < MEL_COUNT(rates_hz); k++) {
        Deck deck = deck_new((int64_t)10 * RATE, rates_hz[k], LATENCY_US);
        mel_player_play(deck.player);
        for (int64_t pulled = 0; pulled < (int64_t)10 * RATE + LATENCY;) {
            int size = 1 + (int)(pulled * 7919 % 1500);
            mel_audio_out_advance(deck.out, size);
            pulled += size;
            int64_t heard = pulled - LATENCY;
            if (heard < 0) heard = 0;
            if (heard > (int64_t)10 * RATE) heard = (int64_t)10 * RATE;
            assert_int_equal(mel_player_heard_sample(deck.player), heard);
            assert_int_equal(mel_player_picture_now(deck.player), picture_of(deck.clip, heard));
        }
        assert_false(mel_player_is_playing(deck.player));
        deck_free(&deck);
    }
}

static void a_seek_while_playing_is_seen_when_it_is_heard(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 25, LATENCY_US);
    Rng rng = {.seed = 3};
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, LATENCY);
    for (int round = 0; round < 100; round++) {
        int64_t before = mel_player_heard_sample(deck.player);
        int64_t target = mel_rng_int(&rng, 9 * RATE);
        mel_player_seek(deck.player, target);
        assert_int_equal(mel_player_heard_sample(deck.player), before);
        mel_audio_out_advance(deck.out, LATENCY - 1);
        assert_int_equal(mel_player_heard_sample(deck.player), before + LATENCY - 1);
        mel_audio_out_advance(deck.out, 1);
        assert_int_equal(mel_player_heard_sample(deck.player), target);
        mel_audio_out_advance(deck.out, 480);
        assert_int_equal(mel_player_heard_sample(deck.player), target + 480);
        assert_int_equal(mel_player_picture_now(deck.player), picture_of(deck.clip, target + 480));
        mel_audio_out_advance(deck.out, LATENCY);
    }
    deck_free(&deck);
}

static void many_seeks_within_the_latency_end_at_the_last(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 25, 1000000);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 2 * RATE);
    for (int i = 0; i < 500; i++) { /* far more than the player remembers */
        mel_player_seek(deck.player, (int64_t)i * 700);
        mel_audio_out_advance(deck.out, 20);
        int64_t heard = mel_player_heard_sample(deck.player);
        assert_in_range(heard, 0, 10 * RATE);
    }
    mel_audio_out_advance(deck.out, RATE);
    assert_int_equal(mel_player_heard_sample(deck.player), 499 * 700 + 20);
    deck_free(&deck);
}

static void pausing_stops_where_it_is_heard_and_goes_on_from_there(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 25, LATENCY_US);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, RATE);
    mel_player_pause(deck.player);
    assert_int_equal(mel_player_heard_sample(deck.player), RATE - LATENCY);
    mel_audio_out_advance(deck.out, RATE);
    assert_int_equal(mel_player_heard_sample(deck.player), RATE - LATENCY);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, LATENCY + 10);
    assert_int_equal(mel_player_heard_sample(deck.player), RATE - LATENCY + 10);
    deck_free(&deck);
}

static void a_seek_while_paused_is_seen_at_once(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 25, LATENCY_US);
    mel_player_seek(deck.player, 5 * RATE);
    assert_int_equal(mel_player_picture_now(deck.player), 125);
    mel_player_seek(deck.player, -5);
    assert_int_equal(mel_player_heard_sample(deck.player), 0);
    mel_player_seek(deck.player, (int64_t)99 * RATE);
    assert_int_equal(mel_player_heard_sample(deck.player), 10 * RATE);
    assert_int_equal(mel_player_picture_now(deck.player), 249);
    deck_free(&deck);
}

static void the_heard_sample_stays_inside_a_short_region(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 25, LATENCY_US);
    mel_player_set_region(deck.player, 1000, 1100);
    mel_player_play(deck.player);
    for (int i = 0; i < 200; i++) {
        mel_audio_out_advance(deck.out, 333);
        int64_t heard = (int64_t)(i + 1) * 333 - LATENCY;
        int64_t want = heard < 0 ? 1000 : 1000 + heard % 100;
        assert_int_equal(mel_player_heard_sample(deck.player), want);
    }
    deck_free(&deck);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void steps_land_on_every_picture_both_ways(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 30000.0 / 1001, LATENCY_US);
    int64_t last = (int64_t)deck.clip->picture_count - 1;
    assert_int_equal(last, 299);
    for (int64_t i = 0; i <= last; i++) {
        assert_int_equal(mel_player_picture_now(deck.player), i);
        mel_player_step(deck.player, 1);
    }
    for (int64_t i = last; i >= 0; i--) {
        assert_int_equal(mel_player_picture_now(deck.player), i);
        mel_player_step(deck.player, -1);
    }
    assert_int_equal(mel_player_picture_now(deck.player), 0);
    mel_player_step(deck.player, 10);
    assert_int_equal(mel_player_picture_now(deck.player), 10);
    deck_free(&deck);
}

static void a_step_while_playing_pauses_beside_the_shown_picture(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)10 * RATE, 25, LATENCY_US);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 3 * RATE);
    int64_t shown = mel_player_picture_now(deck.player);
    mel_player_step(deck.player, 1);
    assert_false(mel_player_is_playing(deck.player));
    assert_int_equal(mel_player_picture_now(deck.player), shown + 1);
    deck_free(&deck);
}

/* ---- other clips and outputs ---------------------------------------------------------------- */

static void a_clip_without_sound_runs_on_the_same_clock(void **state)
{
    (void)state;
    Deck deck = deck_new((int64_t)2 * RATE, 25, 0);
    free(deck.clip->samples);
    deck.clip->samples = NULL;
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, RATE);
    assert_int_equal(mel_player_picture_now(deck.player), 25);
    int64_t frames;
    const float *pulled = mel_audio_out_pulled(deck.out, &frames);
    for (int64_t i = 0; i < frames * PLAYER_CHANNELS; i++)
        assert_true(pulled[i] == 0);
    deck_free(&deck);
}

static void a_player_without_a_clip_or_an_output_is_silent_and_still(void **state)
{
    (void)state;
    Err err = {0};
    Player *player = mel_player_new();
    mel_player_play(player);
    mel_player_step(player, 3);
    mel_player_seek(player, 100);
    assert_int_equal(mel_player_heard_sample(player), 0);
    assert_int_equal(mel_player_picture_now(player), -1);
    CHECK_OK(mel_player_open_output(player, &(AudioSpec){.kind = AUDIO_VIRTUAL}, &err));
    mel_audio_out_advance(mel_player_output(player), 1000);
    assert_false(mel_player_is_playing(player));
    mel_player_free(player);
}

static void another_clip_begins_paused_at_its_start(void **state)
{
    (void)state;
    Deck deck = deck_new(RATE, 25, LATENCY_US);
    LoadedClip *next = made_clip(RATE, 2 * RATE, 10), *other = made_clip(44100, 44100, 10);
    mel_player_set_region(deck.player, 100, 200);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 3000);
    mel_player_set_clip(deck.player, next);
    int64_t first, end;
    assert_false(mel_player_region(deck.player, &first, &end));
    assert_int_equal(mel_player_heard_sample(deck.player), 0);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, LATENCY + 50);
    assert_int_equal(mel_player_heard_sample(deck.player), 50);
    mel_player_set_clip(deck.player, other);
    assert_null(mel_player_output(deck.player)); /* 44100 Hz through 48000 would be another pitch */
    mel_loaded_clip_unref(next);
    mel_loaded_clip_unref(other);
    deck_free(&deck);
}

static void another_output_goes_on_where_the_last_was_heard(void **state)
{
    (void)state;
    Err err = {0};
    Deck deck = deck_new(RATE, 25, LATENCY_US);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, LATENCY + 7000);
    AudioSpec gone = {.kind = AUDIO_PULSE, .server = "unix:/nonexistent/socket"};
    CHECK_FAILS(mel_player_open_output(deck.player, &gone, &err), ERR_DEVICE);
    assert_int_equal(mel_player_heard_sample(deck.player), 7000);
    CHECK_OK(mel_player_open_output(deck.player, &(AudioSpec){.kind = AUDIO_VIRTUAL}, &err));
    mel_audio_out_advance(mel_player_output(deck.player), 100);
    assert_int_equal(mel_player_heard_sample(deck.player), 7100);
    deck_free(&deck);
}

/* ---- half speed ----------------------------------------------------------------------------- */

static Stretched *made_slow(const LoadedClip *clip)
{
    Stretched *slow = mel_alloc(sizeof *slow);
    slow->speed = 0.5;
    slow->frames = clip->frames * 2;
    slow->samples = mel_alloc((size_t)slow->frames * PLAYER_CHANNELS * sizeof(float));
    for (int64_t i = 0; i < slow->frames; i++)
        for (int c = 0; c < PLAYER_CHANNELS; c++)
            slow->samples[i * PLAYER_CHANNELS + c] = -made_sample(i, c);
    return slow;
}

static void at_half_speed_a_region_is_twice_as_long_and_as_exact(void **state)
{
    (void)state;
    Err err = {0};
    Deck deck = deck_new(9000, 25, 0);
    CHECK_FAILS(mel_player_set_speed(deck.player, 0.5, &err), ERR_USAGE);
    mel_player_take_slow(deck.player, made_slow(deck.clip));
    mel_player_set_region(deck.player, 1000, 1333);
    mel_player_play(deck.player);
    mel_audio_out_advance(deck.out, 100);
    CHECK_OK(mel_player_set_speed(deck.player, 0.5, &err));
    mel_audio_out_advance(deck.out, 3000);
    int64_t frames;
    const float *pulled = mel_audio_out_pulled(deck.out, &frames);
    for (int64_t i = 100 + FADE; i < frames; i++) {
        int64_t want = 2000 + (200 + i - 100) % 666;
        assert_true(pulled[2 * i] == -made_sample(want, 0));
    }
    assert_int_equal(mel_player_heard_sample(deck.player), (2000 + (200 + 3000) % 666) / 2);
    CHECK_OK(mel_player_set_speed(deck.player, 1, &err));
    mel_audio_out_advance(deck.out, FADE + 1);
    pulled = mel_audio_out_pulled(deck.out, &frames);
    int64_t want = 1000 + ((200 + 3000) % 666 / 2 + FADE) % 333;
    assert_true(pulled[2 * frames - 2] == made_sample(want, 0));
    deck_free(&deck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_clip_is_handed_out_to_the_bit_and_pauses_at_its_end),
        cmocka_unit_test(a_paused_player_hands_out_silence),
        cmocka_unit_test(a_region_repeats_without_a_gap_or_a_doubled_sample),
        cmocka_unit_test(a_region_set_while_playing_inside_it_leaves_the_sound_whole),
        cmocka_unit_test(playing_outside_a_region_jumps_into_it),
        cmocka_unit_test(a_repeated_clip_begins_again_without_a_gap),
        cmocka_unit_test(play_at_the_end_begins_again),
        cmocka_unit_test(a_factor_is_reached_softly_and_kept),
        cmocka_unit_test(no_control_makes_a_click),
        cmocka_unit_test(another_clip_fades_the_last_one_out),
        cmocka_unit_test(the_picture_is_that_of_the_heard_sample_over_a_whole_clip),
        cmocka_unit_test(a_seek_while_playing_is_seen_when_it_is_heard),
        cmocka_unit_test(many_seeks_within_the_latency_end_at_the_last),
        cmocka_unit_test(pausing_stops_where_it_is_heard_and_goes_on_from_there),
        cmocka_unit_test(a_seek_while_paused_is_seen_at_once),
        cmocka_unit_test(the_heard_sample_stays_inside_a_short_region),
        cmocka_unit_test(steps_land_on_every_picture_both_ways),
        cmocka_unit_test(a_step_while_playing_pauses_beside_the_shown_picture),
        cmocka_unit_test(a_clip_without_sound_runs_on_the_same_clock),
        cmocka_unit_test(a_player_without_a_clip_or_an_output_is_silent_and_still),
        cmocka_unit_test(another_clip_begins_paused_at_its_start),
        cmocka_unit_test(another_output_goes_on_where_the_last_was_heard),
        cmocka_unit_test(at_half_speed_a_region_is_twice_as_long_and_as_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
