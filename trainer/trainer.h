/* SPDX-License-Identifier: Apache-2.0
 *
 * trainer: from training shards to checkpoints. Depends on engine and base only. */
#ifndef MEL_TRAINER_H
#define MEL_TRAINER_H

#include "trainer/collective.h"
#include "trainer/config.h"
#include "trainer/launch.h"
#include "trainer/run.h"
#include "trainer/shards.h"
#include "trainer/shards_write.h"
#include "trainer/target.h"

#endif
