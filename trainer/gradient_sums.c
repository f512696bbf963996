/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/gradient_sums.h"

#include "trainer/ranks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_US = 50 };

/* What the run and the thread tell each other; under the lock. */
typedef struct Talk {
    bool working;   /* from begin until all are added up, or one could not be */
    int passed;     /* how many milestones the run is past */
    bool cut_short; /* no more will be passed */
    bool end;       /* of the thread */
} Talk;

struct GradientSums {
    GradientSumsPlan plan;
    GradientBucket *buckets;
    Peers *peers; /* NULL: the host adds up */
    RankSums *host;
    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Talk talk;
    bool failed;
    Err why;
    int64_t waited_us;
};

/* ---- by the host ---------------------------------------------------------------------------- */

static void tell(GradientSums *s, Talk news)
{
    pthread_mutex_lock(&s->lock);
    s->talk = news;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void note_passed(void *ctx, int milestone)
{
    GradientSums *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->talk.passed = milestone + 1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Whether the bucket may be added up now; false when it never may in this run. */
static bool wait_for(GradientSums *s, const GradientBucket *bucket)
{
    pthread_mutex_lock(&s->lock);
    while (s->talk.passed <= bucket->milestone && !s->talk.cut_short)
        pthread_cond_wait(&s->changed, &s->lock);
    bool passed = s->talk.passed > bucket->milestone;
    pthread_mutex_unlock(&s->lock);
    return passed;
}

static bool add_up(GradientSums *s, Err *err)
{
    for (int k = 0; k < s->plan.bucket_count; k++) {
        const GradientBucket *bucket = &s->buckets[k];
        if (!wait_for(s, bucket)) return true;
        if (!mel_plan_await(s->plan.plan, bucket->milestone, err) ||
            !rank_sums_run(s->host, bucket->span, 1, err))
            return false;
    }
    return true;
}

/* Waits until there is work, or the end. */
static bool more_work(GradientSums *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->talk.working && !s->talk.end)
        pthread_cond_wait(&s->changed, &s->lock);
    bool work = !s->talk.end;
    pthread_mutex_unlock(&s->lock);
    return work;
}

static void *serve(void *ctx)
{
    GradientSums *s = ctx;
    while (more_work(s)) {
        s->failed = !add_up(s, &s->why);
        tell(s, (Talk){0});
    }
    return NULL;
}

static bool wait_for_the_thread(GradientSums *s, bool ran, Err *err)
{
    pthread_mutex_lock(&s->lock);
    s->talk.cut_short = !ran;
    pthread_cond_broadcast(&s->changed);
    while (s->talk.working)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (s->failed && ran) *err = s->why; /* else the run has said why */
    return !s->failed;
}

static bool start_thread(GradientSums *s, Err *err)
{
    s->threaded = pthread_create(&s->thread, NULL, serve, s) == 0;
    if (s->threaded) mel_plan_on_passed(s->plan.plan, note_passed, s);
    return s->threaded || mel_err(err, ERR_LIMIT, "no thread can be started to add up gradients");
}

/* ---- by the devices ------------------------------------------------------------------------- */

/* All or none: *all says whether there are peers now, else `why` why there are none. */
static bool try_to_join(GradientSums *s, bool *all, Err *why, Err *err)
{
    Collective *c = s->plan.collective;
    Backend *backend = s->plan.backend;
    PeersId id = {0};
    if (!ranks_all_say(c, mel_peers_ready(backend, why), all, err)) return false;
    if (!*all) return true;
    bool own = mel_collective_rank(c) > 0 || mel_peers_id(backend, &id, why);
    if (!collective_broadcast(c, &id, sizeof id, err) || !ranks_all_say(c, own, all, err))
        return false;
    if (!*all) return true;
    own = mel_peers_join(backend, &id, mel_collective_rank(c), mel_collective_size(c), &s->peers,
                         why);
    return ranks_all_say(c, own, all, err);
}

static bool join_peers(GradientSums *s, Err *err)
{
    bool all;
    Err why = {0};
    if (!try_to_join(s, &all, &why, err)) return false;
    if (all) return true;
    mel_peers_leave(s->peers);
    s->peers = NULL;
    bool expected = mel_variables_host(s->plan.variables, 0) != NULL;
    if (!expected && mel_err_is_set(&why))
        mel_log_warn("gradients are added up by the host, over TCP: %s", why.message);
    return true;
}

/* A rank that is gone is told by the watchdog: the devices would wait for it for ever. */
static bool wait_for_peers(GradientSums *s, Err *err)
{
    bool done = false;
    while (!done) {
        if (!collective_all_well(s->plan.collective, err) || !mel_peers_done(s->peers, &done, err))
            return false;
        if (!done) mel_sleep_us(LOOK_US);
    }
    return true;
}

static bool have_peers_add_up(GradientSums *s, Err *err)
{
    bool ok = true;
    for (int k = 0; k < s->plan.bucket_count && ok; k++)
        ok = mel_peers_sum(s->peers, s->plan.variables, s->buckets[k].span, s->plan.plan,
                           s->buckets[k].milestone, err);
    ok = ok && wait_for_peers(s, err);
    if (!ok) mel_peers_abort(s->peers);
    return ok;
}

/* ---- both ----------------------------------------------------------------------------------- */

bool gradient_sums_new(const GradientSumsPlan *plan, GradientSums **out, Err *err)
{
    GradientSums *s = mel_alloc(sizeof *s);
    s->plan = *plan;
    s->buckets = mel_alloc((size_t)plan->bucket_count * sizeof *s->buckets + 1);
    memcpy(s->buckets, plan->buckets, (size_t)plan->bucket_count * sizeof *s->buckets);
    s->host = rank_sums_new(plan->collective, plan->variables);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (join_peers(s, err) && (s->peers || start_thread(s, err))) {
        *out = s;
        return true;
    }
    gradient_sums_free(s);
    return false;
}

void gradient_sums_free(GradientSums *s)
{
    if (!s) return;
    if (s->threaded) {
        tell(s, (Talk){.end = true});
        pthread_join(s->thread, NULL);
        mel_plan_on_passed(s->plan.plan, NULL, NULL);
    }
    mel_peers_leave(s->peers);
    rank_sums_free(s->host);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s->buckets);
    free(s);
}

void gradient_sums_begin(GradientSums *s)
{
    if (s->threaded) tell(s, (Talk){.working = true});
}

bool gradient_sums_finish(GradientSums *s, bool ran, Err *err)
{
    const int64_t began = mel_monotonic_us();
    bool ok = s->threaded ? wait_for_the_thread(s, ran, err) : !ran || have_peers_add_up(s, err);
    s->waited_us = mel_monotonic_us() - began;
    return ok;
}

double gradient_sums_waited(const GradientSums *s)
{
    return (double)s->waited_us / 1e6;
}
