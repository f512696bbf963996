/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/thrift.h"

#include <string.h>

static void add_varint(Str *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        mel_str_add_char(out, (char)(0x80 | (value & 0x7F)));
    mel_str_add_char(out, (char)value);
}

static void add_zigzag(Str *out, int64_t value)
{
    add_varint(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static void add_text(Str *out, const char *text)
{
    size_t n = strlen(text);
    add_varint(out, n);
    mel_str_add_bytes(out, text, n);
}

static void open_struct(ThriftWriter *writer)
{
    MEL_ASSERT(writer->depth < THRIFT_DEPTH_MAX);
    writer->last[writer->depth++] = 0;
}

/* Ids near the last one travel as a difference in the type's byte. */
static void add_field(ThriftWriter *writer, int field, ThriftType type)
{
    int *last = &writer->last[writer->depth - 1];
    MEL_ASSERT(field > *last);
    if (field - *last <= 15) {
        mel_str_add_char(writer->out, (char)((field - *last) << 4 | type));
    } else {
        mel_str_add_char(writer->out, (char)type);
        add_zigzag(writer->out, field);
    }
    *last = field;
}

void mel_thrift_begin(ThriftWriter *writer, Str *out)
{
    *writer = (ThriftWriter){.out = out};
    open_struct(writer);
}

void mel_thrift_end(ThriftWriter *writer)
{
    MEL_ASSERT(writer->depth > 0);
    writer->depth--;
    mel_str_add_char(writer->out, 0);
}

void mel_thrift_i32(ThriftWriter *writer, int field, int32_t value)
{
    add_field(writer, field, THRIFT_I32);
    add_zigzag(writer->out, value);
}

void mel_thrift_i64(ThriftWriter *writer, int field, int64_t value)
{
    add_field(writer, field, THRIFT_I64);
    add_zigzag(writer->out, value);
}

void mel_thrift_text(ThriftWriter *writer, int field, const char *text)
{
    add_field(writer, field, THRIFT_BINARY);
    add_text(writer->out, text);
}

void mel_thrift_struct(ThriftWriter *writer, int field)
{
    add_field(writer, field, THRIFT_STRUCT);
    open_struct(writer);
}

void mel_thrift_list(ThriftWriter *writer, int field, ThriftType type, size_t count)
{
    add_field(writer, field, THRIFT_LIST);
    if (count < 15) {
        mel_str_add_char(writer->out, (char)(count << 4 | type));
    } else {
        mel_str_add_char(writer->out, (char)(0xF0 | type));
        add_varint(writer->out, count);
    }
}

void mel_thrift_item_i32(ThriftWriter *writer, int32_t value)
{
    add_zigzag(writer->out, value);
}

void mel_thrift_item_text(ThriftWriter *writer, const char *text)
{
    add_text(writer->out, text);
}

void mel_thrift_item_struct(ThriftWriter *writer)
{
    open_struct(writer);
}
