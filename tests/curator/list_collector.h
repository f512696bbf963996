/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a list and keeps what came: rows as JSON lines, bad rows as "line reason" words. */
#ifndef MEL_TESTS_LIST_COLLECTOR_H
#define MEL_TESTS_LIST_COLLECTOR_H

#include "curator/source_list.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

typedef struct Collector {
    Str rows, bad;
    int row_count, bad_count;
    char first_reason[40], first_message[256], first_text[256];
    int64_t first_bad_line;
    int stop_after; /* rows; 0 = never */
    ListFormat format;
} Collector;

static json_t *labels_json(const ListRow *row)
{
    json_t *labels = json_array();
    for (size_t i = 0; i < row->label_count; i++)
        json_array_append_new(labels,
                              json_pack("[ss]", row->labels[i].scheme, row->labels[i].value));
    return labels;
}

static bool collect_row(void *ctx, const ListRow *row, Err *err)
{
    (void)err;
    Collector *collector = ctx;
    assert_true(mel_name_valid(row->source_id));
    assert_true(row->start_us < 0 ? row->end_us < 0 : row->end_us > row->start_us);
    json_t *json =
        json_pack("{sI si ss ss sI sI}", "line", (json_int_t)row->line, "kind", (int)row->kind,
                  "id", row->source_id, "locator", row->locator, "start_us",
                  (json_int_t)row->start_us, "end_us", (json_int_t)row->end_us);
    const char *const names[] = {"caption", "title", "channel", "license", "author", "split"};
    const char *const texts[] = {row->caption, row->title,  row->channel,
                                 row->license, row->author, row->published_split};
    for (size_t i = 0; i < 6; i++)
        if (texts[i]) mel_json_set_text(json, names[i], texts[i]);
    if (row->label_count) json_object_set_new(json, "labels", labels_json(row));
    if (row->extra_json) {
        json_t *extra = json_loads(row->extra_json, 0, NULL);
        assert_true(json_is_object(extra));
        json_object_set_new(json, "extra", extra);
    }
    char *line = mel_json_line(json);
    assert_non_null(line);
    mel_str_addf(&collector->rows, "%s\n", line);
    free(line);
    json_decref(json);
    collector->row_count++;
    return !collector->stop_after || collector->row_count < collector->stop_after;
}

static bool collect_bad(void *ctx, const ListBadRow *bad, Err *err)
{
    (void)err;
    Collector *collector = ctx;
    size_t length = strlen(bad->text);
    assert_true(length <= 200);
    assert_true(mel_utf8_valid(bad->text, length));
    assert_true(mel_starts_with(bad->reason, "list."));
    assert_true(*bad->message);
    for (const unsigned char *p = (const unsigned char *)bad->text; *p; p++)
        assert_true(*p >= 0x20 && *p != 0x7F);
    if (collector->bad_count++ == 0) {
        collector->first_bad_line = bad->line;
        snprintf(collector->first_reason, sizeof collector->first_reason, "%s", bad->reason);
        snprintf(collector->first_message, sizeof collector->first_message, "%s", bad->message);
        snprintf(collector->first_text, sizeof collector->first_text, "%s", bad->text);
    }
    mel_str_addf(&collector->bad, "%lld %s\n", (long long)bad->line, bad->reason);
    return true;
}

static inline bool collect(Collector *collector, const char *path, ListFormat format, Err *err)
{
    *collector = (Collector){.stop_after = collector->stop_after};
    const ListReader reader = {.row = collect_row, .bad = collect_bad, .ctx = collector};
    return mel_list_read(path, format, &reader, &collector->format, err);
}

static inline void collector_clear(Collector *collector)
{
    mel_str_clear(&collector->rows);
    mel_str_clear(&collector->bad);
}

#endif
