/* SPDX-License-Identifier: Apache-2.0
 *
 * What all diffusion targets share: a time and noise for each sample, the noised latent, what the
 * network shall predict, and the weighted loss. */
#ifndef MEL_TRAINER_DENOISING_H
#define MEL_TRAINER_DENOISING_H

#include "trainer/target.h"

typedef struct Denoising {
    NoiseSchedule schedule;
    double snr_gamma;    /* of Min-SNR; 0: every time counts alike */
    bool snr_compatible; /* see mel_schedule_loss_weight */
    Shape shape;         /* of a latent */
    int batch;
    float *latents, *noise, *z, *wanted, *times, *weights; /* of a batch */
} Denoising;

/* Reads folder/part/scheduler_config.json; the arrays are the caller's to free by denoising_close.
 */
MEL_MUST_CHECK bool denoising_open(Denoising *d, const char *folder, const char *part, Shape shape,
                                   int batch, Err *err);
void denoising_close(Denoising *d);

/* Inputs "z" [batch, …] and "t" [batch]. */
Node *denoising_z(const Denoising *d, Graph *graph);
Node *denoising_t(const Denoising *d, Graph *graph);

/* The same text states [L, width] for every sample, of the graph's type. */
Node *denoising_text(const Denoising *d, Graph *graph, const CheckpointTensor *states);

/* Inputs "wanted" and "weights"; the mean over samples of weight·|predicted - wanted|²/n, f32. */
Node *denoising_loss(const Denoising *d, Graph *graph, Node *predicted);

/* Draws for each sample a time and noise (in that order, from its own generator) and writes the
 * inputs. The latents are in d->latents. */
MEL_MUST_CHECK bool denoising_fill(Denoising *d, Plan *plan, const TrainBatch *batch, Err *err);

/* Writes the target's own inputs of a batch at the times that d->times holds. */
typedef struct SampleStep {
    bool (*fill)(void *ctx, Plan *plan, const TrainBatch *batch, Err *err);
    void *ctx;
} SampleStep;

/* Latents out of noise, by 25 steps of DDIM without guidance, into d->z. */
MEL_MUST_CHECK bool denoising_sample(Denoising *d, Plan *plan, const TrainBatch *batch,
                                     const SampleStep *step, Err *err);

#endif
