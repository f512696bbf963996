/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs of speed share. */
#ifndef MEL_TESTS_BENCH_H
#define MEL_TESTS_BENCH_H

#include "base/base.h"

#include <stdlib.h>

static inline _Noreturn void give_up(const Err *err)
{
    mel_log_error(err);
    exit(1);
}

#endif
