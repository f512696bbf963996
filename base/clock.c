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

void mel_utc_format(int64_t wall_us, char text[UTC_SIZE])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char day[20];
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, UTC_SIZE, "%s.%06dZ", day, (int)(wall_us % 1000000));
}

void mel_utc_now(char text[UTC_SIZE])
{
    mel_utc_format(mel_wall_us(), text);
}

bool mel_utc_parse(const char *text, int64_t *wall_us_out)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest) return false;
    int64_t micros = 0;
    if (*rest == '.') {
        int64_t unit = 100000;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            micros += unit * (*rest - '0');
    }
    if (strcmp(rest, "Z") != 0) return false;
    *wall_us_out = (int64_t)timegm(&tm) * 1000000 + micros;
    return true;
}

void mel_sleep_us(int64_t duration_us)
{
    if (duration_us <= 0) return;
    struct timespec span = {.tv_sec = (time_t)(duration_us / 1000000),
                            .tv_nsec = (long)(duration_us % 1000000) * 1000};
    nanosleep(&span, NULL);
}
