/* SPDX-License-Identifier: Apache-2.0 */
#include "base/threads.h"

#include "base/err.h"
#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct Loop {
    void (*fn)(void *ctx, int64_t item, int thread);
    void *ctx;
    int64_t count;
    _Atomic int64_t next;
} Loop;

typedef struct Worker {
    Loop *loop;
    int index;
    pthread_t id;
} Worker;

int mel_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

static void *run_worker(void *argument)
{
    Worker *worker = argument;
    Loop *loop = worker->loop;
    for (;;) {
        int64_t item = atomic_fetch_add(&loop->next, 1);
        if (item >= loop->count) return NULL;
        loop->fn(loop->ctx, item, worker->index);
    }
}

void mel_parallel_for(int threads, int64_t count, void (*fn)(void *ctx, int64_t item, int thread),
                      void *ctx)
{
    MEL_ASSERT(threads >= 1);
    if (threads > count) threads = count > 0 ? (int)count : 1;
    Loop loop = {.fn = fn, .ctx = ctx, .count = count};
    Worker *workers = mel_alloc((size_t)threads * sizeof *workers);
    int started = 1;
    workers[0] = (Worker){.loop = &loop};
    while (started < threads) {
        Worker *worker = &workers[started];
        *worker = (Worker){.loop = &loop, .index = started};
        if (pthread_create(&worker->id, NULL, run_worker, worker) != 0) break; /* fewer will do */
        started++;
    }
    run_worker(&workers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(workers[i].id, NULL);
    free(workers);
}
