/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes for libavformat: a possibly sparse descriptor to read, a descriptor to write. Inputs are
 * read with pread, because descriptors that were passed on share one position. */
#include "curator/media.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024 };

/* How many bytes are there from `position` on, without a hole. */
static int64_t present_from(const MediaIo *io, int64_t position)
{
    int64_t end = position;
    if (!io->ranges) return io->size - position;
    for (int i = 0; i < io->range_count; i++) {
        const ByteRange *range = &io->ranges[i];
        int64_t range_end = range->offset + range->length;
        if (range->offset <= end && range_end > end) end = range_end;
    }
    return (end < io->size ? end : io->size) - position;
}

static int read_bytes(void *opaque, uint8_t *buffer, int size)
{
    MediaIo *io = opaque;
    if (io->position >= io->size) {
        io->behind_end |= io->position > io->size;
        return AVERROR_EOF;
    }
    int64_t there = present_from(io, io->position);
    if (there <= 0) {
        if (io->missing_offset < 0) io->missing_offset = io->position;
        return AVERROR(EIO);
    }
    size_t n = there < size ? (size_t)there : (size_t)size;
    ssize_t got;
    do {
        got = pread(io->fd, buffer, n, io->position);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        io->read_errno = errno;
        return AVERROR(errno);
    }
    if (got == 0) return AVERROR_EOF;
    io->position += got;
    return (int)got;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    MediaIo *io = opaque;
    int64_t base, target;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return io->size;
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = io->position;
        break;
    case SEEK_END:
        base = io->size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return AVERROR(EINVAL);
    io->behind_end |= target > io->size;
    return io->position = target;
}

static bool ranges_valid(const CutInput *input)
{
    if (input->range_count < 0 || input->range_count > INPUT_RANGES_MAX) return false;
    for (int i = 0; i < input->range_count; i++) {
        int64_t end;
        const ByteRange *range = &input->ranges[i];
        if (range->offset < 0 || range->length < 0 ||
            __builtin_add_overflow(range->offset, range->length, &end))
            return false;
    }
    return true;
}

bool media_io_open(MediaIo *io, int fd, const CutInput *input, Err *err)
{
    *io = (MediaIo){.fd = fd, .missing_offset = -1};
    io->size = lseek(fd, 0, SEEK_END);
    if (io->size < 0)
        return mel_err_reason(err, ERR_MEDIA, "media.open",
                              "the input cannot be read at any place: %s", strerror(errno));
    if (input && !ranges_valid(input))
        return mel_err(err, ERR_USAGE, "the input's byte ranges make no sense");
    if (input && input->range_count) {
        io->ranges = input->ranges;
        io->range_count = input->range_count;
        if (input->size > 0) io->size = input->size;
    }
    if (io->size == 0) return mel_err_reason(err, ERR_MEDIA, "media.open", "the input is empty");
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    if (buffer)
        io->avio = avio_alloc_context(buffer, BUFFER_BYTES, 0, io, read_bytes, NULL, seek_bytes);
    if (!io->avio) {
        av_free(buffer);
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for the input's buffer");
    }
    return true;
}

void media_io_close(MediaIo *io)
{
    if (io->avio) av_freep(&io->avio->buffer);
    avio_context_free(&io->avio);
}

static int write_bytes(void *opaque, uint8_t *buffer, int size)
{
    MediaWriter *writer = opaque;
    for (int done = 0; done < size;) {
        ssize_t n = pwrite(writer->fd, buffer + done, (size_t)(size - done), writer->position);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            writer->write_errno = n < 0 ? errno : EIO;
            return AVERROR(writer->write_errno);
        }
        done += (int)n;
        writer->position += n;
        if (writer->position > writer->size) writer->size = writer->position;
    }
    return size;
}

static int64_t seek_output(void *opaque, int64_t offset, int whence)
{
    MediaWriter *writer = opaque;
    if (whence & AVSEEK_SIZE) return writer->size;
    if ((whence & ~AVSEEK_FORCE) != SEEK_SET || offset < 0) return AVERROR(EINVAL);
    return writer->position = offset;
}

bool media_writer_open(MediaWriter *writer, int fd, Err *err)
{
    *writer = (MediaWriter){.fd = fd};
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    if (buffer)
        writer->avio =
            avio_alloc_context(buffer, BUFFER_BYTES, 1, writer, NULL, write_bytes, seek_output);
    if (!writer->avio) {
        av_free(buffer);
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for an output's buffer");
    }
    return true;
}

void media_writer_close(MediaWriter *writer)
{
    if (writer->avio) av_freep(&writer->avio->buffer);
    avio_context_free(&writer->avio);
}
