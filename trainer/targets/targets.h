/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of targets: one file each, one line in targets.def. */
#ifndef MEL_TRAINER_TARGETS_H
#define MEL_TRAINER_TARGETS_H

#include "trainer/target.h"

#define TARGET(name) extern const TargetDef target_##name;
#include "trainer/targets/targets.def"
#undef TARGET

#endif
