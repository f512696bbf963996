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

bool mel_device_use(const char *name, Err *err)
{
    int index = 0;
    char more;
    if (mel_equal(name, "cpu")) {
        chosen = NULL;
        return true;
    }
    if (mel_equal(name, "auto")) {
        Err none = {0};
        chosen = NULL;
        (void)(open_gpu && use_gpu(0, &none));
        return true;
    }
    if (mel_equal(name, "cuda") || sscanf(name, "cuda:%d%c", &index, &more) == 1)
        return use_gpu(index, err);
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
