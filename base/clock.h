/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: wall-clock moments are UTC ISO-8601 texts with microseconds, spans are int64_t
 * microseconds, and everything that waits uses the monotonic clock. */
#ifndef MEL_BASE_CLOCK_H
#define MEL_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { UTC_SIZE = 28 }; /* "2026-11-21T03:04:05.123456Z" and the NUL */

int64_t mel_monotonic_us(void);
int64_t mel_wall_us(void); /* since 1970-01-01 UTC */
void mel_utc_format(int64_t wall_us, char text[UTC_SIZE]);
void mel_utc_now(char text[UTC_SIZE]);
bool mel_utc_parse(const char *text, int64_t *wall_us_out); /* the same form, fraction optional */
void mel_sleep_us(int64_t duration_us);                     /* returns early on a signal */

#endif
