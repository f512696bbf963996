/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/events.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = 512, TAG_MAX = 200 };

struct Events {
    FILE *file;
    char *path;
};

/* ---- bytes ---------------------------------------------------------------------------------- */

typedef struct Bytes {
    uint8_t at[RECORD_MAX];
    size_t count;
} Bytes;

static void add(Bytes *bytes, const void *data, size_t n)
{
    MEL_ASSERT(bytes->count + n <= RECORD_MAX);
    memcpy(bytes->at + bytes->count, data, n);
    bytes->count += n;
}

static void add_varint(Bytes *bytes, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)(value & 127) | (value > 127 ? 128 : 0);
        add(bytes, &byte, 1);
        value >>= 7;
    } while (value);
}

/* A field's key: its number and wire type (0 varint, 1 eight bytes, 2 counted, 5 four bytes). */
static void add_key(Bytes *bytes, int field, int type)
{
    add_varint(bytes, (uint64_t)(field << 3 | type));
}

static void add_counted(Bytes *bytes, int field, const void *data, size_t n)
{
    add_key(bytes, field, 2);
    add_varint(bytes, n);
    add(bytes, data, n);
}

/* CRC-32C (Castagnoli), and the mask of LevelDB's logs. */
static uint32_t masked_crc(const void *data, size_t n)
{
    const uint8_t *bytes = data;
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0x82f63b78U & -(crc & 1));
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

static void write_record(Events *events, const Bytes *event)
{
    uint64_t length = event->count;
    uint32_t length_crc = masked_crc(&length, sizeof length);
    uint32_t data_crc = masked_crc(event->at, event->count);
    fwrite(&length, sizeof length, 1, events->file);
    fwrite(&length_crc, sizeof length_crc, 1, events->file);
    fwrite(event->at, 1, event->count, events->file);
    fwrite(&data_crc, sizeof data_crc, 1, events->file);
}

static Bytes event_now(int64_t step)
{
    Bytes event = {0};
    double seconds = (double)mel_wall_us() / 1e6;
    add_key(&event, 1, 1);
    add(&event, &seconds, sizeof seconds);
    add_key(&event, 2, 0);
    add_varint(&event, (uint64_t)step);
    return event;
}

/* ---- the file ------------------------------------------------------------------------------- */

bool events_open(const char *folder, Events **out, Err *err)
{
    static const char version[] = "brain.Event:2";
    Events *events = mel_alloc(sizeof *events);
    events->path = mel_asprintf("%s/events.out.tfevents.%lld.melkit", folder,
                                (long long)(mel_wall_us() / 1000000));
    events->file = fopen(events->path, "ab");
    if (!events->file) {
        mel_err_errno(err, "'%s' cannot be written", events->path);
        events_close(events);
        return false;
    }
    Bytes first = event_now(0);
    add_counted(&first, 3, version, sizeof version - 1);
    write_record(events, &first);
    *out = events;
    return true;
}

void events_close(Events *events)
{
    if (!events) return;
    if (events->file) fclose(events->file);
    free(events->path);
    free(events);
}

void events_number(Events *events, const char *tag, int64_t step, double value)
{
    Bytes item = {0}, summary = {0}, event = event_now(step);
    float number = (float)value;
    add_counted(&item, 1, tag, strnlen(tag, TAG_MAX));
    add_key(&item, 2, 5);
    add(&item, &number, sizeof number);
    add_counted(&summary, 1, item.at, item.count);
    add_counted(&event, 5, summary.at, summary.count);
    write_record(events, &event);
}

bool events_flush(Events *events, Err *err)
{
    return (fflush(events->file) == 0 && !ferror(events->file)) ||
           mel_err_errno(err, "'%s' cannot be written", events->path);
}
