/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: where a variable lies, for the planner. */
#ifndef MEL_ENGINE_VARIABLES_INTERNAL_H
#define MEL_ENGINE_VARIABLES_INTERNAL_H

#include "engine/variables.h"

/* On its device; NULL with an error when there is none of that name and shape. */
void *variables_memory(const Variables *variables, const char *name, const Shape *shape, Err *err);

/* Where these lie, on a device that keeps f32 as it is. */
float *variables_part(const Variables *variables, VariableSpan span);

#endif
