/* SPDX-License-Identifier: Apache-2.0
 *
 * Layouts are those of PKWARE's APPNOTE.TXT 6.3: 4.3.7 local header, 4.3.9 data descriptor, 4.3.12
 * central directory, 4.3.14 to 4.3.16 its ends, 4.5.3 the ZIP64 extra field. */
#include "engine/checkpoint/zip.h"

#include "engine/checkpoint/checkpoint_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    DESCRIPTOR_BYTES = 16,
    DESCRIPTOR64_BYTES = 24,
    EXTRA_ZIP64 = 1,
};
enum { FLAG_ENCRYPTED = 1, FLAG_DESCRIPTOR = 8, FLAG_UTF8 = 0x800 };

static const uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50;
static const uint32_t end64_mark = 0x06064b50, locator_mark = 0x07064b50;
static const uint32_t descriptor_mark = 0x08074b50;

typedef struct Directory {
    int64_t at, size; /* of the central directory, which ends where its end record begins */
    int64_t count;
} Directory;

static bool bad(Err *err, int64_t at, const char *what)
{
    return mel_err(err, ERR_FORMAT, "zip, byte %lld: %s", (long long)at, what);
}

/* A field of the short end record either is the ZIP64 one or says that it does not fit. */
static bool agrees(uint64_t narrow, uint64_t full, uint64_t widest)
{
    return narrow == full || narrow == widest;
}

/* The ZIP64 end record and its locator, both right before the end record at `end`. */
static bool read_end64(const uint8_t *bytes, int64_t end, Directory *directory, Err *err)
{
    int64_t locator_at = end - LOCATOR_BYTES, at = locator_at - END64_BYTES;
    const uint8_t *locator = bytes + locator_at, *narrow = bytes + end;
    if (at < 0 || mel_le64(locator + 8) != (uint64_t)at || mel_le32(bytes + at) != end64_mark)
        return bad(err, locator_at, "the ZIP64 end record is not right before its locator");
    const uint8_t *record = bytes + at;
    if (mel_le32(locator + 4) != 0 || mel_le32(locator + 16) > 1 || mel_le32(record + 16) != 0 ||
        mel_le32(record + 20) != 0 || mel_le64(record + 24) != mel_le64(record + 32))
        return bad(err, at, "the archive is spread over several files");
    if (mel_le64(record + 4) != END64_BYTES - 12)
        return bad(err, at + 4, "the ZIP64 end record has another size than its fields");
    uint64_t count = mel_le64(record + 32), size = mel_le64(record + 40);
    uint64_t start = mel_le64(record + 48);
    if (!agrees(mel_le16(narrow + 10), count, UINT16_MAX) ||
        !agrees(mel_le32(narrow + 12), size, UINT32_MAX) ||
        !agrees(mel_le32(narrow + 16), start, UINT32_MAX))
        return bad(err, end, "the end record and the ZIP64 one differ");
    if (start > (uint64_t)at || size != (uint64_t)at - start)
        return bad(err, at, "the central directory does not end where its end record begins");
    if (count > ZIP_ENTRIES_MAX)
        return mel_err(err, ERR_LIMIT, "zip: more than %d entries", ZIP_ENTRIES_MAX);
    *directory = (Directory){(int64_t)start, (int64_t)size, (int64_t)count};
    return true;
}

static bool read_end(const uint8_t *bytes, int64_t size, Directory *directory, Err *err)
{
    int64_t end = size - END_BYTES;
    if (end < 0 || mel_le32(bytes + end) != end_mark)
        return bad(err, end < 0 ? size : end,
                   "no end record is at the end: the file is cut off, or something follows");
    const uint8_t *record = bytes + end;
    if (mel_le16(record + 4) != 0 || mel_le16(record + 6) != 0 ||
        mel_le16(record + 8) != mel_le16(record + 10))
        return bad(err, end, "the archive is spread over several files");
    if (mel_le16(record + 20) != 0) return bad(err, end + 20, "the archive has a comment");
    if (end >= LOCATOR_BYTES && mel_le32(record - LOCATOR_BYTES) == locator_mark)
        return read_end64(bytes, end, directory, err);
    *directory = (Directory){mel_le32(record + 16), mel_le32(record + 12), mel_le16(record + 10)};
    if (directory->at > end || directory->size != end - directory->at)
        return bad(err, end, "the central directory does not end where its end record begins");
    return true;
}

/* Takes one 8-byte number from the ZIP64 field when the narrow one says that it is there. */
static bool widen(int64_t *value, const uint8_t **field, size_t *left)
{
    if (*value != UINT32_MAX) return true;
    if (*left < 8 || mel_le64(*field) > INT64_MAX) return false;
    *value = (int64_t)mel_le64(*field);
    *field += 8;
    *left -= 8;
    return true;
}

/* The sizes and the offset, from the record or from its ZIP64 field, which holds exactly those
 * that the record lacks. */
static bool read_extents(const uint8_t *record, const uint8_t *extra, size_t n, int64_t *packed,
                         ZipEntry *entry)
{
    const uint8_t *field = NULL;
    size_t left = 0;
    while (n > 0) {
        size_t length = n < 4 ? SIZE_MAX : mel_le16(extra + 2);
        if (length > n - 4) return false;
        if (mel_le16(extra) == EXTRA_ZIP64) {
            if (field) return false;
            field = extra + 4;
            left = length;
        }
        extra += 4 + length;
        n -= 4 + length;
    }
    *packed = mel_le32(record + 20);
    entry->size = mel_le32(record + 24);
    entry->offset = mel_le32(record + 42);
    return widen(&entry->size, &field, &left) && widen(packed, &field, &left) &&
           widen(&entry->offset, &field, &left) && left == 0;
}

static bool name_ok(const char *name, size_t n)
{
    if (n > ZIP_NAME_MAX || !mel_checkpoint_name_ok(name, n)) return false;
    if (name[0] == '/' || name[n - 1] == '/' || memchr(name, '\\', n)) return false;
    for (size_t start = 0, i = 0; i <= n; i++) {
        if (i < n && name[i] != '/') continue;
        size_t part = i - start;
        if (part == 0 || (part == 1 && name[start] == '.') ||
            (part == 2 && name[start] == '.' && name[start + 1] == '.'))
            return false;
        start = i + 1;
    }
    return true;
}

static bool check_method(const uint8_t *record, int64_t at, const char *name, Err *err)
{
    int flags = mel_le16(record + 8), method = mel_le16(record + 10);
    const char *what = NULL;
    if (flags & FLAG_ENCRYPTED)
        what = "is encrypted";
    else if (flags & ~(FLAG_DESCRIPTOR | FLAG_UTF8))
        what = "has flags that torch does not set";
    else if (method != 0)
        what = "is compressed";
    else if (mel_le16(record + 34) != 0)
        what = "is in another file of the archive";
    else if (mel_le16(record + 32) != 0)
        what = "has a comment";
    if (!what) return true;
    mel_err(err, ERR_FORMAT, "zip, byte %lld: entry '%s' %s", (long long)at, name, what);
    return mel_err_hint(err, "torch stores plain entries: save the checkpoint again with torch, or "
                             "unpack the archive first if it is a download");
}

/* One record of the central directory; *at moves behind it. */
static bool read_central(Arena *arena, const uint8_t *bytes, int64_t *at, int64_t end,
                         ZipEntry *entry, Err *err)
{
    int64_t here = *at, left = end - here, packed = 0;
    const uint8_t *record = bytes + here;
    if (left < CENTRAL_BYTES || mel_le32(record) != central_mark)
        return bad(err, here, "no record of the central directory");
    size_t name_n = mel_le16(record + 28), extra_n = mel_le16(record + 30);
    size_t whole = CENTRAL_BYTES + name_n + extra_n + mel_le16(record + 32);
    if (whole > (size_t)left) return bad(err, here, "a record reaches out of the directory");
    const char *name = (const char *)record + CENTRAL_BYTES;
    ShownText shown = mel_shown(name, name_n);
    if (!name_ok(name, name_n))
        return mel_err(err, ERR_FORMAT, "zip, byte %lld: the name '%s' is no plain relative path",
                       (long long)here, shown.text);
    if (!check_method(record, here, shown.text, err)) return false;
    if (!read_extents(record, record + CENTRAL_BYTES + name_n, extra_n, &packed, entry))
        return mel_err(err, ERR_FORMAT, "zip, byte %lld: the extra field of '%s' is broken",
                       (long long)here, shown.text);
    if (packed != entry->size)
        return mel_err(err, ERR_FORMAT, "zip, byte %lld: '%s' is stored but has two sizes",
                       (long long)here, shown.text);
    entry->name = mel_arena_strndup(arena, name, name_n);
    entry->crc = mel_le32(record + 16);
    entry->central = record;
    *at += (int64_t)whole;
    return true;
}

/* Where a descriptor follows, the local header may leave crc and sizes 0. */
static bool same_number(uint32_t local, uint32_t central, bool may_be_zero)
{
    return local == central || (may_be_zero && local == 0);
}

static bool differs(Err *err, const ZipEntry *entry, const char *what)
{
    return mel_err(err, ERR_FORMAT, "zip, byte %lld: %s of '%s' differs from the directory's",
                   (long long)entry->offset, what,
                   mel_shown(entry->name, strlen(entry->name)).text);
}

/* The local header says what the directory says; finds the data. `limit` is where the entry has
 * to end: the next one's offset or the central directory's. */
static bool read_local(const uint8_t *bytes, int64_t limit, ZipEntry *entry, Err *err)
{
    int64_t left = limit - entry->offset;
    if (left < LOCAL_BYTES || mel_le32(bytes + entry->offset) != local_mark)
        return bad(err, entry->offset, "no local header where the directory says");
    const uint8_t *local = bytes + entry->offset, *central = entry->central;
    size_t name_n = mel_le16(local + 26);
    int64_t head = LOCAL_BYTES + (int64_t)name_n + mel_le16(local + 28);
    if (head > left || entry->size > left - head)
        return mel_err(err, ERR_FORMAT, "zip, byte %lld: '%s' overlaps what follows it",
                       (long long)entry->offset, mel_shown(entry->name, strlen(entry->name)).text);
    if (name_n != strlen(entry->name) || memcmp(local + LOCAL_BYTES, entry->name, name_n) != 0)
        return differs(err, entry, "the local name");
    if (mel_le16(local + 6) != mel_le16(central + 8)) return differs(err, entry, "a flag");
    if (mel_le16(local + 8) != mel_le16(central + 10)) return differs(err, entry, "the method");
    bool descriptor = mel_le16(local + 6) & FLAG_DESCRIPTOR;
    if (!same_number(mel_le32(local + 14), entry->crc, descriptor))
        return differs(err, entry, "the checksum");
    if (!same_number(mel_le32(local + 18), mel_le32(central + 20), descriptor) ||
        !same_number(mel_le32(local + 22), mel_le32(central + 24), descriptor))
        return differs(err, entry, "a size");
    entry->data = local + head;
    entry->end = entry->offset + head + entry->size;
    return true;
}

/* What lies between the data and `limit` is the entry's descriptor, if it has one, and nothing
 * else. */
static bool check_tail(const uint8_t *bytes, int64_t limit, ZipEntry *entry, Err *err)
{
    const uint8_t *tail = bytes + entry->end;
    int64_t left = limit - entry->end;
    uint64_t size = (uint64_t)entry->size;
    if (!(mel_le16(entry->central + 8) & FLAG_DESCRIPTOR)) {
        if (left == 0) return true;
        return bad(err, entry->end, "bytes that belong to no entry");
    }
    if (left != DESCRIPTOR_BYTES && left != DESCRIPTOR64_BYTES)
        return bad(err, entry->end, "no data descriptor of 16 or 24 bytes before the next entry");
    bool wide = left == DESCRIPTOR64_BYTES;
    uint64_t packed = wide ? mel_le64(tail + 8) : mel_le32(tail + 8);
    uint64_t unpacked = wide ? mel_le64(tail + 16) : mel_le32(tail + 12);
    if (mel_le32(tail) != descriptor_mark || mel_le32(tail + 4) != entry->crc || packed != size ||
        unpacked != size)
        return differs(err, entry, "the data descriptor");
    entry->end = limit;
    return true;
}

static int by_offset(const void *a, const void *b)
{
    const ZipEntry *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ZipEntry *)a)->name, ((const ZipEntry *)b)->name);
}

/* The entries, sorted by offset, fill the file from 0 to the central directory. */
static bool read_locals(const uint8_t *bytes, const Directory *directory, ZipEntry *entries,
                        Err *err)
{
    int64_t count = directory->count;
    qsort(entries, (size_t)count, sizeof *entries, by_offset);
    if (entries[0].offset != 0) return bad(err, 0, "bytes that belong to no entry");
    for (int64_t i = 0; i < count; i++) {
        int64_t limit = i + 1 < count ? entries[i + 1].offset : directory->at;
        if (limit > directory->at)
            return bad(err, entries[i].central - bytes, "an entry lies out of the archive");
        if (!read_local(bytes, limit, &entries[i], err) ||
            !check_tail(bytes, limit, &entries[i], err))
            return false;
    }
    return true;
}

bool mel_zip_read(Arena *arena, const uint8_t *bytes, int64_t size, ZipArchive *out, Err *err)
{
    Directory directory = {0};
    if (!read_end(bytes, size, &directory, err)) return false;
    if (directory.count == 0) return bad(err, directory.at, "the archive is empty");
    if (directory.count > directory.size / CENTRAL_BYTES)
        return bad(err, directory.at, "the directory is too short for its entries");
    ZipEntry *entries = mel_arena_alloc(arena, (size_t)directory.count * sizeof *entries);
    int64_t at = directory.at, end = directory.at + directory.size;
    for (int64_t i = 0; i < directory.count; i++)
        if (!read_central(arena, bytes, &at, end, &entries[i], err)) return false;
    if (at != end) return bad(err, at, "the directory has more than its entries");
    if (!read_locals(bytes, &directory, entries, err)) return false;
    qsort(entries, (size_t)directory.count, sizeof *entries, by_name);
    for (int64_t i = 1; i < directory.count; i++)
        if (by_name(&entries[i - 1], &entries[i]) == 0)
            return mel_err(err, ERR_FORMAT, "zip, byte %lld: '%s' is there twice",
                           (long long)(entries[i].central - bytes),
                           mel_shown(entries[i].name, strlen(entries[i].name)).text);
    *out = (ZipArchive){entries, (size_t)directory.count};
    return true;
}

const ZipEntry *mel_zip_find(const ZipArchive *archive, const char *name)
{
    ZipEntry key = {.name = name};
    return bsearch(&key, archive->entries, archive->count, sizeof key, by_name);
}

/* CRC-32 with the reflected polynomial 0xedb88320, four bits at a time. */
static uint32_t crc32_of(const uint8_t *bytes, int64_t n)
{
    uint32_t table[16], crc = UINT32_MAX;
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (int64_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

bool mel_zip_check_crc(const ZipEntry *entry, Err *err)
{
    if (entry->crc == 0 || crc32_of(entry->data, entry->size) == entry->crc) return true;
    return mel_err(err, ERR_FORMAT, "zip, byte %lld: '%s' is damaged (its CRC-32 is another)",
                   (long long)entry->offset, mel_shown(entry->name, strlen(entry->name)).text);
}
