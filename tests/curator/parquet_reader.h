/* SPDX-License-Identifier: Apache-2.0
 *
 * A small reader of Parquet, written from the format's description and not from the writer: the
 * footer by a generic decoder of Thrift's compact protocol, PLAIN pages with RLE levels. */
#ifndef MEL_TESTS_PARQUET_READER_H
#define MEL_TESTS_PARQUET_READER_H

#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct PqBytes {
    const uint8_t *p, *end;
} PqBytes;

static inline uint8_t pq_byte(PqBytes *b)
{
    assert_true(b->p < b->end);
    return *b->p++;
}

static inline uint64_t pq_varint(PqBytes *b)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = pq_byte(b);
        assert_true(shift < 64);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return value;
    }
}

static inline int64_t pq_zigzag(PqBytes *b)
{
    uint64_t value = pq_varint(b);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline json_t *pq_struct(PqBytes *b);

static inline json_t *pq_value(PqBytes *b, int type)
{
    switch (type) {
    case 1:
    case 2:
        return json_boolean(type == 1);
    case 3:
    case 4:
    case 5:
    case 6:
        return json_integer(pq_zigzag(b));
    case 8: {
        uint64_t n = pq_varint(b);
        assert_true(n <= (uint64_t)(b->end - b->p));
        json_t *text = json_stringn((const char *)b->p, n);
        b->p += n;
        return text;
    }
    case 9: {
        uint8_t head = pq_byte(b);
        uint64_t count = head >> 4 == 15 ? pq_varint(b) : head >> 4;
        json_t *list = json_array();
        for (uint64_t i = 0; i < count; i++)
            json_array_append_new(list, pq_value(b, head & 15));
        return list;
    }
    case 12:
        return pq_struct(b);
    default:
        fail_msg("thrift type %d", type);
        return NULL;
    }
}

/* {"<field id>": value, …} */
static inline json_t *pq_struct(PqBytes *b)
{
    json_t *object = json_object();
    int id = 0;
    for (uint8_t head; (head = pq_byte(b)) != 0;) {
        id = head >> 4 ? id + (head >> 4) : (int)pq_zigzag(b);
        char key[12];
        snprintf(key, sizeof key, "%d", id);
        json_object_set_new(object, key, pq_value(b, head & 15));
    }
    return object;
}

typedef struct PqLeaf {
    char path[96]; /* "audio.bytes", "moods.list.element" */
    int type, definition_max, repetition_max;
} PqLeaf;

typedef struct PqFile {
    char *bytes;
    size_t n;
    json_t *footer;
    PqLeaf leaves[64];
    int leaf_count;
    int64_t rows;
} PqFile;

/* Schema elements from `at` on, depth first. Returns the next index. */
static inline size_t pq_walk(PqFile *f, const json_t *schema, size_t at, const char *above,
                             int definition, int repetition)
{
    const json_t *e = json_array_get(schema, at);
    char path[96];
    assert_non_null(e);
    int64_t repeat = mel_json_i64(e, "3", 0), children = mel_json_i64(e, "5", 0);
    if (at == 0)
        path[0] = '\0';
    else
        snprintf(path, sizeof path, "%s%s%s", above, *above ? "." : "", mel_json_text(e, "4", "?"));
    definition += at > 0 && repeat != 0;
    repetition += at > 0 && repeat == 2;
    if (!children) {
        assert_true(f->leaf_count < 64);
        PqLeaf *leaf = &f->leaves[f->leaf_count++];
        snprintf(leaf->path, sizeof leaf->path, "%s", path);
        leaf->type = (int)mel_json_i64(e, "1", -1);
        leaf->definition_max = definition;
        leaf->repetition_max = repetition;
    }
    at++;
    for (int64_t i = 0; i < children; i++)
        at = pq_walk(f, schema, at, path, definition, repetition);
    return at;
}

static inline PqFile pq_open(const char *path)
{
    Err err = {0};
    PqFile f = {0};
    CHECK_OK(mel_read_file(path, (size_t)1 << 30, &f.bytes, &f.n, &err));
    assert_true(f.n > 12);
    assert_memory_equal(f.bytes, "PAR1", 4);
    assert_memory_equal(f.bytes + f.n - 4, "PAR1", 4);
    uint32_t length;
    memcpy(&length, f.bytes + f.n - 8, 4);
    assert_true(length <= f.n - 12);
    PqBytes b = {.p = (uint8_t *)f.bytes + f.n - 8 - length, .end = (uint8_t *)f.bytes + f.n - 8};
    f.footer = pq_struct(&b);
    assert_ptr_equal(b.p, b.end);
    f.rows = mel_json_i64(f.footer, "3", -1);
    const json_t *schema = json_object_get(f.footer, "2");
    assert_int_equal(pq_walk(&f, schema, 0, "", 0, 0), json_array_size(schema));
    return f;
}

static inline void pq_close(PqFile *f)
{
    json_decref(f->footer);
    free(f->bytes);
}

/* The file's metadata value of `key`. */
static inline const char *pq_metadata(const PqFile *f, const char *key)
{
    const json_t *pairs = json_object_get(f->footer, "5");
    for (size_t i = 0; i < json_array_size(pairs); i++)
        if (mel_equal(mel_json_text(json_array_get(pairs, i), "1", ""), key))
            return mel_json_text(json_array_get(pairs, i), "2", NULL);
    return NULL;
}

typedef struct PqValue {
    int definition, repetition;
    bool there;
    int64_t i64;
    double f64;
    const uint8_t *bytes; /* in the file */
    size_t n;
} PqValue;

typedef struct PqColumn {
    PqValue *values; /* one a level entry */
    size_t count, capacity;
    int pages;
    PqLeaf leaf;
} PqColumn;

/* `count` levels of at most `max`, which has to be in the RLE form of the hybrid. */
static inline void pq_levels(PqBytes *b, int max, size_t count, int *out)
{
    if (!max) return;
    uint32_t length;
    assert_true(b->end - b->p >= 4);
    memcpy(&length, b->p, 4);
    b->p += 4;
    assert_true(length <= (size_t)(b->end - b->p));
    PqBytes runs = {.p = b->p, .end = b->p + length};
    size_t at = 0;
    while (at < count) {
        uint64_t head = pq_varint(&runs);
        assert_int_equal(head & 1, 0);
        int level = pq_byte(&runs);
        assert_true(level <= max && head / 2 <= count - at);
        for (uint64_t i = 0; i < head / 2; i++)
            out[at++] = level;
    }
    assert_ptr_equal(runs.p, runs.end);
    b->p += length;
}

static inline void pq_plain(PqBytes *b, int type, PqValue *value)
{
    value->there = true;
    if (type == 6) {
        uint32_t n;
        assert_true(b->end - b->p >= 4);
        memcpy(&n, b->p, 4);
        b->p += 4;
        assert_true(n <= (size_t)(b->end - b->p));
        value->bytes = b->p;
        value->n = n;
        b->p += n;
        return;
    }
    assert_true(b->end - b->p >= 8 && (type == 2 || type == 5));
    memcpy(&value->i64, b->p, 8);
    memcpy(&value->f64, b->p, 8);
    b->p += 8;
}

static inline size_t pq_page(PqBytes *b, PqColumn *column)
{
    json_t *header = pq_struct(b);
    const json_t *data = json_object_get(header, "5");
    int64_t size = mel_json_i64(header, "3", -1), count = mel_json_i64(data, "1", -1);
    assert_int_equal(mel_json_i64(header, "1", -1), 0);
    assert_int_equal(mel_json_i64(header, "2", -1), size);
    assert_int_equal(mel_json_i64(data, "2", -1), 0);
    assert_true(size >= 0 && size <= b->end - b->p && count > 0);
    json_decref(header);
    PqBytes page = {.p = b->p, .end = b->p + size};
    int *levels = mel_alloc(2 * (size_t)count * sizeof *levels);
    pq_levels(&page, column->leaf.repetition_max, (size_t)count, levels);
    pq_levels(&page, column->leaf.definition_max, (size_t)count, levels + count);
    mel_grow(&column->values, &column->capacity, column->count + (size_t)count,
             sizeof *column->values);
    for (int64_t i = 0; i < count; i++) {
        PqValue *value = &column->values[column->count++];
        *value = (PqValue){.repetition = levels[i], .definition = levels[count + i]};
        if (value->definition == column->leaf.definition_max)
            pq_plain(&page, column->leaf.type, value);
    }
    assert_ptr_equal(page.p, page.end);
    free(levels);
    b->p += size;
    column->pages++;
    return (size_t)count;
}

/* All values of a leaf over all row groups. */
static inline PqColumn pq_read(const PqFile *f, const char *path)
{
    PqColumn column = {0};
    int leaf = 0;
    while (leaf < f->leaf_count && !mel_equal(f->leaves[leaf].path, path))
        leaf++;
    if (leaf == f->leaf_count) fail_msg("no column '%s'", path);
    column.leaf = f->leaves[leaf];
    const json_t *groups = json_object_get(f->footer, "4");
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const json_t *chunks = json_object_get(json_array_get(groups, g), "1");
        assert_int_equal(json_array_size(chunks), f->leaf_count);
        const json_t *meta = json_object_get(json_array_get(chunks, (size_t)leaf), "3");
        assert_int_equal(mel_json_i64(meta, "1", -1), column.leaf.type);
        assert_int_equal(mel_json_i64(meta, "4", -1), 0);
        int64_t offset = mel_json_i64(meta, "9", -1), size = mel_json_i64(meta, "7", -1);
        assert_true(offset >= 4 && size > 0 && (size_t)(offset + size) < f->n);
        PqBytes b = {.p = (uint8_t *)f->bytes + offset, .end = (uint8_t *)f->bytes + offset + size};
        size_t values = 0;
        while (b.p < b.end)
            values += pq_page(&b, &column);
        assert_int_equal(values, mel_json_i64(meta, "5", -1));
    }
    return column;
}

static inline bool pq_is(const PqValue *value, const char *text)
{
    return value->there && value->n == strlen(text) && memcmp(value->bytes, text, value->n) == 0;
}

#endif
