/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/playback.h"

#include "curator/media.h"

#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { BLOCK_FRAMES = 1 << 16 };
static const int64_t FRAMES_MAX = (int64_t)MEDIA_RATE_MAX_HZ * 120;

static bool is_cancelled(const atomic_bool *cancel)
{
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

static bool cancelled(Err *err)
{
    return mel_err(err, ERR_CANCELLED, "loading was given up");
}

static bool bad_file(Err *err, const char *path, const char *what)
{
    return mel_err_reason(err, ERR_MEDIA, "media.product", "'%s' %s", path, what);
}

/* The caller closes the descriptor. -1 with an error when there is no such file. */
static int open_file(const char *path, Err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        mel_err(err, ERR_NOT_FOUND, "there is no '%s'", path);
    else if (fd < 0)
        mel_err_errno(err, "cannot open '%s'", path);
    return fd;
}

/* ---- sound ---------------------------------------------------------------------------------- */

static bool read_frames(SNDFILE *file, const char *path, const atomic_bool *cancel, int64_t claimed,
                        PlaybackSound *sound, Err *err)
{
    while (sound->frames < claimed) {
        if (is_cancelled(cancel)) return cancelled(err);
        int64_t rest = claimed - sound->frames;
        sf_count_t got = sf_readf_float(file, sound->samples + sound->frames * sound->channels,
                                        rest < BLOCK_FRAMES ? rest : BLOCK_FRAMES);
        if (got <= 0) break;
        sound->frames += got;
    }
    if (!sound->frames) return bad_file(err, path, "holds no sound that can be decoded");
    if (sound->frames < claimed || sf_error(file) != SF_ERR_NO_ERROR)
        mel_err_reason(&sound->damage, ERR_MEDIA, "media.product",
                       "'%s' is damaged: %.1f of %.1f seconds of sound can be read", path,
                       (double)sound->frames / sound->rate_hz, (double)claimed / sound->rate_hz);
    return true;
}

static bool load_sound(SNDFILE *file, const SF_INFO *info, const char *path,
                       const atomic_bool *cancel, PlaybackSound *sound, Err *err)
{
    if ((info->format & SF_FORMAT_TYPEMASK) != SF_FORMAT_FLAC || info->channels < 1 ||
        info->channels > 2 || info->samplerate < MEDIA_RATE_MIN_HZ ||
        info->samplerate > MEDIA_RATE_MAX_HZ || info->frames < 0 || info->frames > FRAMES_MAX)
        return bad_file(err, path, "is no FLAC of one or two channels");
    sound->channels = info->channels;
    sound->rate_hz = info->samplerate;
    size_t count = (size_t)info->frames * (size_t)info->channels;
    sound->samples =
        mel_try_alloc(count ? count : 1, sizeof *sound->samples, SIZE_MAX, "sound", err);
    return sound->samples && read_frames(file, path, cancel, info->frames, sound, err);
}

bool mel_playback_sound(const char *path, const atomic_bool *cancel, PlaybackSound *out, Err *err)
{
    PlaybackSound sound = {0};
    SF_INFO info = {0};
    int fd = open_file(path, err);
    if (fd < 0) return false;
    SNDFILE *file = sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
    bool ok = file ? load_sound(file, &info, path, cancel, &sound, err)
                   : bad_file(err, path, "is no sound that can be opened");
    if (file) sf_close(file);
    close(fd);
    if (ok)
        *out = sound;
    else
        mel_playback_sound_clear(&sound);
    return ok;
}

void mel_playback_sound_clear(PlaybackSound *sound)
{
    free(sound->samples);
    *sound = (PlaybackSound){0};
}

/* ---- pictures ------------------------------------------------------------------------------- */

typedef struct Reader {
    const char *path;
    const atomic_bool *cancel;
    Media media;
    AVPacket *packet;
    tjhandle jpeg;
    size_t capacity, seen; /* seen: packets, good or bad */
    int64_t last_us;       /* of the packets, INT64_MIN = none */
    int64_t bytes;
} Reader;

/* JPEG is full-range BT.601, which is what turbojpeg turns into RGB. NULL: damaged, or of another
 * size than the first, unless err is set. */
static uint8_t *decode_picture(Reader *reader, PlaybackPictures *pictures, Err *err)
{
    const AVPacket *packet = reader->packet;
    unsigned long n = (unsigned long)packet->size;
    int width = 0, height = 0, subsampling, colours;
    if (tjDecompressHeader3(reader->jpeg, packet->data, n, &width, &height, &subsampling,
                            &colours) ||
        width < 1 || height < 1 || width > MEDIA_SIDE_MAX || height > MEDIA_SIDE_MAX ||
        (pictures->count && (width != pictures->width || height != pictures->height)))
        return NULL;
    size_t size = (size_t)width * (size_t)height * 3;
    uint8_t *rgb = mel_try_alloc(size, 1, (size_t)MEDIA_PIXELS_MAX * 3, "a picture", err);
    if (!rgb) return NULL;
    if (tjDecompress2(reader->jpeg, packet->data, n, rgb, width, 0, height, TJPF_RGB, 0)) {
        free(rgb);
        return NULL;
    }
    pictures->width = width;
    pictures->height = height;
    reader->bytes += (int64_t)size;
    return rgb;
}

static bool take_packet(Reader *reader, PlaybackPictures *pictures, Err *err)
{
    int64_t stamp = reader->packet->pts;
    reader->seen++;
    if (stamp == AV_NOPTS_VALUE) return true;
    int64_t time_us = media_time_us(&reader->media, MEDIA_PICTURE, stamp);
    if (time_us < reader->last_us) return true;
    reader->last_us = time_us;
    uint8_t *rgb = decode_picture(reader, pictures, err);
    if (!rgb) return !mel_err_is_set(err);
    mel_grow(&pictures->items, &reader->capacity, pictures->count + 1, sizeof *pictures->items);
    pictures->items[pictures->count++] = (PlaybackPicture){time_us, rgb};
    return true;
}

/* Matroska's Duration is the last picture's stamp here; a file cut short still has it. */
static void say_damage(const Reader *reader, int end, PlaybackPictures *pictures)
{
    int64_t claimed_us = reader->media.format->duration;
    if (end == 0)
        mel_err_reason(&pictures->damage, ERR_LIMIT, "media.product",
                       "'%s' is too large: %.1f seconds of pictures are read", reader->path,
                       (double)reader->last_us / 1e6);
    else if (end != AVERROR_EOF || (reader->seen > 1 && llabs(claimed_us - reader->last_us) > 1000))
        mel_err_reason(&pictures->damage, ERR_MEDIA, "media.product",
                       "'%s' is damaged: pictures can be read up to %.1f seconds", reader->path,
                       (double)reader->last_us / 1e6);
    else if (pictures->count < reader->seen)
        mel_err_reason(&pictures->damage, ERR_MEDIA, "media.product",
                       "'%s' is damaged: %zu of %zu pictures cannot be read", reader->path,
                       reader->seen - pictures->count, reader->seen);
}

static bool read_pictures(Reader *reader, PlaybackPictures *pictures, Err *err)
{
    int code = 0;
    while (reader->bytes < PLAYBACK_BYTES_MAX && reader->seen < MEDIA_FRAMES_MAX &&
           (code = av_read_frame(reader->media.format, reader->packet)) >= 0) {
        bool ok =
            is_cancelled(reader->cancel) ? cancelled(err) : take_packet(reader, pictures, err);
        av_packet_unref(reader->packet);
        if (!ok) return false;
    }
    if (!pictures->count)
        return bad_file(err, reader->path, "holds no picture that can be decoded");
    say_damage(reader, code < 0 ? code : 0, pictures);
    return true;
}

static bool open_reader(Reader *reader, int fd, Err *err)
{
    Err cause = {0};
    if (!media_open(&reader->media, fd, NULL, &cause) || !reader->media.stream[MEDIA_PICTURE] ||
        reader->media.format->nb_streams != 1 ||
        reader->media.stream[MEDIA_PICTURE]->codecpar->codec_id != AV_CODEC_ID_MJPEG)
        return bad_file(err, reader->path, "is no MJPEG in Matroska");
    reader->packet = av_packet_alloc();
    reader->jpeg = tjInitDecompress();
    return (reader->packet && reader->jpeg) || mel_err(err, ERR_NOMEM, "no memory for a decoder");
}

bool mel_playback_pictures(const char *path, const atomic_bool *cancel, PlaybackPictures *out,
                           Err *err)
{
    PlaybackPictures pictures = {0};
    Reader reader = {.path = path, .cancel = cancel, .last_us = INT64_MIN};
    int fd = open_file(path, err);
    if (fd < 0) return false;
    bool ok = open_reader(&reader, fd, err) && read_pictures(&reader, &pictures, err);
    if (reader.jpeg) tjDestroy(reader.jpeg);
    av_packet_free(&reader.packet);
    media_close(&reader.media);
    close(fd);
    if (ok)
        *out = pictures;
    else
        mel_playback_pictures_clear(&pictures);
    return ok;
}

void mel_playback_pictures_clear(PlaybackPictures *pictures)
{
    for (size_t i = 0; i < pictures->count; i++)
        free(pictures->items[i].rgb);
    free(pictures->items);
    *pictures = (PlaybackPictures){0};
}
