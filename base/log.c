/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static LogLevel current = LOG_NORMAL;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*before_fn)(void *ctx);
static void *before_ctx;

void mel_log_level(LogLevel level)
{
    current = level;
}

void mel_log_before(void (*fn)(void *ctx), void *ctx)
{
    before_fn = fn;
    before_ctx = ctx;
}

static void line(const char *prefix, const char *format, va_list args)
{
    pthread_mutex_lock(&lock);
    if (before_fn) before_fn(before_ctx);
    fputs(prefix, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    pthread_mutex_unlock(&lock);
}

static void linef(const char *prefix, const char *format, ...) MEL_PRINTF(2, 3);

static void linef(const char *prefix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(prefix, format, args);
    va_end(args);
}

void mel_log_error(const Err *err)
{
    linef("mel: ", "%s", err->message);
    if (err->hint[0]) linef("     ", "%s", err->hint);
}

void mel_log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line("mel: warning: ", format, args);
    va_end(args);
}

void mel_log_info(const char *format, ...)
{
    if (current < LOG_NORMAL) return;
    va_list args;
    va_start(args, format);
    line("", format, args);
    va_end(args);
}

void mel_log_debug(const char *format, ...)
{
    if (current < LOG_VERBOSE) return;
    va_list args;
    va_start(args, format);
    line("debug: ", format, args);
    va_end(args);
}
