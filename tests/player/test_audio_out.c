/* SPDX-License-Identifier: Apache-2.0
 *
 * The outputs by themselves and under the player. PulseAudio runs here as a server of the test's
 * own with a sink that swallows everything at the right pace; without the program that part is
 * skipped. */
#include "annotator/player/player.h"
#include "tests/player/made_clip.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RATE = 48000 };

/* ---- virtual -------------------------------------------------------------------------------- */

typedef struct Counter {
    _Atomic int64_t frames;
} Counter;

static void count_up(void *ctx, float *samples, int frames)
{
    Counter *counter = ctx;
    for (int i = 0; i < frames; i++)
        samples[2 * i] = samples[2 * i + 1] = (float)(counter->frames + i);
    counter->frames += frames;
}

static void a_virtual_output_keeps_what_it_asked_for(void **state)
{
    (void)state;
    Err err = {0};
    Counter counter = {0};
    AudioOut *out;
    AudioSpec spec = {.kind = AUDIO_VIRTUAL,
                      .rate_hz = RATE,
                      .channels = 2,
                      .latency_us = 10000,
                      .pull = count_up,
                      .ctx = &counter};
    CHECK_OK(mel_audio_out_open(&spec, &out, &err));
    assert_int_equal(mel_audio_out_heard(out), 0);
    mel_audio_out_advance(out, 300);
    assert_int_equal(mel_audio_out_heard(out), 0);
    assert_int_equal(mel_audio_out_latency(out), 300);
    mel_audio_out_advance(out, 700);
    assert_int_equal(mel_audio_out_heard(out), 520);
    assert_int_equal(mel_audio_out_latency(out), 480);
    int64_t frames;
    const float *pulled = mel_audio_out_pulled(out, &frames);
    assert_int_equal(frames, 1000);
    for (int64_t i = 0; i < frames; i++)
        assert_true(pulled[2 * i] == (float)i);
    mel_audio_out_close(out);
    mel_audio_out_close(NULL);
}

static void a_rate_that_no_device_has_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    AudioOut *out;
    Counter counter = {0};
    AudioSpec spec = {
        .kind = AUDIO_VIRTUAL, .rate_hz = 100, .channels = 2, .pull = count_up, .ctx = &counter};
    CHECK_FAILS(mel_audio_out_open(&spec, &out, &err), ERR_USAGE);
}

/* ---- real time ------------------------------------------------------------------------------ */

/* Plays one second out of three and compares the clip's clock with the wall's; then a region, then
 * the end, which must come by itself. */
static void play_in_real_time(const AudioSpec *spec)
{
    Err err = {0};
    LoadedClip *clip = made_clip(RATE, 3 * RATE, 25);
    Player *player = mel_player_new();
    mel_player_set_clip(player, clip);
    CHECK_OK(mel_player_open_output(player, spec, &err));
    mel_player_play(player);
    int64_t deadline_us = mel_monotonic_us() + 5000000;
    while (mel_player_heard_sample(player) < RATE / 4 && mel_monotonic_us() < deadline_us)
        mel_sleep_us(2000);
    int64_t from = mel_player_heard_sample(player), from_us = mel_monotonic_us();
    int64_t last = from;
    while (mel_monotonic_us() < from_us + 1000000) {
        mel_sleep_us(10000);
        int64_t heard = mel_player_heard_sample(player);
        assert_true(heard >= last);
        assert_int_equal(mel_player_picture_now(player) >= heard * 25 / RATE, 1);
        last = heard;
    }
    double seconds = (double)(mel_monotonic_us() - from_us) / 1e6;
    CHECK_NEAR((double)(mel_player_heard_sample(player) - from) / RATE, seconds,
               0.1 * TEST_PATIENCE * seconds);
    assert_true(mel_player_is_playing(player));
    assert_in_range(mel_audio_out_latency(mel_player_output(player)), 1, RATE);
    mel_player_seek(player, 5 * RATE / 2);
    deadline_us = mel_monotonic_us() + 5000000;
    while (mel_player_is_playing(player) && mel_monotonic_us() < deadline_us)
        mel_sleep_us(2000);
    assert_false(mel_player_is_playing(player));
    assert_int_equal(mel_player_heard_sample(player), 3 * RATE);
    mel_player_free(player);
    mel_loaded_clip_unref(clip);
}

static void silence_keeps_the_pace_of_the_clock(void **state)
{
    (void)state;
    play_in_real_time(&(AudioSpec){.kind = AUDIO_SILENT});
}

/* For the sanitizers: every control while the output's thread takes samples. */
static void controls_and_the_outputs_thread_do_not_disturb_each_other(void **state)
{
    (void)state;
    enum { FRAMES = RATE / 10 };
    Err err = {0};
    Rng rng = {.seed = 4};
    LoadedClip *clips[2] = {made_clip(RATE, FRAMES, 25), made_clip(RATE, FRAMES / 2, 25)};
    Player *player = mel_player_new();
    CHECK_OK(mel_player_open_output(player, &(AudioSpec){.kind = AUDIO_SILENT}, &err));
    for (int round = 0; round < 400; round++) {
        LoadedClip *clip = clips[round / 100 % 2];
        if (round % 100 == 0) {
            Stretched *slow;
            mel_player_set_clip(player, clip);
            CHECK_OK(mel_stretch(clip, 0.5, NULL, &slow, &err));
            mel_player_take_slow(player, slow);
        }
        mel_player_play(player);
        mel_player_seek(player, mel_rng_int(&rng, FRAMES));
        mel_player_set_region(player, mel_rng_int(&rng, FRAMES), mel_rng_int(&rng, FRAMES));
        mel_player_set_repeat(player, round % 3 == 0);
        mel_player_set_gain(player, round % 5 ? 1 : 0.5F);
        CHECK_OK(mel_player_set_speed(player, round % 7 ? 1 : 0.5, &err));
        if (round % 11 == 0) mel_player_step(player, 1);
        mel_sleep_us(1000);
        assert_in_range(mel_player_heard_sample(player), 0, clip->frames);
        assert_in_range(mel_player_picture_now(player), 0, (int64_t)clip->picture_count - 1);
    }
    mel_player_free(player);
    mel_loaded_clip_unref(clips[0]);
    mel_loaded_clip_unref(clips[1]);
}

static void a_silent_output_closes_at_once(void **state)
{
    (void)state;
    Err err = {0};
    Counter counter = {0};
    AudioSpec spec = {
        .kind = AUDIO_SILENT, .rate_hz = RATE, .channels = 2, .pull = count_up, .ctx = &counter};
    int64_t start_us = mel_monotonic_us();
    for (int i = 0; i < 50; i++) {
        AudioOut *out;
        CHECK_OK(mel_audio_out_open(&spec, &out, &err));
        CHECK_OK(mel_audio_out_is_alive(out, &err));
        mel_audio_out_close(out);
    }
    assert_true(mel_monotonic_us() - start_us < 5000000);
    int64_t frames = counter.frames;
    mel_sleep_us(20000);
    assert_int_equal(counter.frames, frames);
}

/* ---- PulseAudio ----------------------------------------------------------------------------- */

typedef struct Server {
    char *folder, *address;
    pid_t pid;
} Server;

/* In the child: dies with the test, however that ends, and holds none of its pipes. */
static void run_server(char **arguments)
{
    int null = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    execvp(arguments[0], arguments);
    _exit(127);
}

/* Ready when its socket is there; folder and home are its own, so that no user's server is met. */
static Server start_server(void)
{
    Server server = {.folder = test_folder()};
    setenv("XDG_RUNTIME_DIR", server.folder, 1);
    setenv("HOME", server.folder, 1);
    const char *socket = test_path(server.folder, "socket");
    server.address = mel_asprintf("unix:%s", socket);
    char *module = mel_asprintf("module-native-protocol-unix auth-anonymous=1 socket=%s", socket);
    char *arguments[] = {"pulseaudio",
                         "-n",
                         "--daemonize=no",
                         "--exit-idle-time=-1",
                         "--use-pid-file=no",
                         "--log-level=error",
                         "-L",
                         "module-null-sink sink_name=null rate=48000",
                         "-L",
                         module,
                         NULL};
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) run_server(arguments);
    int64_t deadline_us = mel_monotonic_us() + 10000000;
    while (access(socket, F_OK) != 0 && mel_monotonic_us() < deadline_us)
        mel_sleep_us(20000);
    free(module);
    return server;
}

static void stop_server(Server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    test_folder_remove(server->folder);
    free(server->address);
}

static void skip_without_pulseaudio(void)
{
    if (test_shell("command -v pulseaudio >/dev/null") == 0) return;
    print_message("the program pulseaudio is not installed\n");
    skip();
}

static void pulseaudio_plays_at_the_pace_of_the_clock_and_ends(void **state)
{
    (void)state;
    skip_without_pulseaudio();
    Server server = start_server();
    play_in_real_time(&(AudioSpec){.kind = AUDIO_PULSE, .server = server.address});
    stop_server(&server);
}

static void a_server_that_goes_is_noticed_and_silence_goes_on(void **state)
{
    (void)state;
    skip_without_pulseaudio();
    Err err = {0};
    Server server = start_server();
    LoadedClip *clip = made_clip(RATE, 10 * RATE, 25);
    Player *player = mel_player_new();
    mel_player_set_clip(player, clip);
    AudioSpec spec = {.kind = AUDIO_PULSE, .server = server.address};
    CHECK_OK(mel_player_open_output(player, &spec, &err));
    mel_player_play(player);
    int64_t deadline_us = mel_monotonic_us() + 10000000;
    while (!mel_player_heard_sample(player) && mel_monotonic_us() < deadline_us)
        mel_sleep_us(5000);
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
    deadline_us = mel_monotonic_us() + 5000000;
    while (mel_audio_out_is_alive(mel_player_output(player), &err) &&
           mel_monotonic_us() < deadline_us)
        mel_sleep_us(5000);
    CHECK_FAILS(mel_audio_out_is_alive(mel_player_output(player), &err), ERR_DEVICE);
    int64_t heard = mel_player_heard_sample(player);
    assert_true(heard > 0);
    CHECK_OK(mel_player_open_output(player, &(AudioSpec){.kind = AUDIO_SILENT}, &err));
    mel_sleep_us(100000);
    assert_true(mel_player_heard_sample(player) > heard);
    mel_player_free(player);
    mel_loaded_clip_unref(clip);
    stop_server(&server);
}

static void no_server_is_an_error_with_a_hint(void **state)
{
    (void)state;
    Err err = {0};
    AudioOut *out;
    Counter counter = {0};
    AudioSpec spec = {.kind = AUDIO_PULSE,
                      .rate_hz = RATE,
                      .channels = 2,
                      .server = "unix:/nonexistent/socket",
                      .pull = count_up,
                      .ctx = &counter};
    assert_false(mel_audio_out_open(&spec, &out, &err));
    assert_int_equal(err.code, ERR_DEVICE);
    assert_true(err.hint[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virtual_output_keeps_what_it_asked_for),
        cmocka_unit_test(a_rate_that_no_device_has_is_refused),
        cmocka_unit_test(silence_keeps_the_pace_of_the_clock),
        cmocka_unit_test(controls_and_the_outputs_thread_do_not_disturb_each_other),
        cmocka_unit_test(a_silent_output_closes_at_once),
        cmocka_unit_test(pulseaudio_plays_at_the_pace_of_the_clock_and_ends),
        cmocka_unit_test(a_server_that_goes_is_noticed_and_silence_goes_on),
        cmocka_unit_test(no_server_is_an_error_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
