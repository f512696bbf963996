/* SPDX-License-Identifier: Apache-2.0
 *
 * Flat variables: their members are variables like others, and an update of the whole is that of
 * each of them, to the bit. */
#include "engine/backend.h"
#include "engine/engine.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 5, ALIGNMENT = 16, STEPS = 3 };

/* Scalars, odd counts, and what several threads share. */
static const Shape shapes[MEMBERS] = {
    SHAPE(3, 5), SHAPE(16), {0}, SHAPE(401, 100), SHAPE(8, 4, 3, 3)};
static const int64_t begins[MEMBERS] = {0, 16, 32, 48, 48 + 40112};
static const int64_t whole_count = 48 + 40112 + 288;

static const FlatMember *members_of(const char *kind)
{
    static FlatMember members[MEMBERS];
    static char names[MEMBERS][64];
    for (int k = 0; k < MEMBERS; k++) {
        snprintf(names[k], sizeof names[k], "%s %d", kind, k);
        members[k] = (FlatMember){.name = names[k], .shape = shapes[k]};
    }
    return members;
}

static void fill(float *values, int64_t count, uint64_t stream)
{
    Rng rng = {.seed = 4, .stream = stream};
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)mel_rng_normal(&rng);
}

static float *read_all(const Variables *variables, const char *name, int64_t *count)
{
    Err err = {0};
    int i = mel_variables_find(variables, name);
    assert_true(i >= 0);
    *count = mel_shape_count(mel_variables_shape(variables, i));
    float *values = mel_alloc((size_t)*count * sizeof *values);
    CHECK_OK(mel_variables_read(variables, i, values, &err));
    return values;
}

static void write_member(Variables *variables, const char *kind, int k, uint64_t stream)
{
    Err err = {0};
    int64_t count = mel_shape_count(&shapes[k]);
    float *values = mel_alloc((size_t)count * sizeof *values);
    fill(values, count, stream);
    int i = mel_variables_find(variables, members_of(kind)[k].name);
    CHECK_OK(mel_variables_write(variables, i, values, &err));
    free(values);
}

/* What lies between the members is zero. */
static void check_padding(const Variables *variables, const char *whole)
{
    int64_t count, at = 0;
    float *values = read_all(variables, whole, &count);
    assert_int_equal(count, whole_count);
    for (int k = 0; k < MEMBERS; k++) {
        for (; at < begins[k]; at++)
            assert_true(values[at] == 0);
        at += mel_shape_count(&shapes[k]);
    }
    for (; at < count; at++)
        assert_true(values[at] == 0);
    free(values);
}

/* ---- members -------------------------------------------------------------------------------- */

static void check_members(Backend *backend)
{
    Err err = {0};
    int64_t count, n;
    float part[3] = {7, 8, 9}, got[5];
    Variables *variables = mel_variables_new(backend);
    CHECK_OK(mel_variables_add_flat(variables, "all", members_of("w"), MEMBERS, &err));
    assert_int_equal(mel_variables_count(variables), MEMBERS + 1);
    int all = mel_variables_find(variables, "all");
    assert_true(mel_variables_is_flat(variables, all));
    float *zeroes = read_all(variables, "all", &count);
    for (int64_t i = 0; i < count; i++)
        assert_true(zeroes[i] == 0);
    free(zeroes);
    for (int k = 0; k < MEMBERS; k++)
        write_member(variables, "w", k, (uint64_t)k);
    float *whole = read_all(variables, "all", &count);
    for (int k = 0; k < MEMBERS; k++) {
        int i = mel_variables_find(variables, members_of("w")[k].name);
        assert_false(mel_variables_is_flat(variables, i));
        assert_int_equal(mel_variables_begin(variables, i), begins[k]);
        assert_true(mel_shape_equal(mel_variables_shape(variables, i), &shapes[k]));
        float *own = read_all(variables, members_of("w")[k].name, &n);
        assert_memory_equal(own, whole + begins[k], (size_t)n * sizeof *own);
        free(own);
    }
    free(whole);
    check_padding(variables, "all");
    CHECK_OK(mel_variables_write_part(
        variables, (VariableSpan){.variable = all, .begin = begins[1] + 2, .count = 3}, part,
        &err));
    int member = mel_variables_find(variables, "w 1");
    CHECK_OK(mel_variables_read_part(
        variables, (VariableSpan){.variable = member, .begin = 1, .count = 5}, got, &err));
    assert_memory_equal(got + 1, part, sizeof part);
    assert_true(got[0] != 7 && got[4] != 9);
    mel_variables_free(variables);
}

static void members_are_variables_like_others(void **state)
{
    (void)state;
    check_members(mel_device());
    check_members(mel_backend_reference());
}

static void members_are_aligned_where_they_lie(void **state)
{
    (void)state;
    Err err = {0};
    Variables *variables = mel_variables_new(mel_backend_cpu());
    CHECK_OK(mel_variables_add_flat(variables, "all", members_of("w"), MEMBERS, &err));
    const float *whole = mel_variables_host(variables, mel_variables_find(variables, "all"));
    for (int k = 0; k < MEMBERS; k++) {
        int i = mel_variables_find(variables, members_of("w")[k].name);
        const float *own = mel_variables_host(variables, i);
        assert_int_equal((uintptr_t)own % (ALIGNMENT * sizeof *own), 0);
        assert_int_equal(own - whole, begins[k]);
    }
    mel_variables_free(variables);
}

static void what_cannot_be_is_refused_whole(void **state)
{
    (void)state;
    Err err = {0};
    const FlatMember twice[] = {
        {"a", SHAPE(2)},
        {"b", SHAPE(2)},
        {"a", SHAPE(3)}
    };
    const int64_t huge = (int64_t)1 << 59;
    const FlatMember large[] = {
        {"a", SHAPE(huge)},
        {"b", SHAPE(huge)}
    };
    const FlatMember larger[] = {
        {"a", SHAPE(huge, 4)},
    };
    Variables *variables = mel_variables_new(mel_device());
    CHECK_OK(mel_variables_add(variables, "b", SHAPE(2), NULL, &err));
    CHECK_FAILS(mel_variables_add_flat(variables, "all", twice, 2, &err), ERR_USAGE);
    CHECK_FAILS(mel_variables_add_flat(variables, "b", twice, 1, &err), ERR_USAGE);
    CHECK_FAILS(mel_variables_add_flat(variables, "a", twice, 1, &err), ERR_USAGE);
    CHECK_FAILS(mel_variables_add_flat(variables, "all", large, 2, &err), ERR_USAGE); /* b */
    CHECK_FAILS(mel_variables_add_flat(variables, "all", larger, 1, &err), ERR_LIMIT);
    mel_variables_free(variables);
    variables = mel_variables_new(mel_device());
    CHECK_FAILS(mel_variables_add_flat(variables, "all", twice, 3, &err), ERR_USAGE);
    CHECK_FAILS(mel_variables_add_flat(variables, "all", large, 2, &err), ERR_LIMIT);
    assert_int_equal(mel_variables_count(variables), 0);
    CHECK_OK(mel_variables_add_flat(variables, "all", twice, 2, &err));
    assert_int_equal(mel_variables_count(variables), 3);
    mel_variables_free(variables);
}

/* ---- updates -------------------------------------------------------------------------------- */

static const char *const kinds[] = {"p", "g", "m", "v", "average"};
enum { KINDS = MEL_COUNT(kinds) };

typedef struct Update {
    Variables *variables;
    Graph *graph;
    Plan *plan;
} Update;

/* AdamW and an average over arrays of that shape whose names end so. */
static Node *add_update(Graph *graph, Node *hyper, Shape shape, const char *ending)
{
    Node *in[KINDS];
    char name[64];
    for (size_t k = 0; k < KINDS; k++) {
        snprintf(name, sizeof name, "%s %s", kinds[k], ending);
        in[k] = mel_graph_variable(graph, name, shape);
    }
    Node *change = mel_op_adamw(in[0], in[1], in[2], in[3], hyper);
    snprintf(name, sizeof name, "average %s", ending);
    mel_graph_output(graph, name, mel_op_average(in[4], in[0], mel_graph_number(graph, 0.75)));
    return change;
}

/* The same variables, under the same names, as members or each alone. */
static void add_variables(Variables *variables, bool flat)
{
    Err err = {0};
    for (size_t k = 0; k < KINDS; k++) {
        const FlatMember *members = members_of(kinds[k]);
        char whole[64];
        snprintf(whole, sizeof whole, "%s all", kinds[k]);
        if (flat) CHECK_OK(mel_variables_add_flat(variables, whole, members, MEMBERS, &err));
        for (int i = 0; i < MEMBERS && !flat; i++)
            CHECK_OK(mel_variables_add(variables, members[i].name, shapes[i], NULL, &err));
        for (int i = 0; i < MEMBERS; i++)
            if (k < 2) write_member(variables, kinds[k], i, k * MEMBERS + (uint64_t)i);
    }
}

static Update open_update(bool flat)
{
    Err err = {0};
    static const float hyper[ADAMW_HYPER_COUNT] = {1e-2F, 0.9F, 0.99F, 1e-20F,
                                                   0.05F, 0.1F, 0.02F, 0.7F};
    Update u = {.variables = mel_variables_new(mel_device()), .graph = mel_graph_new(DTYPE_F32)};
    Node *sum = NULL,
         *numbers = mel_graph_constant(u.graph, DTYPE_F32, SHAPE(ADAMW_HYPER_COUNT), hyper);
    if (flat) sum = add_update(u.graph, numbers, SHAPE(whole_count), "all");
    for (int i = 0; i < MEMBERS && !flat; i++) {
        char ending[16];
        snprintf(ending, sizeof ending, "%d", i);
        Node *change = add_update(u.graph, numbers, shapes[i], ending);
        sum = sum ? mel_op_add(sum, change) : change;
    }
    mel_graph_output(u.graph, "squares", sum);
    add_variables(u.variables, flat);
    const Params params = {.variables = u.variables};
    CHECK_OK(mel_plan_new(u.graph, mel_device(), &params, &u.plan, &err));
    return u;
}

static float run_update(Update *u)
{
    Err err = {0};
    float squares;
    CHECK_OK(mel_plan_run(u->plan, &err));
    CHECK_OK(mel_plan_read(u->plan, "squares", &squares, &err));
    return squares;
}

static void close_update(Update *u)
{
    mel_plan_free(u->plan);
    mel_graph_free(u->graph);
    mel_variables_free(u->variables);
}

static void check_same(const Update *a, const Update *b, const char *name)
{
    int64_t n, m;
    float *x = read_all(a->variables, name, &n), *y = read_all(b->variables, name, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, (size_t)n * sizeof *x);
    free(x);
    free(y);
}

static void an_update_of_the_whole_is_that_of_its_members(void **state)
{
    (void)state;
    Update whole = open_update(true), alone = open_update(false);
    for (int step = 0; step < STEPS; step++) {
        double of_whole = run_update(&whole), of_members = run_update(&alone);
        assert_true(of_whole > 0);
        CHECK_NEAR(of_whole, of_members, 1e-5 * of_members);
        for (size_t k = 0; k < KINDS; k++) {
            char name[64];
            for (int i = 0; i < MEMBERS; i++)
                check_same(&whole, &alone, members_of(kinds[k])[i].name);
            snprintf(name, sizeof name, "%s all", kinds[k]);
            check_padding(whole.variables, name);
        }
    }
    close_update(&whole);
    close_update(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_variables_like_others),
        cmocka_unit_test(members_are_aligned_where_they_lie),
        cmocka_unit_test(what_cannot_be_is_refused_whole),
        cmocka_unit_test(an_update_of_the_whole_is_that_of_its_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
