/* SPDX-License-Identifier: Apache-2.0
 *
 * What was trained, as folders that models are read from. */
#ifndef MEL_TRAINER_EXPORT_H
#define MEL_TRAINER_EXPORT_H

#include "trainer/step.h"

/* Each part of the target into <folder>/<part> of every folder (NULL at the end): its config.json
 * and its weights, averaged where there is an average, in f32, under diffusers' and transformers'
 * names. */
MEL_MUST_CHECK bool export_parts(Target *target, TrainStep *step, const char *const *folders,
                                 Err *err);

#endif
