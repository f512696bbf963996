/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/targets/sounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STORED_RATE_HZ = 16000 };

bool sounds_open(Sounds *s, const Shards *shards, int64_t batch, Err *err)
{
    s->array = mel_shards_array(shards, "wave", err);
    if (s->array < 0) return false;
    int64_t stored = mel_shape_count(&mel_shards_form(shards, s->array)->shape);
    s->samples = llrint(s->front->rate_hz * s->seconds);
    s->whole = mel_alloc((size_t)stored * sizeof(float));
    s->batch = mel_alloc((size_t)(batch * s->samples) * sizeof(float));
    s->shares = mel_alloc((size_t)batch * sizeof(float));
    return stored >= (int64_t)STORED_RATE_HZ * SOUND_SECONDS ||
           mel_err(err, ERR_FORMAT, "the shards' sounds have %lld samples, wanted %d",
                   (long long)stored, STORED_RATE_HZ * SOUND_SECONDS);
}

void sounds_close(Sounds *s)
{
    free(s->whole);
    free(s->batch);
    free(s->shares);
}

Node *sounds_wave(const Sounds *s, Graph *graph, int batch)
{
    return mel_graph_input(graph, "wave", DTYPE_F32, SHAPE(batch, s->samples));
}

Node *sounds_log_mel(const Sounds *s, Graph *graph, int batch)
{
    Node *log_mel = mel_front_log_mel(graph, sounds_wave(s, graph, batch), s->front);
    return mel_op_cast(log_mel, mel_graph_float_type(graph));
}

static double scale_of(const Sounds *s)
{
    double peak = 1;
    if (s->peak <= 0) return 1.0 / 32767;
    for (int64_t k = 0; k < (int64_t)STORED_RATE_HZ * SOUND_SECONDS; k++)
        peak = fmax(peak, (double)fabsf(s->whole[k]));
    return s->peak / peak;
}

static bool fill_sound(Sounds *s, const TrainBatch *batch, int i, Err *err)
{
    float *to = s->batch + i * s->samples, *resampled = NULL;
    int64_t n = llrint(STORED_RATE_HZ * s->seconds);
    int rate = s->front->rate_hz;
    Rng rng = sample_rng(batch, i);
    mel_shards_floats(batch->shards, s->array, batch->items[i], s->whole);
    float *part = s->whole + mel_rng_int(&rng, (int)(STORED_RATE_HZ * SOUND_SECONDS - n + 1));
    double scale = scale_of(s);
    for (int64_t k = 0; k < n; k++)
        part[k] = (float)(part[k] * scale);
    if (rate != STORED_RATE_HZ && !mel_resample(part, n, STORED_RATE_HZ, rate, &resampled, &n, err))
        return false;
    memset(to, 0, (size_t)s->samples * sizeof *to);
    memcpy(to, resampled ? resampled : part,
           (size_t)(n < s->samples ? n : s->samples) * sizeof *to);
    free(resampled);
    return true;
}

/* Each of [count, samples] with a uniformly drawn share of the next, the last with the first's. */
static void mix(Sounds *s, const TrainBatch *batch)
{
    size_t size = (size_t)s->samples * sizeof(float);
    float *first = mel_alloc(size);
    memcpy(first, s->batch, size);
    for (int i = 0; i < batch->count; i++) {
        Rng rng = sample_rng(batch, i);
        rng.next = 2;
        float share = s->shares[i] = (float)mel_rng_uniform(&rng);
        float *own = s->batch + i * s->samples;
        const float *other = i + 1 < batch->count ? own + s->samples : first;
        for (int64_t k = 0; k < s->samples; k++)
            own[k] = share * own[k] + (1 - share) * other[k];
    }
    free(first);
}

bool sounds_fill(Sounds *s, Plan *plan, const TrainBatch *batch, Err *err)
{
    for (int i = 0; i < batch->count; i++) {
        if (!fill_sound(s, batch, i, err)) return false;
        s->shares[i] = 1;
    }
    if (s->mixup && !batch->validation) mix(s, batch);
    return mel_plan_write(plan, "wave", s->batch, err);
}

/* ---- to listen to --------------------------------------------------------------------------- */

static int kept(const TrainBatch *batch)
{
    return batch->count < SOUNDS_KEPT ? batch->count : SOUNDS_KEPT;
}

static bool save(const TrainBatch *batch, int i, const char *what, const float *sound,
                 int64_t samples, const char *folder, Err *err)
{
    char *path =
        mel_asprintf("%s/%s-%s.wav", folder, mel_shards_key(batch->shards, batch->items[i]), what);
    for (char *c = path + strlen(folder); *c; c++)
        if (*c == ':') *c = '_';
    bool ok = mel_save_sound(path, sound, samples, 1, STORED_RATE_HZ, err);
    free(path);
    return ok;
}

bool sounds_save(const TrainBatch *batch, const char *what, const float *sounds, int64_t samples,
                 int64_t stride, const char *folder, Err *err)
{
    for (int i = 0; i < kept(batch); i++)
        if (!save(batch, i, what, sounds + i * stride, samples, folder, err)) return false;
    return true;
}

bool sounds_save_mels(const TrainBatch *batch, const char *what, const float *mels, int64_t frames,
                      const char *model, const char *folder, Err *err)
{
    Vocoder *vocoder;
    if (!mel_vocoder_open(model, frames, DTYPE_F32, &vocoder, err)) return false;
    int64_t samples = mel_vocoder_samples(vocoder), size = frames * MUSIC_BINS;
    float *sound = mel_alloc((size_t)samples * sizeof *sound);
    bool ok = true;
    for (int i = 0; i < kept(batch) && ok; i++)
        ok = mel_vocoder_run(vocoder, mels + i * size, sound, err) &&
             save(batch, i, what, sound, samples, folder, err);
    free(sound);
    mel_vocoder_close(vocoder);
    return ok;
}

bool sounds_save_latents(const TrainBatch *batch, const char *what, const float *latents,
                         const char *model, const char *folder, Err *err)
{
    int64_t size = (int64_t)MUSIC_FRAMES * MUSIC_BINS;
    float *mels = mel_alloc((size_t)(kept(batch) * size) * sizeof *mels);
    Codec *codec = NULL;
    bool ok = mel_codec_open(model, "vae", MUSIC_FRAMES, MUSIC_BINS, DTYPE_F32, &codec, err);
    int64_t n = ok ? mel_shape_count(mel_codec_latent_shape(codec)) : 0;
    for (int i = 0; i < kept(batch) && ok; i++)
        ok = mel_codec_decode(codec, latents + i * n, mels + i * size, err);
    ok = ok && sounds_save_mels(batch, what, mels, MUSIC_FRAMES, model, folder, err);
    mel_codec_close(codec);
    free(mels);
    return ok;
}
