/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/launch.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 29500, PORT_SLURM = 20000, PORT_SLURM_COUNT = 12000, PORT_MAX = 65535 };

typedef struct Environment {
    LaunchVariable *variable;
    void *ctx;
} Environment;

static const char *look(const Environment *env, const char *name)
{
    const char *value = name ? env->variable(env->ctx, name) : NULL;
    return value && *value ? value : NULL;
}

/* A whole number least … most; *set tells whether the variable was there. */
static bool number(const Environment *env, const char *name, int64_t least, int64_t most,
                   int64_t *out, bool *set, Err *err)
{
    const char *text = look(env, name);
    int64_t value;
    *set = text != NULL;
    if (!text) return true;
    if (!mel_parse_i64(text, &value) || value < least || value > most)
        return mel_err(err, ERR_USAGE, "%s is '%.40s', wanted a whole number from %lld to %lld",
                       name, text, (long long)least, (long long)most);
    *out = value;
    return true;
}

/* ---- who ------------------------------------------------------------------------------------ */

/* What a launcher calls things. `within`: the others count only where this is set, since a batch
 * script of Slurm's has a rank and a count, but is one process. */
typedef struct Launcher {
    const char *rank, *size, *size_else, *local_rank, *within;
} Launcher;

/* mpirun may itself have been started by Slurm, with one process a host, so Slurm comes last. */
static const Launcher launchers[] = {
    {"RANK",                 "WORLD_SIZE",           NULL,           "LOCAL_RANK",                 NULL           },
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", NULL,           "OMPI_COMM_WORLD_LOCAL_RANK", NULL           },
    {"PMI_RANK",             "PMI_SIZE",             NULL,           "MPI_LOCALRANKID",            NULL           },
    {"SLURM_PROCID",         "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_LOCALID",              "SLURM_STEP_ID"},
};

static bool read_launcher(const Environment *env, const Launcher *launcher, LaunchPlace *place,
                          bool *found, Err *err)
{
    int64_t rank = 0, size = 1, local = 0;
    bool ranked, sized, placed;
    const char *size_name = launcher->size;
    *found = false;
    if (launcher->within && !look(env, launcher->within)) return true;
    if (!look(env, size_name) && look(env, launcher->size_else)) size_name = launcher->size_else;
    if (!number(env, launcher->rank, 0, LAUNCH_RANKS_MAX - 1, &rank, &ranked, err) ||
        !number(env, size_name, 1, LAUNCH_RANKS_MAX, &size, &sized, err) ||
        !number(env, launcher->local_rank, 0, LAUNCH_RANKS_MAX - 1, &local, &placed, err))
        return false;
    if (!ranked && !sized) return true;
    if (!ranked || !sized)
        return mel_err(err, ERR_USAGE, "%s is set and %s is not",
                       ranked ? launcher->rank : size_name, ranked ? size_name : launcher->rank);
    if (rank >= size)
        return mel_err(err, ERR_USAGE, "%s is %lld, but %s is %lld: ranks begin at 0",
                       launcher->rank, (long long)rank, size_name, (long long)size);
    place->rank = (int)rank;
    place->size = (int)size;
    place->local_rank = (int)(placed ? local : 0);
    *found = true;
    return true;
}

/* ---- where ---------------------------------------------------------------------------------- */

/* The first of "gpu[007-012,20],login1": gpu007. */
static bool first_host(const char *list, char out[LAUNCH_ADDRESS_SIZE])
{
    size_t head = strcspn(list, "[,"), n = 0, tail = 0;
    const char *first = list + head, *behind = "";
    if (*first == '[') {
        n = strcspn(++first, "-,]");
        const char *end = strchr(first, ']');
        if (!end || n == 0) return false;
        behind = end + 1;
        tail = strcspn(behind, "[,");
    }
    if (head + n + tail == 0 || head + n + tail >= LAUNCH_ADDRESS_SIZE) return false;
    snprintf(out, LAUNCH_ADDRESS_SIZE, "%.*s%.*s%.*s", (int)head, list, (int)n, first, (int)tail,
             behind);
    return true;
}

static bool find_address(const Environment *env, LaunchPlace *place, Err *err)
{
    static const char *const lists[] = {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST",
                                        "SLURM_NODELIST"};
    const char *address = look(env, "MASTER_ADDR");
    if (address && strlen(address) >= LAUNCH_ADDRESS_SIZE)
        return mel_err(err, ERR_USAGE, "MASTER_ADDR is too long for a host's name");
    snprintf(place->address, LAUNCH_ADDRESS_SIZE, "%s", address ? address : "127.0.0.1");
    for (size_t i = 0; i < MEL_COUNT(lists) && !address; i++) {
        const char *list = look(env, lists[i]);
        if (!list) continue;
        if (!first_host(list, place->address))
            return mel_err(err, ERR_USAGE, "%s is '%.60s', which is no list of hosts", lists[i],
                           list);
        return true;
    }
    int64_t here = place->size;
    bool known;
    if (!number(env, "OMPI_COMM_WORLD_LOCAL_SIZE", 1, LAUNCH_RANKS_MAX, &here, &known, err))
        return false;
    if (address || here >= place->size) return true;
    mel_err(err, ERR_USAGE, "the processes are on several hosts, and MASTER_ADDR is not set");
    return mel_err_hint(err, "name the host of rank 0: mpirun -x MASTER_ADDR=HOST …");
}

static bool find_port(const Environment *env, LaunchPlace *place, Err *err)
{
    int64_t port = PORT_DEFAULT, job = 0, step = 0;
    bool given, in_job, in_step;
    if (!number(env, "MASTER_PORT", 1, PORT_MAX, &port, &given, err) ||
        !number(env, "SLURM_JOB_ID", 0, INT64_C(1) << 40, &job, &in_job, err) ||
        !number(env, "SLURM_STEP_ID", 0, INT64_C(1) << 40, &step, &in_step, err))
        return false;
    /* Steps and jobs of one host at one time get ports of their own, below those that systems hand
     * out by themselves. */
    if (!given && in_job) port = PORT_SLURM + (job + 101 * step) % PORT_SLURM_COUNT;
    /* torchrun's own store may listen on that very port: then its neighbour is ours. */
    const char *agent = look(env, "TORCHELASTIC_USE_AGENT_STORE");
    if (given && agent && mel_equal(agent, "True")) port += port < PORT_MAX ? 1 : -1;
    place->port = (int)port;
    return true;
}

bool mel_launch_place(LaunchVariable *variable, void *ctx, LaunchPlace *out, Err *err)
{
    const Environment env = {.variable = variable, .ctx = ctx};
    LaunchPlace place = {.size = 1};
    bool found = false;
    for (size_t i = 0; i < MEL_COUNT(launchers) && !found; i++)
        if (!read_launcher(&env, &launchers[i], &place, &found, err)) return false;
    if (place.size > 1 && (!find_address(&env, &place, err) || !find_port(&env, &place, err)))
        return false;
    *out = place;
    return true;
}

const char *mel_launch_environment(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}
