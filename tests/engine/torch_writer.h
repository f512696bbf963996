/* SPDX-License-Identifier: Apache-2.0
 *
 * A small writer of pickles, zip archives and safetensors: as they should be, and with places to
 * break them. */
#ifndef MEL_TESTS_TORCH_WRITER_H
#define MEL_TESTS_TORCH_WRITER_H

#include "base/base.h"

#include <string.h>

/* `n` bytes of a number, little-endian. */
static inline void put_number(Str *out, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        mel_str_add_char(out, i < 8 ? (char)(value >> (8 * i)) : 0);
}

static inline void patch_number(Str *out, size_t at, uint64_t value, int n)
{
    MEL_ASSERT(at + (size_t)n <= out->length);
    for (int i = 0; i < n; i++)
        out->text[at + (size_t)i] = (char)(value >> (8 * i));
}

static inline void pickle_text(Str *out, const char *text)
{
    mel_str_add_char(out, 'X');
    put_number(out, strlen(text), 4);
    mel_str_add(out, text);
}

/* LONG1 of eight bytes. */
static inline void pickle_int(Str *out, int64_t value)
{
    mel_str_add_char(out, '\x8a');
    mel_str_add_char(out, 8);
    put_number(out, (uint64_t)value, 8);
}

static inline void pickle_global(Str *out, const char *module, const char *name)
{
    mel_str_addf(out, "c%s\n%s\n", module, name);
}

static inline void pickle_storage(Str *out, const char *type, const char *key, int64_t count,
                                  bool legacy)
{
    mel_str_add(out, "(");
    pickle_text(out, "storage");
    pickle_global(out, "torch", type);
    pickle_text(out, key);
    pickle_text(out, "cpu");
    pickle_int(out, count);
    mel_str_add(out, legacy ? "NtQ" : "tQ");
}

typedef struct PickledTensor {
    const char *name, *type, *key;
    int64_t count, offset; /* elements of the storage, and the first of the view */
    int rank;
    int64_t size[8], strides[8];
} PickledTensor;

static inline void pickle_tensor(Str *out, const PickledTensor *tensor, bool legacy)
{
    pickle_global(out, "torch._utils", "_rebuild_tensor_v2");
    mel_str_add(out, "(");
    pickle_storage(out, tensor->type, tensor->key, tensor->count, legacy);
    pickle_int(out, tensor->offset);
    for (int part = 0; part < 2; part++) {
        mel_str_add(out, "(");
        for (int i = 0; i < tensor->rank; i++)
            pickle_int(out, part ? tensor->strides[i] : tensor->size[i]);
        mel_str_add(out, "t");
    }
    mel_str_add(out, "\x89");
    pickle_global(out, "collections", "OrderedDict");
    mel_str_add(out, ")RtR");
}

/* A whole pickle: a dictionary of the tensors. */
static inline void pickle_state(Str *out, const PickledTensor *tensors, size_t count, bool legacy)
{
    mel_str_add(out, "\x80\x02}(");
    for (size_t i = 0; i < count; i++) {
        pickle_text(out, tensors[i].name);
        pickle_tensor(out, &tensors[i], legacy);
    }
    mel_str_add(out, "u.");
}

enum { ZIP_WRITER_MAX = 16 };

/* An archive in the making, and where its parts are. */
typedef struct ZipWriter {
    Str bytes, directory;
    size_t local[ZIP_WRITER_MAX], data[ZIP_WRITER_MAX], tail[ZIP_WRITER_MAX];
    size_t central[ZIP_WRITER_MAX]; /* in directory; in bytes once it is finished */
    size_t count;
    size_t end64, locator, end; /* end64 and locator are 0 without ZIP64 */
} ZipWriter;

static inline uint32_t zip_crc(const void *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= ((const uint8_t *)bytes)[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* A stored entry with a data descriptor, as torch writes them; one without when it is empty. */
static inline void zip_add(ZipWriter *zip, const char *name, const void *data, size_t n)
{
    uint32_t crc = zip_crc(data, n);
    uint64_t flags = n ? 0x808 : 0x800;
    size_t i = zip->count++;
    MEL_ASSERT(i < ZIP_WRITER_MAX);
    zip->local[i] = zip->bytes.length;
    put_number(&zip->bytes, 0x04034b50, 4);
    put_number(&zip->bytes, 0, 2);
    put_number(&zip->bytes, flags, 2);
    put_number(&zip->bytes, 0, 2 + 4); /* method, time */
    put_number(&zip->bytes, 0, 4 + 8); /* crc and sizes: in the descriptor */
    put_number(&zip->bytes, strlen(name), 2);
    put_number(&zip->bytes, 0, 2);
    mel_str_add(&zip->bytes, name);
    zip->data[i] = zip->bytes.length;
    mel_str_add_bytes(&zip->bytes, data, n);
    zip->tail[i] = zip->bytes.length;
    if (n) {
        put_number(&zip->bytes, 0x08074b50, 4);
        put_number(&zip->bytes, crc, 4);
        put_number(&zip->bytes, n, 4);
        put_number(&zip->bytes, n, 4);
    }
    zip->central[i] = zip->directory.length;
    put_number(&zip->directory, 0x02014b50, 4);
    put_number(&zip->directory, 0, 4);
    put_number(&zip->directory, flags, 2);
    put_number(&zip->directory, 0, 2 + 4);
    put_number(&zip->directory, crc, 4);
    put_number(&zip->directory, n, 4);
    put_number(&zip->directory, n, 4);
    put_number(&zip->directory, strlen(name), 2);
    put_number(&zip->directory, 0, 2 + 2 + 2 + 2); /* extra, comment, disk, attributes */
    put_number(&zip->directory, 0, 4);
    put_number(&zip->directory, zip->local[i], 4);
    mel_str_add(&zip->directory, name);
}

static inline void zip_finish(ZipWriter *zip, bool zip64)
{
    Str *bytes = &zip->bytes;
    size_t at = bytes->length, n = zip->directory.length;
    mel_str_add_bytes(bytes, zip->directory.text, n);
    for (size_t i = 0; i < zip->count; i++)
        zip->central[i] += at;
    if (zip64) {
        zip->end64 = bytes->length;
        put_number(bytes, 0x06064b50, 4);
        put_number(bytes, 44, 8);
        put_number(bytes, 0, 2 + 2 + 4); /* versions, this disk */
        put_number(bytes, 0, 4);
        put_number(bytes, zip->count, 8);
        put_number(bytes, zip->count, 8);
        put_number(bytes, n, 8);
        put_number(bytes, at, 8);
        zip->locator = bytes->length;
        put_number(bytes, 0x07064b50, 4);
        put_number(bytes, 0, 4);
        put_number(bytes, zip->end64, 8);
        put_number(bytes, 1, 4);
    }
    zip->end = bytes->length;
    put_number(bytes, 0x06054b50, 4);
    put_number(bytes, 0, 4);
    put_number(bytes, zip->count, 2);
    put_number(bytes, zip->count, 2);
    put_number(bytes, n, 4);
    put_number(bytes, at, 4);
    put_number(bytes, 0, 2);
}

static inline void zip_clear(ZipWriter *zip)
{
    mel_str_clear(&zip->bytes);
    mel_str_clear(&zip->directory);
}

/* The first three pickles of a legacy file. */
static inline void legacy_preface(Str *out)
{
    mel_str_add_bytes(out, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
    mel_str_add_bytes(out, "\x80\x02M\xe9\x03.", 6);
    mel_str_add(out, "\x80\x02}");
    pickle_text(out, "little_endian");
    mel_str_add(out, "\x88s.");
}

/* A header and its data. */
static inline void safetensors_bytes(Str *out, const char *header, size_t data_bytes)
{
    put_number(out, strlen(header), 8);
    mel_str_add(out, header);
    for (size_t i = 0; i < data_bytes; i++)
        mel_str_add_char(out, (char)i);
}

#endif
