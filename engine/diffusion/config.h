/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: the config.json of diffusers' networks. */
#ifndef MEL_ENGINE_DIFFUSION_CONFIG_H
#define MEL_ENGINE_DIFFUSION_CONFIG_H

#include "engine/config_reader.h"

/* Each refuses, by name, what its network here cannot be. */
bool config_unet(ConfigReader *r, UnetConfig *out);       /* UNet2DConditionModel */
bool config_vae(ConfigReader *r, VaeConfig *out);         /* AutoencoderKL */
bool config_hifigan(ConfigReader *r, HifiganConfig *out); /* SpeechT5HifiGan */

#endif
