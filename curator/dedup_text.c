/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as they are compared. Written out instead of towlower(), whose answers depend on the
 * locale. */
#include "curator/dedup.h"

#include <ctype.h>

/* One code point of valid UTF-8; moves *text behind it. */
static uint32_t next_point(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    uint32_t point = p[0];
    int more = point < 0x80 ? 0 : point < 0xE0 ? 1 : point < 0xF0 ? 2 : 3;
    if (more) point &= 0x3Fu >> more;
    int used = 1;
    for (; used <= more && (p[used] & 0xC0) == 0x80; used++)
        point = point << 6 | (p[used] & 0x3F);
    *text += used;
    return point;
}

static void add_point(Str *out, uint32_t point)
{
    char bytes[4];
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3F));
    bytes[0] = (char)(lead[n] | point);
    mel_str_add_bytes(out, bytes, n);
}

static bool is_gap(uint32_t point)
{
    if (point < 0x80) return !isalnum((int)point);
    return (point >= 0xA0 && point <= 0xBF) || point == 0xD7 || point == 0xF7 ||
           (point >= 0x2000 && point <= 0x206F) || (point >= 0x3000 && point <= 0x303F) ||
           (point >= 0xFE30 && point <= 0xFE4F) || (point >= 0xFF00 && point <= 0xFF0F) ||
           point == 0xFEFF;
}

static uint32_t lower(uint32_t point)
{
    static const struct {
        uint32_t first, last, distance;
    } ranges[] = {
        {'A',   'Z',   32}, /* ASCII */
        {0xC0,  0xDE,  32}, /* Latin-1 */
        {0x391, 0x3AB, 32}, /* Greek */
        {0x400, 0x40F, 80}, /* Cyrillic */
        {0x410, 0x42F, 32},
    };
    for (size_t i = 0; i < MEL_COUNT(ranges); i++)
        if (point >= ranges[i].first && point <= ranges[i].last) return point + ranges[i].distance;
    return point;
}

char *mel_text_normal(const char *text)
{
    Str out = {0};
    bool gap = false;
    mel_str_add(&out, "");
    while (*text) {
        uint32_t point = next_point(&text);
        if (is_gap(point)) {
            gap = true;
            continue;
        }
        if (gap && out.length) mel_str_add_char(&out, ' ');
        gap = false;
        add_point(&out, lower(point));
    }
    return mel_str_take(&out);
}
