/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors are values that carry a sentence.
 *
 *     bool clip_open(const char *path, Clip **out, Err *err);
 *
 * A function that can fail returns true on success, writes its outputs on success only, and takes
 * a non-NULL `Err *` last. The first error set wins: setting again is ignored, so that clean-up
 * code cannot hide the cause. The struct has a fixed size: nothing to free, works out of memory. */
#ifndef MEL_BASE_ERR_H
#define MEL_BASE_ERR_H

#include <stdbool.h>

#define MEL_MUST_CHECK __attribute__((warn_unused_result))
#define MEL_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))

/* Programmer errors only; stays on in release builds. */
#define MEL_ASSERT(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) mel_assert_failed(#condition, __FILE__, __LINE__);                       \
    } while (0)

typedef enum ErrCode {
    ERR_NONE,
    ERR_USAGE,     /* the caller asked for something that makes no sense */
    ERR_NOT_FOUND, /* a named thing is not there */
    ERR_EXISTS,    /* a named thing is there already */
    ERR_IO,        /* the file system or a pipe said no */
    ERR_FORMAT,    /* bytes or text that are not what they claim to be */
    ERR_LIMIT,     /* a size, time or count limit was reached */
    ERR_DB,        /* the store said no */
    ERR_NET,       /* the network or a server said no */
    ERR_MEDIA,     /* media that cannot be decoded as asked */
    ERR_DEVICE,    /* an accelerator said no */
    ERR_NOMEM,     /* a data-sized allocation failed */
    ERR_CANCELLED, /* interrupted by the user */
    ERR_DENIED,    /* refused for safety */
    ERR_MATH,      /* a computation that ends in no number */
} ErrCode;

typedef struct Err {
    ErrCode code;
    char reason[40];   /* stable machine-readable word such as "http.404"; may be empty */
    char message[400]; /* lower case, what failed first, subject in single quotes, no full stop */
    char hint[240];    /* what to do about it; may be empty */
} Err;

/* Formats, here and below, are shown in the person's language (base/translate.h).
 *
 * Sets the error unless one is set. Always returns false, so: return mel_err(err, ...); */
bool mel_err(Err *err, ErrCode code, const char *format, ...) MEL_PRINTF(3, 4);

/* The same with a reason word. */
bool mel_err_reason(Err *err, ErrCode code, const char *reason, const char *format, ...)
    MEL_PRINTF(4, 5);

/* As mel_err, with ": strerror(errno)" behind the text. */
bool mel_err_errno(Err *err, const char *format, ...) MEL_PRINTF(2, 3);

/* Puts "context: " before the message. Returns false. */
bool mel_err_wrap(Err *err, const char *format, ...) MEL_PRINTF(2, 3);

/* Sets the hint unless one is set. Returns false. */
bool mel_err_hint(Err *err, const char *format, ...) MEL_PRINTF(2, 3);

bool mel_err_is_set(const Err *err);
void mel_err_clear(Err *err);

/* "not_found" and so on: stable names for logs and --json. */
const char *mel_err_code_name(ErrCode code);

/* An attribute, as cppcheck 2.10 does not know _Noreturn. */
void mel_assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

/* The analyzer must know which functions return false, or it walks on behind every failure. */
#if defined __clang_analyzer__ && !defined MEL_ERR_ITSELF
static inline bool mel_err_false(bool ignored)
{
    (void)ignored;
    return false;
}
#define mel_err(...) mel_err_false(mel_err(__VA_ARGS__))
#define mel_err_reason(...) mel_err_false(mel_err_reason(__VA_ARGS__))
#define mel_err_errno(...) mel_err_false(mel_err_errno(__VA_ARGS__))
#define mel_err_wrap(...) mel_err_false(mel_err_wrap(__VA_ARGS__))
#define mel_err_hint(...) mel_err_false(mel_err_hint(__VA_ARGS__))
#endif

#endif
