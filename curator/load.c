/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/load.h"

#include <sndfile.h>
#include <stdlib.h>
#include <turbojpeg.h>

enum { JPEG_BYTES_MAX = 128 << 20, PIXELS_MAX = 64 << 20, CHANNELS_MAX = 64 };
enum { SECONDS_MAX = 600 };

static bool read_frames(SNDFILE *file, const SF_INFO *info, const char *path, LoadedSound *out,
                        Err *err)
{
    size_t count = (size_t)info->frames * (size_t)info->channels;
    float *samples = mel_try_alloc(count + 1, sizeof *samples, SIZE_MAX / 2, "a sound", err);
    if (!samples) return false;
    if (sf_readf_float(file, samples, info->frames) != info->frames) {
        free(samples);
        return mel_err(err, ERR_MEDIA, "'%s' does not decode to its end: %s", path,
                       sf_strerror(file));
    }
    *out = (LoadedSound){.samples = samples,
                         .frames = info->frames,
                         .channels = info->channels,
                         .rate_hz = info->samplerate};
    return true;
}

bool mel_load_sound(const char *path, LoadedSound *out, Err *err)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file) {
        if (!mel_path_exists(path)) return mel_err(err, ERR_IO, "'%s' is not there", path);
        return mel_err(err, ERR_MEDIA, "'%s' is no sound file: %s", path, sf_strerror(NULL));
    }
    bool sane = info.channels >= 1 && info.channels <= CHANNELS_MAX && info.samplerate >= 1 &&
                info.frames >= 0 && info.frames / info.samplerate < SECONDS_MAX;
    bool ok = sane ? read_frames(file, &info, path, out, err)
                   : mel_err(err, ERR_LIMIT, "'%s' is longer than %d seconds, or no sound", path,
                             SECONDS_MAX);
    sf_close(file);
    return ok;
}

static bool decode(tjhandle jpeg, const unsigned char *bytes, size_t n, const char *path,
                   LoadedPicture *out, Err *err)
{
    int width, height, subsampling, colours;
    if (tjDecompressHeader3(jpeg, bytes, n, &width, &height, &subsampling, &colours) != 0)
        return mel_err(err, ERR_MEDIA, "'%s' is no JPEG: %s", path, tjGetErrorStr2(jpeg));
    if (width < 1 || height < 1 || (int64_t)width * height > PIXELS_MAX)
        return mel_err(err, ERR_LIMIT, "'%s' has %d x %d pixels", path, width, height);
    size_t size = (size_t)width * (size_t)height;
    uint8_t *rgb = mel_try_alloc(size, 3, SIZE_MAX / 2, "a picture", err);
    if (!rgb) return false;
    if (tjDecompress2(jpeg, bytes, n, rgb, width, 0, height, TJPF_RGB, TJFLAG_ACCURATEDCT) != 0 &&
        tjGetErrorCode(jpeg) == TJERR_FATAL) {
        free(rgb);
        return mel_err(err, ERR_MEDIA, "'%s' does not decode: %s", path, tjGetErrorStr2(jpeg));
    }
    *out = (LoadedPicture){.rgb = rgb, .width = width, .height = height};
    return true;
}

bool mel_load_picture(const char *path, LoadedPicture *out, Err *err)
{
    char *bytes;
    size_t n;
    if (!mel_read_file(path, JPEG_BYTES_MAX, &bytes, &n, err)) return false;
    tjhandle jpeg = tjInitDecompress();
    bool ok = jpeg ? decode(jpeg, (const unsigned char *)bytes, n, path, out, err)
                   : mel_err(err, ERR_NOMEM, "no memory to decode '%s'", path);
    if (jpeg) tjDestroy(jpeg);
    free(bytes);
    return ok;
}
