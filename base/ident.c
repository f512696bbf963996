/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ident.h"

#include "base/clock.h"
#include "base/err.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void mel_ulid(char text[ULID_SIZE])
{
    unsigned char bytes[16];
    uint64_t ms = (uint64_t)(mel_wall_us() / 1000);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    MEL_ASSERT(getrandom(bytes + 6, 10, 0) == 10);
    /* 128 bits are 26 digits of 5 bits with 2 bits of zero in front. */
    for (int digit = 0; digit < 26; digit++) {
        unsigned value = 0;
        for (int bit = digit * 5 - 2; bit < digit * 5 + 3; bit++)
            value = value << 1 | (bit < 0 ? 0U : (unsigned)(bytes[bit / 8] >> (7 - bit % 8)) & 1U);
        text[digit] = crockford[value];
    }
    text[26] = '\0';
}

bool mel_name_valid(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n >= 1 && n <= NAME_MAX_BYTES && text[n] == '\0';
}
