/* SPDX-License-Identifier: Apache-2.0
 *
 * The tempo of what a listener hears: measured from the clip's FLAC by the estimator of the quality
 * measures (quality_tempo.c), but said only where the pulse is clear. */
#include "curator/measures.h"
#include "curator/playback.h"
#include "curator/suggest_internal.h"

#include <math.h>

/* As the vocabulary's labels say: "slow (60 to 80)". */
static const char *class_of(double bpm)
{
    if (bpm < 60) return "very-slow";
    if (bpm < 80) return "slow";
    if (bpm < 112) return "moderate";
    return bpm <= 145 ? "fast" : "very-fast";
}

/* A file that ends early has the pulse of what is there. */
static bool measure(const char *path, double *bpm, Err *err)
{
    PlaybackSound sound;
    if (!mel_playback_sound(path, NULL, &sound, err)) return false;
    Pulse pulse =
        mel_measure_pulse(sound.samples, (size_t)sound.frames, sound.channels, sound.rate_hz);
    mel_playback_sound_clear(&sound);
    *bpm = pulse.clarity >= SUGGEST_CLARITY_MIN ? round(pulse.bpm * 10) / 10 : NAN;
    return true;
}

static bool suggest(SuggestRun *run, const char *clip_id, void *ctx, Err *err)
{
    ClipItem item;
    Arena arena = {0};
    double bpm = NAN;
    (void)ctx;
    bool ok = mel_clip_item(run->db, clip_id, &arena, &item, err) &&
              (item.audio ? measure(item.audio, &bpm, err)
                          : mel_err(err, ERR_NOT_FOUND, "the clip has no sound"));
    mel_arena_clear(&arena);
    if (!ok || !mel_suggest_step(run, err)) return false;
    bool none = isnan(bpm);
    ok = mel_suggest_put(run, clip_id, "bpm", none ? json_null() : json_real(bpm),
                         SUGGEST_TEMPO_ORIGIN, err) &&
         mel_suggest_put(run, clip_id, "tempo", none ? json_null() : json_string(class_of(bpm)),
                         SUGGEST_TEMPO_ORIGIN, err);
    return mel_suggest_close(run, ok, err); /* others may write while the next one is measured */
}

bool mel_suggest_tempo(Db *db, const SuggestOptions *options, SuggestReport *report, Err *err)
{
    SuggestRun run = {.db = db, .options = options, .what = "suggest tempo"};
    bool ok = mel_suggest_walk(&run, suggest, NULL, err);
    *report = run.report;
    return ok;
}
