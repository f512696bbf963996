/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/front/mel.h"

#include "engine/ops.h"

#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

/* Of the published preprocessing: audioldm/audio/stft.py with TANGO's stft_config.json;
 * preprocessor_config.json of clap-htsat-unfused; PANNs' models.py; MS-CLAP's config_2022.yml, of
 * which only 1024 is used; torchvggish's vggish_params.py. */
static const MelSettings table[MEL_FRONT_COUNT] = {
    [MEL_FRONT_AUDIOLDM] = {.rate_hz = 16000,
                            .window = 1024,
                            .hop = 160,
                            .fft = 1024,
                            .centred = true,
                            .drop_last = true,
                            .bins = 64,
                            .high_hz = 8000,
                            .bank = MEL_BANK_SLANEY,
                            .log = MEL_LOG_FLOOR,
                            .floor = 1e-5},
    [MEL_FRONT_CLAP] = {.rate_hz = 48000,
                            .window = 1024,
                            .hop = 480,
                            .fft = 1024,
                            .centred = true,
                            .power = true,
                            .bins = 64,
                            .low_hz = 50,
                            .high_hz = 14000,
                            .bank = MEL_BANK_SLANEY,
                            .log = MEL_LOG_DECIBELS,
                            .floor = 1e-10},
    [MEL_FRONT_CNN14_16K] = {.rate_hz = 16000,
                            .window = 512,
                            .hop = 160,
                            .fft = 512,
                            .centred = true,
                            .power = true,
                            .bins = 64,
                            .low_hz = 50,
                            .high_hz = 8000,
                            .bank = MEL_BANK_SLANEY,
                            .log = MEL_LOG_DECIBELS,
                            .floor = 1e-10},
    [MEL_FRONT_CNN14_32K] = {.rate_hz = 32000,
                            .window = 1024,
                            .hop = 320,
                            .fft = 1024,
                            .centred = true,
                            .power = true,
                            .bins = 64,
                            .low_hz = 50,
                            .high_hz = 14000,
                            .bank = MEL_BANK_SLANEY,
                            .log = MEL_LOG_DECIBELS,
                            .floor = 1e-10},
    [MEL_FRONT_MSCLAP] = {.rate_hz = 44100,
                            .window = 1024,
                            .hop = 320,
                            .fft = 1024,
                            .centred = true,
                            .power = true,
                            .bins = 64,
                            .low_hz = 50,
                            .high_hz = 14000,
                            .bank = MEL_BANK_SLANEY,
                            .log = MEL_LOG_DECIBELS,
                            .floor = 1e-10},
    [MEL_FRONT_VGGISH] = {.rate_hz = 16000,
                            .window = 400,
                            .hop = 160,
                            .fft = 512,
                            .bins = 64,
                            .low_hz = 125,
                            .high_hz = 7500,
                            .bank = MEL_BANK_VGGISH,
                            .log = MEL_LOG_OFFSET,
                            .floor = 0.01},
};

const MelSettings *mel_front_settings(MelFront front)
{
    return &table[front];
}

static int64_t reflection(const MelSettings *settings)
{
    return settings->centred ? settings->fft / 2 : 0;
}

int64_t mel_front_frames(const MelSettings *settings, int64_t samples)
{
    int64_t room = samples + 2 * reflection(settings) - settings->window;
    if (room < 0 || samples <= reflection(settings)) return 0;
    return room / settings->hop + (settings->drop_last ? 0 : 1);
}

/* ---- filter banks --------------------------------------------------------------------------- */

/* Slaney's scale: linear to 1000 Hz, which is mel 15, then by a factor of 6.4 in 27 steps. */
static double slaney_of(double hz)
{
    return hz < 1000 ? hz * 3 / 200 : 15 + log(hz / 1000) * 27 / log(6.4);
}

static double hz_of_slaney(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

static double htk_of(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

static double hz_of_htk(double mel)
{
    return 700 * (pow(10, mel / 2595) - 1);
}

/* The corner k of bins + 2, on the axis on which the triangles are straight. */
static double corner(const MelSettings *settings, int k)
{
    bool slaney = settings->bank == MEL_BANK_SLANEY;
    double low = slaney ? slaney_of(settings->low_hz) : htk_of(settings->low_hz);
    double high = slaney ? slaney_of(settings->high_hz) : htk_of(settings->high_hz);
    double mel = low + (high - low) * k / (settings->bins + 1);
    if (settings->bank == MEL_BANK_VGGISH) return mel;
    return slaney ? hz_of_slaney(mel) : hz_of_htk(mel);
}

static double triangle(double x, double left, double middle, double right)
{
    double height = fmin((x - left) / (middle - left), (right - x) / (right - middle));
    return height > 0 ? height : 0;
}

void mel_filter_bank(const MelSettings *settings, float *bank)
{
    bool in_mel = settings->bank == MEL_BANK_VGGISH;
    int width = settings->fft / 2 + 1;
    for (int m = 0; m < settings->bins; m++) {
        double left = corner(settings, m), right = corner(settings, m + 2);
        double middle = corner(settings, m + 1);
        double height = settings->bank == MEL_BANK_SLANEY ? 2 / (right - left) : 1;
        for (int k = 0; k < width; k++) {
            double hz = (double)k * settings->rate_hz / settings->fft;
            double x = in_mel ? htk_of(hz) : hz;
            bank[m * width + k] = (float)(height * triangle(x, left, middle, right));
        }
    }
}

/* [fft/2 + 1, bins] */
static Node *filter_constant(Graph *graph, const MelSettings *settings)
{
    int width = settings->fft / 2 + 1, bins = settings->bins;
    float *bank = mel_alloc((size_t)(width * bins) * sizeof *bank);
    float *turned = mel_alloc((size_t)(width * bins) * sizeof *turned);
    mel_filter_bank(settings, bank);
    for (int m = 0; m < bins; m++)
        for (int k = 0; k < width; k++)
            turned[k * bins + m] = bank[m * width + k];
    Node *node = mel_graph_constant(graph, DTYPE_F32, SHAPE(width, bins), turned);
    free(turned);
    free(bank);
    return node;
}

/* ---- spectra -------------------------------------------------------------------------------- */

void mel_hann_window(int n, double *window)
{
    for (int i = 0; i < n; i++)
        window[i] = 0.5 - 0.5 * cos(2 * pi * i / n);
}

/* [window, fft/2 + 1]: the window times cos(2πkn/fft), or times the sine, of which the sign does
 * not matter here. */
static Node *dft_constant(Graph *graph, const MelSettings *settings, bool sine)
{
    int length = settings->window, fft = settings->fft, width = fft / 2 + 1;
    double *window = mel_alloc((size_t)length * sizeof *window);
    double *wave = mel_alloc((size_t)fft * sizeof *wave);
    float *basis = mel_alloc((size_t)(length * width) * sizeof *basis);
    mel_hann_window(length, window);
    for (int i = 0; i < fft; i++)
        wave[i] = sine ? sin(2 * pi * i / fft) : cos(2 * pi * i / fft);
    for (int n = 0; n < length; n++)
        for (int k = 0; k < width; k++)
            basis[n * width + k] = (float)(window[n] * wave[(int64_t)n * k % fft]);
    Node *node = mel_graph_constant(graph, DTYPE_F32, SHAPE(length, width), basis);
    free(basis);
    free(wave);
    free(window);
    return node;
}

static Node *spectrum_part(Graph *graph, Node *windows, const MelSettings *settings, bool sine)
{
    Node *basis = dft_constant(graph, settings, sine);
    return mel_op_unary(mel_op_matmul(windows, basis, false, false), UNARY_SQUARE, 0, 0);
}

Node *mel_front_spectrogram(Graph *graph, Node *wave, const MelSettings *settings)
{
    int64_t samples = mel_node_dim(wave, 1), frames = mel_front_frames(settings, samples);
    MEL_ASSERT(settings->fft % 2 == 0 && settings->window <= settings->fft);
    MEL_ASSERT(!settings->centred || settings->window == settings->fft);
    if (!wave) return NULL;
    if (mel_node_shape(wave)->rank != 2 || mel_node_dtype(wave) != DTYPE_F32)
        return mel_graph_fail(graph, "a spectrogram wants [B, N] of f32");
    if (!frames)
        return mel_graph_fail(graph, "%lld samples are too few for a window of %d",
                              (long long)samples, settings->window);
    Node *windows = mel_op_frame(wave, settings->window, settings->hop, reflection(settings));
    if (mel_node_dim(windows, 1) != frames) windows = mel_op_slice(windows, 1, 0, frames);
    Node *power = mel_op_add(spectrum_part(graph, windows, settings, false),
                             spectrum_part(graph, windows, settings, true));
    return settings->power ? power : mel_op_unary(power, UNARY_SQRT, 0, 0);
}

Node *mel_front_log_mel(Graph *graph, Node *wave, const MelSettings *settings)
{
    double floor = settings->floor;
    Node *x = mel_front_spectrogram(graph, wave, settings);
    if (!x) return NULL;
    x = mel_op_matmul(x, filter_constant(graph, settings), false, false);
    if (settings->log == MEL_LOG_OFFSET) x = mel_op_affine(x, 1, floor);
    x = mel_op_unary(x, UNARY_LOG, floor, 0);
    return settings->log == MEL_LOG_DECIBELS ? mel_op_affine(x, 10 / log(10), 0) : x;
}

Node *mel_front_patches(Graph *graph, Node *log_mel, int64_t frames)
{
    int64_t batch = mel_node_dim(log_mel, 0), count = mel_node_dim(log_mel, 1) / frames;
    int64_t bins = mel_node_dim(log_mel, 2);
    if (!log_mel) return NULL;
    if (!count)
        return mel_graph_fail(graph, "%lld frames are too few for a patch of %lld",
                              (long long)mel_node_dim(log_mel, 1), (long long)frames);
    Node *kept = mel_op_slice(log_mel, 1, 0, count * frames);
    return mel_op_reshape(kept, SHAPE(batch * count, frames, bins, 1));
}
