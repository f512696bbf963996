/* SPDX-License-Identifier: Apache-2.0
 *
 * The device on which this process' networks compute: chosen once, before the first is made. Never
 * changed in silence. */
#ifndef MEL_ENGINE_DEVICE_H
#define MEL_ENGINE_DEVICE_H

#include "base/base.h"

typedef struct Backend Backend;

/* What a program that was built with a GPU's backend brings along: opens GPU `index`, or says why
 * it cannot. Before mel_device_use. */
typedef Backend *DeviceOpen(int index, Err *err);
#define DEVICE_NONE "device.none" /* the reason when this machine has no GPU that would do */
void mel_device_offer(DeviceOpen *open_gpu);

/* One such: CUDA's, in the library mel_engine_cuda; ERR_DEVICE says what there is instead of GPU
 * `index`. One GPU for each process. */
Backend *mel_backend_cuda(int index, Err *err);

/* "cpu"; "cuda" or "cuda:1"; "auto" or "auto:1": that GPU, but the CPU on a machine without one.
 * Errors: ERR_USAGE for another name, ERR_DEVICE when there is no such GPU or the program knows
 * none. */
MEL_MUST_CHECK bool mel_device_use(const char *name, Err *err);

Backend *mel_device(void);            /* the CPU unless another was chosen */
const char *mel_device_name(void);    /* "cpu", "cuda" */
int64_t mel_device_memory_used(void); /* bytes, by whatever; 0 of the CPU, whose is the host's */
const char *
mel_device_text(void); /* for people: "NVIDIA H200, 139.7 GiB, compute capability 9.0" */

#endif
