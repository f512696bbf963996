/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/parquet.h"

#include "curator/thrift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of parquet.thrift. */
enum { TYPE_INT64 = 2, TYPE_DOUBLE = 5, TYPE_BYTE_ARRAY = 6 };
enum { REPEAT_OPTIONAL = 1, REPEAT_REPEATED = 2 };
enum { CONVERTED_NONE = -1, CONVERTED_UTF8 = 0, CONVERTED_LIST = 3 };
enum { LOGICAL_STRING = 1, LOGICAL_LIST = 3 };
enum { ENCODING_PLAIN = 0, ENCODING_RLE = 3 };

/* Repetition or definition levels as runs: <varint count*2> <value>, which is legal for every run
 * length in the RLE/bit-packed hybrid. */
typedef struct Levels {
    Str runs;
    int value;
    uint32_t run;
} Levels;

/* A leaf of the schema: one column chunk in every row group. */
typedef struct Leaf {
    const char *path[3];
    int path_length;
    int type, definition_max, repetition_max;
    Levels definitions, repetitions;
    Str values; /* of the page in hand */
    Str pages;  /* finished ones of this row group */
    int32_t page_values;
    int64_t chunk_values;
    int64_t rows; /* begun, in the whole file */
} Leaf;

typedef struct Chunk {
    int64_t offset, size_bytes, values;
} Chunk;

typedef struct RowGroup {
    int64_t rows, size_bytes;
    Chunk *chunks; /* one a leaf */
} RowGroup;

struct ParquetWriter {
    FileWriter file;
    const ParquetColumn *columns;
    size_t column_count;
    size_t *first_leaf; /* of each column */
    Leaf *leaves;
    size_t leaf_count;
    char *key, *value;
    int64_t offset, rows, group_rows;
    RowGroup *groups;
    size_t group_count, group_capacity;
    bool too_large; /* a value over the limit came: said at the row's end */
};

/* ---- levels and pages ------------------------------------------------------------------------ */

static void levels_end_run(Levels *levels)
{
    uint64_t header = (uint64_t)levels->run << 1;
    if (!levels->run) return;
    for (; header >= 0x80; header >>= 7)
        mel_str_add_char(&levels->runs, (char)(0x80 | (header & 0x7F)));
    mel_str_add_char(&levels->runs, (char)header);
    mel_str_add_char(&levels->runs, (char)levels->value);
    levels->run = 0;
}

static void levels_add(Levels *levels, int value)
{
    if (levels->run && levels->value != value) levels_end_run(levels);
    levels->value = value;
    levels->run++;
}

static void add_le(Str *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        mel_str_add_char(out, (char)(value >> 8 * i));
}

static void levels_take(Levels *levels, Str *out)
{
    levels_end_run(levels);
    add_le(out, levels->runs.length, 4);
    mel_str_add_bytes(out, mel_str_text(&levels->runs), levels->runs.length);
    mel_str_reset(&levels->runs);
}

static void add_level(Leaf *leaf, int repetition, int definition)
{
    if (leaf->repetition_max) levels_add(&leaf->repetitions, repetition);
    levels_add(&leaf->definitions, definition);
    leaf->page_values++;
    if (repetition == 0) leaf->rows++;
}

static void page_header(Str *out, size_t size_bytes, int32_t values)
{
    ThriftWriter thrift;
    mel_thrift_begin(&thrift, out);
    mel_thrift_i32(&thrift, 1, 0); /* a data page */
    mel_thrift_i32(&thrift, 2, (int32_t)size_bytes);
    mel_thrift_i32(&thrift, 3, (int32_t)size_bytes);
    mel_thrift_struct(&thrift, 5);
    mel_thrift_i32(&thrift, 1, values);
    mel_thrift_i32(&thrift, 2, ENCODING_PLAIN);
    mel_thrift_i32(&thrift, 3, ENCODING_RLE);
    mel_thrift_i32(&thrift, 4, ENCODING_RLE);
    mel_thrift_end(&thrift);
    mel_thrift_end(&thrift);
}

static void end_page(Leaf *leaf)
{
    Str levels = {0};
    if (!leaf->page_values) return;
    if (leaf->repetition_max) levels_take(&leaf->repetitions, &levels);
    levels_take(&leaf->definitions, &levels);
    page_header(&leaf->pages, levels.length + leaf->values.length, leaf->page_values);
    mel_str_add_bytes(&leaf->pages, mel_str_text(&levels), levels.length);
    mel_str_add_bytes(&leaf->pages, mel_str_text(&leaf->values), leaf->values.length);
    mel_str_reset(&leaf->values);
    leaf->chunk_values += leaf->page_values;
    leaf->page_values = 0;
    mel_str_clear(&levels);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static Leaf *leaf_of(ParquetWriter *writer, size_t column, ParquetType type)
{
    MEL_ASSERT(column < writer->column_count && writer->columns[column].type == type);
    return &writer->leaves[writer->first_leaf[column]];
}

static void add_bytes(ParquetWriter *writer, Leaf *leaf, const void *bytes, size_t n)
{
    if (n > PARQUET_VALUE_BYTES_MAX) {
        writer->too_large = true;
        n = 0;
    }
    add_le(&leaf->values, n, 4);
    mel_str_add_bytes(&leaf->values, bytes, n);
}

void mel_parquet_text(ParquetWriter *writer, size_t column, const char *text)
{
    Leaf *leaf = leaf_of(writer, column, PARQUET_TEXT);
    add_level(leaf, 0, text != NULL);
    if (text) add_bytes(writer, leaf, text, strlen(text));
}

void mel_parquet_i64(ParquetWriter *writer, size_t column, int64_t value)
{
    Leaf *leaf = leaf_of(writer, column, PARQUET_I64);
    add_level(leaf, 0, 1);
    add_le(&leaf->values, (uint64_t)value, 8);
}

void mel_parquet_f64(ParquetWriter *writer, size_t column, double value)
{
    Leaf *leaf = leaf_of(writer, column, PARQUET_F64);
    uint64_t bits;
    add_level(leaf, 0, !isnan(value));
    if (isnan(value)) return;
    memcpy(&bits, &value, sizeof bits);
    add_le(&leaf->values, bits, 8);
}

/* Definition levels of a list: 0 the list is null, 1 empty, 2 an item is null, 3 an item. */
void mel_parquet_texts(ParquetWriter *writer, size_t column, const char *const *items, size_t count)
{
    Leaf *leaf = leaf_of(writer, column, PARQUET_TEXTS);
    if (!count) add_level(leaf, 0, 1);
    for (size_t i = 0; i < count; i++) {
        add_level(leaf, i > 0, items[i] ? 3 : 2);
        if (items[i]) add_bytes(writer, leaf, items[i], strlen(items[i]));
    }
}

void mel_parquet_media(ParquetWriter *writer, size_t column, const void *bytes, size_t n,
                       const char *path)
{
    Leaf *leaf = leaf_of(writer, column, PARQUET_MEDIA);
    add_level(&leaf[0], 0, 2);
    add_bytes(writer, &leaf[0], bytes, n);
    add_level(&leaf[1], 0, path ? 2 : 1);
    if (path) add_bytes(writer, &leaf[1], path, strlen(path));
}

static bool put(ParquetWriter *writer, const void *bytes, size_t n, Err *err)
{
    if (fwrite(bytes, 1, n, writer->file.file) != n)
        return mel_err_errno(err, "cannot write '%s'", writer->file.path);
    writer->offset += (int64_t)n;
    return true;
}

static bool end_group(ParquetWriter *writer, Err *err)
{
    if (!writer->group_rows) return true;
    RowGroup group = {.rows = writer->group_rows,
                      .chunks = mel_alloc(writer->leaf_count * sizeof(Chunk))};
    bool ok = true;
    for (size_t i = 0; ok && i < writer->leaf_count; i++) {
        Leaf *leaf = &writer->leaves[i];
        end_page(leaf);
        group.chunks[i] = (Chunk){.offset = writer->offset,
                                  .size_bytes = (int64_t)leaf->pages.length,
                                  .values = leaf->chunk_values};
        group.size_bytes += group.chunks[i].size_bytes;
        ok = put(writer, mel_str_text(&leaf->pages), leaf->pages.length, err);
        mel_str_reset(&leaf->pages);
        leaf->chunk_values = 0;
    }
    mel_grow(&writer->groups, &writer->group_capacity, writer->group_count + 1,
             sizeof *writer->groups);
    writer->groups[writer->group_count++] = group;
    writer->group_rows = 0;
    return ok;
}

bool mel_parquet_row_end(ParquetWriter *writer, Err *err)
{
    size_t buffered = 0;
    writer->rows++;
    writer->group_rows++;
    if (writer->too_large)
        return mel_err(err, ERR_LIMIT, "'%s': a value has more than %d bytes", writer->file.path,
                       PARQUET_VALUE_BYTES_MAX);
    for (size_t i = 0; i < writer->leaf_count; i++) {
        Leaf *leaf = &writer->leaves[i];
        MEL_ASSERT(leaf->rows == writer->rows);
        if (leaf->values.length >= PARQUET_PAGE_BYTES) end_page(leaf);
        buffered += leaf->pages.length + leaf->values.length;
    }
    return buffered < PARQUET_ROW_GROUP_BYTES || end_group(writer, err);
}

/* ---- schema and footer ----------------------------------------------------------------------- */

static Leaf *add_leaf(ParquetWriter *writer, int type, int definition_max, int repetition_max)
{
    Leaf *leaf = &writer->leaves[writer->leaf_count++];
    *leaf =
        (Leaf){.type = type, .definition_max = definition_max, .repetition_max = repetition_max};
    return leaf;
}

static void set_path(Leaf *leaf, const char *a, const char *b, const char *c)
{
    const char *parts[] = {a, b, c};
    for (int i = 0; i < 3 && parts[i]; i++)
        leaf->path[leaf->path_length++] = parts[i];
}

static void add_column(ParquetWriter *writer, size_t i)
{
    const ParquetColumn *column = &writer->columns[i];
    writer->first_leaf[i] = writer->leaf_count;
    switch (column->type) {
    case PARQUET_TEXT:
        set_path(add_leaf(writer, TYPE_BYTE_ARRAY, 1, 0), column->name, 0, 0);
        break;
    case PARQUET_I64:
        set_path(add_leaf(writer, TYPE_INT64, 1, 0), column->name, 0, 0);
        break;
    case PARQUET_F64:
        set_path(add_leaf(writer, TYPE_DOUBLE, 1, 0), column->name, 0, 0);
        break;
    case PARQUET_TEXTS:
        set_path(add_leaf(writer, TYPE_BYTE_ARRAY, 3, 1), column->name, "list", "element");
        break;
    case PARQUET_MEDIA:
        set_path(add_leaf(writer, TYPE_BYTE_ARRAY, 2, 0), column->name, "bytes", 0);
        set_path(add_leaf(writer, TYPE_BYTE_ARRAY, 2, 0), column->name, "path", 0);
        break;
    }
}

/* One SchemaElement; type -1: a group of `children`. */
static void schema_element(ThriftWriter *thrift, const char *name, int type, int repetition,
                           int children, int converted)
{
    mel_thrift_item_struct(thrift);
    if (type >= 0) mel_thrift_i32(thrift, 1, type);
    if (repetition >= 0) mel_thrift_i32(thrift, 3, repetition);
    mel_thrift_text(thrift, 4, name);
    if (type < 0) mel_thrift_i32(thrift, 5, children);
    if (converted != CONVERTED_NONE) {
        mel_thrift_i32(thrift, 6, converted);
        mel_thrift_struct(thrift, 10);
        mel_thrift_struct(thrift, converted == CONVERTED_UTF8 ? LOGICAL_STRING : LOGICAL_LIST);
        mel_thrift_end(thrift);
        mel_thrift_end(thrift);
    }
    mel_thrift_end(thrift);
}

static void schema_column(ThriftWriter *thrift, const ParquetColumn *column)
{
    const char *name = column->name;
    switch (column->type) {
    case PARQUET_TEXT:
        schema_element(thrift, name, TYPE_BYTE_ARRAY, REPEAT_OPTIONAL, 0, CONVERTED_UTF8);
        break;
    case PARQUET_I64:
        schema_element(thrift, name, TYPE_INT64, REPEAT_OPTIONAL, 0, CONVERTED_NONE);
        break;
    case PARQUET_F64:
        schema_element(thrift, name, TYPE_DOUBLE, REPEAT_OPTIONAL, 0, CONVERTED_NONE);
        break;
    case PARQUET_TEXTS:
        schema_element(thrift, name, -1, REPEAT_OPTIONAL, 1, CONVERTED_LIST);
        schema_element(thrift, "list", -1, REPEAT_REPEATED, 1, CONVERTED_NONE);
        schema_element(thrift, "element", TYPE_BYTE_ARRAY, REPEAT_OPTIONAL, 0, CONVERTED_UTF8);
        break;
    case PARQUET_MEDIA:
        schema_element(thrift, name, -1, REPEAT_OPTIONAL, 2, CONVERTED_NONE);
        schema_element(thrift, "bytes", TYPE_BYTE_ARRAY, REPEAT_OPTIONAL, 0, CONVERTED_NONE);
        schema_element(thrift, "path", TYPE_BYTE_ARRAY, REPEAT_OPTIONAL, 0, CONVERTED_UTF8);
        break;
    }
}

static void footer_schema(ThriftWriter *thrift, const ParquetWriter *writer)
{
    size_t elements = 1;
    for (size_t i = 0; i < writer->column_count; i++)
        elements += writer->columns[i].type >= PARQUET_TEXTS ? 3 : 1;
    mel_thrift_list(thrift, 2, THRIFT_STRUCT, elements);
    schema_element(thrift, "schema", -1, -1, (int)writer->column_count, CONVERTED_NONE);
    for (size_t i = 0; i < writer->column_count; i++)
        schema_column(thrift, &writer->columns[i]);
}

static void footer_chunk(ThriftWriter *thrift, const Leaf *leaf, const Chunk *chunk)
{
    mel_thrift_item_struct(thrift);
    mel_thrift_i64(thrift, 2, chunk->offset);
    mel_thrift_struct(thrift, 3);
    mel_thrift_i32(thrift, 1, leaf->type);
    mel_thrift_list(thrift, 2, THRIFT_I32, 2);
    mel_thrift_item_i32(thrift, ENCODING_PLAIN);
    mel_thrift_item_i32(thrift, ENCODING_RLE);
    mel_thrift_list(thrift, 3, THRIFT_BINARY, (size_t)leaf->path_length);
    for (int i = 0; i < leaf->path_length; i++)
        mel_thrift_item_text(thrift, leaf->path[i]);
    mel_thrift_i32(thrift, 4, 0); /* uncompressed */
    mel_thrift_i64(thrift, 5, chunk->values);
    mel_thrift_i64(thrift, 6, chunk->size_bytes);
    mel_thrift_i64(thrift, 7, chunk->size_bytes);
    mel_thrift_i64(thrift, 9, chunk->offset);
    mel_thrift_end(thrift);
    mel_thrift_end(thrift);
}

static void footer_groups(ThriftWriter *thrift, const ParquetWriter *writer)
{
    mel_thrift_list(thrift, 4, THRIFT_STRUCT, writer->group_count);
    for (size_t g = 0; g < writer->group_count; g++) {
        const RowGroup *group = &writer->groups[g];
        mel_thrift_item_struct(thrift);
        mel_thrift_list(thrift, 1, THRIFT_STRUCT, writer->leaf_count);
        for (size_t i = 0; i < writer->leaf_count; i++)
            footer_chunk(thrift, &writer->leaves[i], &group->chunks[i]);
        mel_thrift_i64(thrift, 2, group->size_bytes);
        mel_thrift_i64(thrift, 3, group->rows);
        mel_thrift_i64(thrift, 5, group->chunks[0].offset);
        mel_thrift_i64(thrift, 6, group->size_bytes);
        mel_thrift_end(thrift);
    }
}

static void footer(const ParquetWriter *writer, Str *out)
{
    ThriftWriter thrift;
    mel_thrift_begin(&thrift, out);
    mel_thrift_i32(&thrift, 1, 1); /* format version 1 */
    footer_schema(&thrift, writer);
    mel_thrift_i64(&thrift, 3, writer->rows);
    footer_groups(&thrift, writer);
    if (writer->key) {
        mel_thrift_list(&thrift, 5, THRIFT_STRUCT, 1);
        mel_thrift_item_struct(&thrift);
        mel_thrift_text(&thrift, 1, writer->key);
        mel_thrift_text(&thrift, 2, writer->value);
        mel_thrift_end(&thrift);
    }
    mel_thrift_text(&thrift, 6, "melkit version " MEL_VERSION);
    mel_thrift_end(&thrift);
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char magic[4] = {'P', 'A', 'R', '1'};

bool mel_parquet_begin(const char *path, const ParquetColumn *columns, size_t count,
                       const char *key, const char *value, ParquetWriter **out, Err *err)
{
    MEL_ASSERT(count > 0 && count < 256);
    ParquetWriter *writer = mel_alloc(sizeof *writer);
    writer->columns = columns;
    writer->column_count = count;
    writer->first_leaf = mel_alloc(count * sizeof *writer->first_leaf);
    writer->leaves = mel_alloc(2 * count * sizeof *writer->leaves);
    writer->key = mel_strdup(key);
    writer->value = mel_strdup(value);
    for (size_t i = 0; i < count; i++)
        add_column(writer, i);
    if (!mel_writer_begin(&writer->file, path, err) || !put(writer, magic, sizeof magic, err)) {
        mel_parquet_free(writer);
        return false;
    }
    *out = writer;
    return true;
}

bool mel_parquet_finish(ParquetWriter *writer, Err *err)
{
    Str end = {0};
    bool ok = end_group(writer, err);
    footer(writer, &end);
    add_le(&end, end.length, 4);
    mel_str_add_bytes(&end, magic, sizeof magic);
    ok = ok && put(writer, mel_str_text(&end), end.length, err) &&
         mel_writer_commit(&writer->file, err);
    mel_str_clear(&end);
    return ok;
}

static void leaf_clear(Leaf *leaf)
{
    mel_str_clear(&leaf->definitions.runs);
    mel_str_clear(&leaf->repetitions.runs);
    mel_str_clear(&leaf->values);
    mel_str_clear(&leaf->pages);
}

void mel_parquet_free(ParquetWriter *writer)
{
    if (!writer) return;
    mel_writer_abort(&writer->file);
    for (size_t i = 0; i < writer->leaf_count; i++)
        leaf_clear(&writer->leaves[i]);
    for (size_t i = 0; i < writer->group_count; i++)
        free(writer->groups[i].chunks);
    free(writer->groups);
    free(writer->leaves);
    free(writer->first_leaf);
    free(writer->key);
    free(writer->value);
    free(writer);
}
