/* SPDX-License-Identifier: Apache-2.0
 *
 * The one way to use several cores: a loop over items, run by some threads. */
#ifndef MEL_BASE_THREADS_H
#define MEL_BASE_THREADS_H

#include <stdint.h>

int mel_cpu_count(void); /* cores this process may use, at least 1 */

/* Calls fn(ctx, item, thread) for items 0 … count-1, handed out in order to `threads` threads
 * (thread is 0 … threads-1; fewer when the system has no more to give); returns when all are done.
 */
void mel_parallel_for(int threads, int64_t count, void (*fn)(void *ctx, int64_t item, int thread),
                      void *ctx);

#endif
