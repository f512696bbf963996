/* SPDX-License-Identifier: Apache-2.0
 *
 * engine: the paper's networks from their published checkpoints. Depends on base and oneDNN only.
 */
#ifndef MEL_ENGINE_H
#define MEL_ENGINE_H

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/names.h"
#include "engine/device.h"
#include "engine/diffusion/codec.h"
#include "engine/diffusion/music_model.h"
#include "engine/diffusion/picture_model.h"
#include "engine/diffusion/picture_sum.h"
#include "engine/diffusion/sampler.h"
#include "engine/diffusion/schedule.h"
#include "engine/diffusion/synapse.h"
#include "engine/diffusion/vocoder.h"
#include "engine/front/level.h"
#include "engine/front/mel.h"
#include "engine/front/resample.h"
#include "engine/front/resize.h"
#include "engine/imsm.h"
#include "engine/judges.h"
#include "engine/metrics.h"
#include "engine/model_config.h"
#include "engine/network.h"
#include "engine/ops.h"
#include "engine/peers.h"
#include "engine/plan.h"
#include "engine/tensor.h"
#include "engine/text/tokenizer.h"
#include "engine/text_states.h"
#include "engine/towers.h"
#include "engine/variables.h"

#endif
