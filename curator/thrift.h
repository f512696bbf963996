/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing Thrift's compact protocol (thrift/doc/specs/thrift-compact-protocol.md), as far as
 * Parquet's metadata needs it. Structs nest; fields come in ascending order of their ids. */
#ifndef MEL_CURATOR_THRIFT_H
#define MEL_CURATOR_THRIFT_H

#include "base/base.h"

enum { THRIFT_DEPTH_MAX = 8 };

typedef enum ThriftType {
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_STRUCT = 12,
} ThriftType;

typedef struct ThriftWriter {
    Str *out;                   /* borrowed */
    int last[THRIFT_DEPTH_MAX]; /* field id written last, of each open struct */
    int depth;
} ThriftWriter;

/* Opens the outermost struct. Close it, and every other one, with mel_thrift_end. */
void mel_thrift_begin(ThriftWriter *writer, Str *out);
void mel_thrift_end(ThriftWriter *writer);

void mel_thrift_i32(ThriftWriter *writer, int field, int32_t value);
void mel_thrift_i64(ThriftWriter *writer, int field, int64_t value);
void mel_thrift_text(ThriftWriter *writer, int field, const char *text);
void mel_thrift_struct(ThriftWriter *writer, int field);

/* A list, followed by `count` items of that type. */
void mel_thrift_list(ThriftWriter *writer, int field, ThriftType type, size_t count);
void mel_thrift_item_i32(ThriftWriter *writer, int32_t value);
void mel_thrift_item_text(ThriftWriter *writer, const char *text);
void mel_thrift_item_struct(ThriftWriter *writer);

#endif
