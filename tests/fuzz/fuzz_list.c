/* SPDX-License-Identifier: Apache-2.0
 *
 * mel_list_read and mel_source_identify on any bytes: what comes out is text, within its limits,
 * and every refusal has a reason. The first byte chooses the format. */
#include "curator/source_list.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    MEL_ASSERT(!text || mel_utf8_valid(text, strlen(text)));
}

static bool on_row(void *ctx, const ListRow *row, Err *err)
{
    (void)ctx, (void)err;
    MEL_ASSERT(mel_name_valid(row->source_id));
    MEL_ASSERT(row->locator && *row->locator);
    MEL_ASSERT(row->line > 0);
    MEL_ASSERT(row->start_us < 0 ? row->start_us == -1 && row->end_us == -1
                                 : row->end_us > row->start_us);
    const char *const texts[] = {row->locator, row->caption, row->title,           row->channel,
                                 row->license, row->author,  row->published_split, row->extra_json};
    for (size_t i = 0; i < MEL_COUNT(texts); i++)
        check_text(texts[i]);
    for (size_t i = 0; i < row->label_count; i++) {
        MEL_ASSERT(mel_name_valid(row->labels[i].scheme) && *row->labels[i].value);
        check_text(row->labels[i].value);
    }
    json_t *extra = row->extra_json ? json_loads(row->extra_json, 0, NULL) : NULL;
    MEL_ASSERT(!row->extra_json || json_is_object(extra));
    json_decref(extra);
    return true;
}

static bool on_bad(void *ctx, const ListBadRow *bad, Err *err)
{
    (void)ctx, (void)err;
    MEL_ASSERT(mel_starts_with(bad->reason, "list."));
    MEL_ASSERT(!mel_equal(bad->reason, "list.bad_row"));
    MEL_ASSERT(*bad->message && strlen(bad->text) <= 200);
    check_text(bad->message);
    check_text(bad->text);
    for (const unsigned char *p = (const unsigned char *)bad->text; *p; p++)
        MEL_ASSERT(*p >= 0x20 && *p != 0x7F);
    return true;
}

static void identify(const uint8_t *data, size_t size)
{
    SourceKind kind;
    char id[65], *locator = NULL, *text = mel_strndup((const char *)data, size);
    Err err = {0};
    if (mel_source_identify(text, &kind, id, &locator, &err)) {
        MEL_ASSERT(mel_name_valid(id));
        check_text(locator);
        char again[65], *same = NULL; /* the normal form is its own normal form */
        MEL_ASSERT(mel_source_identify(locator, &kind, again, &same, &err));
        MEL_ASSERT(mel_equal(id, again) && mel_equal(locator, same));
        free(same);
    } else {
        MEL_ASSERT(mel_starts_with(err.reason, "list."));
        check_text(err.message);
    }
    free(locator);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[40];
    if (size < 2) return 0;
    if (fd < 0) {
        fd = memfd_create("list", MFD_CLOEXEC);
        MEL_ASSERT(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1) return 0;
    const ListReader reader = {.row = on_row, .bad = on_bad};
    ListFormat format = (ListFormat)(data[0] % LIST_MEDIA), detected = LIST_AUTO;
    Err err = {0};
    if (mel_list_read(path, format, &reader, &detected, &err))
        MEL_ASSERT(detected != LIST_AUTO && (format == LIST_AUTO || format == detected));
    else
        MEL_ASSERT(err.code && err.reason[0] && err.message[0]);
    identify(data + 1, size - 1);
    return 0;
}
