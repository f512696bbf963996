/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding products back. What was written by a process that had met hostile media is itself not
 * trusted, so this too runs confined (mel_jail_check). */
#include "curator/media.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { STILL_BYTES_MAX = 128 << 20, BLOCK_SAMPLES = 1 << 16 };
static const int64_t SAMPLES_MAX = 192000LL * 120;

static bool bad_product(Err *err, const char *what)
{
    return mel_err_reason(err, ERR_MEDIA, "media.product", "%s", what);
}

/* ---- FLAC --------------------------------------------------------------------------------------
 */

typedef struct Source {
    int fd;
    int64_t position, size;
} Source;

static sf_count_t source_size(void *user)
{
    return ((Source *)user)->size;
}

static sf_count_t source_seek(sf_count_t offset, int whence, void *user)
{
    Source *source = user;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source->position : source->size;
    int64_t target;
    if (!__builtin_add_overflow(base, offset, &target) && target >= 0) source->position = target;
    return source->position;
}

static sf_count_t source_read(void *bytes, sf_count_t n, void *user)
{
    Source *source = user;
    ssize_t got;
    do {
        got = pread(source->fd, bytes, (size_t)n, source->position);
    } while (got < 0 && errno == EINTR);
    if (got > 0) source->position += got;
    return got > 0 ? got : 0;
}

static sf_count_t source_write(const void *bytes, sf_count_t n, void *user)
{
    (void)bytes, (void)n, (void)user;
    return 0;
}

static sf_count_t source_tell(void *user)
{
    return ((Source *)user)->position;
}

static bool read_sound(SNDFILE *file, const SF_INFO *info, CheckResult *result, Err *err)
{
    sf_count_t block_frames = BLOCK_SAMPLES / info->channels, got;
    float *block = mel_alloc(sizeof *block * BLOCK_SAMPLES);
    double squares = 0;
    int64_t frames = 0;
    while ((got = sf_readf_float(file, block, block_frames)) > 0) {
        frames += got;
        for (sf_count_t i = 0; i < got * info->channels; i++)
            squares += (double)block[i] * block[i];
    }
    free(block);
    if (sf_error(file) != SF_ERR_NO_ERROR || frames != info->frames)
        return bad_product(err, "the FLAC does not decode to its end");
    result->samples = frames;
    result->sample_rate_hz = info->samplerate;
    result->channels = info->channels;
    double mean = frames ? squares / ((double)frames * info->channels) : 0;
    result->rms_dbfs = mean > 0 ? 10 * log10(mean) : -INFINITY;
    return true;
}

static bool check_sound(int fd, int64_t size, CheckResult *result, Err *err)
{
    Source source = {.fd = fd, .size = size};
    SF_VIRTUAL_IO io = {source_size, source_seek, source_read, source_write, source_tell};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &source);
    if (!file) return bad_product(err, "the sound is no FLAC");
    bool sane = (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC && info.channels >= 1 &&
                info.channels <= 2 && info.samplerate >= MEDIA_RATE_MIN_HZ &&
                info.samplerate <= MEDIA_RATE_MAX_HZ && info.frames >= 0 &&
                info.frames <= SAMPLES_MAX;
    bool ok = sane ? read_sound(file, &info, result, err)
                   : bad_product(err, "the FLAC's header is out of bounds");
    sf_close(file);
    return ok;
}

/* ---- JPEG --------------------------------------------------------------------------------------
 */

/* Decodes to grey; any warning of the decoder is damage. */
static bool decode_jpeg(tjhandle jpeg, const uint8_t *bytes, size_t n, int *width, int *height,
                        Err *err)
{
    int subsampling, colors;
    if (tjDecompressHeader3(jpeg, bytes, n, width, height, &subsampling, &colors) != 0 ||
        *width < 1 || *height < 1 || (int64_t)*width * *height > (int64_t)MEDIA_PIXELS_MAX)
        return bad_product(err, "a picture is no JPEG of a possible size");
    uint8_t *pixels = malloc((size_t)*width * (size_t)*height);
    if (!pixels)
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory to check a picture");
    int code = tjDecompress2(jpeg, bytes, n, pixels, *width, *width, *height, TJPF_GRAY, 0);
    free(pixels);
    return code == 0 || bad_product(err, "a JPEG does not decode cleanly");
}

static bool check_still(int fd, int64_t size, CheckResult *result, Err *err)
{
    if (size > STILL_BYTES_MAX) return bad_product(err, "the still is too large");
    uint8_t *bytes = malloc((size_t)size);
    tjhandle jpeg = tjInitDecompress();
    bool ok = false;
    if (!bytes || !jpeg) {
        mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory to check a still");
        goto out;
    }
    for (int64_t done = 0; done < size;) {
        ssize_t got = pread(fd, bytes + done, (size_t)(size - done), done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            mel_err_errno(err, "cannot read the still");
            goto out;
        }
        done += got;
    }
    ok = decode_jpeg(jpeg, bytes, (size_t)size, &result->width, &result->height, err);
    result->frames = 1;
out:
    if (jpeg) tjDestroy(jpeg);
    free(bytes);
    return ok;
}

/* ---- preview -----------------------------------------------------------------------------------
 */

static bool check_frames(Media *media, tjhandle jpeg, CheckResult *result, Err *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory to check a preview");
    bool ok = true;
    int64_t last = INT64_MIN;
    int code = 0;
    while (ok && (code = av_read_frame(media->format, packet)) >= 0) {
        int width = 0, height = 0;
        ok = decode_jpeg(jpeg, packet->data, (size_t)packet->size, &width, &height, err);
        if (ok && (packet->pts == AV_NOPTS_VALUE || packet->pts < last ||
                   (result->frames && (width != result->width || height != result->height))))
            ok = bad_product(err, "the preview's pictures do not fit together");
        last = packet->pts;
        result->frames++;
        result->width = width;
        result->height = height;
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (!ok) return false;
    /* Matroska's Duration is the last picture's stamp here; a file cut short still has it. */
    int64_t last_us = last == INT64_MIN ? -1 : media_time_us(media, MEDIA_PICTURE, last);
    bool whole = result->frames == 1 || llabs(media->format->duration - last_us) <= 1000;
    if (code != AVERROR_EOF || !result->frames || !whole)
        return bad_product(err, "the preview does not read to its end");
    return true;
}

static bool check_preview(int fd, CheckResult *result, Err *err)
{
    Media media = {0};
    Err cause = {0};
    tjhandle jpeg = tjInitDecompress();
    bool ok = false;
    if (!media_open(&media, fd, NULL, &cause) || !media.stream[MEDIA_PICTURE] ||
        media.format->nb_streams != 1 ||
        media.stream[MEDIA_PICTURE]->codecpar->codec_id != AV_CODEC_ID_MJPEG)
        bad_product(err, "the preview is no MJPEG in Matroska");
    else
        ok = jpeg && check_frames(&media, jpeg, result, err);
    if (jpeg) tjDestroy(jpeg);
    media_close(&media);
    return ok;
}

bool mel_check_product(ProductKind kind, int fd, CheckResult *result, Err *err)
{
    CheckResult found = {.rms_dbfs = -INFINITY};
    int64_t size = lseek(fd, 0, SEEK_END);
    if (size < 0) return mel_err_errno(err, "cannot read the product");
    if (size == 0) return bad_product(err, "the product is empty");
    bool ok = false;
    switch (kind) {
    case PRODUCT_AUDIO:
        ok = check_sound(fd, size, &found, err);
        break;
    case PRODUCT_STILL:
        ok = check_still(fd, size, &found, err);
        break;
    case PRODUCT_PREVIEW:
        ok = check_preview(fd, &found, err);
        break;
    }
    if (ok) *result = found;
    return ok;
}
