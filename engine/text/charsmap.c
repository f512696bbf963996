/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/text/charsmap.h"
#include "engine/text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine is needed");

struct Charsmap {
    uint32_t *units;
    size_t unit_count;
    char *pool; /* ends in NUL */
    size_t pool_size;
};

enum { CLUSTER_BYTES_MAX = 5 };

/* A unit of Darts-clone: bits 0 to 7 and 31 are the byte that leads to it, bit 8 says that a key
 * ends there, bits 10 to 30 with bit 9 say where its children are; a value has bit 31 set. */
static const uint32_t value_bit = 1U << 31;

static bool unit_is_value(uint32_t unit)
{
    return unit & value_bit;
}

static bool unit_ends_key(uint32_t unit)
{
    return unit >> 8 & 1;
}

static uint32_t unit_offset(uint32_t unit)
{
    return (unit & ~value_bit) >> 10 << ((unit & 1U << 9) >> 6);
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool check_pool(const Charsmap *map, Err *err)
{
    for (size_t at = 0; at < map->pool_size; at += strlen(map->pool + at) + 1)
        if (!mel_utf8_valid(map->pool + at, strlen(map->pool + at)))
            return mel_err(err, ERR_FORMAT, "the normaliser's replacement at byte %zu is not UTF-8",
                           at);
    return true;
}

/* Whatever is looked up stays within the trie and its replacements. A cycle does no harm: each
 * step takes a byte of the text. */
static bool check_units(const Charsmap *map, Err *err)
{
    for (size_t i = 0; i < map->unit_count; i++) {
        uint32_t unit = map->units[i];
        if (unit_is_value(unit)) continue;
        size_t children = i ^ unit_offset(unit);
        if (children >= map->unit_count)
            return mel_err(err, ERR_FORMAT,
                           "the normaliser's unit %zu leads to unit %zu, there are %zu", i,
                           children, map->unit_count);
        if (!unit_ends_key(unit)) continue;
        size_t value = map->units[children] & ~value_bit;
        if (!unit_is_value(map->units[children]))
            return mel_err(err, ERR_FORMAT, "the normaliser's unit %zu has no value", i);
        if (value >= map->pool_size || ((unsigned char)map->pool[value] & 0xC0) == 0x80)
            return mel_err(err, ERR_FORMAT,
                           "the normaliser's unit %zu has no replacement at byte %zu", i, value);
    }
    return true;
}

bool charsmap_open(const void *bytes, size_t n, Charsmap **out, Err *err)
{
    uint32_t trie_bytes = 0;
    if (n >= 4) memcpy(&trie_bytes, bytes, 4);
    if (n < 4 || trie_bytes > n - 4 || trie_bytes % 4 || trie_bytes == 0)
        return mel_err(err, ERR_FORMAT, "the normaliser's trie has %u bytes of %zu", trie_bytes, n);
    Charsmap *map = mel_alloc(sizeof *map);
    map->unit_count = trie_bytes / 4;
    map->units = mel_alloc(trie_bytes);
    memcpy(map->units, (const char *)bytes + 4, trie_bytes);
    map->pool_size = n - 4 - trie_bytes;
    map->pool = mel_alloc(map->pool_size + 1);
    memcpy(map->pool, (const char *)bytes + 4 + trie_bytes, map->pool_size);
    bool ok = check_pool(map, err) && check_units(map, err);
    if (ok)
        *out = map;
    else
        charsmap_close(map);
    return ok;
}

void charsmap_close(Charsmap *map)
{
    if (!map) return;
    free(map->units);
    free(map->pool);
    free(map);
}

/* ---- a text --------------------------------------------------------------------------------- */

/* The replacement of the shortest beginning of `key` that has one, or NULL. */
static const char *find(const Charsmap *map, const char *key, size_t n)
{
    size_t at = unit_offset(map->units[0]);
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)key[i];
        at ^= byte;
        if (at >= map->unit_count) return NULL;
        uint32_t unit = map->units[at];
        if ((unit & (value_bit | 0xFF)) != byte) return NULL;
        at ^= unit_offset(unit);
        if (unit_ends_key(unit)) return map->pool + (map->units[at] & ~value_bit);
    }
    return NULL;
}

static void normalise_cluster(const Charsmap *map, const char *text, size_t n, Str *out)
{
    const char *replacement = n <= CLUSTER_BYTES_MAX ? find(map, text, n) : NULL;
    if (replacement) {
        mel_str_add(out, replacement);
        return;
    }
    for (size_t at = 0, next; at < n; at = next) {
        text_char(text, n, at, &next);
        replacement = find(map, text + at, next - at);
        if (replacement)
            mel_str_add(out, replacement);
        else
            mel_str_add_bytes(out, text + at, next - at);
    }
}

void charsmap_normalise(const Charsmap *map, const char *text, size_t n, Str *out)
{
    utf8proc_int32_t before = 0, state = 0;
    size_t begin = 0;
    for (size_t at = 0, next; at < n; at = next) {
        utf8proc_int32_t c = text_char(text, n, at, &next);
        if (at > 0 && utf8proc_grapheme_break_stateful(before, c, &state)) {
            normalise_cluster(map, text + begin, at - begin, out);
            begin = at;
        }
        before = c;
    }
    if (n > begin) normalise_cluster(map, text + begin, n - begin, out);
}
