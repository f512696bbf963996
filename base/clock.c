/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t mel_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t mel_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* The years that have four digits. */
static const int64_t first_us = -30610224000LL * 1000000;         /* 1000-01-01 */
static const int64_t last_us = 253402300799LL * 1000000 + 999999; /* 9999-12-31 */

void mel_utc_format(int64_t wall_us, char text[UTC_SIZE])
{
    if (wall_us < first_us) wall_us = first_us;
    if (wall_us > last_us) wall_us = last_us;
    int64_t micros = (wall_us % 1000000 + 1000000) % 1000000;
    time_t seconds = (time_t)((wall_us - micros) / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t used = strftime(text, UTC_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + used, UTC_SIZE - used, ".%06dZ", (int)micros);
}

void mel_utc_now(char text[UTC_SIZE])
{
    mel_utc_format(mel_wall_us(), text);
}

/* Digits where `shape` has 0, the same characters elsewhere. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++)
        if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape) return false;
    return true;
}

bool mel_utc_parse(const char *text, int64_t *wall_us_out)
{
    struct tm tm = {0};
    if (!has_shape(text, "0000-00-00T00:00:00")) return false;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest != text + 19) return false;
    int64_t micros = 0;
    if (*rest == '.') {
        int64_t unit = 100000;
        const char *digits = ++rest;
        for (; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            micros += unit * (*rest - '0');
        if (rest == digits) return false;
    }
    if (strcmp(rest, "Z") != 0) return false;
    int day = tm.tm_mday, second = tm.tm_sec; /* timegm makes the 31st of June the 1st of July */
    time_t seconds = timegm(&tm);
    if (tm.tm_mday != day || tm.tm_sec != second) return false;
    *wall_us_out = (int64_t)seconds * 1000000 + micros;
    return true;
}

void mel_sleep_us(int64_t duration_us)
{
    if (duration_us <= 0) return;
    struct timespec span = {.tv_sec = (time_t)(duration_us / 1000000),
                            .tv_nsec = (long)(duration_us % 1000000) * 1000};
    nanosleep(&span, NULL);
}
