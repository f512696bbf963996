/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples to FLAC by libsndfile. Virtual I/O: the confined child may read and write its descriptors
 * but not ask the system about them. */
#include "curator/cut_internal.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_FRAMES = 4096 };

typedef struct Target {
    int fd;
    int64_t position, size;
    int write_errno;
} Target;

static sf_count_t target_size(void *user)
{
    return ((Target *)user)->size;
}

static sf_count_t target_seek(sf_count_t offset, int whence, void *user)
{
    Target *target = user;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? target->position : target->size;
    if (base + offset >= 0) target->position = base + offset;
    return target->position;
}

static sf_count_t target_read(void *bytes, sf_count_t n, void *user)
{
    Target *target = user;
    ssize_t got = pread(target->fd, bytes, (size_t)n, target->position);
    if (got > 0) target->position += got;
    return got > 0 ? got : 0;
}

static sf_count_t target_write(const void *bytes, sf_count_t n, void *user)
{
    Target *target = user;
    sf_count_t done = 0;
    while (done < n) {
        ssize_t put =
            pwrite(target->fd, (const char *)bytes + done, (size_t)(n - done), target->position);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            target->write_errno = put < 0 ? errno : EIO;
            break;
        }
        done += put;
        target->position += put;
        if (target->position > target->size) target->size = target->position;
    }
    return done;
}

static sf_count_t target_tell(void *user)
{
    return ((Target *)user)->position;
}

/* Rounded, clamped. Full scale is one step out of reach at the top, as everywhere in PCM. */
static int32_t quantize(float x, double scale)
{
    double value = rint((double)x * scale);
    if (!(value >= -scale)) return (int32_t)-scale; /* also not a number */
    return value > scale - 1 ? (int32_t)(scale - 1) : (int32_t)value;
}

static bool write_blocks(SNDFILE *file, const float *samples, int64_t count, int channels, int bits)
{
    double scale = bits == 16 ? 32768.0 : 8388608.0;
    int32_t *block = mel_alloc(sizeof *block * BLOCK_FRAMES * (size_t)channels);
    bool ok = true;
    for (int64_t at = 0; ok && at < count; at += BLOCK_FRAMES) {
        int64_t frames = count - at < BLOCK_FRAMES ? count - at : BLOCK_FRAMES;
        int shift = 32 - bits; /* libsndfile takes the upper bits of an int */
        for (int64_t i = 0; i < frames * channels; i++)
            block[i] = (int32_t)((uint32_t)quantize(samples[at * channels + i], scale) << shift);
        ok = sf_writef_int(file, block, frames) == frames;
    }
    free(block);
    return ok;
}

bool cut_write_flac(int fd, const float *samples, int64_t count, int channels, int rate_hz,
                    int bits, int64_t *bytes_out, Err *err)
{
    Target target = {.fd = fd};
    SF_VIRTUAL_IO io = {target_size, target_seek, target_read, target_write, target_tell};
    SF_INFO info = {.samplerate = rate_hz, .channels = channels};
    info.format = SF_FORMAT_FLAC | (bits == 16 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24);
    SNDFILE *file = sf_open_virtual(&io, SFM_WRITE, &info, &target);
    bool ok = file && write_blocks(file, samples, count, channels, bits);
    if (file && sf_close(file) != 0) ok = false;
    if (target.write_errno) {
        errno = target.write_errno;
        return mel_err_errno(err, "cannot write the clip's sound");
    }
    if (!ok) return mel_err(err, ERR_IO, "cannot encode the clip's sound as FLAC");
    *bytes_out = target.size;
    return true;
}
