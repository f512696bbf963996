/* SPDX-License-Identifier: Apache-2.0
 *
 * All that a run needs to go on, to the bit: a folder "step-00000500" with state.safetensors (every
 * variable but gradients, flat ones as their members) and state.json (the step, the configuration,
 * the hash), written beside and renamed. */
#ifndef MEL_TRAINER_CHECKPOINT_H
#define MEL_TRAINER_CHECKPOINT_H

#include "engine/engine.h"

/* Writes the state after `step` steps into `folder` and removes all but the last `keep`. */
MEL_MUST_CHECK bool checkpoint_write(const char *folder, int64_t step, const json_t *config,
                                     const Variables *variables, int64_t keep, Err *err);

/* Takes up the newest checkpoint that is whole; *step gets 0 when there is none. Torn ones are told
 * to the log and passed over. ERR_USAGE when it is of another configuration, ERR_FORMAT when it is
 * of other variables. */
MEL_MUST_CHECK bool checkpoint_read(const char *folder, const json_t *config, Variables *variables,
                                    int64_t *step, Err *err);

/* SHA-256 of all that a checkpoint would keep, without writing one. */
MEL_MUST_CHECK bool checkpoint_hash(const Variables *variables, char hex[SHA256_HEX_SIZE],
                                    Err *err);

#endif
