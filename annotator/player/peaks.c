/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/player/peaks.h"

#include <stdlib.h>

enum { BASE_SHIFT = 6, LEVELS_MAX = 40 }; /* the lowest level is over 64 samples */

struct Peaks {
    LoadedClip *clip;
    Peak *levels[LEVELS_MAX][PLAYER_CHANNELS]; /* of level k: over 64 << k samples */
    int64_t counts[LEVELS_MAX];
    int level_count;
};

static Peak either(Peak a, Peak b)
{
    return (Peak){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

/* Of samples [first, end), not empty. */
static Peak peak_of_samples(const LoadedClip *clip, int channel, int64_t first, int64_t end)
{
    const float *x = clip->samples + channel;
    Peak peak = {x[first * PLAYER_CHANNELS], x[first * PLAYER_CHANNELS]};
    for (int64_t i = first + 1; i < end; i++) {
        float v = x[i * PLAYER_CHANNELS];
        peak.low = v < peak.low ? v : peak.low;
        peak.high = v > peak.high ? v : peak.high;
    }
    return peak;
}

static void fill_level(Peaks *peaks, int level, int channel)
{
    Peak *into = peaks->levels[level][channel];
    for (int64_t i = 0; i < peaks->counts[level]; i++) {
        if (level == 0) {
            int64_t first = i << BASE_SHIFT, end = (i + 1) << BASE_SHIFT;
            if (end > peaks->clip->frames) end = peaks->clip->frames;
            into[i] = peak_of_samples(peaks->clip, channel, first, end);
            continue;
        }
        const Peak *below = peaks->levels[level - 1][channel];
        bool pair = 2 * i + 1 < peaks->counts[level - 1];
        into[i] = pair ? either(below[2 * i], below[2 * i + 1]) : below[2 * i];
    }
}

Peaks *mel_peaks_new(LoadedClip *clip)
{
    if (!clip->samples || !clip->frames) return NULL;
    Peaks *peaks = mel_alloc(sizeof *peaks);
    peaks->clip = mel_loaded_clip_ref(clip);
    int64_t count = (clip->frames + (1 << BASE_SHIFT) - 1) >> BASE_SHIFT;
    for (;;) {
        int level = peaks->level_count++;
        peaks->counts[level] = count;
        for (int c = 0; c < PLAYER_CHANNELS; c++) {
            peaks->levels[level][c] = mel_alloc((size_t)count * sizeof(Peak));
            fill_level(peaks, level, c);
        }
        if (count == 1) return peaks;
        count = (count + 1) / 2;
    }
}

void mel_peaks_free(Peaks *peaks)
{
    if (!peaks) return;
    for (int level = 0; level < peaks->level_count; level++)
        for (int c = 0; c < PLAYER_CHANNELS; c++)
            free(peaks->levels[level][c]);
    mel_loaded_clip_unref(peaks->clip);
    free(peaks);
}

/* Walks from `first` in the largest aligned blocks that fit before `end`, both inside the clip. */
static Peak peak_of_channel(const Peaks *peaks, int channel, int64_t first, int64_t end)
{
    Peak peak = {0};
    for (int64_t at = first, next; at < end; at = next) {
        int level = -1;
        for (int k = 0; k < peaks->level_count; k++) {
            int64_t size = (int64_t)1 << (BASE_SHIFT + k);
            if (at & (size - 1) || (at + size > end && end < peaks->clip->frames)) break;
            level = k;
            if (at + size >= end) break;
        }
        int64_t size = (int64_t)1 << (BASE_SHIFT + (level > 0 ? level : 0));
        next = level >= 0 ? at + size : ((at >> BASE_SHIFT) + 1) << BASE_SHIFT;
        if (next > end) next = end;
        Peak part = level >= 0 ? peaks->levels[level][channel][at / size]
                               : peak_of_samples(peaks->clip, channel, at, next);
        peak = at == first ? part : either(peak, part);
    }
    return peak;
}

Peak mel_peaks_over(const Peaks *peaks, int channel, int64_t first, int64_t end)
{
    if (first < 0) first = 0;
    if (end > peaks->clip->frames) end = peaks->clip->frames;
    if (first >= end) return (Peak){0};
    if (channel >= 0) return peak_of_channel(peaks, channel, first, end);
    return either(peak_of_channel(peaks, 0, first, end), peak_of_channel(peaks, 1, first, end));
}

void mel_peaks_columns(const Peaks *peaks, int channel, int64_t first, int64_t end, int columns,
                       Peak *out)
{
    int64_t length = end > first ? end - first : 0;
    for (int i = 0; i < columns; i++) {
        int64_t from = first + length * i / columns, to = first + length * (i + 1) / columns;
        out[i] = mel_peaks_over(peaks, channel, from, to > from ? to : from + 1);
    }
}
