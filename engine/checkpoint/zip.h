/* SPDX-License-Identifier: Apache-2.0
 *
 * Zip archives as torch writes them, and no others: entries are stored, not compressed, lie one
 * behind the other from the first byte up to the central directory without a gap, and say the
 * same in both of their headers. So no two programs can read different things in one file. */
#ifndef MEL_ENGINE_ZIP_H
#define MEL_ENGINE_ZIP_H

#include "engine/tensor.h"

enum { ZIP_ENTRIES_MAX = 65536 + 64, ZIP_NAME_MAX = 512 };

typedef struct ZipEntry {
    const char *name; /* NUL-terminated, in the arena */
    const uint8_t *data;
    int64_t size;
    uint32_t crc;           /* 0 when the writer did not count it */
    int64_t offset, end;    /* of all that belongs to the entry, in the file */
    const uint8_t *central; /* its record in the central directory */
} ZipEntry;

typedef struct ZipArchive {
    ZipEntry *entries; /* sorted by name */
    size_t count;
} ZipArchive;

/* Reads the directory of an archive in memory; names and entries live in the arena. Errors:
 * ERR_FORMAT, ERR_LIMIT. */
MEL_MUST_CHECK bool mel_zip_read(Arena *arena, const uint8_t *bytes, int64_t size, ZipArchive *out,
                                 Err *err);

const ZipEntry *mel_zip_find(const ZipArchive *archive, const char *name);

/* Compares the CRC-32 of the entry's bytes with the one that it states, if it does. */
MEL_MUST_CHECK bool mel_zip_check_crc(const ZipEntry *entry, Err *err);

#endif
