/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints from bytes in memory, and what must hold of any that opens; for tests and fuzzers,
 * so without cmocka. */
#ifndef MEL_TESTS_CHECKPOINT_BYTES_H
#define MEL_TESTS_CHECKPOINT_BYTES_H

#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Opens bytes as a file. */
static inline bool open_bytes(const void *bytes, size_t n, Checkpoint **out, Err *err)
{
    char path[64];
    int fd = memfd_create("checkpoint", MFD_CLOEXEC);
    MEL_ASSERT(fd >= 0 && mel_write_fd(fd, bytes, n));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool ok = mel_checkpoint_open(path, out, err);
    close(fd);
    return ok;
}

/* Names are sorted and found, shapes and sizes agree, all bytes can be read. */
static inline void check_checkpoint(const Checkpoint *checkpoint)
{
    const char *last = NULL;
    uint64_t sum = 0;
    MEL_ASSERT(mel_checkpoint_format(checkpoint));
    for (int64_t i = 0; i < mel_checkpoint_count(checkpoint); i++) {
        const CheckpointTensor *tensor = mel_checkpoint_at(checkpoint, i);
        int64_t count, bytes;
        MEL_ASSERT(mel_shape_bytes(&tensor->shape, tensor->dtype, &count, &bytes));
        MEL_ASSERT(bytes == tensor->bytes && tensor->data);
        MEL_ASSERT(*tensor->name && mel_utf8_valid(tensor->name, strlen(tensor->name)));
        MEL_ASSERT(!last || strcmp(last, tensor->name) < 0);
        MEL_ASSERT(mel_checkpoint_find(checkpoint, tensor->name) == tensor);
        for (int64_t at = 0; at < bytes; at++) {
            uint8_t byte = ((const uint8_t *)tensor->data)[at];
            MEL_ASSERT(tensor->dtype != DTYPE_BOOL || byte <= 1);
            sum += byte;
        }
        mel_checkpoint_done_with(checkpoint, tensor);
        last = tensor->name;
    }
    __asm__ volatile("" : : "r"(sum)); /* the reads above are the point */
}

/* Bytes either open to a checkpoint that holds together, or fail with a sentence. */
static inline void check_bytes(const void *bytes, size_t n)
{
    Checkpoint *checkpoint = NULL;
    Err err = {0};
    if (open_bytes(bytes, n, &checkpoint, &err)) {
        MEL_ASSERT(!mel_err_is_set(&err));
        check_checkpoint(checkpoint);
    } else {
        MEL_ASSERT(!checkpoint && err.message[0]);
        MEL_ASSERT(err.code == ERR_FORMAT || err.code == ERR_LIMIT);
    }
    mel_checkpoint_close(checkpoint);
}

#endif
