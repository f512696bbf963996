/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a source or a clip could not be had: a closed set of reasons in six classes, as data.
 * Err.reason carries the word; the table says what it means and what to do. */
#ifndef MEL_CURATOR_FAILURE_H
#define MEL_CURATOR_FAILURE_H

#include "base/base.h"

typedef enum FailureClass {
    FAIL_PERMANENT,     /* gone, or never a clip: retrying cannot help */
    FAIL_CONDITIONAL,   /* needs something that this machine may not have (age, region, payment) */
    FAIL_TRANSIENT,     /* may well work later */
    FAIL_PAUSE,         /* the service asks us to stop: everything pauses, nothing is evaded */
    FAIL_CONFIGURATION, /* this installation lacks or misuses something */
    FAIL_LOCAL,         /* this machine: disk full, file missing, no memory */
} FailureClass;

typedef struct FailureKind {
    const char *reason; /* "http.404" */
    FailureClass class;
    const char *meaning; /* one sentence */
    const char *advice;
} FailureKind;

const char *mel_failure_class_name(FailureClass class); /* "permanent" … */
bool mel_failure_class_parse(const char *name, FailureClass *out);

/* The row of a reason; for an unknown or empty word the row of "unknown" (transient). */
const FailureKind *mel_failure(const char *reason);

/* All rows, for documentation and tests. */
const FailureKind *mel_failure_table(size_t *count_out);

/* The reason word for an error: its own, or one derived from its code ("local.io", …). */
const char *mel_failure_reason(const Err *err);

#endif
