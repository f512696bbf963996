/* SPDX-License-Identifier: Apache-2.0
 *
 * Who this process is, as each launcher says it. */
#include "tests/support/test.h"
#include "trainer/launch.h"

#include <string.h>

enum { VARIABLES_MAX = 8 };
typedef struct Variable {
    const char *name, *value;
} Variable;

static const char *variable(void *ctx, const char *name)
{
    const Variable *all = ctx;
    for (int i = 0; i < VARIABLES_MAX && all[i].name; i++)
        if (mel_equal(all[i].name, name)) return all[i].value;
    return NULL;
}

static LaunchPlace place(const Variable *all)
{
    Err err = {0};
    LaunchPlace got;
    CHECK_OK(mel_launch_place(variable, (void *)all, &got, &err));
    return got;
}

static void refuse(const Variable *all, const char *says)
{
    Err err = {0};
    LaunchPlace got = {.size = 77};
    if (mel_launch_place(variable, (void *)all, &got, &err)) fail_msg("taken, wanted: %s", says);
    assert_int_equal(err.code, ERR_USAGE);
    assert_int_equal(got.size, 77);
    if (!strstr(err.message, says)) fail_msg("%s, wanted: %s", err.message, says);
}

static void no_variables_are_one_process(void **state)
{
    (void)state;
    const Variable none[VARIABLES_MAX] = {0};
    const Variable alone[VARIABLES_MAX] = {
        {"RANK",       "0"},
        {"WORLD_SIZE", "1"}
    };
    assert_int_equal(place(none).size, 1);
    assert_int_equal(place(alone).size, 1);
}

static void torchrun_says_all(void **state)
{
    (void)state;
    const Variable all[VARIABLES_MAX] = {
        {"RANK",        "3"    },
        {"WORLD_SIZE",  "8"    },
        {"LOCAL_RANK",  "1"    },
        {"MASTER_ADDR", "node7"},
        {"MASTER_PORT", "2345" }
    };
    LaunchPlace got = place(all);
    assert_int_equal(got.rank, 3);
    assert_int_equal(got.size, 8);
    assert_int_equal(got.local_rank, 1);
    assert_string_equal(got.address, "node7");
    assert_int_equal(got.port, 2345);
}

static void torchruns_own_port_is_left_to_it(void **state)
{
    (void)state;
    const Variable all[VARIABLES_MAX] = {
        {"RANK",                         "0"    },
        {"WORLD_SIZE",                   "2"    },
        {"MASTER_PORT",                  "29500"},
        {"TORCHELASTIC_USE_AGENT_STORE", "True" }
    };
    assert_int_equal(place(all).port, 29501);
}

static void a_rank_and_a_size_alone_meet_on_this_host(void **state)
{
    (void)state;
    const Variable all[VARIABLES_MAX] = {
        {"RANK",       "1"},
        {"WORLD_SIZE", "2"}
    };
    assert_string_equal(place(all).address, "127.0.0.1");
    assert_int_equal(place(all).port, 29500);
}

static LaunchPlace slurm(const char *nodes, const char *job, const char *step)
{
    const Variable all[VARIABLES_MAX] = {
        {"SLURM_PROCID",        "5"  },
        {"SLURM_NTASKS",        "6"  },
        {"SLURM_LOCALID",       "2"  },
        {"SLURM_STEP_NODELIST", nodes},
        {"SLURM_JOB_ID",        job  },
        {"SLURM_STEP_ID",       step }
    };
    return place(all);
}

static void slurm_names_its_first_host_in_every_syntax(void **state)
{
    (void)state;
    static const struct {
        const char *list, *first;
    } cases[] = {
        {"login",                       "login"            },
        {"a1,b2",                       "a1"               },
        {"gpu[007-012,20],login1",      "gpu007"           },
        {"n[3]",                        "n3"               },
        {"n[12,14-15]",                 "n12"              },
        {"rack1-n[01-04].cluster",      "rack1-n01.cluster"},
        {"rack1-n[01-04].cluster,last", "rack1-n01.cluster"},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        LaunchPlace got = slurm(cases[i].list, "123456", "0");
        assert_string_equal(got.address, cases[i].first);
        assert_int_equal(got.rank, 5);
        assert_int_equal(got.size, 6);
        assert_int_equal(got.local_rank, 2);
    }
}

static void steps_and_jobs_of_slurm_meet_on_different_ports(void **state)
{
    (void)state;
    int port = slurm("a", "123456", "0").port;
    assert_int_equal(port, slurm("a", "123456", "0").port);
    assert_int_not_equal(port, slurm("a", "123457", "0").port);
    assert_int_not_equal(port, slurm("a", "123456", "1").port);
    assert_true(port >= 20000 && port < 32768);
}

static void a_batch_script_of_slurms_is_one_process(void **state)
{
    (void)state;
    const Variable all[VARIABLES_MAX] = {
        {"SLURM_PROCID", "0"},
        {"SLURM_NTASKS", "4"},
        {"SLURM_JOB_ID", "7"}
    };
    assert_int_equal(place(all).size, 1);
}

static void mpirun_goes_before_the_slurm_that_started_it(void **state)
{
    (void)state;
    const Variable open_mpi[VARIABLES_MAX] = {
        {"OMPI_COMM_WORLD_RANK",       "2"     },
        {"OMPI_COMM_WORLD_SIZE",       "4"     },
        {"OMPI_COMM_WORLD_LOCAL_RANK", "0"     },
        {"SLURM_PROCID",               "1"     },
        {"SLURM_NTASKS",               "2"     },
        {"SLURM_STEP_ID",              "0"     },
        {"SLURM_NODELIST",             "n[1-2]"}
    };
    assert_int_equal(place(open_mpi).rank, 2);
    assert_int_equal(place(open_mpi).size, 4);
    assert_string_equal(place(open_mpi).address, "n1");
    const Variable mpich[VARIABLES_MAX] = {
        {"PMI_RANK", "1"},
        {"PMI_SIZE", "3"}
    };
    assert_int_equal(place(mpich).rank, 1);
    assert_int_equal(place(mpich).size, 3);
}

static void nonsense_is_named(void **state)
{
    (void)state;
    static const struct {
        Variable all[VARIABLES_MAX];
        const char *says;
    } cases[] = {
        {{{"RANK", "2"}, {"WORLD_SIZE", "2"}},                           "RANK is 2, but WORLD_SIZE is 2"   },
        {{{"RANK", "-1"}, {"WORLD_SIZE", "2"}},                          "RANK is '-1'"                     },
        {{{"RANK", "one"}, {"WORLD_SIZE", "2"}},                         "RANK is 'one'"                    },
        {{{"RANK", "0"}, {"WORLD_SIZE", "0"}},                           "WORLD_SIZE is '0'"                },
        {{{"RANK", "0"}},                                                "RANK is set and WORLD_SIZE is not"},
        {{{"WORLD_SIZE", "2"}},                                          "WORLD_SIZE is set and RANK is not"},
        {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "70000"}}, "MASTER_PORT is '70000'"           },
        {{{"OMPI_COMM_WORLD_RANK", "0"},
          {"OMPI_COMM_WORLD_SIZE", "4"},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}},
         "MASTER_ADDR is not set"                                                                           },
        {{{"SLURM_PROCID", "0"},
          {"SLURM_NTASKS", "2"},
          {"SLURM_STEP_ID", "0"},
          {"SLURM_STEP_NODELIST", "n[1-2"}},
         "SLURM_STEP_NODELIST is 'n[1-2'"                                                                   },
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++)
        refuse(cases[i].all, cases[i].says);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_variables_are_one_process),
        cmocka_unit_test(torchrun_says_all),
        cmocka_unit_test(torchruns_own_port_is_left_to_it),
        cmocka_unit_test(a_rank_and_a_size_alone_meet_on_this_host),
        cmocka_unit_test(slurm_names_its_first_host_in_every_syntax),
        cmocka_unit_test(steps_and_jobs_of_slurm_meet_on_different_ports),
        cmocka_unit_test(a_batch_script_of_slurms_is_one_process),
        cmocka_unit_test(mpirun_goes_before_the_slurm_that_started_it),
        cmocka_unit_test(nonsense_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
