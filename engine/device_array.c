/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/device_array.h"

#include "engine/backend.h"
#include "engine/plan_internal.h"

#include <stdlib.h>

struct DeviceArray {
    Backend *backend;
    DType kept;
    int64_t count;
    char *memory;
};

bool device_array_new(Backend *backend, DType dtype, int64_t count, DeviceArray **out, Err *err)
{
    int64_t bytes, numbers;
    const DType kept = backend->dtype(dtype);
    if (!mel_shape_bytes(&SHAPE(count), kept, &numbers, &bytes))
        return mel_err(err, ERR_LIMIT, "an array of %lld numbers is too large", (long long)count);
    char *memory = backend->alloc(backend, bytes, err);
    if (!memory) return false;
    *out = mel_alloc(sizeof **out);
    **out = (DeviceArray){.backend = backend, .kept = kept, .count = count, .memory = memory};
    return true;
}

void device_array_free(DeviceArray *array)
{
    if (!array) return;
    array->backend->free(array->backend, array->memory);
    free(array);
}

/* `count` numbers between the array's number `at` and the value's number `begin`. */
static void check(const DeviceArray *array, int64_t at, int64_t count, const PlanValue *value,
                  int64_t begin)
{
    MEL_ASSERT(array->backend == value->backend && array->kept == value->kept);
    MEL_ASSERT(at >= 0 && count >= 0 && count <= array->count - at);
    MEL_ASSERT(begin >= 0 && count <= value->count - begin);
}

static int64_t bytes_of(const DeviceArray *array, int64_t count)
{
    return count * (int64_t)mel_dtype_size(array->kept);
}

bool device_array_take(DeviceArray *array, int64_t at, int64_t count, const Plan *plan,
                       const char *output, Err *err)
{
    const PlanValue value = plan_output(plan, output);
    check(array, at, count, &value, 0);
    return array->backend->copy(array->backend, NULL, array->memory + bytes_of(array, at), value.at,
                                bytes_of(array, count), err);
}

bool device_array_give(const DeviceArray *array, int64_t at, int64_t count, Plan *plan,
                       const char *input, int64_t begin, Err *err)
{
    const PlanValue value = plan_input(plan, input);
    check(array, at, count, &value, begin);
    return array->backend->copy(array->backend, NULL, (char *)value.at + bytes_of(array, begin),
                                array->memory + bytes_of(array, at), bytes_of(array, count), err);
}
