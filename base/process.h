/* SPDX-License-Identifier: Apache-2.0
 *
 * Running another program: argv without a shell, its own process group, a deadline, a watchdog on
 * silence, and bounded output. */
#ifndef MEL_BASE_PROCESS_H
#define MEL_BASE_PROCESS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ProcessOptions {
    int64_t deadline_us; /* of the whole run; 0 = 60 s */
    int64_t silence_us;  /* killed when nothing was printed for so long; 0 = no such limit */
    size_t stdout_limit; /* more is ERR_LIMIT; 0 = 16 MiB */
    size_t stderr_keep;  /* the tail that is kept; 0 = 16 KiB */
    const char *const *extra_env; /* "NAME=value", NULL-terminated, added; may be NULL */
} ProcessOptions;

typedef struct ProcessResult {
    int exit_code; /* -1 when a signal ended it */
    int signal;
    char *out; /* NUL-terminated; yours (mel_process_clear) */
    size_t out_length;
    char *err_tail; /* the last bytes of stderr, NUL-terminated; yours */
} ProcessResult;

/* Runs argv[0] (looked up in PATH) to its end, standard input empty. True when it ran and ended
 * by itself, whatever its exit code; what it left running in its process group is killed.
 * ERR_NOT_FOUND: no such program; ERR_LIMIT: deadline, silence or output limit (the whole process
 * group is killed); ERR_CANCELLED: mel_interrupted(). On failure `result` still holds the stderr
 * tail. */
MEL_MUST_CHECK bool mel_process_run(const char *const *argv, const ProcessOptions *options,
                                    ProcessResult *result, Err *err);
void mel_process_clear(ProcessResult *result);

#endif
