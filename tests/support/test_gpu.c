/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked into a test program beside a GPU's backend, it has the whole program compute there. */
#include "engine/device.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void use_the_gpu(void)
{
    Err err = {0};
    mel_device_offer(mel_backend_cuda);
    if (mel_device_use("cuda", &err)) {
        printf("on %s\n", mel_device_text());
        return;
    }
    fprintf(stderr, "%s\n", err.message);
    exit(1);
}
