/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: numbers that go from one plan to another, or to a later run of it, and never
 * leave their device. */
#ifndef MEL_ENGINE_DEVICE_ARRAY_H
#define MEL_ENGINE_DEVICE_ARRAY_H

#include "engine/plan.h"

typedef struct DeviceArray DeviceArray;

/* `count` numbers of that type, as the device keeps it; what they are is not said. ERR_NOMEM,
 * ERR_LIMIT. */
MEL_MUST_CHECK bool device_array_new(Backend *backend, DType dtype, int64_t count,
                                     DeviceArray **out, Err *err);
void device_array_free(DeviceArray *array); /* NULL is fine */

/* The first `count` numbers of an output into the array, from its number `at` on. The device does
 * it in its own time, in order with its runs. Both are of one type and device. */
MEL_MUST_CHECK bool device_array_take(DeviceArray *array, int64_t at, int64_t count,
                                      const Plan *plan, const char *output, Err *err);

/* The other way, into an input from its number `begin` on. */
MEL_MUST_CHECK bool device_array_give(const DeviceArray *array, int64_t at, int64_t count,
                                      Plan *plan, const char *input, int64_t begin, Err *err);

#endif
