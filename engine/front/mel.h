/* SPDX-License-Identifier: Apache-2.0
 *
 * What networks see of a sound: log-mel spectrograms, as parts of a graph, so that they run where
 * the network runs and have gradients. The wave is f32, also in a graph of bf16: 8 bits are no
 * sound. So is the result; mel_op_cast() gives it to a network of bf16. */
#ifndef MEL_ENGINE_MEL_H
#define MEL_ENGINE_MEL_H

#include "engine/graph.h"

typedef enum MelBank {
    MEL_BANK_SLANEY, /* librosa.filters.mel: Slaney's scale, triangles in Hz of area 1 */
    MEL_BANK_HTK,    /* librosa.filters.mel(htk=True, norm=None): triangles in Hz of height 1 */
    MEL_BANK_VGGISH, /* HTK's scale, triangles in mel of height 1 */
} MelBank;

typedef enum MelLog {
    MEL_LOG_FLOOR,    /* ln max(x, floor) */
    MEL_LOG_OFFSET,   /* ln (x + floor) */
    MEL_LOG_DECIBELS, /* 10·log10 max(x, floor) */
} MelLog;

typedef struct MelSettings {
    int rate_hz, window, hop, fft; /* samples; a window shorter than fft is followed by zeros */
    bool centred;                  /* half an fft is reflected at both ends; window is fft */
    bool drop_last;                /* N/hop windows of a centred signal, not one more */
    bool power;                    /* |X|², else |X| */
    int bins;
    double low_hz, high_hz;
    MelBank bank;
    MelLog log;
    double floor;
} MelSettings;

typedef enum MelFront {
    MEL_FRONT_AUDIOLDM,  /* AudioLDM and TANGO: the latents' autoencoder and HiFi-GAN */
    MEL_FRONT_CLAP,      /* laion/clap-htsat-unfused */
    MEL_FRONT_CNN14_16K, /* PANNs */
    MEL_FRONT_CNN14_32K,
    MEL_FRONT_MSCLAP, /* MS-CLAP 2022's Cnn14 */
    MEL_FRONT_VGGISH,
} MelFront;
enum { MEL_FRONT_COUNT = MEL_FRONT_VGGISH + 1 };

const MelSettings *mel_front_settings(MelFront front);

/* How many windows a signal has; 0 for one that is too short. */
int64_t mel_front_frames(const MelSettings *settings, int64_t samples);

/* The periodic Hann window ½ - ½cos(2πi/n). */
void mel_hann_window(int n, double *window);

/* The weights of the spectrum's bins in the mel bins: bank[bins][fft/2 + 1]. */
void mel_filter_bank(const MelSettings *settings, float *bank);

/* wave [B, N], f32 in -1 … 1 at settings->rate_hz → |X|² or |X| [B, T, fft/2 + 1]. */
Node *mel_front_spectrogram(Graph *graph, Node *wave, const MelSettings *settings);

/* wave [B, N] → [B, T, bins], T = mel_front_frames(). The graph fails when there is none. */
Node *mel_front_log_mel(Graph *graph, Node *wave, const MelSettings *settings);

/* Stretches of `frames` that follow each other, the tail cut: [B, T, bins] → [B·⌊T/frames⌋,
 * frames, bins, 1]. VGGish wants 96. */
Node *mel_front_patches(Graph *graph, Node *log_mel, int64_t frames);

#endif
