/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a SentencePiece model or as its normaliser's table: refused with a sentence, or it
 * tokenizes and normalises. The first byte chooses. */
#include "engine/text/charsmap.h"
#include "engine/text/tokenizer.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char text[] = "a \xEF\xBD\x86\xCC\x81 \xE2\x91\xA0</s> b<extra_id_3>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void table(const uint8_t *data, size_t size)
{
    Err err = {0};
    Charsmap *map;
    Str out = {0};
    if (charsmap_open(data, size, &map, &err)) {
        charsmap_normalise(map, text, strlen(text), &out);
        MEL_ASSERT(mel_utf8_valid(mel_str_text(&out), out.length));
        charsmap_close(map);
    } else {
        MEL_ASSERT(err.code && err.message[0]);
    }
    mel_str_clear(&out);
}

static void model(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[40];
    Err err = {0};
    Tokenizer *t;
    int32_t ids[64];
    if (fd < 0) {
        fd = memfd_create("spiece", MFD_CLOEXEC);
        MEL_ASSERT(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) return;
    if (!mel_tokenizer_t5(path, &t, &err)) {
        MEL_ASSERT(err.code && err.message[0]);
        return;
    }
    int count = mel_tokenize(t, text, ids, 64);
    for (int i = 0; i < count; i++)
        MEL_ASSERT(ids[i] >= 0 && ids[i] < mel_tokenizer_size(t));
    mel_tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    if (data[0] % 2)
        table(data + 1, size - 1);
    else
        model(data + 1, size - 1);
    return 0;
}
