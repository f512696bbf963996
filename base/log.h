/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines go to stderr, and from programs only: libraries return errors (and may say debug). */
#ifndef MEL_BASE_LOG_H
#define MEL_BASE_LOG_H

#include "base/err.h"

typedef enum LogLevel { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE } LogLevel;

void mel_log_level(LogLevel level);
void mel_log_error(const Err *err); /* message, then the hint */
void mel_log_warn(const char *format, ...) MEL_PRINTF(1, 2);
void mel_log_info(const char *format, ...) MEL_PRINTF(1, 2);  /* not with -q */
void mel_log_debug(const char *format, ...) MEL_PRINTF(1, 2); /* only with -v */

/* Called before every line, so that a progress bar can get out of the way. */
void mel_log_before(void (*fn)(void *ctx), void *ctx);

#endif
