/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/device.h"

#include "engine/backend.h"

#include <string.h>

static DeviceOpen *open_gpu;
static Backend *chosen;

void mel_device_offer(DeviceOpen *open)
{
    open_gpu = open;
}

static bool use_gpu(int index, Err *err)
{
    if (!open_gpu) {
        mel_err(err, ERR_DEVICE, "this program was built without CUDA");
        return mel_err_hint(err, "build it where nvcc is, or use --device cpu");
    }
    Backend *backend = open_gpu(index, err);
    if (backend) chosen = backend;
    return backend != NULL;
}

static bool use_gpu_if_any(int index, Err *err)
{
    Err why = {0};
    chosen = NULL;
    if (!open_gpu) return true;
    if (use_gpu(index, &why)) return true;
    if (mel_equal(why.reason, DEVICE_NONE)) return true;
    *err = why;
    return false;
}

bool mel_device_use(const char *name, Err *err)
{
    int index = 0;
    char kind[8] = "", more;
    int parts = sscanf(name, "%7[a-z]:%d%c", kind, &index, &more);
    if (mel_equal(name, "cpu")) {
        chosen = NULL;
        return true;
    }
    bool one = (parts == 1 && mel_equal(name, kind)) || parts == 2;
    if (one && mel_equal(kind, "cuda")) return use_gpu(index, err);
    if (one && mel_equal(kind, "auto")) return use_gpu_if_any(index, err);
    mel_err(err, ERR_USAGE, "there is no device '%s'", name);
    return mel_err_hint(err, "cpu, cuda, cuda:1 or auto");
}

Backend *mel_device(void)
{
    return chosen ? chosen : mel_backend_cpu();
}

const char *mel_device_name(void)
{
    return mel_device()->name;
}

const char *mel_device_text(void)
{
    const Backend *backend = mel_device();
    return backend->text ? backend->text : backend->name;
}

int64_t mel_device_memory_used(void)
{
    Backend *backend = mel_device();
    return backend->memory_used ? backend->memory_used(backend) : 0;
}
