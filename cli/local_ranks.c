/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/local_ranks.h"

#include "cli/cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A rank that is left alone ends by itself within 15 s (watchdog.h). */
enum { LAST_WORDS_US = 20000000, LAST_STEP_US = 60000000, LOOK_US = 20000 };

typedef struct Group {
    int count, left;
    pid_t *children; /* by rank; 0 when it has ended */
    int code;        /* of the first failure */
    int passed_on;   /* the signal, once it has been */
    int64_t end_us;  /* when those that are left are ended; 0: not yet */
    bool told;
} Group;

/* A port that was free a moment ago; the ranks come within that moment's reach. */
static bool free_port(int *port, Err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &n) == 0;
    if (!ok) mel_err_errno(err, "no port is free for the ranks to meet");
    if (fd >= 0) close(fd);
    if (ok) *port = ntohs(at.sin_port);
    return ok;
}

/* ---- starting ------------------------------------------------------------------------------- */

static void set_number(const char *name, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    setenv(name, text, 1);
}

/* Threads of several processes on the same cores would spin against each other. */
static void set_environment(int rank, int count, int port)
{
    int threads = mel_cpu_count() / count;
    set_number("RANK", rank);
    set_number("LOCAL_RANK", rank);
    set_number("WORLD_SIZE", count);
    set_number("LOCAL_WORLD_SIZE", count);
    set_number("MASTER_PORT", port);
    setenv("MASTER_ADDR", "127.0.0.1", 1);
    unsetenv("TORCHELASTIC_USE_AGENT_STORE");
    if (!getenv("OMP_NUM_THREADS")) set_number("OMP_NUM_THREADS", threads > 1 ? threads : 1);
}

/* In the child. Whoever starts ranks and dies takes them along. */
static _Noreturn void become(const char *const *argv, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(EXIT_FAILED);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

static bool start_all(Group *group, const char *const *argv, Err *err)
{
    int port;
    pid_t self = getpid();
    if (!free_port(&port, err)) return false;
    for (int rank = 0; rank < group->count; rank++) {
        pid_t child = fork();
        if (child == 0) {
            set_environment(rank, group->count, port);
            become(argv, self);
        }
        if (child < 0) return mel_err_errno(err, "cannot start rank %d", rank);
        group->children[rank] = child;
        group->left++;
    }
    return true;
}

/* ---- watching ------------------------------------------------------------------------------- */

static void signal_all(const Group *group, int number)
{
    for (int rank = 0; rank < group->count; rank++)
        if (group->children[rank] > 0) kill(group->children[rank], number);
}

static void note_end(Group *group, int rank, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    group->children[rank] = 0;
    group->left--;
    if (WIFSIGNALED(status))
        mel_log_warn("rank %d was killed by signal %d", rank, WTERMSIG(status));
    if (code == 0 || group->code) return;
    group->code = code;
    if (!group->end_us) group->end_us = mel_monotonic_us() + LAST_WORDS_US;
}

/* A terminal gives Ctrl-C to every process, and so may Slurm do with SIGTERM; a second of the same
 * would kill. So the other one is passed on. */
static void pass_on(Group *group)
{
    int number = mel_interrupt_signal();
    if (!number || group->passed_on) return;
    group->passed_on = number == SIGINT ? SIGTERM : SIGINT;
    signal_all(group, group->passed_on);
}

static void end_those_left(Group *group)
{
    if (!group->end_us || mel_monotonic_us() < group->end_us) return;
    signal_all(group, group->told ? SIGKILL : SIGTERM);
    group->told = true;
    group->end_us = mel_monotonic_us() + LAST_STEP_US;
}

static void wait_all(Group *group)
{
    while (group->left > 0) {
        for (int rank = 0; rank < group->count; rank++) {
            int status;
            pid_t child = group->children[rank];
            if (child > 0 && waitpid(child, &status, WNOHANG) == child)
                note_end(group, rank, status);
        }
        pass_on(group);
        end_those_left(group);
        if (group->left > 0) mel_sleep_us(LOOK_US);
    }
}

static bool run_once(int count, const char *const *argv, int *code, Err *err)
{
    Group group = {.count = count};
    group.children = mel_alloc((size_t)count * sizeof *group.children);
    bool ok = start_all(&group, argv, err);
    if (!ok) signal_all(&group, SIGKILL);
    wait_all(&group);
    free(group.children);
    if (ok) *code = group.code;
    return ok;
}

/* What a second start would only meet again, or nobody wants. */
static bool is_final(int code)
{
    return code == EXIT_DONE || code == EXIT_USAGE || code == EXIT_INTERRUPTED || code == 127 ||
           mel_interrupted();
}

bool local_ranks_run(const LocalRanks *ranks, int *code, Err *err)
{
    const char *const *argv = ranks->argv;
    if (getenv("RANK") && getenv("WORLD_SIZE")) {
        mel_err(err, ERR_USAGE, "--ranks is set, and so are RANK and WORLD_SIZE");
        return mel_err_hint(err, "whoever set them has started the ranks already");
    }
    for (int64_t restarts = 0;; restarts++) {
        if (!run_once(ranks->count, argv, code, err)) return false;
        if (is_final(*code) || restarts == ranks->restarts) return true;
        mel_log_warn("a rank has failed: all are started again from the last checkpoint "
                     "(%lld of %lld)",
                     (long long)restarts + 1, (long long)ranks->restarts);
        argv = ranks->again_argv;
    }
}
