/* SPDX-License-Identifier: Apache-2.0
 *
 * The crash harness: work is done in a child that is killed at a random moment, again and again;
 * what was acknowledged must be there afterwards, and in the end everything must be as if nothing
 * had happened. */
#ifndef MEL_TESTS_CRASH_H
#define MEL_TESTS_CRASH_H

#include "base/base.h"

typedef struct CrashOptions {
    int64_t points; /* kills that hit a living child */
    int64_t seed;
    bool keep;       /* leave the folder of a failure behind */
    const char *bin; /* where mel and mel-world are; for the commands */
} CrashOptions;

typedef struct CrashReport {
    int64_t points, acknowledged, worlds;
} CrashReport;

/* Each returns false with what went wrong: an acknowledged change that is lost, a finding of the
 * store check, another end than the undisturbed run's. */
MEL_MUST_CHECK bool crash_store_layer(const CrashOptions *options, CrashReport *report, Err *err);
MEL_MUST_CHECK bool crash_command_layer(const CrashOptions *options, CrashReport *report, Err *err);

/* When a child is to be killed: after so long, or after so many acknowledgements, whichever comes
 * first; 0 = not by that. */
typedef struct CrashPlan {
    int64_t after_us;
    int after_acks;
} CrashPlan;

/* One in four by count, the others by time: mostly 1 to 30 ms. */
CrashPlan crash_plan(Rng *rng);

typedef struct CrashEnd {
    bool killed;   /* while it still ran */
    int exit_code; /* when it was not */
    int acks;      /* that came through before its end */
} CrashEnd;

/* Runs fn in a child, which acknowledges by crash_ack. fn's result is the exit code. */
MEL_MUST_CHECK bool crash_child(int (*fn)(void *ctx, int acknowledge), void *ctx,
                                const CrashPlan *plan, CrashEnd *end, Err *err);
bool crash_ack(int acknowledge);

/* Waits until pid ends or the time is over, and kills it then. */
MEL_MUST_CHECK bool crash_wait(pid_t pid, int64_t after_us, CrashEnd *end, Err *err);

/* A folder below $TMPDIR; yours to free. */
char *crash_folder(Err *err);

/* NULL when equal; else the first line that differs, yours to free. */
char *crash_difference(const char *wanted, const char *found);

#endif
