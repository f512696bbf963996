/* SPDX-License-Identifier: Apache-2.0 */
#define MEL_ERR_ITSELF
#include "base/err.h"

#include "base/translate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const code_names[] = {
    [ERR_NONE] = "none",           [ERR_USAGE] = "usage",   [ERR_NOT_FOUND] = "not_found",
    [ERR_EXISTS] = "exists",       [ERR_IO] = "io",         [ERR_FORMAT] = "format",
    [ERR_LIMIT] = "limit",         [ERR_DB] = "db",         [ERR_NET] = "net",
    [ERR_MEDIA] = "media",         [ERR_DEVICE] = "device", [ERR_NOMEM] = "nomem",
    [ERR_CANCELLED] = "cancelled", [ERR_DENIED] = "denied", [ERR_MATH] = "math",
};

/* A text that was cut to fit must not end within a character: JSON and terminals refuse it. */
static void mend_end(char *text)
{
    size_t n = strlen(text), tail = 0;
    while (tail < 4 && tail < n && ((unsigned char)text[n - 1 - tail] & 0xC0) == 0x80)
        tail++;
    if (tail == n) return;
    unsigned char lead = (unsigned char)text[n - 1 - tail];
    size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (tail < wanted) text[n - 1 - tail] = '\0';
}

static void set_text(Err *err, ErrCode code, const char *reason, const char *format, va_list args)
{
    if (err->code != ERR_NONE) return;
    err->code = code;
    snprintf(err->reason, sizeof err->reason, "%s", reason);
    vsnprintf(err->message, sizeof err->message, mel_text(format), args);
    mend_end(err->message);
}

bool mel_err(Err *err, ErrCode code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_text(err, code, "", format, args);
    va_end(args);
    return false;
}

bool mel_err_reason(Err *err, ErrCode code, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_text(err, code, reason, format, args);
    va_end(args);
    return false;
}

bool mel_err_errno(Err *err, const char *format, ...)
{
    int saved = errno;
    if (err->code != ERR_NONE) return false;
    va_list args;
    va_start(args, format);
    set_text(err, ERR_IO, "", format, args);
    va_end(args);
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(saved));
    if (saved == ENOSPC || saved == EDQUOT)
        mel_err_hint(err, "free some space on that disk and run the command again");
    return false;
}

bool mel_err_wrap(Err *err, const char *format, ...)
{
    char context[sizeof err->message];
    char whole[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(context, 201, mel_text(format), args); /* leaves half for the cause */
    va_end(args);
    mend_end(context);
    int used = snprintf(whole, sizeof whole, "%s: ", context);
    snprintf(whole + used, sizeof whole - (size_t)used, "%s", err->message);
    mend_end(whole);
    memcpy(err->message, whole, sizeof whole);
    return false;
}

bool mel_err_hint(Err *err, const char *format, ...)
{
    if (err->hint[0]) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, mel_text(format), args);
    mend_end(err->hint);
    va_end(args);
    return false;
}

bool mel_err_is_set(const Err *err)
{
    return err->code != ERR_NONE;
}

void mel_err_clear(Err *err)
{
    *err = (Err){0};
}

const char *mel_err_code_name(ErrCode code)
{
    return code_names[code];
}

void mel_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "melkit: broken assumption at %s:%d: %s\n", file, line, condition);
    abort();
}
