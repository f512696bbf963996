/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Titles and server messages come from outside: none of them may steer the terminal. */
static void disarm(char *text)
{
    for (char *p = text; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f) *p = '?';
}

static void line(const char *prefix, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) return;
    disarm(text);
    pthread_mutex_lock(&lock);
    if (before_fn) before_fn(before_ctx);
    fprintf(stderr, "%s%s\n", prefix, text);
    pthread_mutex_unlock(&lock);
    free(text);
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
