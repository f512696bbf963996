/* SPDX-License-Identifier: Apache-2.0
 *
 * Planes to JPEG by libjpeg-turbo. */
#include "curator/cut_internal.h"

#include <turbojpeg.h>

bool jpeg_encode(JpegWriter *writer, const Planes *planes, int quality, bool fast, Err *err)
{
    if (!writer->handle) writer->handle = tjInitCompress();
    unsigned long needed = tjBufSize(planes->width, planes->height, TJSAMP_420);
    if (needed == (unsigned long)-1)
        return mel_err_reason(err, ERR_MEDIA, "media.dimensions", "a picture of %d x %d is no JPEG",
                              planes->width, planes->height);
    if (writer->capacity < needed) {
        tjFree(writer->bytes);
        writer->bytes = needed <= INT32_MAX ? tjAlloc((int)needed) : NULL;
        writer->capacity = writer->bytes ? needed : 0;
    }
    if (!writer->handle || !writer->bytes)
        return mel_err_reason(err, ERR_NOMEM, "media.memory", "no memory for a JPEG");
    const unsigned char *data[3] = {planes->data[0], planes->data[1], planes->data[2]};
    writer->length = writer->capacity;
    int flags = TJFLAG_NOREALLOC | (fast ? TJFLAG_FASTDCT : TJFLAG_ACCURATEDCT);
    if (tjCompressFromYUVPlanes(writer->handle, data, planes->width, planes->stride, planes->height,
                                TJSAMP_420, &writer->bytes, &writer->length, quality, flags) == 0)
        return true;
    return mel_err(err, ERR_MEDIA, "cannot encode a picture as JPEG: %s",
                   tjGetErrorStr2(writer->handle));
}

void jpeg_clear(JpegWriter *writer)
{
    if (writer->handle) tjDestroy(writer->handle);
    tjFree(writer->bytes);
    *writer = (JpegWriter){0};
}
