/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing Apache Parquet (github.com/apache/parquet-format, version 1 data pages): PLAIN values,
 * no compression, no statistics, every field optional, as Arrow writes tables by default. Sound and
 * pictures are compressed already, so that there is nothing to win by more. */
#ifndef MEL_CURATOR_PARQUET_H
#define MEL_CURATOR_PARQUET_H

#include "base/base.h"

typedef enum ParquetType {
    PARQUET_TEXT,
    PARQUET_I64,
    PARQUET_F64,
    PARQUET_TEXTS, /* list<string> */
    PARQUET_MEDIA, /* struct<bytes: binary, path: string> */
} ParquetType;

typedef struct ParquetColumn {
    const char *name;
    ParquetType type;
} ParquetColumn;

typedef struct ParquetWriter ParquetWriter;

enum {
    PARQUET_ROW_GROUP_BYTES = 64 << 20, /* a group is closed behind the row that reaches this */
    PARQUET_PAGE_BYTES = 1 << 20,
    PARQUET_VALUE_BYTES_MAX = 1 << 30,
};

/* Starts a file; `columns` and the texts in it must live until the end. `key` and `value` go into
 * the file's metadata (NULL: none). The file gets its name when it is finished. */
MEL_MUST_CHECK bool mel_parquet_begin(const char *path, const ParquetColumn *columns, size_t count,
                                      const char *key, const char *value, ParquetWriter **out,
                                      Err *err);

/* One row: every column once, in any order, then mel_parquet_row_end. NULL and NAN are null. */
void mel_parquet_text(ParquetWriter *writer, size_t column, const char *text);
void mel_parquet_i64(ParquetWriter *writer, size_t column, int64_t value);
void mel_parquet_f64(ParquetWriter *writer, size_t column, double value);
void mel_parquet_texts(ParquetWriter *writer, size_t column, const char *const *items,
                       size_t count);
void mel_parquet_media(ParquetWriter *writer, size_t column, const void *bytes, size_t n,
                       const char *path);
MEL_MUST_CHECK bool mel_parquet_row_end(ParquetWriter *writer, Err *err);

/* Writes the footer and names the file. The writer is to be freed in any case; freed before the
 * end, it leaves no file. */
MEL_MUST_CHECK bool mel_parquet_finish(ParquetWriter *writer, Err *err);
void mel_parquet_free(ParquetWriter *writer); /* NULL is fine */

#endif
