/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/crash.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

CrashPlan crash_plan(Rng *rng)
{
    if (mel_rng_int(rng, 4) == 0) return (CrashPlan){.after_acks = 1 + mel_rng_int(rng, 12)};
    return (CrashPlan){.after_us = 1000 + mel_rng_int(rng, 29000)};
}

bool crash_ack(int acknowledge)
{
    return mel_write_fd(acknowledge, "a", 1);
}

static bool read_status(pid_t pid, CrashEnd *end, Err *err)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR) return mel_err_errno(err, "cannot wait for a child");
    end->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    end->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (WIFSIGNALED(status) && !end->killed)
        return mel_err(err, ERR_IO, "a child died of signal %d", WTERMSIG(status));
    return true;
}

/* Reads acknowledgements until the pipe's end, killing the child on the way. */
static void follow(pid_t pid, int in, const CrashPlan *plan, CrashEnd *end)
{
    int64_t deadline_us = mel_monotonic_us() + plan->after_us;
    bool done = !plan->after_us && !plan->after_acks;
    for (;;) {
        char bytes[64];
        int64_t left_us = deadline_us - mel_monotonic_us();
        int wait_ms = done || !plan->after_us ? -1 : left_us <= 0 ? 0 : (int)(left_us / 1000);
        struct pollfd ready = {.fd = in, .events = POLLIN};
        if (poll(&ready, 1, wait_ms) > 0) {
            ssize_t n = read(in, bytes, sizeof bytes);
            if (n <= 0 && !(n < 0 && errno == EINTR)) return;
            if (n > 0) end->acks += (int)n;
        } else if (left_us > 0 && left_us < 1000) {
            mel_sleep_us(left_us);
        }
        bool due =
            plan->after_acks ? end->acks >= plan->after_acks : mel_monotonic_us() >= deadline_us;
        if (!done && due) {
            kill(pid, SIGKILL);
            done = true;
        }
    }
}

bool crash_child(int (*fn)(void *ctx, int acknowledge), void *ctx, const CrashPlan *plan,
                 CrashEnd *end, Err *err)
{
    int ends[2];
    *end = (CrashEnd){0};
    if (pipe(ends) != 0) return mel_err_errno(err, "cannot make a pipe");
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return mel_err_errno(err, "cannot start a child");
    if (pid == 0) {
        close(ends[0]);
        _exit(fn(ctx, ends[1]));
    }
    close(ends[1]);
    follow(pid, ends[0], plan, end);
    close(ends[0]);
    return read_status(pid, end, err);
}

bool crash_wait(pid_t pid, int64_t after_us, CrashEnd *end, Err *err)
{
    int64_t deadline_us = mel_monotonic_us() + after_us;
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
            break;
        int64_t left_us = deadline_us - mel_monotonic_us();
        if (left_us <= 0) {
            kill(pid, SIGKILL);
            break;
        }
        mel_sleep_us(left_us < 500 ? left_us : 500);
    }
    *end = (CrashEnd){0};
    return read_status(pid, end, err);
}

char *crash_folder(Err *err)
{
    const char *base = getenv("TMPDIR");
    char *folder = mel_asprintf("%s/melkit-crash-XXXXXX", base ? base : "/tmp");
    if (mkdtemp(folder)) return folder;
    mel_err_errno(err, "cannot make a folder '%s'", folder);
    free(folder);
    return NULL;
}

/* What is around the first difference of two lines: their beginning, and from shortly before it. */
static char *show_difference(const char *wanted, size_t n, const char *found, size_t m)
{
    enum { HEAD = 60, BEFORE = 20, AROUND = 80 };
    size_t same = 0, most = n < m ? n : m;
    while (same < most && wanted[same] == found[same])
        same++;
    size_t from = same > HEAD + BEFORE ? same - BEFORE : 0;
    return mel_asprintf("'%.*s...': wanted '%.*s', found '%.*s'", same < HEAD ? (int)same : HEAD,
                        wanted, n - from < AROUND ? (int)(n - from) : AROUND, wanted + from,
                        m - from < AROUND ? (int)(m - from) : AROUND, found + from);
}

char *crash_difference(const char *wanted, const char *found)
{
    while (*wanted || *found) {
        size_t n = strcspn(wanted, "\n"), m = strcspn(found, "\n");
        if (n != m || memcmp(wanted, found, n) != 0) return show_difference(wanted, n, found, m);
        wanted += n + (wanted[n] != '\0');
        found += m + (found[m] != '\0');
    }
    return NULL;
}
