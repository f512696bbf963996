/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Child {
    pid_t pid;
    int out, err, exec_error;
} Child;

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static _Noreturn void become(const char *const *argv, char *const *environment, int out, int errors,
                             int report)
{
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(errors, 2);
    execvpe(argv[0], (char *const *)(uintptr_t)argv, environment);
    int code = errno;
    mel_write_fd(report, &code, sizeof code);
    _exit(127);
}

static char **make_environment(const char *const *extra)
{
    size_t count = 0, extra_count = 0;
    while (environ[count])
        count++;
    while (extra && extra[extra_count])
        extra_count++;
    char **all = mel_alloc((count + extra_count + 1) * sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < extra_count; i++)
        all[n++] = (char *)(uintptr_t)extra[i];
    for (size_t i = 0; i < count; i++)
        all[n++] = environ[i];
    return all;
}

static bool start(const char *const *argv, const char *const *extra_env, Child *child, Err *err)
{
    int out[2] = {-1, -1}, errors[2] = {-1, -1}, report[2] = {-1, -1};
    bool ok = false;
    char **environment = make_environment(extra_env);
    if (pipe2(out, O_CLOEXEC) || pipe2(errors, O_CLOEXEC) || pipe2(report, O_CLOEXEC)) {
        mel_err_errno(err, "cannot make a pipe for '%s'", argv[0]);
        goto out;
    }
    child->pid = fork();
    if (child->pid < 0) {
        mel_err_errno(err, "cannot start '%s'", argv[0]);
        goto out;
    }
    if (child->pid == 0) become(argv, environment, out[1], errors[1], report[1]);
    setpgid(child->pid, child->pid);
    close_fd(&report[1]);
    int code = 0;
    if (mel_read_fd(report[0], &code, sizeof code) == sizeof code) {
        waitpid(child->pid, NULL, 0);
        errno = code;
        if (code == ENOENT)
            mel_err(err, ERR_NOT_FOUND, "there is no program '%s' here", argv[0]);
        else
            mel_err_errno(err, "cannot run '%s'", argv[0]);
        goto out;
    }
    child->out = out[0];
    child->err = errors[0];
    out[0] = errors[0] = -1;
    ok = true;
out:
    for (int i = 0; i < 2; i++) {
        close_fd(&out[i]);
        close_fd(&errors[i]);
        close_fd(&report[i]);
    }
    free(environment);
    return ok;
}

/* Keeps the last `keep` bytes only. */
static void trim_tail(Str *tail, size_t keep)
{
    if (tail->length <= keep) return;
    memmove(tail->text, tail->text + tail->length - keep, keep + 1);
    tail->length = keep;
}

/* Reads once what is there. False at the end of the pipe. */
static bool drain(int fd, Str *into)
{
    char buffer[16384];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    mel_str_add_bytes(into, buffer, (size_t)n);
    return n > 0;
}

static bool watch(Child *child, const char *name, const ProcessOptions *options, Str *out, Str *tail,
                  Err *err)
{
    int64_t begin = mel_monotonic_us(), last = begin;
    int64_t deadline = options->deadline_us ? options->deadline_us : 60 * (int64_t)1000000;
    size_t out_limit = options->stdout_limit ? options->stdout_limit : 16U << 20;
    size_t keep = options->stderr_keep ? options->stderr_keep : 16U << 10;
    while (child->out >= 0 || child->err >= 0) {
        struct pollfd fds[2] = {{.fd = child->out, .events = POLLIN},
                                {.fd = child->err, .events = POLLIN}};
        poll(fds, 2, 50);
        if (fds[0].revents && !drain(child->out, out)) close_fd(&child->out);
        if (fds[1].revents && !drain(child->err, tail)) close_fd(&child->err);
        trim_tail(tail, keep);
        int64_t now = mel_monotonic_us();
        if (fds[0].revents || fds[1].revents) last = now;
        if (out->length > out_limit)
            return mel_err(err, ERR_LIMIT, "'%s' printed more than %zu bytes", name, out_limit);
        if (now - begin > deadline)
            return mel_err(err, ERR_LIMIT, "'%s' was not done after %lld s", name,
                           (long long)(deadline / 1000000));
        if (options->silence_us && now - last > options->silence_us)
            return mel_err(err, ERR_LIMIT, "'%s' said nothing for %lld s", name,
                           (long long)(options->silence_us / 1000000));
        if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "'%s' was interrupted", name);
    }
    return true;
}

/* Waits at most a moment for a child that closed its pipes; then it is killed. */
static int reap(pid_t pid, bool kill_now)
{
    int status = 0;
    for (int tries = 0; !kill_now && tries < 200; tries++) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            kill(-pid, SIGKILL);
            return status;
        }
        mel_sleep_us(tries < 20 ? 500 : 10000);
    }
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return status;
}

bool mel_process_run(const char *const *argv, const ProcessOptions *options, ProcessResult *result,
                     Err *err)
{
    static const ProcessOptions defaults;
    Child child = {.out = -1, .err = -1};
    Str out = {0}, tail = {0};
    *result = (ProcessResult){0};
    if (!options) options = &defaults;
    if (!start(argv, options->extra_env, &child, err)) return false;
    bool ok = watch(&child, argv[0], options, &out, &tail, err);
    close_fd(&child.out);
    close_fd(&child.err);
    int status = reap(child.pid, !ok);
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->out_length = out.length;
    result->out = mel_str_take(&out);
    result->err_tail = mel_str_take(&tail);
    return ok;
}

void mel_process_clear(ProcessResult *result)
{
    free(result->out);
    free(result->err_tail);
    *result = (ProcessResult){0};
}
