/* SPDX-License-Identifier: Apache-2.0
 *
 * A map file is one line of JSON and the line's SHA-256 below it: whatever tears or flips a bit
 * costs a fetch, never a wrong byte. */
#include "curator/remote_map.h"

#include <stdlib.h>
#include <string.h>

enum { MAP_BYTES_MAX = 16 << 20, MAP_FORMAT = 1 };

bool mel_remote_map_save(const char *path, const RemoteMap *map, Err *err)
{
    json_t *root = json_object(), *ranges = json_array();
    mel_json_set_i64(root, "format", MAP_FORMAT);
    mel_json_set_i64(root, "size", map->size);
    mel_json_set_text(root, "etag", map->etag);
    mel_json_set_text(root, "last_modified", map->last_modified);
    for (size_t i = 0; i < map->present.count; i++) {
        const ByteRange *range = &map->present.ranges[i];
        json_array_append_new(ranges, json_integer(range->offset));
        json_array_append_new(ranges, json_integer(range->length));
    }
    json_object_set_new(root, "ranges", ranges);
    char *line = mel_json_line(root), hex[SHA256_HEX_SIZE];
    mel_sha256_hex(line, strlen(line), hex);
    char *text = mel_asprintf("%s\n%s\n", line, hex);
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(text);
    free(line);
    json_decref(root);
    return ok;
}

static bool read_ranges(const json_t *array, int64_t size, RangeSet *set)
{
    size_t n = json_array_size(array);
    int64_t end = -1;
    if (!json_is_array(array) || n % 2) return false;
    for (size_t i = 0; i < n; i += 2) {
        int64_t offset = json_integer_value(json_array_get(array, i));
        int64_t length = json_integer_value(json_array_get(array, i + 1));
        if (offset <= end || length <= 0 || offset > size || length > size - offset) return false;
        end = offset + length;
        mel_range_set_add(set, offset, length);
    }
    return true;
}

static bool read_map(const char *text, size_t n, RemoteMap *map)
{
    Err ignored = {0};
    json_t *root = mel_json_parse(text, n, "map", &ignored);
    map->size = mel_json_i64(root, "size", -1);
    snprintf(map->etag, sizeof map->etag, "%s", mel_json_text(root, "etag", ""));
    snprintf(map->last_modified, sizeof map->last_modified, "%s",
             mel_json_text(root, "last_modified", ""));
    bool ok = root && mel_json_i64(root, "format", 0) == MAP_FORMAT && map->size >= 0 &&
              read_ranges(json_object_get(root, "ranges"), map->size, &map->present);
    json_decref(root);
    return ok;
}

bool mel_remote_map_load(const char *path, RemoteMap *map)
{
    Err ignored = {0};
    char *text = NULL, hex[SHA256_HEX_SIZE];
    size_t n;
    RemoteMap read = {0};
    if (!mel_read_file(path, MAP_BYTES_MAX, &text, &n, &ignored)) return false;
    const char *end = memchr(text, '\n', n);
    bool ok = false;
    if (end && n == (size_t)(end - text) + 1 + SHA256_HEX_SIZE) {
        mel_sha256_hex(text, (size_t)(end - text), hex);
        ok = memcmp(end + 1, hex, SHA256_HEX_SIZE - 1) == 0 &&
             read_map(text, (size_t)(end - text), &read);
    }
    free(text);
    if (ok)
        *map = read;
    else
        mel_range_set_clear(&read.present);
    return ok;
}
