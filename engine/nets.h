/* SPDX-License-Identifier: Apache-2.0
 *
 * The networks, as builders of graphs. Parameters are asked for by their published names (of the
 * diffusers and transformers layouts), below the prefix that the caller pushed; mel_params_check
 * then tells whether a checkpoint is that network. Nothing here knows a file or a device. */
#ifndef MEL_ENGINE_NETS_H
#define MEL_ENGINE_NETS_H

#include "engine/ops.h"

#endif
