/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients are added up over the ranks while the run still computes: proved by a run that does not
 * go on before it has seen the sum. */
#include "engine/backend.h"
#include "engine/engine.h"
#include "tests/support/test.h"
#include "tests/trainer/rank_play.h"
#include "trainer/gradient_sums.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 300, BUCKETS = 3, WAIT_US = 20000000 };

/* "x" times 1, 2 and 3 into three members of one flat variable, each with a milestone behind it. */
typedef struct World {
    Variables *variables;
    Graph *graph;
    Plan *plan;
    Params params;
    GradientBucket buckets[BUCKETS];
    GradientSums *sums;
} World;

static const char *const names[BUCKETS] = {"first", "second", "third"};

static bool add_variables(World *w, Backend *backend, Err *err)
{
    FlatMember members[BUCKETS];
    for (int k = 0; k < BUCKETS; k++)
        members[k] = (FlatMember){.name = names[k], .shape = SHAPE(SIDE, SIDE)};
    w->variables = mel_variables_new(backend);
    w->params = (Params){.variables = w->variables};
    return mel_variables_add_flat(w->variables, "all", members, BUCKETS, err);
}

static bool add_plan(World *w, Backend *backend, Err *err)
{
    Graph *g = w->graph = mel_graph_new(DTYPE_F32);
    Node *x = mel_graph_input(g, "x", DTYPE_F32, SHAPE(SIDE, SIDE)), *total = NULL;
    Node *keep = mel_graph_number(g, 0);
    for (int k = 0; k < BUCKETS; k++) {
        Node *member = mel_graph_variable(g, names[k], SHAPE(SIDE, SIDE));
        Node *squares = mel_op_accumulate(member, mel_op_affine(x, k + 1, 0), keep);
        total = total ? mel_op_add(total, squares) : squares;
        int i = mel_variables_find(w->variables, names[k]);
        w->buckets[k] = (GradientBucket){
            .span = {.variable = 0,
                     .begin = mel_variables_begin(w->variables, i),
                     .count = (int64_t)SIDE * SIDE},
            .milestone = mel_graph_milestone(g)
        };
    }
    mel_graph_output(g, "total", total);
    return mel_plan_new(g, backend, &w->params, &w->plan, err);
}

static bool world_open(World *w, Collective *c, Backend *backend, Err *err)
{
    *w = (World){0};
    if (!add_variables(w, backend, err) || !add_plan(w, backend, err)) return false;
    const GradientSumsPlan how = {.collective = c,
                                  .backend = backend,
                                  .variables = w->variables,
                                  .plan = w->plan,
                                  .buckets = w->buckets,
                                  .bucket_count = BUCKETS};
    return gradient_sums_new(&how, &w->sums, err);
}

static void world_close(World *w)
{
    gradient_sums_free(w->sums);
    mel_plan_free(w->plan);
    mel_graph_free(w->graph);
    mel_variables_free(w->variables);
}

/* x is rank + 1 + round everywhere. */
static bool give(World *w, int rank, int round, Err *err)
{
    float *x = mel_alloc((size_t)SIDE * SIDE * sizeof *x);
    for (int i = 0; i < SIDE * SIDE; i++)
        x[i] = (float)(rank + 1 + round);
    bool ok = mel_plan_write(w->plan, "x", x, err);
    free(x);
    return ok;
}

static float wanted_sum(int size, int round, int bucket)
{
    float sum = 0;
    for (int rank = 0; rank < size; rank++)
        sum += (float)((rank + 1 + round) * (bucket + 1));
    return sum;
}

static bool check(const World *w, int size, int round, Err *err)
{
    float *values = mel_alloc((size_t)SIDE * SIDE * sizeof *values);
    bool ok = true;
    for (int k = 0; k < BUCKETS && ok; k++) {
        ok = mel_variables_read_part(w->variables, w->buckets[k].span, values, err);
        for (int i = 0; i < SIDE * SIDE && ok; i++)
            if (values[i] != wanted_sum(size, round, k))
                ok = mel_err(err, ERR_MATH, "bucket %d at %d: %g, wanted %g", k, i,
                             (double)values[i], (double)wanted_sum(size, round, k));
    }
    free(values);
    return ok;
}

static bool one_round(World *w, Collective *c, int round, Err *err)
{
    if (!give(w, mel_collective_rank(c), round, err)) return false;
    gradient_sums_begin(w->sums);
    bool ran = mel_plan_run(w->plan, err);
    return gradient_sums_finish(w->sums, ran, err) && ran &&
           check(w, mel_collective_size(c), round, err);
}

/* ---- rounds --------------------------------------------------------------------------------- */

static bool add_up_in_rounds(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    World w;
    bool ok = world_open(&w, c, mel_device(), err);
    for (int round = 0; round < 4 && ok; round++) {
        /* A run that nobody is to add up comes between. */
        ok = give(&w, 7, round, err) && mel_plan_run(w.plan, err) && one_round(&w, c, round, err);
    }
    world_close(&w);
    return ok;
}

static void each_round_adds_up_its_own_run(void **state)
{
    (void)state;
    play_all(2, add_up_in_rounds, NULL);
    play_all(3, add_up_in_rounds, NULL);
}

/* ---- a run that waits ----------------------------------------------------------------------- */

static atomic_int
    awaited; /* milestones that the sums have waited for: but for the last, added up */
static bool seen;

static bool new_event(Backend *backend, void **event, Err *err)
{
    (void)backend, (void)err;
    *event = &awaited;
    return true;
}

static bool put_event(Backend *backend, Stream *stream, void *event, Err *err)
{
    (void)backend, (void)stream, (void)event, (void)err;
    return true;
}

static bool count_event(Backend *backend, void *event, Err *err)
{
    (void)backend, (void)event, (void)err;
    awaited++;
    return true;
}

static void free_event(Backend *backend, void *event)
{
    (void)backend, (void)event;
}

/* The last of the three gradients is not made before the first one is added up. */
static bool run_when_added_up(Backend *backend, Stream *stream, const Call *call, Err *err)
{
    static int updates;
    if (mel_equal(call->node->def->name, "accumulate") && ++updates == BUCKETS) {
        const int64_t began = mel_monotonic_us();
        while (awaited < 2 && mel_monotonic_us() - began < WAIT_US)
            mel_sleep_us(100);
        seen = awaited == 2;
    }
    return mel_backend_cpu()->run(backend, stream, call, err);
}

static bool add_up_meanwhile(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    World w;
    Backend impatient = *mel_backend_cpu();
    impatient.run = run_when_added_up;
    impatient.event_new = new_event;
    impatient.event_put = put_event;
    impatient.event_wait = count_event;
    impatient.event_free = free_event;
    bool ok = world_open(&w, c, &impatient, err) && one_round(&w, c, 0, err) &&
              (seen || mel_err(err, ERR_MATH, "the first bucket was not added up during the run"));
    world_close(&w);
    return ok;
}

static void a_bucket_is_added_up_while_the_run_goes_on(void **state)
{
    (void)state;
    play_all(2, add_up_meanwhile, NULL);
}

/* ---- a run that fails ----------------------------------------------------------------------- */

static bool refuse_the_last(Backend *backend, Stream *stream, const Call *call, Err *err)
{
    static int updates;
    if (mel_equal(call->node->def->name, "accumulate") && ++updates == BUCKETS)
        return mel_err(err, ERR_DEVICE, "refused");
    return mel_backend_cpu()->run(backend, stream, call, err);
}

/* Rank 0's run breaks off: it says why, and rank 1 hears it instead of its sums. */
static bool break_off(Collective *c, void *ctx, Err *err)
{
    (void)ctx;
    World w;
    const bool own = mel_collective_rank(c) == 0;
    Backend backend = *mel_backend_cpu();
    if (own) backend.run = refuse_the_last;
    bool went_well = world_open(&w, c, &backend, err) && one_round(&w, c, 0, err);
    world_close(&w);
    if (went_well) return own; /* wrong either way */
    if (own) return false;
    bool heard = strstr(err->message, "rank 0 stopped") && strstr(err->message, "refused");
    if (heard) mel_err_clear(err);
    return heard;
}

static void a_run_that_breaks_off_ends_the_sums(void **state)
{
    (void)state;
    pid_t children[2];
    int port = free_port();
    for (int rank = 1; rank >= 0; rank--)
        children[rank] = start(place_of(rank, 2, port), NULL, break_off, NULL);
    assert_int_equal(end_of(children[0]), 1);
    assert_int_equal(end_of(children[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_round_adds_up_its_own_run),
        cmocka_unit_test(a_bucket_is_added_up_while_the_run_goes_on),
        cmocka_unit_test(a_run_that_breaks_off_ends_the_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
