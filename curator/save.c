/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/save.h"

#include <turbojpeg.h>

enum { QUALITY = 95 };

bool mel_save_picture(const char *path, const uint8_t *rgb, int width, int height, Err *err)
{
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    tjhandle compressor = tjInitCompress();
    bool ok = compressor && tjCompress2(compressor, rgb, width, 0, height, TJPF_RGB, &jpeg, &size,
                                        TJSAMP_444, QUALITY, 0) == 0;
    if (!ok) mel_err(err, ERR_IO, "'%s' cannot be made: %s", path, tjGetErrorStr());
    ok = ok && mel_write_file(path, jpeg, size, err);
    tjFree(jpeg);
    if (compressor) tjDestroy(compressor);
    return ok;
}
