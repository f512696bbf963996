/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sound_file.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>

static bool format_of(const char *path, int *format, Err *err)
{
    const char *extension = mel_path_extension(path);
    if (mel_equal(extension, "wav"))
        *format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
    else if (mel_equal(extension, "flac"))
        *format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    else
        return mel_err(err, ERR_USAGE, "'%s' ends neither in .wav nor in .flac", path);
    return true;
}

static bool write_all(SNDFILE *file, const float *samples, int64_t count)
{
    short *rounded = mel_alloc((size_t)count * sizeof *rounded + 1);
    for (int64_t i = 0; i < count; i++) {
        float x = samples[i] < -1 ? -1 : samples[i] > 1 ? 1 : samples[i];
        rounded[i] = (short)lrintf(x * 32767);
    }
    bool ok = sf_write_short(file, rounded, count) == count;
    free(rounded);
    return ok;
}

bool mel_save_sound(const char *path, const float *samples, int64_t frames, int channels,
                    int rate_hz, Err *err)
{
    SF_INFO info = {.samplerate = rate_hz, .channels = channels};
    FileWriter writer = {0};
    if (!format_of(path, &info.format, err) || !mel_writer_begin(&writer, path, err)) return false;
    SNDFILE *file = sf_open_fd(fileno(writer.file), SFM_WRITE, &info, SF_FALSE);
    bool ok = file && write_all(file, samples, frames * channels);
    if (file && sf_close(file) != 0) ok = false;
    if (!ok) mel_err(err, ERR_IO, "'%s' cannot be written: %s", path, sf_strerror(NULL));
    ok = ok && mel_writer_commit(&writer, err);
    mel_writer_abort(&writer);
    return ok;
}
